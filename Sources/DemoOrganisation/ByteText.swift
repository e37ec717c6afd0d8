// Text as bytes, appended without a detour through `String` where it matters.

extension [UInt8] {
  /// Appends the UTF-8 bytes of `text`.
  mutating func append(text: String) {
    append(contentsOf: text.utf8)
  }

  /// Appends a number of 0 or more in decimal digits.
  mutating func append(decimal number: UInt64) {
    var digits: UInt64 = 1
    while number / digits >= 10 { digits *= 10 }
    while digits > 0 {
      append(UInt8(truncatingIfNeeded: 48 + number / digits % 10))
      digits /= 10
    }
  }

  /// Appends `text` as a JSON string, quotes included.
  mutating func append(jsonString text: String) {
    append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        append(UInt8(ascii: "\\"))
        append(byte)
      case ..<0x20:
        append(text: "\\u00")
        append(text: (byte < 16 ? "0" : "") + String(byte, radix: 16))
      default:
        append(byte)
      }
    }
    append(UInt8(ascii: "\""))
  }

  /// Appends a date as `2026-11-20`.
  mutating func append(daysSince1970 day: Int) {
    let date = CivilDate(daysSince1970: day)
    append(text: "\(date.year)-\(padded(date.month, width: 2))-\(padded(date.day, width: 2))")
  }

  /// Appends a time as RFC 3339 in UTC with milliseconds, such as `2026-11-20T09:15:30.250Z`.
  mutating func append(timeMilliseconds time: Int64) {
    append(daysSince1970: Int(time / millisecondsPerDay))
    let rest = Int(time % millisecondsPerDay)
    let hour = padded(rest / 3_600_000, width: 2)
    let minute = padded(rest / 60_000 % 60, width: 2)
    let second = padded(rest / 1_000 % 60, width: 2)
    append(text: "T\(hour):\(minute):\(second).\(padded(rest % 1_000, width: 3))Z")
  }
}
