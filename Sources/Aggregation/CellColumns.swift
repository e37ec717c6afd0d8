/// Daily cells as parallel columns: what one user did with one feature on one civil day, by source.
///
/// Identifiers are the store's own numbers. Rows of the same feature and day stand together, as far as the reader
/// could see to that; the same key may stand in several rows. A column that was not asked for is empty.
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
  /// Start of the first ok use, milliseconds since 1970 UTC; 0 without one.
  package var firstOk: [Int64] = []

  package init() {}

  /// Whether all numbers of the loaded columns are indices of tables with so many entries.
  ///
  /// - Complexity: O(rows).
  package func isConsistent(userCount: Int, featureCount: Int, sourceCount: Int) -> Bool {
    func isWithin(_ column: [UInt32], _ limit: Int) -> Bool {
      var largest: UInt32 = 0
      for number in column { largest = max(largest, number) }
      return column.isEmpty || Int(largest) < limit
    }
    let counts = [
      feature.count, day.count, user.count, source.count, eventCount.count, useCount.count, okCount.count,
      firstOk.count,
    ]
    return counts.allSatisfy { $0 == 0 || $0 == rowCount }
      && isWithin(user, userCount) && isWithin(feature, featureCount) && isWithin(source, sourceCount)
  }
}
