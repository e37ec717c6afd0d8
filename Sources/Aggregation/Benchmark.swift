/// Where a feature's benchmark time comes from.
package enum BenchmarkKind: String, Sendable {
  /// The best quarter of the people who use the feature.
  case peers
  /// The catalog's `target_ms`.
  case target
  case none
}

/// b(f): the time that an ok use takes where it goes well (`docs/methods.md`, section 3).
package struct Benchmark: Equatable, Sendable {
  /// Greater than 0; nil is none.
  package let milliseconds: Int64?
  package let kind: BenchmarkKind
  /// People with at least ``judgedUsesMin`` timed ok uses.
  package let peerCount: Int

  /// Timed ok uses from which a person's median counts.
  package static let judgedUsesMin = 5
  /// People with such a median from which peers set the benchmark.
  package static let peersMin = 10

  package init(milliseconds: Int64?, kind: BenchmarkKind, peerCount: Int) {
    let isUsable = (milliseconds ?? 0) > 0
    self.milliseconds = isUsable ? milliseconds : nil
    self.kind = isUsable ? kind : .none
    self.peerCount = peerCount
  }

  /// The benchmark from the medians of those who have one; a peer benchmark of 0 is none.
  ///
  /// - Parameter medians: in any order; reordered.
  package init(peerMedians medians: inout [Int64], targetMilliseconds: Int64?) {
    let peerCount = medians.count
    if peerCount >= Self.peersMin {
      self.init(milliseconds: Quantile.quarter.select(from: &medians), kind: .peers, peerCount: peerCount)
    } else {
      self.init(milliseconds: targetMilliseconds, kind: .target, peerCount: peerCount)
    }
  }
}
