import ColumnChunk
import GRDB

/// A chunk whose stored bytes cannot be read; the text names it for people.
package struct ChunkDamage: Error, Equatable, Sendable, CustomStringConvertible {
  package var chunk: Int64
  package var reason: String

  package init(chunk: Int64, reason: String) {
    self.chunk = chunk
    self.reason = reason
  }

  package var description: String { "chunk \(chunk): \(reason); run 'waterline doctor'" }
}

/// A chunk that was set aside.
package struct DamagedChunk: Equatable, Sendable {
  package var id: Int64
  package var rowCount: Int
  package var timeMinimumMilliseconds: Int64
  package var timeMaximumMilliseconds: Int64
  package var foundMilliseconds: Int64
  package var reason: String
}

/// Chunks set aside as damaged: their bytes are kept, and no report, merge or query reads them any more.
package enum DamagedChunks {
  /// Moves a chunk aside, if it is there and really cannot be read.
  ///
  /// Only its row in `chunk` moves: copying the columns would read what cannot be read. Where their pages are
  /// damaged, ``EventWriter/setAside(_:nowMilliseconds:)`` mends them too.
  /// - Returns: whether it was moved.
  package static func setAside(
    _ chunk: Int64, nowMilliseconds: Int64, in database: Database
  ) throws -> Bool {
    guard let row = try ChunkRow.all(in: database).first(where: { $0.id == chunk }),
      let damage = try damage(of: row, in: database)
    else { return false }
    try database.execute(
      sql: """
        INSERT INTO damaged_chunk (id, day, run, row_count, time_min_ms, time_max_ms, byte_count, imported,
          found_ms, reason)
        SELECT id, day, run, row_count, time_min_ms, time_max_ms, byte_count, imported, ?, ?
        FROM chunk WHERE id = ?
        """, arguments: [nowMilliseconds, damage.reason, chunk])
    try database.execute(sql: "DELETE FROM chunk WHERE id = ?", arguments: [chunk])
    try Counters.add(["damaged_chunks": 1], in: database)
    return true
  }

  /// Reads all columns of a chunk as every reader would; nil when it is sound.
  package static func damage(of chunk: ChunkRow, in database: Database) throws -> ChunkDamage? {
    do {
      let content = try ChunkContent(chunk, ChunkReader(database))
      return content.misplacedTime(in: chunk).map { ChunkDamage(chunk: chunk.id, reason: $0) }
    } catch let damage as ChunkDamage {
      return damage
    }
  }

  /// Deletes them for good, with their columns.
  static func removeAll(in database: Database) throws -> (chunks: Int, events: Int) {
    let chunks = try all(in: database)
    for chunk in chunks {
      let first = chunk.id * ChunkRow.columnsMax
      try database.execute(
        sql: "DELETE FROM chunk_column WHERE id >= ? AND id < ?",
        arguments: [first, first + ChunkRow.columnsMax])
    }
    try database.execute(sql: "DELETE FROM damaged_chunk")
    try database.execute(sql: "DELETE FROM damaged_page")
    let events = chunks.reduce(0) { $0 + $1.rowCount }
    try Counters.add(["forgotten_events": Int64(events)], in: database)
    return (chunks.count, events)
  }

  /// All of them, by number.
  package static func all(in database: Database) throws -> [DamagedChunk] {
    let sql = """
      SELECT id, row_count, time_min_ms, time_max_ms, found_ms, reason FROM damaged_chunk ORDER BY id
      """
    return try Row.fetchAll(database, sql: sql).map {
      DamagedChunk(
        id: $0[0], rowCount: $0[1], timeMinimumMilliseconds: $0[2], timeMaximumMilliseconds: $0[3],
        foundMilliseconds: $0[4], reason: $0[5])
    }
  }
}

extension EventWriter {
  /// Moves chunks aside that cannot be read, and mends the pages that they stood on.
  ///
  /// - Returns: how many were moved.
  /// - Throws: `UnmendablePage`, `StoreError`, `DatabaseError`; chunks may be set aside all the same.
  @discardableResult
  package func setAside(_ chunks: [Int64], nowMilliseconds: Int64) throws -> Int {
    let moved = try store.write { database in
      try chunks.count { try DamagedChunks.setAside($0, nowMilliseconds: nowMilliseconds, in: database) }
    }
    try PageMender.mend(store.path, nowMilliseconds: nowMilliseconds)
    return moved
  }

  /// Puts merged chunks in the place of theirs; mends damaged pages that are in the way.
  ///
  /// - Returns: as ``ChunkMerger/apply(_:in:)``.
  package func apply(_ merged: ChunkMerger.Result, nowMilliseconds: Int64) throws -> Bool {
    try mending(nowMilliseconds: nowMilliseconds) {
      try store.write { try ChunkMerger.apply(merged, in: $0) }
    }
  }

  /// Stores counted days; mends damaged pages that are in the way.
  ///
  /// - Returns: as ``RollupBuilder/apply(_:in:)``.
  package func apply(_ counted: RollupBuilder.Result, nowMilliseconds: Int64) throws -> Bool {
    try mending(nowMilliseconds: nowMilliseconds) {
      try store.write { try RollupBuilder.apply(counted, in: $0) }
    }
  }

  /// Deletes rollups whose cells are wrong, so that they are counted anew; mends pages that they stood on.
  package func discardRollups(_ rollups: [Int64], nowMilliseconds: Int64) throws {
    try mending(nowMilliseconds: nowMilliseconds) {
      try store.write { database in
        for rollup in rollups { try RollupBuilder.discard(rollup, in: database) }
      }
    }
  }

  /// Runs `body` until no page that it comes across is damaged; it must be a transaction.
  ///
  /// - Throws: what `body` throws; `UnmendablePage`.
  func mending<Result>(nowMilliseconds: Int64, _ body: () throws -> Result) throws -> Result {
    for _ in 0..<PageMender.pagesMax {
      do {
        return try body()
      } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
        guard let page = PageChecksums.takeFailedPage(),
          try PageMender.mend(store.path, page: page, nowMilliseconds: nowMilliseconds) > 0
        else { throw error }
      }
    }
    return try body()
  }
}

extension ChunkContent {
  /// What is wrong when times lie outside the bounds that the index gives; nil when nothing is.
  fileprivate func misplacedTime(in chunk: ChunkRow) -> String? {
    let times = self[.time]
    guard times.min() == chunk.timeMinimumMilliseconds, times.max() == chunk.timeMaximumMilliseconds else {
      return "its times are not those that the index names"
    }
    return nil
  }
}
