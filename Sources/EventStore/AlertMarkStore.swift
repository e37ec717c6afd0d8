import GRDB
import UsageModel

/// The day of the last look at the alerts.
package enum AlertMarkStore {
  /// The first day that the next look is about; nil before the first mark.
  package static func day(in database: Database) throws -> CivilDay? {
    try String.fetchOne(database, sql: "SELECT day FROM alert_mark WHERE id = 1").flatMap { CivilDay($0) }
  }

  /// Marks a day as looked at, up to its start.
  package static func set(_ day: CivilDay, markedMilliseconds: Int64, in database: Database) throws {
    try database.execute(
      sql: "INSERT OR REPLACE INTO alert_mark (id, day, marked_ms) VALUES (1, ?, ?)",
      arguments: ["\(day)", markedMilliseconds])
  }
}
