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
    "support": [
      "backlog_over_30_days", "backlog_8_30_days", "backlog_2_7_days", "backlog_0_1_days", "effort_minutes",
      "satisfaction_answers", "first_response_p90_ms", "resolution_p90_ms", "without_owner", "escalated",
      "resolved", "events", "above_ms", "silent_count", "person_days", "slow_ms", "lost_ms",
      "interruptions_per_face_hour", "first_response_median_ms", "reopened", "attempts",
    ],
    "gaps": ["adoption_benchmark", "expected"],
    "benchmark-compare": [
      "against_high_ms", "against_low_ms", "against_ms", "organisation_ms", "benchmark_change_ms",
      "benchmark_now_ms", "benchmark_then_ms", "change_high_ms", "change_low_ms", "change_ms", "own_people",
    ],
    "rot": [
      "season_last", "season_share", "season_periods", "season", "critical", "twin_days_share",
      "twin_people_share", "twin_feature", "twin_app", "successor_users", "successor_feature",
      "successor_app", "leavers", "fall_share", "time_share", "app_use_ms", "use_ms", "user_share",
      "category", "keep", "redundant", "obsolete", "trivial", "users_now", "users_then",
    ],
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
