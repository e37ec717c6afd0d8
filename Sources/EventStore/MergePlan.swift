/// Decides which chunks to merge next: pure, from the chunk index alone.
///
/// Chunks in order of arrival are sorted into *runs*, one a day; runs of a day that are of similar size are
/// merged four at a time, so that an event is rewritten a logarithmic number of times; and when a day is
/// *settled*, all its runs become one, as far as ``rowsMax`` allows.
package enum MergePlan {
  /// Most rows merged at once: bounds memory at about 150 bytes a row.
  package static let rowsMax = 1 << 20
  /// Arrivals are merged when they hold this many rows.
  static let arrivalRowsMin = 65_536
  /// Arrivals are also merged when they are this many chunks.
  static let arrivalChunksMin = 64
  /// Runs of one size that are merged into a larger one.
  static let fanIn = 4

  /// The chunks of one step.
  package struct Step: Equatable, Sendable {
    package var chunks: [ChunkRow]
  }

  /// The next step, or nil when nothing needs merging.
  ///
  /// - Parameters:
  ///   - chunks: the whole chunk index.
  ///   - isSettled: whether a UTC day is over, so that all its runs should become one.
  ///   - mergesAllArrivals: take arrivals however few (end of an import).
  package static func next(
    _ chunks: [ChunkRow], mergesAllArrivals: Bool, isSettled: (Int32) -> Bool
  ) -> Step? {
    let arrivals = chunks.filter { $0.day == nil }.sorted { $0.id < $1.id }
    let arrivalRows = arrivals.reduce(0) { $0 + $1.rowCount }
    let isDue = arrivalRows >= arrivalRowsMin || arrivals.count >= arrivalChunksMin
    if !arrivals.isEmpty && (isDue || mergesAllArrivals) {
      return Step(chunks: prefix(of: arrivals, rows: rowsMax))
    }
    return nextRuns(chunks, isSettled)
  }

  private struct Run {
    var chunks: [ChunkRow]
    var rowCount: Int
    /// Size class: each holds runs up to four times those of the one below.
    var tier: Int { (max(1, rowCount / 4_096).bitWidth - max(1, rowCount / 4_096).leadingZeroBitCount) / 2 }
  }

  private static func nextRuns(_ chunks: [ChunkRow], _ isSettled: (Int32) -> Bool) -> Step? {
    let byDay = Dictionary(grouping: chunks.filter { $0.day != nil }) { $0.day ?? 0 }
    for day in byDay.keys.sorted() {
      let runs = Dictionary(grouping: byDay[day] ?? []) { $0.run }.values
        .map { chunks in Run(chunks: chunks, rowCount: chunks.reduce(0) { $0 + $1.rowCount }) }
        .filter { $0.rowCount < rowsMax }
        .sorted { ($0.rowCount, $0.chunks[0].id) < ($1.rowCount, $1.chunks[0].id) }
      let isWorthAll = isSettled(day) && isWorthRewriting(runs)
      if let step = isWorthAll ? mergeable(runs) : crowdedTier(runs) { return step }
    }
    return nil
  }

  /// Whether the smaller runs together are at least an eighth of the largest: a trickle of late events must
  /// not have a whole day rewritten each time.
  private static func isWorthRewriting(_ runs: [Run]) -> Bool {
    let largest = runs.map(\.rowCount).max() ?? 0
    return (runs.reduce(0) { $0 + $1.rowCount } - largest) * 8 >= largest
  }

  private static func crowdedTier(_ runs: [Run]) -> Step? {
    for tier in Set(runs.map(\.tier)).sorted() {
      let same = runs.filter { $0.tier == tier }
      if same.count >= fanIn, let step = mergeable(same) { return step }
    }
    return nil
  }

  /// The smallest runs that fit one merge, if there are at least two.
  private static func mergeable(_ runs: [Run]) -> Step? {
    var taken: [ChunkRow] = []
    var rows = 0
    var count = 0
    for run in runs where rows + run.rowCount <= rowsMax {
      taken += run.chunks
      rows += run.rowCount
      count += 1
    }
    return count >= 2 ? Step(chunks: taken) : nil
  }

  private static func prefix(of chunks: [ChunkRow], rows limit: Int) -> [ChunkRow] {
    var taken: [ChunkRow] = []
    var rows = 0
    for chunk in chunks {
      if rows + chunk.rowCount > limit && !taken.isEmpty { break }
      taken.append(chunk)
      rows += chunk.rowCount
    }
    return taken
  }
}
