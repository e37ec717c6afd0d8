import GRDB
import UsageModel

/// Named running totals of the collector, kept in the table `counter`.
package enum Counters {
  /// Adds to counters; zeros are skipped.
  package static func add(_ changes: [String: Int64], in database: Database) throws {
    for (name, change) in changes where change != 0 {
      try database.cachedStatement(
        sql: """
          INSERT INTO counter (name, value) VALUES (?, ?)
          ON CONFLICT (name) DO UPDATE SET value = value + excluded.value
          """
      ).execute(arguments: [name, change])
    }
  }

  /// All counters by name.
  package static func all(in database: Database) throws -> [String: Int64] {
    var result: [String: Int64] = [:]
    for row in try Row.fetchAll(database, sql: "SELECT name, value FROM counter") {
      result[row[0]] = row[1]
    }
    return result
  }
}

/// Refused events by source and reason.
enum Rejections {
  static func add(
    _ reason: RejectReason, count: Int = 1, source: Int64, in database: Database
  ) throws {
    try database.cachedStatement(
      sql: """
        INSERT INTO source_rejection (source, reason, count) VALUES (?, ?, ?)
        ON CONFLICT (source, reason) DO UPDATE SET count = count + excluded.count
        """
    ).execute(arguments: [source, reason.rawValue, count])
  }
}
