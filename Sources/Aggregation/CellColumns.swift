import UsageModel

/// Daily cells as parallel columns: what one user did with one feature on one civil day, by source.
///
/// Identifiers are the store's own numbers. Rows of the same feature and day stand together, as far as the reader
/// could see to that; the same key may stand in several rows. A column that was not asked for is empty; others have
/// at least as many elements as there are rows, so that their memory can be used again.
package struct CellColumns: Sendable {
  package var rowCount = 0
  package var feature: [UInt32] = []
  /// Days since 1970-01-01.
  package var day: [UInt32] = []
  package var user: [UInt32] = []
  package var source: [UInt32] = []
  /// Events of all kinds.
  package var eventCount: [UInt32] = []
  package var useCount: [UInt32] = []
  package var okCount: [UInt32] = []
  /// Durations of all uses, of failed ones, and of events of other kinds.
  package var useMilliseconds: [Int64] = []
  package var failedMilliseconds: [Int64] = []
  package var focusMilliseconds: [Int64] = []
  package var helpMilliseconds: [Int64] = []
  package var interruptionMilliseconds: [Int64] = []

  package init() {}

  /// A window's days as cells number them; none before 1970.
  static func days(of window: Window) -> Range<UInt32> {
    let from = UInt32(clamping: window.from.number)
    return from..<max(from, UInt32(clamping: window.to.number))
  }

  /// Whether all numbers of the loaded columns are indices of tables with so many entries.
  ///
  /// - Complexity: O(rows).
  package func isConsistent(userCount: Int, featureCount: Int, sourceCount: Int) -> Bool {
    func isWithin(_ column: [UInt32], _ limit: Int) -> Bool {
      var largest: UInt32 = 0
      for number in column.prefix(rowCount) { largest = max(largest, number) }
      return column.isEmpty || rowCount == 0 || Int(largest) < limit
    }
    let counts = [
      feature.count, day.count, user.count, source.count, eventCount.count, useCount.count, okCount.count,
      useMilliseconds.count, failedMilliseconds.count, focusMilliseconds.count, helpMilliseconds.count,
      interruptionMilliseconds.count,
    ]
    return counts.allSatisfy { $0 == 0 || $0 >= rowCount }
      && isWithin(user, userCount) && isWithin(feature, featureCount) && isWithin(source, sourceCount)
  }

  /// Calls the body with each stretch of rows of one feature and day; needs the columns `feature` and `day`.
  ///
  /// - Complexity: O(rows).
  func forEachRun(_ body: (_ feature: UInt32, _ day: UInt32, _ rows: Range<Int>) -> Void) {
    feature.withUnsafeBufferPointer { features in
      day.withUnsafeBufferPointer { days in
        var row = 0
        while row < rowCount {
          let start = row
          repeat {
            row &+= 1
          } while row < rowCount && features[row] == features[start] && days[row] == days[start]
          body(features[start], days[start], start..<row)
        }
      }
    }
  }

  /// Marks the features, by rank, that have a `use` event by anyone before the window.
  ///
  /// Needs the columns `feature`, `day` and `useCount`.
  package func markUsedFeatures(_ isUsed: inout [Bool], keys: EventKeys, window: Window) {
    let end = UInt32(clamping: window.from.number)
    for row in 0..<rowCount where useCount[row] > 0 && day[row] < end {
      let rank = Int(keys.rankOfFeature[Int(feature[row])])
      if rank >= 0 { isUsed[rank] = true }
    }
  }
}
