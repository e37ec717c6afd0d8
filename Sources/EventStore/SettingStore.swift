import GRDB

/// Settings kept in the database.
package enum SettingStore {
  package static func get(_ name: String, in database: Database) throws -> String? {
    try String.fetchOne(database, sql: "SELECT value FROM setting WHERE name = ?", arguments: [name])
  }

  package static func all(in database: Database) throws -> [(name: String, value: String)] {
    try Row.fetchAll(database, sql: "SELECT name, value FROM setting ORDER BY name").map { ($0[0], $0[1]) }
  }

  /// Sets a value; an empty one removes the setting.
  package static func set(_ name: String, to value: String, in database: Database) throws {
    if value.isEmpty {
      try database.execute(sql: "DELETE FROM setting WHERE name = ?", arguments: [name])
    } else {
      try database.execute(
        sql: "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", arguments: [name, value])
    }
  }
}
