import Aggregation
import UsageModel

/// Events and daily cells as reports load them: their numbers are checked once, here.
extension ReportScope {
  /// The events before the window.
  func history(_ data: some UsageData, columns: EventColumns.Selection) throws -> EventColumns {
    let start = EventLimits.earliestTimeMilliseconds
    let range = start..<max(start, bounds.historyEnd)
    return try Self.load(data, startingIn: range, columns: columns, limits: limits)
  }

  /// The window's uses as cells tell them.
  static func dailyUse(
    _ cells: any DailyCellSource, _ bounds: WindowBounds, _ features: FeatureDirectory,
    _ limits: (users: Int, features: Int, sources: Int)
  ) throws -> DailyUse {
    var use = DailyUse(
      window: bounds.window, userCount: limits.users, rankOfFeature: features.rankOfNumber)
    try visit(.window, of: cells, limits: limits) { use.add($0) }
    use.finish()
    return use
  }

  /// The events of any stretch of time.
  func events(
    _ data: some UsageData, startingIn range: Range<Int64>, columns: EventColumns.Selection
  ) throws -> EventColumns {
    try Self.load(data, startingIn: range, columns: columns, limits: limits)
  }

  /// Calls the body with the cells of a period, their numbers checked.
  func visit(
    _ period: CellPeriod, of cells: any DailyCellSource, _ body: (CellColumns) throws -> Void
  ) throws {
    try Self.visit(period, of: cells, limits: limits, body)
  }

  static func visit(
    _ period: CellPeriod, of cells: any DailyCellSource, limits: (users: Int, features: Int, sources: Int),
    _ body: (CellColumns) throws -> Void
  ) throws {
    try cells.visit(period) { part in
      guard
        part.isConsistent(
          userCount: limits.users, featureCount: limits.features, sourceCount: limits.sources)
      else { throw QueryError.inconsistentStore }
      try body(part)
    }
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
