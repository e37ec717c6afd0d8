/// Finds and takes out the names of one person in texts that others wrote.
struct NameMention {
  /// Shorter names would be found in texts that do not mean them.
  static let nameBytesMin = 3
  /// Stands in a name's place.
  static let replacement = "[forgotten]"

  /// In lower case as far as ASCII goes, the longest first.
  private let names: [[UInt8]]

  init(_ names: [[UInt8]]) {
    self.names = names.filter { $0.count >= Self.nameBytesMin }.map { $0.map(Self.lower) }
      .sorted { $0.count > $1.count }
  }

  func isFound(in text: [UInt8]) -> Bool { names.contains { !Self.places(of: $0, in: text).isEmpty } }

  /// The text with each mention replaced.
  func removed(from text: [UInt8]) -> [UInt8] {
    var text = text
    for name in names {
      for place in Self.places(of: name, in: text).reversed() {
        text.replaceSubrange(place..<place + name.count, with: Array(Self.replacement.utf8))
      }
    }
    return text
  }

  func removed(from text: String) -> String {
    String(decoding: removed(from: Array(text.utf8)), as: UTF8.self)
  }

  /// Where a name stands as a word of its own: no letter or digit right before or behind it.
  private static func places(of name: [UInt8], in text: [UInt8]) -> [Int] {
    guard text.count >= name.count, let first = name.first else { return [] }
    var places: [Int] = []
    var start = 0
    while start + name.count <= text.count {
      let isThere =
        lower(text[start]) == first
        && name.indices.allSatisfy { lower(text[start + $0]) == name[$0] }
        && (start == 0 || !isWordByte(text[start - 1]))
        && (start + name.count == text.count || !isWordByte(text[start + name.count]))
      if isThere { places.append(start) }
      start += isThere ? name.count : 1
    }
    return places
  }

  private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(lower(byte))
  }
}
