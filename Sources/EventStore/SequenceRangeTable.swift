import GRDB

/// The table `sequence_range_below`: stored numbers of each source but its topmost range, as ranges apart.
///
/// The view `sequence_range` has all of them.
enum SequenceRangeTable {
  struct Range {
    var first: Int64
    var last: Int64
    var firstTime: Int64
    var lastTime: Int64
  }

  static func range(
    atOrBelow sequence: Int64, _ source: Int64, _ database: Database
  ) throws -> Range? {
    try range(
      """
      SELECT first, last, first_time_ms, last_time_ms FROM sequence_range_below
      WHERE source = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1
      """, source, sequence, database)
  }

  static func range(startingAt first: Int64, _ source: Int64, _ database: Database) throws -> Range? {
    try range(
      """
      SELECT first, last, first_time_ms, last_time_ms FROM sequence_range_below WHERE source = ?1 AND first = ?2
      """, source, first, database)
  }

  static func range(
    _ sql: String, _ source: Int64, _ number: Int64, _ database: Database
  ) throws -> Range? {
    let select = try RawStatement(database, sql)
    select.bind(source, at: 1)
    select.bind(number, at: 2)
    guard try select.next() else { return nil }
    defer { select.finish() }
    return Range(
      first: select.integer(0), last: select.integer(1), firstTime: select.integer(2),
      lastTime: select.integer(3))
  }

  static func delete(_ source: Int64, first: Int64, _ database: Database) throws {
    let delete = try RawStatement(
      database, "DELETE FROM sequence_range_below WHERE source = ?1 AND first = ?2")
    delete.bind(source, at: 1)
    delete.bind(first, at: 2)
    try delete.run()
  }

  static func write(_ source: Int64, _ range: Range, _ database: Database) throws {
    let insert = try RawStatement(
      database,
      """
      INSERT INTO sequence_range_below (source, first, last, first_time_ms, last_time_ms)
      VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (source, first) DO UPDATE SET last = excluded.last,
        first_time_ms = excluded.first_time_ms, last_time_ms = excluded.last_time_ms
      """)
    insert.bind(source, at: 1)
    insert.bind(range.first, at: 2)
    insert.bind(range.last, at: 3)
    insert.bind(range.firstTime, at: 4)
    insert.bind(range.lastTime, at: 5)
    try insert.run()
  }
}
