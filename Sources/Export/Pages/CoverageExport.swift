import UsageModel
import UsageQuery

/// Who uses what is expected of them, and where the gaps are.
struct CoverageExport {
  /// As many windows, a week apart, show a turn.
  private static let windowsMax = 8
  /// The table holds every step; sentences of the first are enough to see why.
  private static let sentencesMax = 5

  let coverage: ExportPart
  let byDepartment: ExportPart
  let byRole: ExportPart
  let byApp: ExportPart
  let byFeature: ExportPart
  let gaps: ExportPart
  let steps: AdoptionSteps
  let trend: ExportPart
  let erosion: ExportPart
  let collection: ExportPart
  let windowWarnings: [String]

  init(_ request: ExportRequest<some UsageData>) throws {
    erosion = request.erosion
    coverage = try request.part("coverage") { try UsageReports.coverage($0, $1) }
    byDepartment = try request.part("coverage_by_department", by: [.department]) {
      try UsageReports.coverage($0, $1)
    }
    byRole = try request.part("coverage_by_role", by: [.role]) { try UsageReports.coverage($0, $1) }
    byApp = try request.part("coverage_by_app", by: [.app]) { try UsageReports.coverage($0, $1) }
    byFeature = try request.part("coverage_by_feature", by: [.feature]) {
      try UsageReports.coverage($0, $1)
    }
    gaps = try request.part("gaps") { try UsageReports.gaps($0, $1) }
    steps = AdoptionSteps(gaps, coverage: byFeature)
    trend = try Self.trend(request, coverage)
    collection = request.collection.part(like: coverage.document)
    windowWarnings = request.windowWarnings
  }

  /// Windows of the same length, each a week before the next, the newest the page's own.
  private static func trend(
    _ request: ExportRequest<some UsageData>, _ coverage: ExportPart
  ) throws -> ExportPart {
    var result = coverage.document
    var rows: [[ReportValue]] = []
    let oldest = try request.data.eventBounds().map { request.options.zone.day(of: $0.lowerBound) }
    for number in (0..<windowsMax).reversed() {
      let window = Window(
        from: request.window.from.advanced(by: -7 * number), to: request.window.to.advanced(by: -7 * number))
      guard number == 0 || oldest.map({ window.from >= $0 }) ?? false else { continue }
      var options = request.options
      options.window = .days(window)
      let report = number == 0 ? coverage.document : try UsageReports.coverage(request.data, options)
      let row = report.rows.first ?? Array(repeating: .null, count: report.columns.count)
      rows.append([.text(window.from.description), .text(window.to.description)] + row)
    }
    result.columns = ["from", "to"] + result.columns
    result.rows = rows
    result.totals = []
    result.warnings = []
    return ExportPart("coverage_weeks", result)
  }

  var allParts: [ExportPart] {
    [
      coverage, byDepartment, byRole, byApp, byFeature, gaps, steps.part, trend, erosion, collection,
    ]
  }

  var page: ExportPage {
    ExportPage(
      title: "Coverage", subtitle: Wording.subtitle(coverage.document), layout: .report,
      sections: [
        overview, trendSection, gapSection, ledger(byDepartment, "department"), ledger(byRole, "role"),
        ledger(byApp, "app"),
        UnseenSection.make(
          coverage: coverage, collection: collection, parts: allParts, windowWarnings: windowWarnings),
        MethodNotes.section(allParts.filter { $0.name != "erosion" }, cost: CostNotes.rates(erosion)),
      ])
  }

  private var overview: PageSection {
    let lead: Prose =
      coverage.value("coverage") == .null
      ? "Nothing is expected of anyone in these days."
      : "Of everything that is expected of people, \(coverage.figure("coverage")) is adopted: \(coverage.figure("adopted")) of \(coverage.figure("expected")) cells of one person and one feature each."
    return PageSection(
      identifier: "overview", title: "At a glance",
      blocks: [
        .lead(lead),
        .headline([
          HeadlineFigure(
            label: "People", figure: coverage.totalFigure("people"),
            detail: "\(coverage.totalFigure("too_new")) more were active on too few days"),
          HeadlineFigure(
            label: "Coverage", figure: coverage.figure("coverage"),
            detail: "bounds \(coverage.figure("low")) to \(coverage.figure("high"))"),
          HeadlineFigure(
            label: "Reach", figure: coverage.figure("reach"), detail: "adopted, or at least tried"),
          HeadlineFigure(
            label: "Observed", figure: coverage.figure("observed"),
            detail: "\(coverage.figure("dark")) cells are dark"),
        ]),
        .list([
          "\(coverage.figure("adopted")) cells are adopted: used on as many days as expected.",
          "\(coverage.figure("tried")) are tried: used, on fewer days.",
          "\(coverage.figure("struggling")) are struggling: attempted, and never with success.",
          "\(coverage.figure("lapsed")) have lapsed: used before these days, and not in them.",
          "\(coverage.figure("never")) were never used.",
          "\(coverage.figure("dark")) are dark: nothing was seen of the person, so nothing is said.",
          "\(coverage.figure("unexpected")) people used something that is not expected of them.",
        ]),
      ])
  }

  private var trendSection: PageSection {
    guard trend.rowCount > 1 else {
      return PageSection(
        identifier: "trend", title: "Trend by week",
        blocks: [.paragraph("There are no events from before this window to compare with.")])
    }
    let columns = (0..<trend.rowCount).map { row -> ColumnChart.Column in
      let share = trend.value("coverage", row: row).amount ?? 0
      let low = trend.value("low", row: row).amount
      let high = trend.value("high", row: row).amount
      return ColumnChart.Column(
        label: trend.value("to", row: row).name.flatMap { CivilDay($0) }.map {
          Wording.short($0.advanced(by: -1))
        } ?? "?",
        total: trend.figure("coverage", row: row).text, values: [share],
        interval: low.flatMap { low in high.map { low...max(low, $0) } })
    }
    let chart = PageChart(
      title: "Coverage, by the last day of the window",
      description: "One column a window, each a week after the one before; the line is the bounds.",
      source: trend.name,
      shape: .columns(
        ColumnChart(unit: .share, series: [ChartSeries(name: "adopted", ink: .blue)], columns: columns)))
    return PageSection(
      identifier: "trend", title: "Trend by week",
      blocks: [
        .chart(chart),
        .table(
          PageTable(
            "Windows of the same length, a week apart", of: trend,
            [
              ("from", "from"), ("to", "to"), ("expected", "expected"), ("adopted", "adopted"),
              ("coverage", "coverage"), ("high", "at best"), ("reach", "reach"), ("depth", "depth"),
              ("observed", "observed"),
            ])),
        .paragraph(
          "The last day is excluded. Windows overlap, so neighbours differ by one week's events only."),
      ])
  }

  private var gapSection: PageSection {
    PageSection(
      identifier: "gaps", title: "Widest gaps, and what to do next",
      blocks: steps.part.rowCount == 0
        ? [.paragraph("Everything expected is adopted, as far as enough people are behind it to be shown.")]
        : [.chart(steps.chart), .table(steps.table), .list(Array(steps.sentences.prefix(Self.sentencesMax)))])
  }

  private func ledger(_ part: ExportPart, _ column: String) -> PageSection {
    let words = column == "app" ? "application" : column
    return PageSection(
      identifier: "by-\(words)", title: Prose(pieces: [.words("By \(words)")]),
      blocks: [
        .chart(AdoptionLedger.chart(part, by: column, title: "Expected cells by state, per \(words)")),
        .table(AdoptionLedger.table(part, by: column, header: words)),
      ])
  }
}
