/// Decides which chunks to count into cells next: pure, from the two indices alone.
///
/// Chunks of a settled UTC day are counted once they are sorted. What comes late is left to readers, who count it
/// themselves, until it is an eighth of what the day's rollups hold; then the whole day is counted anew, so that a
/// day is counted a number of times that grows with the logarithm of its events.
package enum RollupPlan {
  /// Most events counted at once, and so in one rollup: about 60 MB of cells while counting.
  package static let rowsMax = 1 << 19

  /// Day cells that nothing contradicts: its chunks are all there, and days are cut as they were then.
  package static func isUsable(_ rollup: Rollup, chunks: Set<Int64>, offsets: String) -> Bool {
    rollup.offsets == offsets && (rollup.isPruned || isIntact(rollup, chunks))
  }

  /// Whether all chunks that it covers are still there.
  package static func isIntact(_ rollup: Rollup, _ chunks: Set<Int64>) -> Bool {
    !rollup.covered.isEmpty && rollup.covered.allSatisfy(chunks.contains)
  }

  /// One step: rows of chunks and of old rollups become one new rollup.
  package struct Step: Equatable, Sendable {
    package var day: Int32
    package var isImported: Bool
    /// Counted from their events.
    package var chunks: [ChunkRow]
    /// Taken over as they are: cells whose events are pruned.
    package var folded: [Rollup]
    /// Numbers of rollups that go, those of `folded` among them.
    package var replaced: [Int64]
  }

  /// The next step, or nil when nothing is due.
  ///
  /// - Parameters:
  ///   - chunks: the whole chunk index.
  ///   - rollups: all rollups of day cells.
  ///   - offsets: by UTC day, in the organisation's zone.
  ///   - isSettled: whether a UTC day is over.
  ///   - mustCover: whether every event of a UTC day has to be counted, as it will be pruned.
  ///   - isOwn: whether a UTC day is looked at at all: where several plan, each day is one planner's.
  package static func next(
    chunks: [ChunkRow], rollups: [Rollup], offsets: (Int32) -> String, isSettled: (Int32) -> Bool,
    mustCover: (Int32) -> Bool, isOwn: (Int32) -> Bool = { _ in true }
  ) -> Step? {
    let known = Set(chunks.map(\.id))
    for isImported in [false, true] {
      let chunksOfDay = Dictionary(
        grouping: chunks.filter { $0.isImported == isImported && $0.day != nil }
      ) { $0.day ?? 0 }
      let rollupsOfDay = Dictionary(grouping: rollups.filter { $0.isImported == isImported }) { $0.day }
      for day in Set(chunksOfDay.keys).union(rollupsOfDay.keys).sorted() where isOwn(day) {
        let step = next(
          Day(
            number: day, isImported: isImported, chunks: isSettled(day) ? chunksOfDay[day] ?? [] : [],
            rollups: rollupsOfDay[day] ?? [], offsets: offsets(day), mustCover: mustCover(day)),
          known)
        if let step { return step }
      }
    }
    return nil
  }

  private struct Day {
    var number: Int32
    var isImported: Bool
    var chunks: [ChunkRow]
    var rollups: [Rollup]
    var offsets: String
    var mustCover: Bool

    func step(_ chunks: [ChunkRow], folded: [Rollup] = [], replaced: [Int64]) -> Step {
      Step(day: number, isImported: isImported, chunks: chunks, folded: folded, replaced: replaced)
    }
  }

  private static func next(_ day: Day, _ known: Set<Int64>) -> Step? {
    let living = day.rollups.filter { !$0.isPruned }
    let usable = living.filter { isUsable($0, chunks: known, offsets: day.offsets) }
    let stale = living.filter { rollup in !usable.contains { $0.id == rollup.id } }.map(\.id)
    let covered = Set(usable.flatMap(\.covered))
    let uncovered = day.chunks.filter { !covered.contains($0.id) }
    let uncoveredRows = uncovered.reduce(0) { $0 + $1.rowCount }
    let coveredRows = usable.reduce(0) { $0 + $1.eventCount }
    if uncoveredRows > 0, uncoveredRows * 8 >= coveredRows || day.mustCover {
      return uncoveredRows + coveredRows <= rowsMax
        ? day.step(day.chunks, replaced: stale + usable.map(\.id))
        : day.step(prefix(of: uncovered), replaced: stale)
    }
    if !stale.isEmpty { return day.step([], replaced: stale) }
    return fold(day)
  }

  /// Rollups of a day whose events are pruned become one, as late events are pruned later.
  private static func fold(_ day: Day) -> Step? {
    let pruned = Dictionary(grouping: day.rollups.filter(\.isPruned)) { $0.offsets }
    for (_, rollups) in pruned.sorted(by: { $0.key < $1.key }) where rollups.count > 1 {
      let smallest = rollups.sorted { ($0.rowCount, $0.id) < ($1.rowCount, $1.id) }.prefix(2)
      guard smallest.reduce(0, { $0 + $1.rowCount }) <= rowsMax else { continue }
      return day.step([], folded: Array(smallest), replaced: smallest.map(\.id))
    }
    return nil
  }

  /// The first chunks that may be counted at once; one at least.
  private static func prefix(of chunks: [ChunkRow]) -> [ChunkRow] {
    var rows = 0
    return Array(
      chunks.prefix { chunk in
        defer { rows += chunk.rowCount }
        return rows == 0 || rows + chunk.rowCount <= rowsMax
      })
  }
}
