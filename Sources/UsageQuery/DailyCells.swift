import Aggregation
import UsageModel

/// Which daily cells to read, and for what.
package enum CellPeriod: Sendable {
  /// Cells of the window, with counts.
  case window
  /// Cells of the days before the window, with counts of uses.
  case history
  /// Cells of the window, with the sources that told of them.
  case sources
  /// Cells of the window, with the times of their events.
  case times
}

/// Daily cells of one snapshot, which say exactly what the events say.
package protocol DailyCellSource: Sendable {
  /// Calls the body with the cells of a period, part by part; parts may hold cells of other days too.
  ///
  /// A part has the columns `feature`, `day` and `user`; for the window `eventCount`, `useCount` and `okCount`, for
  /// history `useCount` and `okCount`, for sources `source`, for times `useCount` and those of times.
  func visit(_ period: CellPeriod, _ body: (CellColumns) throws -> Void) throws
}
