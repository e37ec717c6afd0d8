/// Merges small chunks step by step until the plan has nothing left.
package struct ChunkCompactor {
  private let reader: EventStore
  private let apply: (ChunkMerger.Result) throws -> Bool
  private let setAside: (ChunkDamage) throws -> Void

  /// - Parameters:
  ///   - reader: where chunks are read from; need not be the connection that writes.
  ///   - apply: runs `ChunkMerger.apply` on the writer.
  ///   - setAside: has the writer move a damaged chunk out of the way, after which merging goes on.
  package init(
    reader: EventStore, apply: @escaping (ChunkMerger.Result) throws -> Bool,
    setAside: @escaping (ChunkDamage) throws -> Void = { throw $0 }
  ) {
    self.reader = reader
    self.apply = apply
    self.setAside = setAside
  }

  /// Runs merges until none is due.
  ///
  /// - Parameter progress: called with the rows rewritten by each step.
  package func run(
    mergesAllArrivals: Bool, isSettled: (Int32) -> Bool, progress: (Int) -> Void = { _ in }
  ) throws {
    while true {
      do {
        guard let result = try next(mergesAllArrivals: mergesAllArrivals, isSettled: isSettled) else {
          return
        }
        // Refused when a chunk went away meanwhile: the next plan knows what is there now.
        if try apply(result) { progress(result.rowCount) }
      } catch let damage as ChunkDamage {
        try setAside(damage)
      }
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
