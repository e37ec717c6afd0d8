import Aggregation
import ColumnChunk
import UsageModel

/// Events and daily cells as reports load them: their numbers are checked once, here.
extension ReportScope {
  /// The events before the window.
  func history(_ data: some UsageData, columns: EventColumns.Selection) throws -> EventColumns {
    let start = EventLimits.earliestTimeMilliseconds
    let range = start..<max(start, bounds.historyEnd)
    return try Self.load(data, startingIn: range, columns: columns, limits: limits)
  }

  /// The uses of the window, and those before it: from daily cells, or from events where cells are nil.
  ///
  /// - Parameters:
  ///   - expected: of whose uses before the window to keep something; nil for everybody's.
  ///   - gaps: missing numbers; whoever has events from their sources is uncertain.
  /// - Throws: `QueryError.eventsPruned` when events of the window were pruned and nothing stands for them.
  static func uses(
    _ data: some UsageData, _ cells: (any DailyCellSource)?, _ bounds: WindowBounds,
    _ features: FeatureDirectory, _ limits: (users: Int, features: Int, sources: Int),
    expected: ExpectedHistory?, gaps: [SequenceGap]
  ) throws -> AdoptionUses {
    let isWanted = sources(with: gaps, bounds, count: limits.sources)
    func gatherers(_ count: Int) -> [AdoptionGatherer] {
      (0..<count).map { _ in
        AdoptionGatherer(
          bounds: bounds, userCount: limits.users, rankOfFeature: features.rankOfNumber,
          featureCount: features.names.count, isSourceWanted: isWanted, expected: expected)
      }
    }
    guard let cells else {
      let range =
        EventLimits
        .earliestTimeMilliseconds..<max(
          EventLimits.earliestTimeMilliseconds, bounds.span.upperBound)
      // What is missing must not pass for what was not done.
      try data.prunedSpans().filter { $0.starts.overlaps(range) }.refuse()
      let feed = try data.chunkFeed(range)
      let gatherers = gatherers(feed.workerCount)
      try gather(feed, limits, gatherers)
      return AdoptionUses(gatherers)
    }
    let gatherers = gatherers(cells.workerCount)
    try cells.visit(.window(withSources: !isWanted.isEmpty)) { worker, part in
      try check(part, limits)
      gatherers[worker].addWindow(part)
    }
    try cells.visit(.history) { worker, part in
      try check(part, limits)
      gatherers[worker].addHistory(part)
    }
    return AdoptionUses(gatherers)
  }

  private static func gather(
    _ feed: any ChunkFeed, _ limits: (users: Int, features: Int, sources: Int),
    _ gatherers: [AdoptionGatherer]
  ) throws {
    let needsSources = gatherers.contains(where: \.needsSources)
    let columns: [ChunkColumn] = [.user, .feature, .kind, .outcome, .time] + (needsSources ? [.source] : [])
    try feed.forEach(columns: { _ in columns }) { worker, _, chunk in
      guard
        chunk.isConsistent(
          users: limits.users, features: limits.features, sources: needsSources ? limits.sources : nil)
      else { throw QueryError.inconsistentStore }
      gatherers[worker].add(chunk)
    }
  }

  /// By number: whether the source lost events in the window; empty when none did.
  private static func sources(
    with gaps: [SequenceGap], _ bounds: WindowBounds, count: Int
  ) -> [Bool] {
    let met = gaps.filter { gap in
      Int(gap.source) < count && gap.span.upperBound >= bounds.span.lowerBound
        && gap.span.lowerBound < bounds.span.upperBound
    }
    guard !met.isEmpty else { return [] }
    var isWanted = [Bool](repeating: false, count: count)
    for gap in met { isWanted[Int(gap.source)] = true }
    return isWanted
  }

  /// The events of any stretch of time.
  func events(
    _ data: some UsageData, startingIn range: Range<Int64>, columns: EventColumns.Selection
  ) throws -> EventColumns {
    try Self.load(data, startingIn: range, columns: columns, limits: limits)
  }

  /// Calls the body with the cells of a period, part by part, their numbers checked.
  func visitInTurn(
    _ period: CellPeriod, of cells: any DailyCellSource, _ body: (CellColumns) throws -> Void
  ) throws {
    try cells.visitInTurn(period) { part in
      try Self.check(part, limits)
      try body(part)
    }
  }

  private static func check(
    _ part: CellColumns, _ limits: (users: Int, features: Int, sources: Int)
  ) throws(QueryError) {
    guard
      part.isConsistent(
        userCount: limits.users, featureCount: limits.features, sourceCount: limits.sources)
    else { throw QueryError.inconsistentStore }
  }

  static func load(
    _ data: some UsageData, startingIn range: Range<Int64>?, columns: EventColumns.Selection,
    limits: (users: Int, features: Int, sources: Int)
  ) throws -> EventColumns {
    let loaded = try data.events(startingIn: range, columns: columns)
    guard
      loaded.isConsistent(
        userCount: limits.users, featureCount: limits.features, sourceCount: limits.sources)
    else { throw QueryError.inconsistentStore }
    return loaded
  }
}
