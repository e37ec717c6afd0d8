import UsageModel

/// Reads RFC 3339 date-times.
package enum TimestampParser {
  /// Milliseconds since 1970 UTC of `2026-01-31T08:15:00.250+01:00`, or nil when it is not RFC 3339.
  ///
  /// `T` and `Z` may be lower case and a space may stand for `T` (RFC 3339 section 5.6). Digits finer
  /// than a millisecond are cut off. A leap second (`:60`) counts as the second after `:59`.
  package static func milliseconds(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
    guard bytes.count >= 20, bytes.count <= 64 else { return nil }
    guard let year = decimal(bytes, 0, 4), bytes[4] == 0x2D, let month = decimal(bytes, 5, 2),
      bytes[7] == 0x2D, let day = decimal(bytes, 8, 2), isSeparator(bytes[10]),
      let hour = decimal(bytes, 11, 2), bytes[13] == 0x3A, let minute = decimal(bytes, 14, 2),
      bytes[16] == 0x3A, let second = decimal(bytes, 17, 2),
      hour <= 23, minute <= 59, second <= 60,
      let civilDay = CivilDay(year: year, month: month, day: day)
    else { return nil }
    guard let (fraction, offsetStart) = fractionMilliseconds(bytes, from: 19),
      let offset = offsetMilliseconds(bytes, from: offsetStart)
    else { return nil }
    let timeOfDay = Int64((hour * 60 + minute) * 60 + second) * 1_000 + fraction
    return civilDay.startMilliseconds + timeOfDay - offset
  }

  /// As above, for text.
  package static func milliseconds(_ text: String) -> Int64? {
    var text = text
    return text.withUTF8 { milliseconds($0) }
  }

  private static func isSeparator(_ byte: UInt8) -> Bool { byte == 0x54 || byte == 0x74 || byte == 0x20 }

  @inline(__always)
  private static func decimal(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ length: Int) -> Int? {
    guard start + length <= bytes.count else { return nil }
    var value = 0
    for index in start..<start + length {
      let digit = bytes[index] &- 0x30
      guard digit <= 9 else { return nil }
      value = value * 10 + Int(digit)
    }
    return value
  }

  private static func fractionMilliseconds(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> (milliseconds: Int64, end: Int)? {
    guard start < bytes.count else { return nil }
    guard bytes[start] == 0x2E else { return (0, start) }
    var value: Int64 = 0
    var digits = 0
    var index = start + 1
    while index < bytes.count, bytes[index] &- 0x30 <= 9 {
      if digits < 3 { value = value * 10 + Int64(bytes[index] - 0x30) }
      digits += 1
      index += 1
    }
    guard digits > 0 else { return nil }
    for _ in min(digits, 3)..<3 { value *= 10 }
    return (value, index)
  }

  private static func offsetMilliseconds(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int64? {
    guard start < bytes.count else { return nil }
    let sign = bytes[start]
    if sign == 0x5A || sign == 0x7A { return start + 1 == bytes.count ? 0 : nil }
    guard sign == 0x2B || sign == 0x2D, bytes.count == start + 6, bytes[start + 3] == 0x3A,
      let hours = decimal(bytes, start + 1, 2), let minutes = decimal(bytes, start + 4, 2),
      hours <= 23, minutes <= 59
    else { return nil }
    let magnitude = Int64(hours * 60 + minutes) * 60_000
    return sign == 0x2B ? magnitude : -magnitude
  }
}
