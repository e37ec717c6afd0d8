import ColumnChunk
import GRDB

/// One row of the table `chunk`.
package struct ChunkRow: Equatable, Sendable {
  package var id: Int64
  /// UTC day number; nil for a chunk in order of arrival.
  package var day: Int32?
  package var run: Int64
  package var rowCount: Int
  package var timeMinimumMilliseconds: Int64
  package var timeMaximumMilliseconds: Int64
  package var byteCount: Int
  /// Whether its events came from a file, which retention leaves alone.
  package var isImported = false

  /// Columns a chunk may ever have: its columns' rows are numbered `chunk × 32 + column`, so that they lie
  /// together and one look-up finds each.
  static let columnsMax: Int64 = 32

  static func columnID(chunk: Int64, _ column: ChunkColumn) -> Int64 {
    chunk * columnsMax + Int64(column.rawValue)
  }

  /// Chunks with an event in the closed range (all when nil), oldest day first, arrivals last.
  package static func all(
    overlapping range: ClosedRange<Int64>? = nil, in database: Database
  ) throws -> [ChunkRow] {
    let bounds = range ?? Int64.min...Int64.max
    let select = try RawStatement(
      database,
      "SELECT \(columns) WHERE time_max_ms >= ?1 AND time_min_ms <= ?2 ORDER BY day IS NULL, day, run, id")
    select.bind(bounds.lowerBound, at: 1)
    select.bind(bounds.upperBound, at: 2)
    return try rows(select)
  }

  /// Chunks in order of arrival that are in no run yet.
  ///
  /// - Complexity: O(arrivals log chunks).
  static func arrivals(in database: Database) throws -> [ChunkRow] {
    try rows(RawStatement(database, "SELECT \(columns) WHERE day IS NULL ORDER BY id"))
  }

  /// The chunk of a run that was written last; 0 without any.
  ///
  /// - Complexity: O(arrivals): only they are newer.
  static func newestOfRuns(in database: Database) throws -> Int64 {
    let select = try RawStatement(
      database, "SELECT id FROM chunk WHERE +day IS NOT NULL ORDER BY id DESC LIMIT 1")
    defer { select.finish() }
    return try select.next() ? select.integer(0) : 0
  }

  private static let columns =
    "id, day, run, row_count, time_min_ms, time_max_ms, byte_count, imported FROM chunk"

  private static func rows(_ select: RawStatement) throws -> [ChunkRow] {
    var rows: [ChunkRow] = []
    while try select.next() {
      rows.append(
        ChunkRow(
          id: select.integer(0), day: select.isNull(1) ? nil : Int32(clamping: select.integer(1)),
          run: select.integer(2), rowCount: Int(select.integer(3)),
          timeMinimumMilliseconds: select.integer(4), timeMaximumMilliseconds: select.integer(5),
          byteCount: Int(select.integer(6)), isImported: select.integer(7) != 0))
    }
    return rows
  }
}

/// Reads the columns of chunks out of the database.
package struct ChunkReader {
  private let database: Database

  package init(_ database: Database) { self.database = database }

  /// Hands a column's stored bytes to `body`; nil when the chunk has no such column (all 0).
  ///
  /// - Throws: `ChunkDamage` when the bytes are not a sound column, or SQLite cannot read them.
  package func withColumn<Result>(
    _ column: ChunkColumn, of chunk: ChunkRow, _ body: (UnsafeRawBufferPointer?) throws -> Result
  ) throws -> Result {
    do {
      let select = try RawStatement(database, "SELECT data FROM chunk_column WHERE id = ?1")
      select.bind(ChunkRow.columnID(chunk: chunk.id, column), at: 1)
      guard try select.next() else { return try body(nil) }
      defer { select.finish() }
      return try body(select.bytes(0))
    } catch let error as ChunkError {
      throw ChunkDamage(chunk: chunk.id, reason: "\(error)")
    } catch let error as DatabaseError where error.resultCode.primaryResultCode == .SQLITE_CORRUPT {
      throw ChunkDamage(
        chunk: chunk.id, reason: PageChecksums.takeFailure() ?? "SQLite cannot read its pages")
    }
  }

  /// Hands a column's stored bytes to `body`, with the users of its rows if it is stored by them.
  private func withIntegers(
    _ column: ChunkColumn, of chunk: ChunkRow, _ body: (UnsafeRawBufferPointer?, RowUsers?) throws -> Void
  ) throws {
    var isByUser = false
    try withColumn(column, of: chunk) { bytes in
      if let bytes, column != .user, ColumnDecoder.isByUser(bytes) {
        isByUser = true
      } else {
        try body(bytes, nil)
      }
    }
    guard isByUser else { return }
    var users = [Int64](repeating: 0, count: chunk.rowCount)
    try users.withUnsafeMutableBufferPointer { buffer in
      if let start = buffer.baseAddress { try read(.user, of: chunk, into: start) }
    }
    let rowUsers = users.withUnsafeBufferPointer { RowUsers($0) }
    try withColumn(column, of: chunk) { try body($0, rowUsers) }
  }

  /// Decodes integers to `output`, which has room for the chunk's rows.
  package func read(
    _ column: ChunkColumn, of chunk: ChunkRow, into output: UnsafeMutablePointer<Int64>
  ) throws {
    try withIntegers(column, of: chunk) { bytes, users in
      guard let bytes else { return output.update(repeating: 0, count: chunk.rowCount) }
      try ColumnDecoder.decode(bytes, as: column, rowCount: chunk.rowCount, users: users, into: output)
    }
  }

  /// As above, for columns of 32-bit numbers.
  package func read(
    _ column: ChunkColumn, of chunk: ChunkRow, into output: UnsafeMutablePointer<UInt32>
  ) throws {
    try withIntegers(column, of: chunk) { bytes, users in
      guard let bytes else { return output.update(repeating: 0, count: chunk.rowCount) }
      try ColumnDecoder.decode(bytes, as: column, rowCount: chunk.rowCount, users: users, into: output)
    }
  }

  /// As above, for columns of 8-bit numbers.
  package func read(
    _ column: ChunkColumn, of chunk: ChunkRow, into output: UnsafeMutablePointer<UInt8>
  ) throws {
    try withIntegers(column, of: chunk) { bytes, users in
      guard let bytes else { return output.update(repeating: 0, count: chunk.rowCount) }
      try ColumnDecoder.decode(bytes, as: column, rowCount: chunk.rowCount, users: users, into: output)
    }
  }

  /// Decodes texts; all absent when the chunk has none.
  package func readTexts(_ column: ChunkColumn, of chunk: ChunkRow) throws -> ColumnDecoder.Texts {
    try withColumn(column, of: chunk) { bytes in
      guard let bytes else {
        return ColumnDecoder.Texts(strings: [], codes: [UInt32](repeating: 0, count: chunk.rowCount))
      }
      return try ColumnDecoder.decodeTexts(bytes, as: column, rowCount: chunk.rowCount)
    }
  }
}
