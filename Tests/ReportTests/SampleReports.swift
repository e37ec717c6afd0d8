import Report
import UsageModel

/// Reports that tests render.
enum SampleReports {
  static let window = Window(from: CivilDay(number: 20_454), to: CivilDay(number: 20_482))  // 2026-01-01.

  /// Two bottlenecks, one of them without a score.
  static let bottlenecks = ReportDocument(
    report: "bottlenecks", method: "waterline-bottleneck/1", window: window,
    timeZoneName: "Europe/Berlin", population: "roster", catalog: "catalog",
    totals: [
      ReportField("people", .integer(12_345)), ReportField("outside_people", .integer(0)),
      ReportField("outside_events", .integer(0)), ReportField("too_new", .integer(3)),
      ReportField("suppressed", .integer(2)), ReportField("lost_ms", .integer(7_384_000)),
    ],
    columns: [
      "app", "feature", "attempts", "failed", "eroded", "people", "people_affected", "benchmark_ms",
      "benchmark_kind", "lost_ms", "frequency", "reach", "severity", "score", "points",
    ],
    rows: [
      [
        .text("erp"), .text("post_invoice"), .integer(14_210), .integer(310), .integer(2_100), .integer(212),
        .integer(90), .integer(3_400), .text("peers"), .integer(7_200_000), .number(0.1477832512315271),
        .number(0.42452830188679247), .number(0.1), .number(18.440000000000001), .number(2.5),
      ],
      [
        .text("mail, \"new\""), .text("a|b"), .integer(4), .integer(0), .integer(1), .integer(4),
        .integer(1), .null, .text("none"), .integer(184_000), .number(0.25), .number(0.25), .null, .null,
        .number(1e-7),
      ],
    ],
    warnings: ["score of 1 feature is null: fewer than 10 people"])

  /// Support gives totals only.
  static let support = ReportDocument(
    report: "support", method: "waterline-support/1", window: window, timeZoneName: "UTC",
    population: "observed", catalog: "observed",
    totals: [
      ReportField("tickets", .integer(40)), ReportField("resolution_median_ms", .integer(5_400_000)),
      ReportField("top5_share", .number(0.375)), ReportField("gini", .null),
    ], columns: [])

  static let empty = ReportDocument(
    report: "flow", method: "waterline-flow/1", window: window, timeZoneName: "UTC", population: "roster",
    catalog: "catalog", columns: ["app", "count"])

  /// A table of `count` rows.
  static func numbered(_ count: Int) -> GenericTable {
    GenericTable(columns: ["n"], rows: (0..<count).map { [.integer(Int64($0))] })
  }
}
