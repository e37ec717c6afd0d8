/// Which columns a table leaves out first when the terminal is too narrow.
///
/// A score is left out before its factors, and lost time keeps its parts, as the methods ask.
enum ColumnImportance {
  /// Row keys of a report, the first to go first; others go from the right.
  private static let droppedFirst = [
    "coverage": ["depth", "reach", "high", "low", "unexpected", "observed", "never", "lapsed"],
    "bottlenecks": [
      "benchmark_kind", "people_affected", "eroded", "failed", "attempts", "points", "people", "benchmark_ms",
    ],
    "erosion": ["unjudged", "face_time", "high", "low", "people", "points"],
    "strikeouts": ["longest", "recovered", "helped", "called"],
    "flow": ["bounce", "repeat", "retry", "wait_total_ms", "wait_p90_ms"],
    "gaps": ["adoption_benchmark", "expected"],
  ]

  /// The indexes of columns in the order in which to leave them out; the first column always stays.
  static func dropOrder(report: String, columns: [String]) -> [Int] {
    var order: [Int] = []
    for name in droppedFirst[report] ?? [] {
      if let index = columns.firstIndex(of: name), index > 0 { order.append(index) }
    }
    for index in columns.indices.reversed() where index > 0 && !order.contains(index) { order.append(index) }
    return order
  }
}
