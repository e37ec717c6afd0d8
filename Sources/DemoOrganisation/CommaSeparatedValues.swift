/// A table as RFC 4180 text: UTF-8, lines ended by CR LF, fields quoted where they must be.
struct CommaSeparatedValues {
  private(set) var bytes: [UInt8] = []

  init(header: [String]) {
    append(header)
  }

  mutating func append(_ fields: [String]) {
    for (index, field) in fields.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      append(field: field)
    }
    bytes.append(text: "\r\n")
  }

  private mutating func append(field: String) {
    let mustQuote = field.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
    guard mustQuote else { return bytes.append(text: field) }
    bytes.append(UInt8(ascii: "\""))
    for byte in field.utf8 {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

/// A day counted from 1970-01-01 as `2026-11-20`, or nothing.
func dateText(_ day: Int?) -> String {
  guard let day else { return "" }
  var bytes: [UInt8] = []
  bytes.append(daysSince1970: day)
  return String(decoding: bytes, as: UTF8.self)
}

/// A time in milliseconds since 1970-01-01 as RFC 3339 text, or nothing.
func timeText(_ milliseconds: Int64?) -> String {
  guard let milliseconds else { return "" }
  var bytes: [UInt8] = []
  bytes.append(timeMilliseconds: milliseconds)
  return String(decoding: bytes, as: UTF8.self)
}
