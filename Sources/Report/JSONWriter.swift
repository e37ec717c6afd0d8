import UsageModel

/// JSON tokens as UTF-8 (RFC 8259).
package enum JSONWriter {
  /// Appends any value; a number that JSON can't write (NaN, infinity) becomes `null`.
  package static func append(_ value: ReportValue, to bytes: inout [UInt8]) {
    switch value {
    case .null: append(literal: "null", to: &bytes)
    case .text(let text): append(string: text, to: &bytes)
    case .integer(let integer): append(literal: String(integer), to: &bytes)
    case .number(let number): append(literal: number.isFinite ? number.description : "null", to: &bytes)
    case .boolean(let boolean): append(literal: boolean ? "true" : "false", to: &bytes)
    }
  }

  /// Appends a quoted string.
  ///
  /// Beyond what RFC 8259 asks, everything that could act on a terminal (control characters, bidi
  /// overrides, invisible characters) is written as `\u…`: the same string to a parser, harmless on a screen.
  package static func append(string: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    var text = string
    text.withUTF8 { utf8 in
      if utf8.allSatisfy(isPlain) {
        bytes.append(contentsOf: utf8)
      } else {
        appendEscaped(String(decoding: utf8, as: UTF8.self), to: &bytes)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends text that needs no escapes.
  package static func append(literal: String, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: literal.utf8)
  }

  /// Printable ASCII other than `"` and `\`.
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private static func appendEscaped(_ string: String, to bytes: inout [UInt8]) {
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": append(literal: "\\\"", to: &bytes)
      case "\\": append(literal: "\\\\", to: &bytes)
      case "\n": append(literal: "\\n", to: &bytes)
      case "\r": append(literal: "\\r", to: &bytes)
      case "\t": append(literal: "\\t", to: &bytes)
      default:
        if SafeText.isHarmful(scalar) {
          for unit in String(scalar).utf16 { appendEscape(unit, to: &bytes) }
        } else {
          bytes.append(contentsOf: String(scalar).utf8)
        }
      }
    }
  }

  private static func appendEscape(_ unit: UInt16, to bytes: inout [UInt8]) {
    let digits = String(unit, radix: 16)
    append(literal: "\\u" + String(repeating: "0", count: 4 - digits.count) + digits, to: &bytes)
  }
}
