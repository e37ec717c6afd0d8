import ColumnChunk
import GRDB

/// One row of the table `rollup`: daily cells of some chunks of one UTC day.
///
/// A rollup counts exactly the events of the chunks that it *covers*. A chunk never changes and its number is
/// never used again; so while all of them are there, the rollup says what they say, and when one is gone
/// (merged, rewritten, set aside) it says nothing any more. Nobody has to mark anything.
package struct Rollup: Equatable, Sendable {
  /// What its rows are; stored: append, never renumber.
  package enum Kind: Int64, Sendable {
    /// ``DayCell``, covering chunks.
    case dayCells = 1
  }

  package var id: Int64
  package var kind: Kind
  /// The first UTC day.
  package var day: Int32
  /// So many UTC days: 1.
  package var dayCount: Int32
  /// What `ZoneRules.offsets(ofUTCDay:)` said when civil days were told apart.
  package var offsets: String
  package var rowCount: Int
  package var eventCount: Int
  package var timeMinimumMilliseconds: Int64
  package var timeMaximumMilliseconds: Int64
  /// The latest end of an event.
  package var endMaximumMilliseconds: Int64
  package var byteCount: Int
  package var isImported: Bool
  /// When its chunks were deleted by retention; nil while they are there.
  package var prunedMilliseconds: Int64?
  /// Numbers of the chunks that it covers; empty once they are pruned.
  package var covered: [Int64] = []

  package var isPruned: Bool { prunedMilliseconds != nil }

  /// The span of its events' starts.
  package var span: ClosedRange<Int64> {
    timeMinimumMilliseconds...max(timeMinimumMilliseconds, timeMaximumMilliseconds)
  }

  /// All rollups of a kind with an event that starts in the range (all when nil), by day and number.
  ///
  /// - Complexity: O(rollups + covered chunks).
  package static func all(
    _ kind: Kind, overlapping range: ClosedRange<Int64>? = nil, in database: Database
  ) throws -> [Rollup] {
    let bounds = range ?? Int64.min...Int64.max
    let select = try RawStatement(
      database,
      """
      SELECT r.id, r.day, r.day_count, r.offsets, r.row_count, r.event_count, r.time_min_ms, r.time_max_ms,
        r.end_max_ms, r.byte_count, r.imported, r.pruned_ms, c.covered
      FROM rollup r LEFT JOIN rollup_cover c ON c.rollup = r.id
      WHERE r.kind = ?1 AND r.time_max_ms >= ?2 AND r.time_min_ms <= ?3 ORDER BY r.day, r.id
      """)
    select.bind(kind.rawValue, at: 1)
    select.bind(bounds.lowerBound, at: 2)
    select.bind(bounds.upperBound, at: 3)
    var rollups: [Rollup] = []
    while try select.next() {
      if rollups.last?.id != select.integer(0) {
        rollups.append(
          Rollup(
            id: select.integer(0), kind: kind, day: Int32(clamping: select.integer(1)),
            dayCount: Int32(clamping: select.integer(2)), offsets: select.text(3),
            rowCount: Int(select.integer(4)), eventCount: Int(select.integer(5)),
            timeMinimumMilliseconds: select.integer(6), timeMaximumMilliseconds: select.integer(7),
            endMaximumMilliseconds: select.integer(8), byteCount: Int(select.integer(9)),
            isImported: select.integer(10) != 0,
            prunedMilliseconds: select.isNull(11) ? nil : select.integer(11)))
      }
      if !select.isNull(12) { rollups[rollups.count - 1].covered.append(select.integer(12)) }
    }
    return rollups
  }

  /// Deletes a rollup with its rows.
  static func delete(_ id: Int64, in database: Database) throws {
    for part in try Int64.fetchAll(
      database, sql: "SELECT id FROM rollup_part WHERE rollup = ?", arguments: [id])
    {
      let first = part * RollupPart.columnsMax
      try database.cachedStatement(sql: "DELETE FROM rollup_column WHERE id >= ? AND id < ?")
        .execute(arguments: [first, first + RollupPart.columnsMax])
    }
    for table in ["rollup_part", "rollup_cover"] {
      try database.cachedStatement(sql: "DELETE FROM \(table) WHERE rollup = ?").execute(arguments: [id])
    }
    try database.cachedStatement(sql: "DELETE FROM rollup WHERE id = ?").execute(arguments: [id])
  }
}

/// Up to 65,536 rows of a rollup, stored column by column like a chunk.
package struct RollupPart: Equatable, Sendable {
  package var id: Int64
  package var rollup: Int64
  package var rowCount: Int

  /// Columns a part may ever have: its columns' rows are numbered `part × 64 + column`.
  static let columnsMax: Int64 = 64

  static func columnID(part: Int64, _ column: ChunkColumn) -> Int64 {
    part * columnsMax + Int64(column.rawValue)
  }

  /// The parts of some rollups, by rollup, in the order of their rows.
  ///
  /// - Complexity: O(parts of all rollups).
  package static func all(of rollups: [Int64], in database: Database) throws -> [Int64: [RollupPart]] {
    let wanted = Set(rollups)
    let select = try RawStatement(database, "SELECT id, rollup, row_count FROM rollup_part ORDER BY id")
    var parts: [Int64: [RollupPart]] = [:]
    while try select.next() {
      let rollup = select.integer(1)
      guard wanted.contains(rollup) else { continue }
      parts[rollup, default: []].append(
        RollupPart(id: select.integer(0), rollup: rollup, rowCount: Int(select.integer(2))))
    }
    return parts
  }

  /// A rollup's parts, in the order of their rows.
  package static func all(of rollup: Int64, in database: Database) throws -> [RollupPart] {
    let select = try RawStatement(
      database, "SELECT id, row_count FROM rollup_part WHERE rollup = ?1 ORDER BY id")
    select.bind(rollup, at: 1)
    var parts: [RollupPart] = []
    while try select.next() {
      parts.append(RollupPart(id: select.integer(0), rollup: rollup, rowCount: Int(select.integer(1))))
    }
    return parts
  }
}

/// A rollup whose stored bytes cannot be read; the text names it for people.
package struct RollupDamage: Error, Equatable, Sendable, CustomStringConvertible {
  package var rollup: Int64
  package var reason: String

  package init(rollup: Int64, reason: String) {
    self.rollup = rollup
    self.reason = reason
  }

  package var description: String { "rollup \(rollup): \(reason); run 'waterline doctor'" }
}

/// Reads the columns of rollups out of the database.
package struct RollupReader {
  private let database: Database

  package init(_ database: Database) { self.database = database }

  /// Decodes a column of a part to `output`, which has room for its rows; all 0 when it is not there.
  ///
  /// - Throws: `RollupDamage` when the bytes are not a sound column, or SQLite cannot read them.
  package func read(
    _ column: ChunkColumn, of part: RollupPart, into output: UnsafeMutablePointer<Int64>
  ) throws {
    try withColumn(column, of: part) { bytes in
      guard let bytes else { return output.update(repeating: 0, count: part.rowCount) }
      try ColumnDecoder.decode(bytes, as: column, rowCount: part.rowCount, into: output)
    }
  }

  /// As above, for columns of 32-bit numbers.
  package func read(
    _ column: ChunkColumn, of part: RollupPart, into output: UnsafeMutablePointer<UInt32>
  ) throws {
    try withColumn(column, of: part) { bytes in
      guard let bytes else { return output.update(repeating: 0, count: part.rowCount) }
      try ColumnDecoder.decode(bytes, as: column, rowCount: part.rowCount, into: output)
    }
  }

  /// All cells of a rollup, in its order.
  package func cells(of rollup: Rollup) throws -> [DayCell] {
    var cells: [DayCell] = []
    cells.reserveCapacity(rollup.rowCount)
    for part in try RollupPart.all(of: rollup.id, in: database) {
      guard (1...ColumnHeader.rowsMax).contains(part.rowCount) else {
        throw RollupDamage(rollup: rollup.id, reason: "part of \(part.rowCount) rows")
      }
      let first = cells.count
      cells += Array(repeating: DayCell(feature: 0, day: 0, user: 0, source: 0), count: part.rowCount)
      var values = [Int64](repeating: 0, count: part.rowCount)
      for column in ChunkColumn.cellCases {
        try values.withUnsafeMutableBufferPointer { buffer in
          if let start = buffer.baseAddress { try read(column, of: part, into: start) }
        }
        for row in 0..<part.rowCount { cells[first + row].set(column, values[row]) }
      }
    }
    guard cells.count == rollup.rowCount else {
      throw RollupDamage(rollup: rollup.id, reason: "\(cells.count) rows instead of \(rollup.rowCount)")
    }
    return cells
  }

  private func withColumn(
    _ column: ChunkColumn, of part: RollupPart, _ body: (UnsafeRawBufferPointer?) throws -> Void
  ) throws {
    do {
      let select = try RawStatement(database, "SELECT data FROM rollup_column WHERE id = ?1")
      select.bind(RollupPart.columnID(part: part.id, column), at: 1)
      guard try select.next() else { return try body(nil) }
      defer { select.finish() }
      try body(select.bytes(0))
    } catch let error as ChunkError {
      throw RollupDamage(rollup: part.rollup, reason: "\(error)")
    } catch let error as DatabaseError where error.resultCode.primaryResultCode == .SQLITE_CORRUPT {
      throw RollupDamage(
        rollup: part.rollup, reason: PageChecksums.takeFailure() ?? "SQLite cannot read its pages")
    }
  }
}
