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
    let words = bytes.split { byte in
      !(byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
        || [0x2E, 0x5F, 0x2D, 0x40, 0x2B, 0x5C].contains(byte))
    }
    return (quoted + words).contains { hold(Array($0)) }
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
