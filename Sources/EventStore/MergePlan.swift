/// Decides which chunks to merge next: pure, from the chunk index alone.
///
/// Chunks in order of arrival are sorted into *runs*, one a day; runs of a day that are of similar size are
/// merged four at a time, so that an event is rewritten a logarithmic number of times; and when a day is
/// *settled*, all its runs become one, as far as ``rowsMax`` allows.
package enum MergePlan {
  /// Most rows merged at once: bounds memory at about 150 bytes a row.
  package static let rowsMax = 1 << 20
  /// Most stored bytes merged at once.
  ///
  /// Hostile texts must not fill memory, nor a column outgrow SQLite's largest BLOB; an ordinary million rows
  /// take 10 to 50 MB.
  static let bytesMax = 256 << 20
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
    // Retention treats imported events differently: they never share a chunk with others.
    for origin in [chunks.filter { !$0.isImported }, chunks.filter(\.isImported)] {
      let arrivals = origin.filter { $0.day == nil }.sorted { $0.id < $1.id }
      let arrivalRows = arrivals.reduce(0) { $0 + $1.rowCount }
      let isDue = arrivalRows >= arrivalRowsMin || arrivals.count >= arrivalChunksMin
      if !arrivals.isEmpty && (isDue || mergesAllArrivals) {
        return Step(chunks: prefix(of: arrivals))
      }
    }
    return nextRuns(chunks.filter { !$0.isImported }, isSettled)
      ?? nextRuns(chunks.filter(\.isImported), isSettled)
  }

  private struct Run {
    var chunks: [ChunkRow]
    var rowCount: Int
    var byteCount: Int

    init(_ chunks: [ChunkRow]) {
      self.chunks = chunks
      rowCount = chunks.reduce(0) { $0 + $1.rowCount }
      byteCount = chunks.reduce(0) { $0 + $1.byteCount }
    }

    /// Size class: each holds runs up to four times those of the one below.
    var tier: Int { (max(1, rowCount / 4_096).bitWidth - max(1, rowCount / 4_096).leadingZeroBitCount) / 2 }
  }

  private static func nextRuns(_ chunks: [ChunkRow], _ isSettled: (Int32) -> Bool) -> Step? {
    let byDay = Dictionary(grouping: chunks.filter { $0.day != nil }) { $0.day ?? 0 }
    for day in byDay.keys.sorted() {
      let runs = Dictionary(grouping: byDay[day] ?? []) { $0.run }.values
        .map(Run.init)
        .filter { $0.rowCount < rowsMax && $0.byteCount < bytesMax }
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
    var bytes = 0
    var count = 0
    for run in runs where rows + run.rowCount <= rowsMax && bytes + run.byteCount <= bytesMax {
      taken += run.chunks
      rows += run.rowCount
      bytes += run.byteCount
      count += 1
    }
    return count >= 2 ? Step(chunks: taken) : nil
  }

  /// The first chunks that fit one merge; one at least.
  private static func prefix(of chunks: [ChunkRow]) -> [ChunkRow] {
    var taken: [ChunkRow] = []
    var rows = 0
    var bytes = 0
    for chunk in chunks {
      let fits = rows + chunk.rowCount <= rowsMax && bytes + chunk.byteCount <= bytesMax
      if !fits && !taken.isEmpty { break }
      taken.append(chunk)
      rows += chunk.rowCount
      bytes += chunk.byteCount
    }
    return taken
  }
}
