import Aggregation
import UsageModel

/// Gives each feature its benchmark: from the window's own peers, or from a published set.
struct BenchmarkSource {
  private let features: FeatureDirectory
  private let frozen: [FeatureName: BenchmarkSet.Row]?
  /// The set's name, or `self`.
  let name: String

  init(_ choice: BenchmarkChoice, features: FeatureDirectory) {
    self.features = features
    switch choice {
    case .current:
      frozen = nil
      name = "self"
    case .frozen(let set):
      frozen = Dictionary(set.rows.map { ($0.feature, $0) }, uniquingKeysWith: { first, _ in first })
      name = set.name
    }
  }

  /// b(f) of a feature, given the medians of its peers.
  func benchmark(rank: Int, medians: inout [Int64]) -> Benchmark {
    guard let frozen else {
      return Benchmark(
        peerMedians: &medians, targetMilliseconds: features.catalogRows[rank]?.targetMilliseconds)
    }
    let row = frozen[features.names[rank]]
    return Benchmark(milliseconds: row?.milliseconds, kind: row?.kind ?? .none, peerCount: medians.count)
  }

  /// Why a feature may have no benchmark.
  var reasonForNone: String {
    frozen == nil
      ? "fewer than \(Benchmark.peersMin) people have \(Benchmark.judgedUsesMin) timed ok uses and the catalog has "
        + "no target_ms, or the time is 0"
      : "the set \"\(name)\" holds no time for it"
  }
}
