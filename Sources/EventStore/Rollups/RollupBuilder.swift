import ColumnChunk
import GRDB
import UsageModel

/// Counts chunks into a rollup.
///
/// As with merges, reading and counting need only a read connection; ``apply(_:in:)`` then swaps rollups in one
/// short transaction.
package enum RollupBuilder {
  /// A counted step.
  package struct Result {
    fileprivate var step: RollupPlan.Step
    fileprivate var offsets: String
    fileprivate var counts: DayCells
    fileprivate var parts: [EncodedPart]

    /// Events that were counted.
    package var eventCount: Int { counts.eventCount }
  }

  /// Counts a step's chunks.
  ///
  /// - Parameter rules: the organisation's zone.
  /// - Complexity: O(rows log rows); memory about 130 bytes a cell.
  /// - Throws: `ChunkDamage`, `RollupDamage`, `DatabaseError`.
  package static func build(
    _ step: RollupPlan.Step, rules: ZoneRules, in database: Database
  ) throws -> Result {
    var counts = DayCells()
    let reader = ChunkReader(database)
    for chunk in step.chunks { try counts.add(chunk, reader, rules: rules) }
    let rollups = RollupReader(database)
    for rollup in step.folded { counts.add(try rollups.cells(of: rollup), of: rollup) }
    counts.combine()
    return Result(
      step: step, offsets: step.folded.first?.offsets ?? rules.offsets(ofUTCDay: step.day), counts: counts,
      parts: EncodedPart.encode(counts.cells))
  }

  /// Puts the counted rollup in the place of those that it replaces.
  ///
  /// - Returns: false, and no change, when one of the chunks or rollups is no longer there.
  package static func apply(_ result: Result, in database: Database) throws -> Bool {
    let step = result.step
    for chunk in step.chunks where try !exists("chunk", chunk.id, in: database) { return false }
    for rollup in step.folded where try !exists("rollup", rollup.id, in: database) { return false }
    for id in step.replaced { try Rollup.delete(id, in: database) }
    guard result.counts.eventCount > 0 else { return true }
    try insert(
      Rollup(
        id: 0, kind: .dayCells, day: step.day, dayCount: 1, offsets: result.offsets,
        rowCount: result.counts.cells.count, eventCount: result.counts.eventCount,
        timeMinimumMilliseconds: result.counts.timeMinimumMilliseconds,
        timeMaximumMilliseconds: result.counts.timeMaximumMilliseconds,
        endMaximumMilliseconds: result.counts.endMaximumMilliseconds, byteCount: 0,
        isImported: step.isImported, prunedMilliseconds: step.folded.compactMap(\.prunedMilliseconds).max(),
        covered: step.chunks.map(\.id)), result.parts, in: database)
    return true
  }

  /// Deletes a rollup whose events are there, so that they are counted anew.
  package static func discard(_ id: Int64, in database: Database) throws {
    let isPruned = try Bool.fetchOne(
      database, sql: "SELECT pruned_ms IS NOT NULL FROM rollup WHERE id = ?", arguments: [id])
    if isPruned == false { try Rollup.delete(id, in: database) }
  }

  private static func exists(_ table: String, _ id: Int64, in database: Database) throws -> Bool {
    try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE id = ?)", arguments: [id]) == true
  }

  /// Inserts a rollup like one that is there, with some of its cells; nothing when there are none.
  static func insert(_ rollup: Rollup, keeping cells: [DayCell], in database: Database) throws {
    guard !cells.isEmpty else { return }
    var kept = rollup
    kept.rowCount = cells.count
    kept.eventCount = cells.reduce(0) { $0 + Int($1.eventCount) }
    try insert(kept, EncodedPart.encode(cells), in: database)
  }

  /// Inserts a rollup with its rows; its number and its bytes are found here.
  static func insert(_ rollup: Rollup, _ parts: [EncodedPart], in database: Database) throws {
    try database.execute(
      sql: """
        INSERT INTO rollup (kind, day, day_count, offsets, row_count, event_count, time_min_ms, time_max_ms,
          end_max_ms, byte_count, imported, pruned_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        rollup.kind.rawValue, rollup.day, rollup.dayCount, rollup.offsets, rollup.rowCount, rollup.eventCount,
        rollup.timeMinimumMilliseconds, rollup.timeMaximumMilliseconds, rollup.endMaximumMilliseconds,
        parts.reduce(0) { $0 + $1.byteCount }, rollup.isImported, rollup.prunedMilliseconds,
      ])
    let id = database.lastInsertedRowID
    for covered in rollup.covered {
      try database.cachedStatement(sql: "INSERT INTO rollup_cover (rollup, covered) VALUES (?, ?)")
        .execute(arguments: [id, covered])
    }
    for part in parts { try part.insert(rollup: id, in: database) }
  }
}

/// The encoded columns of up to 65,536 rows of a rollup.
struct EncodedPart {
  var rowCount: Int
  var columns: [(column: ChunkColumn, bytes: [UInt8])]

  var byteCount: Int { columns.reduce(0) { $0 + $1.bytes.count } }

  /// Encodes cells part by part.
  static func encode(_ cells: [DayCell]) -> [EncodedPart] {
    encode(cells.count, columns: ChunkColumn.cellCases) { column, range in
      let value = DayCell.value(of: column)
      return cells[range].map(value)
    }
  }

  /// Encodes rows part by part; columns that are all 0 are left out.
  static func encode(
    _ rowCount: Int, columns: [ChunkColumn], values: (ChunkColumn, Range<Int>) -> [Int64]
  ) -> [EncodedPart] {
    stride(from: 0, to: rowCount, by: ColumnHeader.rowsMax).map { start in
      let range = start..<min(rowCount, start + ColumnHeader.rowsMax)
      return EncodedPart(
        rowCount: range.count,
        columns: columns.compactMap { column in
          values(column, range).withUnsafeBufferPointer { ColumnEncoder.encode(column, $0, effort: .merged) }
            .map { (column, $0) }
        })
    }
  }

  func insert(rollup: Int64, in database: Database) throws {
    try database.cachedStatement(sql: "INSERT INTO rollup_part (rollup, row_count) VALUES (?, ?)")
      .execute(arguments: [rollup, rowCount])
    let part = database.lastInsertedRowID
    for (column, bytes) in columns {
      let insert = try RawStatement(database, "INSERT INTO rollup_column (id, data) VALUES (?1, ?2)")
      insert.bind(RollupPart.columnID(part: part, column), at: 1)
      try bytes.withUnsafeBytes { data in
        insert.bind(blob: data, at: 2)
        try insert.run()
      }
    }
  }
}
