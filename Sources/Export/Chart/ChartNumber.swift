import Report

/// Numbers in charts.
enum ChartNumber {
  /// With grouped thousands and a fixed count of decimals.
  static func fixed(_ value: Double, decimals: Int) -> String {
    HumanNumber.fixed(value, decimals: decimals)
  }

  /// A coordinate: at most two decimals, no thousands, no trailing zeros.
  static func coordinate(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let hundredths = Int((value * 100).rounded())
    let sign = hundredths < 0 ? "-" : ""
    let magnitude = hundredths.magnitude
    let rest = magnitude % 100
    if rest == 0 { return "\(sign)\(magnitude / 100)" }
    if rest % 10 == 0 { return "\(sign)\(magnitude / 100).\(rest / 10)" }
    return "\(sign)\(magnitude / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}
