import UsageModel

/// The six states of adoption, as charts show them.
enum AdoptionLedger {
  static let states: [(column: String, series: ChartSeries)] = [
    ("adopted", ChartSeries(name: "adopted", ink: .blue)),
    ("tried", ChartSeries(name: "tried", ink: .sky)),
    ("struggling", ChartSeries(name: "struggling", ink: .vermillion)),
    ("lapsed", ChartSeries(name: "lapsed", ink: .orange)),
    ("never", ChartSeries(name: "never used", ink: .grey)),
    ("dark", ChartSeries(name: "dark: not seen", ink: .hatched)),
  ]
  /// More bars than this do not fit a page.
  private static let barsMax = 24

  /// The states of each group as shares of what is expected of it, best coverage first.
  static func chart(_ part: ExportPart, by column: String, title: String) -> PageChart {
    let rows = (0..<part.rowCount).filter { (part.value("expected", row: $0).amount ?? 0) > 0 }
      .sorted { left, right in
        let (first, second) = (part.value("coverage", row: left), part.value("coverage", row: right))
        return first == second ? left < right : (first.amount ?? 0) > (second.amount ?? 0)
      }
    let bars = rows.prefix(barsMax).map { row -> BarChart.Bar in
      let expected = part.value("expected", row: row).amount ?? 1
      return BarChart.Bar(
        label: part.label([column], row: row), total: part.figure("coverage", row: row).text,
        values: states.map { (part.value($0.column, row: row).amount ?? 0) / expected })
    }
    return PageChart(
      title: title,
      description:
        "One bar a \(column), divided into the six states; the number behind it is the share adopted.",
      source: part.name,
      shape: .bars(
        BarChart(unit: .share, series: states.map(\.series), bars: Array(bars), axisEnd: 1)))
  }

  /// The ledger as a table.
  static func table(_ part: ExportPart, by column: String, header: String) -> PageTable {
    PageTable(
      "The same in figures", of: part,
      [(column, header), ("expected", "expected")] + states.map { ($0.column, $0.column) }
        + [("coverage", "coverage"), ("high", "at best")], rowsMax: barsMax)
  }
}
