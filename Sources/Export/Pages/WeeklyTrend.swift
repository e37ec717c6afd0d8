import UsageModel
import UsageQuery

/// Erosion week by week up to the window's end.
enum WeeklyTrend {
  /// A quarter of a year: far enough back to see a turn, and few enough columns for a telephone.
  static let weeksMax = 12

  /// Weeks of seven days that end where the window ends, oldest first; none begins before the oldest event.
  static func weeks(_ request: ExportRequest<some UsageData>) throws -> [Window] {
    guard let oldest = try request.data.eventBounds()?.lowerBound else { return [] }
    let first = request.options.zone.day(of: oldest)
    return (1...weeksMax).map { number in
      let from = request.window.to.advanced(by: -7 * number)
      return Window(from: from, to: from.advanced(by: 7))
    }.filter { $0.from >= first }.reversed()
  }

  /// One row a week: a report of its own, measured against the benchmark times of the whole window.
  static func erosion(_ request: ExportRequest<some UsageData>) throws -> ExportPart {
    var options = request.options
    if options.benchmark == .current {
      var whole = options
      whole.app = nil
      whole.filters = []
      options.benchmark = .frozen(
        try UsageReports.benchmarkSet(named: "the window's own", request.data, whole))
    }
    var rows: [[ReportValue]] = []
    var result = request.erosion.document
    for week in try weeks(request) {
      options.window = .days(week)
      let report = try UsageReports.erosion(request.data, options)
      let row = report.rows.first ?? Array(repeating: .null, count: report.columns.count)
      rows.append([.text(week.from.description), .text(week.to.description)] + row)
    }
    result.columns = ["from", "to"] + result.columns
    result.rows = rows
    result.totals = []
    result.warnings = []
    return ExportPart("weeks", result)
  }

  /// The weeks as a chart of the four parts in percent of face time.
  static func chart(_ weeks: ExportPart) -> PageChart {
    let columns = (0..<weeks.rowCount).map { row -> ColumnChart.Column in
      let face = weeks.value("face_ms", row: row).amount ?? 0
      let values = LostTimePart.allCases.map { part in
        face > 0 ? (weeks.value(part.column, row: row).amount ?? 0) / face : 0
      }
      let low = weeks.value("low", row: row).amount
      let high = weeks.value("high", row: row).amount
      return ColumnChart.Column(
        label: weeks.value("from", row: row).name.flatMap { CivilDay($0) }.map(Wording.short) ?? "?",
        total: weeks.figure("erosion", row: row).text, values: values,
        interval: low.flatMap { low in high.map { low...max(low, $0) } })
    }
    return PageChart(
      title: "Share of application time lost, by week",
      description: "One column a week, named by its first day; the line across its top is the 95% interval. "
        + "The figures stand in the table below.",
      source: weeks.name,
      shape: .columns(ColumnChart(unit: .share, series: LostTimePart.series, columns: columns)))
  }
}
