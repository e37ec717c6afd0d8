/// The order of rows by keys of several ranks each, compared column by column.
package enum RankOrder {
  /// Indices in the order of their keys; ties keep the order of the indices.
  ///
  /// - Parameter keys: ranks, at least 0; all of the same length.
  /// - Complexity: O(keys log keys).
  package static func order(_ keys: [[Int32]]) -> [Int] {
    guard let packed = packed(keys) else {
      return keys.indices.sorted {
        keys[$0] == keys[$1] ? $0 < $1 : keys[$0].lexicographicallyPrecedes(keys[$1])
      }
    }
    return packed.indices.sorted { packed[$0] == packed[$1] ? $0 < $1 : packed[$0] < packed[$1] }
  }

  /// Each key as one number that compares as it does; nil when 64 bits are too few.
  private static func packed(_ keys: [[Int32]]) -> [UInt64]? {
    guard var largest = keys.first else { return [] }
    for key in keys {
      for column in largest.indices { largest[column] = max(largest[column], key[column]) }
    }
    let widths = largest.map { Int32.bitWidth - $0.leadingZeroBitCount }
    guard widths.reduce(0, +) <= UInt64.bitWidth else { return nil }
    return keys.map { key in
      var packed: UInt64 = 0
      for column in widths.indices { packed = packed << UInt64(widths[column]) | UInt64(key[column]) }
      return packed
    }
  }
}
