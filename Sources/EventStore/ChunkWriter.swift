import ColumnChunk
import GRDB

/// Gathers the encoded columns of one chunk and inserts them as rows.
package struct ChunkWriter {
  private let rowCount: Int
  private let effort: ColumnEncoder.Effort
  private var columns: [(column: ChunkColumn, bytes: [UInt8])] = []
  private var timeBounds: ClosedRange<Int64> = 0...0

  /// - Parameter effort: how long to look for the smallest encoding.
  package init(rowCount: Int, effort: ColumnEncoder.Effort) {
    self.rowCount = rowCount
    self.effort = effort
    columns.reserveCapacity(ChunkColumn.allCases.count)
  }

  /// Adds a column of integers; one that is all 0 is left out.
  ///
  /// - Parameter users: of the rows, where the column may be stored by user.
  package mutating func add(
    _ column: ChunkColumn, _ values: UnsafeBufferPointer<Int64>, users: RowUsers? = nil
  ) {
    guard !column.isText, !values.isEmpty else { return }
    if column == .time { timeBounds = ColumnEncoder.bounds(values) ?? 0...0 }
    let bytes = ColumnEncoder.encode(column, values, users: users, effort: effort)
    if let bytes { columns.append((column, bytes)) }
  }

  /// Adds a column of texts; one without any is left out.
  package mutating func add(
    _ column: ChunkColumn, texts: TextList, _ codes: UnsafeBufferPointer<Int64>
  ) {
    let bytes = ColumnEncoder.encode(column, texts: texts, codes: codes, effort: effort)
    if let bytes { columns.append((column, bytes)) }
  }

  /// Inserts the chunk and its columns.
  ///
  /// - Parameters:
  ///   - day: UTC day number of a merged chunk; nil for one in order of arrival, of any days.
  ///   - run: which sorted run of its day a merged chunk belongs to.
  ///   - isImported: whether its events came from a file, which retention leaves alone.
  /// - Returns: the chunk's number, never used before.
  package func insert(
    day: Int32?, run: Int64, isImported: Bool, in database: Database
  ) throws -> Int64 {
    let insertChunk = try RawStatement(
      database,
      """
      INSERT INTO chunk (day, run, row_count, time_min_ms, time_max_ms, byte_count, imported, nonce)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, random())
      """)
    if let day { insertChunk.bind(Int64(day), at: 1) } else { insertChunk.bindNull(at: 1) }
    insertChunk.bind(run, at: 2)
    insertChunk.bind(Int64(rowCount), at: 3)
    insertChunk.bind(timeBounds.lowerBound, at: 4)
    insertChunk.bind(timeBounds.upperBound, at: 5)
    insertChunk.bind(Int64(columns.reduce(0) { $0 + $1.bytes.count }), at: 6)
    insertChunk.bind(isImported ? 1 : 0, at: 7)
    try insertChunk.run()
    let chunk = database.lastInsertedRowID
    for (column, bytes) in columns {
      let insertColumn = try RawStatement(database, "INSERT INTO chunk_column (id, data) VALUES (?1, ?2)")
      insertColumn.bind(ChunkRow.columnID(chunk: chunk, column), at: 1)
      try bytes.withUnsafeBytes { data in
        insertColumn.bind(blob: data, at: 2)
        try insertColumn.run()
      }
    }
    return chunk
  }
}
