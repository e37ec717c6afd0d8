import GRDB

/// Sorts the events of several chunks into day chunks by (day, feature, user, time).
///
/// Reading needs only a read connection, sorting and encoding none, so that the writer goes on committing meanwhile
/// and its log can be folded in; ``apply(_:in:)`` then swaps the chunks in one short transaction. Nothing is ever
/// visible twice or not at all.
package struct ChunkMerger {
  /// What a merge produced: chunks to delete and encoded chunks to insert.
  package struct Result {
    package var replaced: [ChunkRow]
    fileprivate var produced: [(day: Int32, writer: ChunkWriter)]

    /// Rows that were rewritten.
    package var rowCount: Int { replaced.reduce(0) { $0 + $1.rowCount } }
  }

  /// The events of some chunks, decoded.
  package struct Loaded {
    fileprivate let chunks: [ChunkRow]
    fileprivate let rows: MergeRows

    /// Sorts and encodes.
    ///
    /// - Parameters:
    ///   - workerCount: how many threads do.
    ///   - shouldStop: asked every few milliseconds; true gives the merge up.
    /// - Complexity: O(rows × bits of the sort key).
    /// - Throws: `MergeInterrupted`.
    package consuming func sorted(
      workerCount: Int = 1, shouldStop: @Sendable () -> Bool = { false }
    ) throws(MergeInterrupted) -> Result {
      Result(
        replaced: chunks, produced: try rows.encodedByDay(workerCount: workerCount, shouldStop: shouldStop))
    }
  }

  /// Reads and decodes.
  ///
  /// - Parameter memory: where the rows are until they are sorted.
  /// - Complexity: O(rows); memory about 100 bytes a row.
  /// - Throws: `ChunkDamage` when a chunk cannot be read, `MergeInterrupted`, `DatabaseError`.
  package static func load(
    _ step: MergePlan.Step, memory: MergeMemory = MergeMemory(), in database: Database,
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> Loaded {
    let rows = MergeRows(capacity: step.chunks.reduce(0) { $0 + $1.rowCount }, memory: memory)
    let reader = ChunkReader(database)
    for chunk in step.chunks {
      if shouldStop() { throw MergeInterrupted() }
      try rows.append(chunk, reader)
    }
    return Loaded(chunks: step.chunks, rows: rows)
  }

  /// Replaces the merged chunks by the result.
  ///
  /// A chunk never changes and its number is never used again: one that is still there is the one that was
  /// read, whatever was forgotten or set aside meanwhile.
  /// - Returns: false, and no change, when one of the chunks is no longer there.
  package static func apply(_ result: Result, in database: Database) throws -> Bool {
    for chunk in result.replaced {
      let isThere = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM chunk WHERE id = ?)", arguments: [chunk.id])
      guard isThere == true else { return false }
    }
    for chunk in result.replaced { try delete(chunk, in: database) }
    let run = try Int64.fetchOne(database, sql: "SELECT ifnull(max(run), 0) + 1 FROM chunk") ?? 1
    let isImported = result.replaced.allSatisfy(\.isImported)
    for (day, writer) in result.produced {
      _ = try writer.insert(day: day, run: run, isImported: isImported, in: database)
    }
    try PeopleStore.refreshIfStale(in: database)
    return true
  }

  static func delete(_ chunk: ChunkRow, in database: Database) throws {
    let first = chunk.id * ChunkRow.columnsMax
    try database.cachedStatement(sql: "DELETE FROM chunk_column WHERE id >= ? AND id < ?")
      .execute(arguments: [first, first + ChunkRow.columnsMax])
    try database.cachedStatement(sql: "DELETE FROM chunk WHERE id = ?").execute(arguments: [chunk.id])
  }
}
