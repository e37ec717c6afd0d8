import Aggregation
import UsageModel

/// Events that retention deleted, of which only daily cells are left.
package struct PrunedSpan: Equatable, Sendable {
  /// Starts of the first and the last of them, milliseconds since 1970 UTC.
  package var starts: ClosedRange<Int64>
  /// The latest end of one of them.
  package var endMilliseconds: Int64

  package init(starts: ClosedRange<Int64>, endMilliseconds: Int64) {
    self.starts = starts
    self.endMilliseconds = endMilliseconds
  }

  /// So long after an event's end the next one still belongs to its episode or session
  /// (`docs/methods.md`, sections 6 and 7).
  private static let pauseMilliseconds: Int64 = 30 * 60_000
  /// The longest that an event, and the episode it may belong to, can reach from one event to the next.
  private static let reachMilliseconds = EventLimits.durationMillisecondsMax + pauseMilliseconds

  /// Whether episodes and sessions of a window could hold one of these events.
  func mayReach(_ window: Range<Int64>) -> Bool {
    endMilliseconds + Self.pauseMilliseconds >= window.lowerBound
      && starts.lowerBound <= window.upperBound + Self.reachMilliseconds
  }
}

extension [PrunedSpan] {
  /// Refuses to go on if there are any.
  ///
  /// - Throws: `QueryError.eventsPruned`.
  func refuse() throws {
    guard let first = map(\.starts.lowerBound).min(), let last = map(\.starts.upperBound).max() else {
      return
    }
    throw QueryError.eventsPruned(
      from: CivilDay(localMilliseconds: first).description, to: CivilDay(localMilliseconds: last).description)
  }
}

extension ReportScope {
  /// Whether events of the window were pruned.
  static func isPruned(_ data: some UsageData, _ options: QueryOptions) throws -> Bool {
    let spans = try data.prunedSpans()
    guard !spans.isEmpty else { return false }
    let span = try windowBounds(data, options).0.span
    return spans.contains { $0.starts.overlaps(span) }
  }

  /// Refuses episodes and sessions of a window that could hold an event that is missing.
  static func refusePruned(_ data: some UsageData, around bounds: WindowBounds) throws {
    try data.prunedSpans().filter { $0.mayReach(bounds.span) }.refuse()
  }

  /// Refuses a report that needs all history.
  func refuseAnyPruned(_ data: some UsageData) throws { try data.prunedSpans().refuse() }
}

extension UsageReports {
  /// The report as far as it goes when the events that it needs were pruned: no rows, and totals that are null.
  package static func unanswerable(
    _ name: String, _ data: some UsageData, _ options: QueryOptions, because error: QueryError
  ) throws -> ReportDocument {
    let (bounds, warnings) = try ReportScope.windowBounds(data, options)
    let totals = ["people", "outside_people", "outside_events", "too_new", "suppressed"]
    var document = ReportDocument(
      report: name, method: "waterline-\(name)/1", window: bounds.window, timeZoneName: options.zone.name,
      population: try data.roster().isEmpty ? "observed" : "roster",
      catalog: try data.catalog().isEmpty ? "observed" : "catalog",
      totals: totals.map { ReportField($0, .null) }, columns: [], rows: [])
    document.warnings = warnings + ["every figure is null, and rows are missing: \(error)"]
    return document
  }
}
