import CSodium
import Foundation
import GRDB

/// Names that were forgotten, as keyed hashes: they can be recognised when they come again, and not read.
package struct Tombstones: Sendable {
  private let key: [UInt8]
  private let hashes: Set<[UInt8]>

  /// Reads those of a database.
  package init(in database: Database) throws {
    let rows = try Data.fetchAll(database, sql: "SELECT hash FROM forgotten")
    hashes = Set(rows.map { [UInt8]($0) })
    key = hashes.isEmpty ? [] : try SecretStore.forgetKey(in: database)
  }

  package var isEmpty: Bool { hashes.isEmpty }

  /// Whether exactly this name, byte by byte, was forgotten.
  package func hold(_ name: [UInt8]) -> Bool {
    !hashes.isEmpty && !name.isEmpty && hashes.contains(Self.hash(name, key))
  }

  package func hold(_ name: String) -> Bool { hold(Array(name.utf8)) }

  /// Whether one of several names, with NUL between, was forgotten.
  func holdAny(of names: String?) -> Bool {
    !isEmpty && (names ?? "").split(separator: "\0").contains { hold(String($0)) }
  }

  /// Whether a refused event's bytes seem to name someone forgotten: as a JSON string, or as a word.
  func areNamed(in bytes: [UInt8]) -> Bool {
    if isEmpty { return false }
    if let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
      object.values.contains(where: { ($0 as? String).map(hold) ?? false })
    {
      return true
    }
    let quoted = bytes.split(separator: UInt8(ascii: "\""))
    return quoted.contains { hold(Array($0)) } || !places(in: bytes).isEmpty
  }

  /// Whether a text that others wrote names someone forgotten, as a whole or with a word.
  package func areNamed(in text: String) -> Bool {
    !isEmpty && (hold(text) || !places(in: Array(text.utf8)).isEmpty)
  }

  /// The text with each word that was somebody's name replaced.
  package func removed(from text: String) -> String {
    if isEmpty { return text }
    if hold(text) { return NameMention.replacement }
    var bytes = Array(text.utf8)
    for place in places(in: bytes).reversed() {
      bytes.replaceSubrange(place, with: Array(NameMention.replacement.utf8))
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Where words stand that were somebody's name: with or without the marks around them, as a dot that ends a sentence.
  private func places(in bytes: [UInt8]) -> [Range<Int>] {
    bytes.split { !Self.isInName($0) }.compactMap { word in
      if hold(Array(word)) { return word.indices }
      guard let first = word.firstIndex(where: Self.isLetter), let last = word.lastIndex(where: Self.isLetter)
      else { return nil }
      let inner = first..<last + 1
      return inner != word.indices && hold(Array(word[inner])) ? inner : nil
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
  }

  /// Letters, digits and `._-@+\`.
  private static func isInName(_ byte: UInt8) -> Bool {
    isLetter(byte) || [0x2E, 0x5F, 0x2D, 0x40, 0x2B, 0x5C].contains(byte)
  }

  /// Adds names.
  static func add(_ names: [[UInt8]], nowMilliseconds: Int64, in database: Database) throws {
    let key = try SecretStore.forgetKey(in: database)
    for name in names {
      try database.execute(
        sql: "INSERT OR IGNORE INTO forgotten (hash, time_ms) VALUES (?, ?)",
        arguments: [hash(name, key).databaseBlob, nowMilliseconds])
    }
  }

  private static func hash(_ name: [UInt8], _ key: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: 32)
    crypto_generichash(&output, output.count, name, UInt64(name.count), key, key.count)
    return output
  }
}
