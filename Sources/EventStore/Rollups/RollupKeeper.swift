import GRDB
import UsageModel

/// Brings rollups up to date step by step until the plan has nothing left.
package struct RollupKeeper {
  private let reader: EventStore
  private let apply: (RollupBuilder.Result) throws -> Bool
  private let setAside: (ChunkDamage) throws -> Void

  /// - Parameters:
  ///   - reader: where chunks are read from; need not be the connection that writes.
  ///   - apply: runs `RollupBuilder.apply` on the writer.
  ///   - setAside: has the writer move a damaged chunk out of the way, after which counting goes on.
  package init(
    reader: EventStore, apply: @escaping (RollupBuilder.Result) throws -> Bool,
    setAside: @escaping (ChunkDamage) throws -> Void = { throw $0 }
  ) {
    self.reader = reader
    self.apply = apply
    self.setAside = setAside
  }

  /// Counts until nothing is due.
  ///
  /// - Parameters:
  ///   - mustCover: whether every event of a UTC day has to be counted, as it will be pruned.
  ///   - isOwn: whether a UTC day is this keeper's, where several share them.
  ///   - shouldStop: asked between two steps.
  package func run(
    isSettled: (Int32) -> Bool, mustCover: (Int32) -> Bool = { _ in false },
    isOwn: (Int32) -> Bool = { _ in true }, shouldStop: () -> Bool = { false }
  ) throws {
    while !shouldStop() {
      do {
        guard let result = try next(isSettled: isSettled, mustCover: mustCover, isOwn: isOwn) else { return }
        _ = try apply(result)
      } catch let damage as ChunkDamage {
        try setAside(damage)
      }
    }
  }

  private func next(
    isSettled: (Int32) -> Bool, mustCover: (Int32) -> Bool, isOwn: (Int32) -> Bool
  ) throws -> RollupBuilder.Result? {
    try reader.read { database in
      let chunks = try ChunkRow.all(in: database)
      guard let rules = try ZoneLoading.organisationRules(chunks, in: database) else { return nil }
      let step = RollupPlan.next(
        chunks: chunks, rollups: try Rollup.all(.dayCells, in: database),
        offsets: { rules.offsets(ofUTCDay: $0) }, isSettled: isSettled, mustCover: mustCover, isOwn: isOwn)
      return try step.map { try RollupBuilder.build($0, rules: rules, in: database) }
    }
  }
}
