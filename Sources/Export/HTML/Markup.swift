import Report

/// HTML and SVG text, safe whatever the names in it are.
///
/// Names of elements and attributes are part of the program; texts and attribute values are escaped, and
/// what could steer or hide text is spelled out (see ``SafeText``).
struct Markup {
  fileprivate(set) var bytes: [UInt8] = []

  /// An element with content.
  mutating func element(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:],
    _ content: (inout Markup) -> Void
  ) {
    open(name, attributes)
    bytes.append(UInt8(ascii: ">"))
    content(&self)
    literal("</")
    literal(name)
    bytes.append(UInt8(ascii: ">"))
  }

  /// An element around a text.
  mutating func element(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String>, _ text: String
  ) {
    element(name, attributes) { $0.text(text) }
  }

  /// An element without attributes around a text.
  mutating func element(_ name: StaticString, _ text: String) { element(name) { $0.text(text) } }

  /// An HTML element that has no content and no end: `meta`, `br`.
  mutating func void(_ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:]) {
    open(name, attributes)
    bytes.append(UInt8(ascii: ">"))
  }

  /// Text, escaped.
  mutating func text(_ text: String) {
    for byte in SafeText.escaping(text).utf8 {
      switch byte {
      case UInt8(ascii: "&"): literal("&amp;")
      case UInt8(ascii: "<"): literal("&lt;")
      case UInt8(ascii: ">"): literal("&gt;")
      case UInt8(ascii: "\""): literal("&quot;")
      case UInt8(ascii: "'"): literal("&#39;")
      default: bytes.append(byte)
      }
    }
  }

  /// Markup that is part of the program.
  mutating func literal(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  mutating func lineFeed() { bytes.append(UInt8(ascii: "\n")) }

  private mutating func open(_ name: StaticString, _ attributes: KeyValuePairs<StaticString, String>) {
    bytes.append(UInt8(ascii: "<"))
    literal(name)
    for (key, value) in attributes {
      bytes.append(UInt8(ascii: " "))
      literal(key)
      literal("=\"")
      text(value)
      bytes.append(UInt8(ascii: "\""))
    }
  }
}

extension Markup {
  /// The program's own style sheet or script, whose elements take no escapes.
  mutating func verbatim(_ text: String) {
    precondition(!text.contains("</"), "BUG: a style sheet or script would end its element")
    bytes.append(contentsOf: text.utf8)
  }
}
