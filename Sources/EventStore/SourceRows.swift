import GRDB

/// Rows of the table `source`: a source's counts, and the topmost range of its numbers beside them.
///
/// One statement changes both, as nearly every commit does; further down the ranges are `sequence_range_below`.
struct SourceRows {
  /// New sources inserted by one statement; see ``NameTable/rowsPerStatement``.
  private static let rowsPerStatement = 16

  /// What a commit adds to a source.
  struct Change {
    var counts = SourceCounts()
    /// Nil without any numbers.
    var tail: SequenceRangeTable.Range?
  }

  private static let columns = """
    id, name, stored, duplicate, conflict, rejected, late, dropped, first_received_ms, last_received_ms, tail_first,
    tail_last, tail_first_time_ms, tail_last_time_ms
    """
  private static let columnCount = 14
  private static let insertOneSQL = insertSQL(rows: 1)
  private static let insertManySQL = insertSQL(rows: rowsPerStatement)

  private static func insertSQL(rows: Int) -> String {
    """
    INSERT OR FAIL INTO source (\(columns)) VALUES \(RawStatement.parameters(rows: rows, columns: columnCount))
    """
  }

  /// Inserts the sources that are not in the table yet, each with what `change` knows of it.
  static func insertNew(
    of names: inout BatchNames, in database: Database, _ change: (_ source: Int64) -> Change
  ) throws {
    let numbers = names.unwrittenSources
    var next = numbers.lowerBound
    while next < numbers.upperBound {
      let isMany = numbers.upperBound - next >= Int64(rowsPerStatement)
      let insert = try RawStatement(database, isMany ? insertManySQL : insertOneSQL)
      let end = next + (isMany ? Int64(rowsPerStatement) : 1)
      for (row, number) in (next..<end).enumerated() {
        let index = Int32(row * columnCount) + 1
        insert.bind(number, at: index)
        names.withUnwrittenSource(number) { insert.bind(lent: $0, at: index + 1) }
        bind(change(number), to: insert, at: index + 2)
      }
      try insert.run()
      next = end
    }
    names.didWriteSources()
  }

  /// Adds to the row of a source that is in the table.
  static func update(_ source: Int64, _ change: Change, with update: RawStatement) throws {
    update.bind(source, at: 1)
    bind(change, to: update, at: 2)
    try update.run()
  }

  static let updateSQL = """
    UPDATE source SET stored = stored + ?2, duplicate = duplicate + ?3, conflict = conflict + ?4,
      rejected = rejected + ?5, late = late + ?6, dropped = min(dropped + ?7, \(SequenceLedger.droppedMax)),
      first_received_ms = ifnull(first_received_ms, ?8), last_received_ms = max(ifnull(last_received_ms, ?9), ?9),
      tail_first = ?10, tail_last = ?11, tail_first_time_ms = ?12, tail_last_time_ms = ?13 WHERE id = ?1
    """

  private static func bind(_ change: Change, to statement: RawStatement, at index: Int32) {
    let counts = change.counts
    statement.bind(counts.stored, at: index)
    statement.bind(counts.duplicate, at: index + 1)
    statement.bind(counts.conflict, at: index + 2)
    statement.bind(counts.rejected, at: index + 3)
    statement.bind(counts.late, at: index + 4)
    statement.bind(counts.dropped, at: index + 5)
    statement.bind(counts.firstReceivedMilliseconds, orNullAt: index + 6)
    statement.bind(counts.lastReceivedMilliseconds, orNullAt: index + 7)
    statement.bind(change.tail?.first, orNullAt: index + 8)
    statement.bind(change.tail?.last, orNullAt: index + 9)
    statement.bind(change.tail?.firstTime, orNullAt: index + 10)
    statement.bind(change.tail?.lastTime, orNullAt: index + 11)
  }

  /// The topmost range of a source's numbers; nil without any.
  static func tail(of source: Int64, in database: Database) throws -> SequenceRangeTable.Range? {
    let select = try RawStatement(
      database,
      """
      SELECT tail_first, tail_last, tail_first_time_ms, tail_last_time_ms FROM source
      WHERE id = ?1 AND tail_last IS NOT NULL
      """)
    select.bind(source, at: 1)
    guard try select.next() else { return nil }
    defer { select.finish() }
    return SequenceRangeTable.Range(
      first: select.integer(0), last: select.integer(1), firstTime: select.integer(2),
      lastTime: select.integer(3))
  }
}
