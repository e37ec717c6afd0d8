import GRDB

/// A published set of benchmarks as the database keeps it.
package struct BenchmarkRecord: Codable, Equatable, Sendable {
  package struct Row: Codable, Equatable, Sendable {
    package var app: String
    package var feature: String
    package var milliseconds: Int64?
    /// `peers`, `target` or `none`.
    package var kind: String

    package init(app: String, feature: String, milliseconds: Int64?, kind: String) {
      self.app = app
      self.feature = feature
      self.milliseconds = milliseconds
      self.kind = kind
    }
  }

  package var name: String
  /// `YYYY-MM-DD`, the last excluded.
  package var fromDay: String
  package var toDay: String
  package var timeZone: String
  package var publishedMilliseconds: Int64
  package var rows: [Row]

  package init(
    name: String, fromDay: String, toDay: String, timeZone: String, publishedMilliseconds: Int64, rows: [Row]
  ) {
    self.name = name
    self.fromDay = fromDay
    self.toDay = toDay
    self.timeZone = timeZone
    self.publishedMilliseconds = publishedMilliseconds
    self.rows = rows
  }
}

/// Published benchmarks as tables.
package enum BenchmarkStore {
  /// Adds a set.
  ///
  /// - Throws: `StoreError.invalid` when the name is taken: what was published stays as it was.
  package static func publish(_ record: BenchmarkRecord, in database: Database) throws {
    let isTaken = try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM benchmark_set WHERE name = ?)", arguments: [record.name])
    guard isTaken != true else {
      throw StoreError.invalid("a benchmark named '\(record.name)' is published already: choose another name")
    }
    try database.execute(
      sql: """
        INSERT INTO benchmark_set (name, from_day, to_day, time_zone, published_ms) VALUES (?, ?, ?, ?, ?)
        """,
      arguments: [record.name, record.fromDay, record.toDay, record.timeZone, record.publishedMilliseconds])
    let insert = try database.cachedStatement(
      sql: """
        INSERT INTO benchmark_row (set_name, app, feature, benchmark_ms, benchmark_kind) VALUES (?, ?, ?, ?, ?)
        """)
    for row in record.rows {
      try insert.execute(arguments: [record.name, row.app, row.feature, row.milliseconds, row.kind])
    }
  }

  /// All sets, without their rows when `withRows` is false, newest last.
  package static func all(withRows: Bool = true, in database: Database) throws -> [BenchmarkRecord] {
    let sql = """
      SELECT name, from_day, to_day, time_zone, published_ms FROM benchmark_set ORDER BY published_ms, name
      """
    return try Row.fetchAll(database, sql: sql).map { set in
      BenchmarkRecord(
        name: set[0], fromDay: set[1], toDay: set[2], timeZone: set[3], publishedMilliseconds: set[4],
        rows: withRows ? try rows(of: set[0], in: database) : [])
    }
  }

  private static func rows(of name: String, in database: Database) throws -> [BenchmarkRecord.Row] {
    let sql = """
      SELECT app, feature, benchmark_ms, benchmark_kind FROM benchmark_row WHERE set_name = ?
      ORDER BY app, feature
      """
    return try Row.fetchAll(database, sql: sql, arguments: [name]).map {
      BenchmarkRecord.Row(app: $0[0], feature: $0[1], milliseconds: $0[2], kind: $0[3])
    }
  }
}

/// Who looked at names.
package enum PurposeLog {
  package struct Entry: Equatable, Sendable {
    package var timeMilliseconds: Int64
    package var login: String
    package var command: String
    package var purpose: String
  }

  package static func add(
    timeMilliseconds: Int64, login: String, command: String, purpose: String, in database: Database
  ) throws {
    try database.execute(
      sql: "INSERT INTO purpose_log (time_ms, login, command, purpose) VALUES (?, ?, ?, ?)",
      arguments: [timeMilliseconds, login, command, purpose])
  }

  /// All entries, oldest first.
  package static func all(in database: Database) throws -> [Entry] {
    try Row.fetchAll(database, sql: "SELECT time_ms, login, command, purpose FROM purpose_log ORDER BY id")
      .map { Entry(timeMilliseconds: $0[0], login: $0[1], command: $0[2], purpose: $0[3]) }
  }
}
