import GRDB

extension PersonNames {
  /// Removes the person from daily cells.
  ///
  /// To be called when no chunk holds an event of theirs any more: a rollup that still has all its chunks cannot
  /// know them then, and one that lost a chunk goes; the daemon counts it anew. Cells whose events are pruned are
  /// written anew without theirs.
  /// - Throws: `DatabaseError`.
  func removeFromRollups(_ receipt: inout ForgetReceipt, in database: Database) throws {
    let chunks = try Set(ChunkRow.all(in: database).map(\.id))
    var removed = 0
    for rollup in try Rollup.all(.dayCells, in: database) {
      if rollup.isPruned {
        removed += try removeFromPruned(rollup, &receipt, in: database)
      } else if !RollupPlan.isIntact(rollup, chunks) {
        try Rollup.delete(rollup.id, in: database)
      }
    }
    receipt.add("daily cells", removed, "removed")
  }

  private func removeFromPruned(
    _ rollup: Rollup, _ receipt: inout ForgetReceipt, in database: Database
  ) throws -> Int {
    do {
      let cells = try RollupReader(database).cells(of: rollup)
      let kept = cells.filter { !numbers.contains(Int64($0.user)) }
      guard kept.count < cells.count else { return 0 }
      let events = cells.reduce(0) { $0 + $1.eventCount } - kept.reduce(0) { $0 + $1.eventCount }
      try Rollup.delete(rollup.id, in: database)
      try RollupBuilder.insert(rollup, keeping: kept, in: database)
      try Counters.add(["forgotten_events": events], in: database)
      return cells.count - kept.count
    } catch is RollupDamage {
      try Rollup.delete(rollup.id, in: database)
      try Counters.add(["forgotten_events": Int64(rollup.eventCount)], in: database)
      receipt.add("rollup", 1, "removed")
      receipt.warnings.append(
        "daily cells of \(rollup.eventCount) events could not be read and were removed: nobody can tell whose "
          + "they were")
      return 0
    }
  }
}
