import Aggregation
import Synchronization
import UsageModel

/// Which daily cells to read, and for what.
package enum CellPeriod: Sendable {
  /// Cells of the window, with counts, and with their sources if those are asked for.
  case window(withSources: Bool)
  /// Cells of the days before the window, with counts of uses.
  case history
  /// Cells of the window, with the times of their events.
  case times
}

/// Daily cells of one snapshot, which say exactly what the events say.
package protocol DailyCellSource: Sendable {
  /// Workers that the machine and the number of cells are worth; at least 1.
  var workerCount: Int { get }

  /// Calls the body with the cells of a period, part by part and by several workers at a time; parts may hold cells of
  /// other days too.
  ///
  /// A part has the columns `feature`, `day` and `user`; for the window `eventCount`, `useCount` and `okCount`, for
  /// history `useCount` and `okCount`, for times `useCount` and those of times.
  ///
  /// - Parameter body: gets the worker, so that it can keep what is the worker's own; workers must not share what they
  ///   change.
  /// - Throws: the first error of any worker, after all have stopped.
  func visit(_ period: CellPeriod, _ body: (_ worker: Int, CellColumns) throws -> Void) throws
}

extension DailyCellSource {
  /// As above, one part at a time.
  package func visitInTurn(_ period: CellPeriod, _ body: (CellColumns) throws -> Void) throws {
    let turn = Mutex(())
    try visit(period) { _, part in try turn.withLock { _ in try body(part) } }
  }
}
