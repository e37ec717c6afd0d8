import UsageModel

/// How many events each user has in a window: who was seen, and who is outside the population.
package struct WindowCensus: Sendable {
  /// By the store's user number: events of any kind in the window.
  package let eventsOfUser: [Int64]

  package init(eventsOfUser: [Int64]) { self.eventsOfUser = eventsOfUser }

  /// Counts the events of one load; needs the columns `user`, `feature` and `start`.
  ///
  /// - Parameter rankOfFeature: as in ``EventKeys/rankOfFeature``; features left out count nothing.
  /// - Complexity: O(rows).
  package init(_ columns: EventColumns, bounds: WindowBounds, userCount: Int, rankOfFeature: [Int32]) {
    var counts = [Int64](repeating: 0, count: userCount)
    var test = WindowTest(bounds)
    columns.withBuffers { events in
      counts.withUnsafeMutableBufferPointer { counts in
        rankOfFeature.withUnsafeBufferPointer { ranks in
          for row in 0..<events.rowCount
          where ranks[Int(events.feature[row])] >= 0 && test.contains(events.start[row]) {
            counts[Int(events.user[row])] += 1
          }
        }
      }
    }
    eventsOfUser = counts
  }
}
