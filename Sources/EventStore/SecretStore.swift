import CSodium
import Foundation
import GRDB

/// Random keys that belong to one database and never leave it.
enum SecretStore {
  /// BLAKE2b's recommended key length (libsodium `crypto_generichash_KEYBYTES`).
  private static let keyBytes = 32

  /// Makes the key of people's pseudonyms once in a database's life.
  static func ensurePseudonymKey(in database: Database) throws {
    try ensure("pseudonym", in: database)
  }

  /// The key of tombstones, made when it is first needed.
  static func forgetKey(in database: Database) throws -> [UInt8] {
    let sql = "SELECT value FROM secret WHERE name = 'forget'"
    if let key = try Data.fetchOne(database, sql: sql) { return [UInt8](key) }
    try ensure("forget", in: database)
    return [UInt8](try Data.fetchOne(database, sql: sql) ?? Data())
  }

  private static func ensure(_ name: String, in database: Database) throws {
    var key = [UInt8](repeating: 0, count: keyBytes)
    randombytes_buf(&key, key.count)
    try database.execute(
      sql: "INSERT OR IGNORE INTO secret (name, value) VALUES (?, ?)", arguments: [name, key.databaseBlob])
  }
}
