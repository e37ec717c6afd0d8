/// The order of rows by several ranks each, compared column by column.
package enum RankOrder {
  /// Rows in their order; ties keep the order of the rows.
  ///
  /// - Parameter rank: of a row in a column, at least 0; asked a few times each.
  /// - Complexity: O(rows × columns + rows log rows).
  package static func order(
    rowCount: Int, columnCount: Int, rank: (_ row: Int, _ column: Int) -> Int32
  ) -> [Int] {
    guard let packed = packed(rowCount, columnCount, rank) else {
      return (0..<rowCount).sorted { left, right in
        for column in 0..<columnCount {
          let ranks = (rank(left, column), rank(right, column))
          if ranks.0 != ranks.1 { return ranks.0 < ranks.1 }
        }
        return left < right
      }
    }
    let rowMask = (UInt64(1) << UInt64(bitCount(ofRows: rowCount))) - 1
    return packed.sorted().map { Int($0 & rowMask) }
  }

  /// Each row's ranks, and then its number, as one number that compares as they do; nil when 64 bits are too few.
  private static func packed(
    _ rowCount: Int, _ columnCount: Int, _ rank: (Int, Int) -> Int32
  ) -> [UInt64]? {
    var largest = [Int32](repeating: 0, count: columnCount)
    for row in 0..<rowCount {
      for column in 0..<columnCount { largest[column] = max(largest[column], rank(row, column)) }
    }
    let widths = largest.map { Int32.bitWidth - $0.leadingZeroBitCount }
    let rowWidth = bitCount(ofRows: rowCount)
    guard widths.reduce(rowWidth, +) <= UInt64.bitWidth else { return nil }
    return (0..<rowCount).map { row in
      var packed: UInt64 = 0
      for column in 0..<columnCount {
        packed = packed << UInt64(widths[column]) | UInt64(truncatingIfNeeded: rank(row, column))
      }
      return packed << UInt64(rowWidth) | UInt64(row)
    }
  }

  private static func bitCount(ofRows count: Int) -> Int { Int.bitWidth - count.leadingZeroBitCount }
}
