import UsageModel

/// How a row key or total is named and shown to people, told from its name.
struct ColumnWording {
  private enum Unit {
    case duration
    case share
    case score
    case plain
  }

  /// The name in words, without its unit: `lost_ms` is `lost`.
  let header: String
  private let unit: Unit

  init(name: String) {
    header = Self.headers[name] ?? Self.words(name)
    unit = Self.unit(of: name)
  }

  /// A value in words and units, safe to show.
  func text(_ value: ReportValue) -> String {
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
    "wait_p90_ms": "wait 90%", "wait_median_ms": "wait median", "wait_total_ms": "wait total",
  ]

  private static let shares: Set<String> = [
    "coverage", "reach", "depth", "observed", "low", "high", "erosion", "frequency", "severity",
    "adoption_benchmark", "silent", "touched", "share", "rate",
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
