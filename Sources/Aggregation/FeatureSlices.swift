import UsageModel

/// The rows of a load by feature: counting sort, rows of a feature in the order of the load.
///
/// Kernels work on one feature at a time, so a loader may as well bring the features one by one.
struct FeatureSlices {
  /// Row numbers, feature by feature.
  let rows: [UInt32]
  /// By feature rank the first index into ``rows``; one more at the end.
  let offsets: [Int]

  /// - Parameter accepts: tells whether a row counts; called twice for each row whose feature counts.
  /// - Complexity: O(rows + features).
  @inline(__always)
  init(_ events: EventBuffers, keys: EventKeys, accepts: (_ row: Int) -> Bool) {
    var next = [Int](repeating: 0, count: keys.featureCount + 1)
    var offsets = next
    rows = keys.rankOfFeature.withUnsafeBufferPointer { ranks in
      next.withUnsafeMutableBufferPointer { next in
        for row in 0..<events.rowCount {
          let rank = Int(ranks[Int(events.feature[row])])
          if rank >= 0, accepts(row) { next[rank + 1] += 1 }
        }
        for rank in 1..<max(1, next.count) { next[rank] += next[rank - 1] }
        for rank in 0..<next.count { offsets[rank] = next[rank] }
        let total = next[next.count - 1]
        return [UInt32](unsafeUninitializedCapacity: total) { buffer, count in
          for row in 0..<events.rowCount {
            let rank = Int(ranks[Int(events.feature[row])])
            guard rank >= 0, accepts(row) else { continue }
            buffer[next[rank]] = UInt32(truncatingIfNeeded: row)
            next[rank] += 1
          }
          count = total
        }
      }
    }
    self.offsets = offsets
  }

  /// Indices into ``rows`` of one feature.
  func range(ofRank rank: Int) -> Range<Int> { offsets[rank]..<offsets[rank + 1] }
}
