import UsageModel

/// How a row key or total is named and shown to people, told from its name.
package struct ColumnWording {
  private enum Unit {
    case duration
    case share
    case score
    case plain
  }

  /// The name in words, without its unit: `lost_ms` is `lost`.
  package let header: String
  private let unit: Unit

  /// - Parameter columns: the table's columns: the bounds `low` and `high` are in the unit of what they bound,
  ///   a share unless the rows are estimates of several outcomes.
  package init(name: String, among columns: [String] = []) {
    header = Self.headers[name] ?? Self.words(name)
    let boundsEstimate = (name == "low" || name == "high") && columns.contains("estimate")
    unit = boundsEstimate ? .plain : Self.unit(of: name)
  }

  /// A value in words and units, safe to show.
  package func text(_ value: ReportValue) -> String {
    switch value {
    case .null: HumanNumber.absent
    case .text(let text): SafeText.escaping(text)
    case .boolean(let boolean): boolean ? "yes" : "no"
    case .integer(let integer): unit == .duration ? duration(integer) : HumanNumber.count(integer)
    case .number(let number): text(number)
    }
  }

  /// A value digit by digit, safe to show.
  static func exactText(_ value: ReportValue) -> String {
    switch value {
    case .null: HumanNumber.absent
    case .text(let text): SafeText.escaping(text)
    case .boolean(let boolean): boolean ? "true" : "false"
    case .integer(let integer): String(integer)
    case .number(let number): number.isFinite ? number.description : HumanNumber.absent
    }
  }

  private func text(_ number: Double) -> String {
    guard number.isFinite else { return HumanNumber.absent }
    return switch unit {
    case .share: HumanNumber.share(number)
    case .score: HumanNumber.fixed(number, decimals: 1)
    case .duration: duration(Int64(exactly: number.rounded()) ?? .max)
    case .plain: HumanNumber.plain(number)
    }
  }

  private func duration(_ milliseconds: Int64) -> String {
    HumanNumber.duration(milliseconds: milliseconds)
  }

  /// Names that words alone would leave unclear or too long.
  private static let headers = [
    "people_affected": "affected", "benchmark_kind": "by", "from_feature": "from", "to_feature": "to",
    "adoption_benchmark": "best", "suppressed": "suppressed rows", "too_new": "too new",
    "silent_ms": "silent time", "silent_count": "silent events", "top5_share": "top 5% share",
    "top5_people": "top 5% people", "top5_effort_share": "top 5% effort share",
    "top5_lost_share": "top 5% lost share", "first_response_p90_ms": "first response 90%",
    "resolution_p90_ms": "resolution 90%", "backlog_0_1_days": "0–1 days old",
    "backlog_2_7_days": "2–7 days old", "backlog_8_30_days": "8–30 days old",
    "backlog_over_30_days": "over 30 days old", "strikes_0": "tickets after 0 failures",
    "strikes_1": "after 1", "strikes_2": "after 2", "strikes_3": "after 3", "strikes_4": "after 4",
    "strikes_5_or_more": "after 5 or more", "strikes_median": "median failures before a call",
    "wait_p90_ms": "wait 90%", "wait_median_ms": "wait median", "wait_total_ms": "wait total",
  ]

  private static let shares: Set<String> = [
    "coverage", "reach", "depth", "observed", "low", "high", "erosion", "frequency", "severity",
    "adoption_benchmark", "silent", "silent_count", "touched", "share", "rate",
  ]

  private static func unit(of name: String) -> Unit {
    if name.hasSuffix("_ms") { return .duration }
    if shares.contains(name) || name.hasSuffix("_share") || name.hasSuffix("_rate") { return .share }
    return name == "score" || name == "points" ? .score : .plain
  }

  private static func words(_ name: String) -> String {
    let base = name.hasSuffix("_ms") ? String(name.dropLast(3)) : name
    return SafeText.escaping(String(base.map { $0 == "_" ? " " : $0 }))
  }
}
