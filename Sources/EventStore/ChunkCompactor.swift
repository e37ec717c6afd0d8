/// Merges small chunks step by step until the plan has nothing left.
package struct ChunkCompactor {
  private let reader: EventStore
  private let apply: (ChunkMerger.Result) throws -> Bool

  /// - Parameters:
  ///   - reader: where chunks are read from; need not be the connection that writes.
  ///   - apply: runs `ChunkMerger.apply` on the writer.
  package init(reader: EventStore, apply: @escaping (ChunkMerger.Result) throws -> Bool) {
    self.reader = reader
    self.apply = apply
  }

  /// Runs merges until none is due.
  ///
  /// - Parameter progress: called with the rows rewritten by each step.
  package func run(
    mergesAllArrivals: Bool, isSettled: (Int32) -> Bool, progress: (Int) -> Void = { _ in }
  ) throws {
    while let result = try next(mergesAllArrivals: mergesAllArrivals, isSettled: isSettled) {
      guard try apply(result) else { return }
      progress(result.rowCount)
    }
  }

  private func next(mergesAllArrivals: Bool, isSettled: (Int32) -> Bool) throws -> ChunkMerger.Result? {
    try reader.read { database in
      let chunks = try ChunkRow.all(in: database)
      let plan = MergePlan.next(chunks, mergesAllArrivals: mergesAllArrivals, isSettled: isSettled)
      return try plan.map { try ChunkMerger.merge($0, in: database) }
    }
  }
}
