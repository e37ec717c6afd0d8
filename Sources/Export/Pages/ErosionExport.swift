import UsageModel
import UsageQuery

/// Management's page: what application time is lost to, and what to do next.
struct ErosionExport {
  private static let barsMax = 12
  /// What fits a printed page; the other forms hold every row.
  private static let tableRowsMax = 24

  let erosion: ExportPart
  let parts: ExportPart
  let weeks: ExportPart
  let byApp: ExportPart
  let byDepartment: ExportPart
  let bottlenecks: ExportPart
  let coverage: ExportPart
  let coverageByDepartment: ExportPart
  let friction: ExportPart
  let frictionByApp: ExportPart
  let next: NextSteps
  let collection: ExportPart
  let windowWarnings: [String]

  init(_ request: ExportRequest<some UsageData>) throws {
    erosion = request.erosion
    parts = LostTimePart.table(erosion)
    byApp = try request.part("erosion_by_app", by: [.app]) { try UsageReports.erosion($0, $1) }
    byDepartment = try request.part("erosion_by_department", by: [.department]) {
      try UsageReports.erosion($0, $1)
    }
    bottlenecks = try request.part("bottlenecks") { try UsageReports.bottlenecks($0, $1) }
    coverage = try request.part("coverage") { try UsageReports.coverage($0, $1) }
    coverageByDepartment = try request.part("coverage_by_department", by: [.department]) {
      try UsageReports.coverage($0, $1)
    }
    friction = try request.support("friction", .friction)
    frictionByApp = try request.support("friction_by_app", .friction, by: ["app"])
    next = NextSteps(bottlenecks, friction: friction)
    weeks = try WeeklyTrend.erosion(request)
    collection = request.collection.part(like: erosion.document)
    windowWarnings = request.windowWarnings
  }

  var allParts: [ExportPart] {
    [
      erosion, parts, weeks, byApp, byDepartment, bottlenecks, next.part, coverage, coverageByDepartment,
      friction, frictionByApp, collection,
    ]
  }

  var page: ExportPage {
    ExportPage(
      title: "Application time lost", subtitle: Wording.subtitle(erosion.document), layout: .report,
      sections: [
        overview, trend, costly, places, ledger,
        FrictionSection.make(byApp: frictionByApp, byFeature: friction),
        UnseenSection.make(
          coverage: coverage, collection: collection, parts: allParts, windowWarnings: windowWarnings),
        MethodNotes.section(allParts, cost: CostNotes.rates(erosion)),
      ])
  }

  // MARK: Sections

  private var overview: PageSection {
    let lost = erosion.figure("lost_ms").inHours
    var lead: Prose =
      "People lost \(lost) of \(erosion.figure("face_ms").inHours) of application time to software that failed, ran slow, sent them looking for help or interrupted them."
    if erosion.value("erosion") == .null { lead = "No application time was seen in these days." }
    if let first = next.advice.first {
      let name = next.part.label(["app", "feature"], row: 0)
      lead =
        lead
        + " The most costly feature is \(name: name), with \(next.part.figure("lost_ms", row: 0).inHours): \(words: first.words)."
    }
    return PageSection(
      identifier: "overview", title: "At a glance",
      blocks: [
        .lead(lead),
        .headline([
          HeadlineFigure(
            label: "People", figure: erosion.totalFigure("people"),
            detail: "in the population of these days"),
          HeadlineFigure(
            label: "Coverage", figure: coverage.figure("coverage"),
            detail: "bounds \(coverage.figure("low")) to \(coverage.figure("high"))"),
          HeadlineFigure(label: "Erosion", figure: erosion.figure("erosion"), detail: interval),
          HeadlineFigure(label: "Lost time", figure: lost, detail: CostNotes.lost(erosion)),
        ]),
        .chart(partsChart),
        .table(
          PageTable(
            "The four parts of the lost time; points are percent of all application time", of: parts,
            [("part", "lost to"), ("lost_ms", "time"), ("points", "points"), ("share", "share of the lost")],
            isInHours: true)),
      ])
  }

  private var interval: Prose {
    guard erosion.value("low") != .null else { return "too few people for an interval" }
    return "95% interval \(erosion.figure("low")) to \(erosion.figure("high"))"
  }

  private var partsChart: PageChart {
    let bars = LostTimePart.allCases.indices.map { row in
      BarChart.Bar(
        label: LostTimePart.allCases[row].words, total: parts.figure("lost_ms", row: row).inHours.text,
        values: LostTimePart.allCases.indices.map {
          $0 == row ? Wording.hours(parts.value("lost_ms", row: row)) : 0
        })
    }
    return PageChart(
      title: "Hours lost, by part", description: "One bar for each of the four parts.",
      source: parts.name,
      shape: .bars(BarChart(unit: .hours, series: LostTimePart.series, bars: bars)))
  }

  private var trend: PageSection {
    let blocks: [PageBlock] =
      weeks.rowCount == 0
      ? [.paragraph("There is no whole week of events yet.")]
      : [
        .chart(WeeklyTrend.chart(weeks)),
        .table(
          PageTable(
            "Week by week: time lost of the application time; low and high enclose erosion", of: weeks,
            [
              ("from", "week from"), ("people", "people"), ("face_ms", "time"), ("lost_ms", "lost"),
              ("erosion", "erosion"), ("low", "low"), ("high", "high"), ("failed_ms", "failed"),
              ("slow_ms", "slow"), ("help_ms", "help"), ("interruption_ms", "interrupted"),
            ], isInHours: true)),
        .paragraph(
          "Weeks end with the window and are measured against its best-practice times. Slow time needs five uses of a person and feature in the week, so weeks hold less of it than the whole window."
        ),
      ]
    return PageSection(identifier: "trend", title: "Trend by week", blocks: blocks)
  }

  private var costly: PageSection {
    let blocks: [PageBlock] =
      next.part.rowCount == 0
      ? [.paragraph("No feature lost any time, as far as enough people use it to be shown.")]
      : [.chart(next.chart), .table(next.table), .list(next.sentences)]
    return PageSection(
      identifier: "bottlenecks", title: "What costs most, and what to do next", blocks: blocks)
  }

  private var places: PageSection {
    let rows = (0..<byApp.rowCount).sorted { left, right in
      let (first, second) = (
        Wording.hours(byApp.value("lost_ms", row: left)), Wording.hours(byApp.value("lost_ms", row: right))
      )
      return first == second ? left < right : first > second
    }
    let bars = rows.prefix(Self.barsMax).map { row in
      BarChart.Bar(
        label: byApp.label(["app"], row: row), total: byApp.figure("erosion", row: row).text,
        values: LostTimePart.hours(byApp, row: row))
    }
    let chart = PageChart(
      title: "Hours lost by application, and the share of its time that is",
      description: "One bar an application, divided into the four parts; behind it erosion.",
      source: byApp.name,
      shape: .bars(BarChart(unit: .hours, series: LostTimePart.series, bars: Array(bars))))
    return PageSection(
      identifier: "where", title: "Where it is lost",
      blocks: [
        .chart(chart),
        .table(
          PageTable(
            "By department: time lost of the application time; low and high enclose erosion",
            of: byDepartment,
            [("department", "department")] + Self.columns, rowsMax: Self.tableRowsMax, isInHours: true)),
      ])
  }

  private static let columns: [(name: String, header: String)] = [
    ("people", "people"), ("face_ms", "time"), ("lost_ms", "lost"), ("points", "points"),
    ("erosion", "erosion"), ("low", "low"), ("high", "high"), ("failed_ms", "failed"), ("slow_ms", "slow"),
    ("help_ms", "help"), ("interruption_ms", "interrupted"),
  ]

  private var ledger: PageSection {
    PageSection(
      identifier: "ledger", title: "Coverage by department",
      blocks: [
        .chart(
          AdoptionLedger.chart(
            coverageByDepartment, by: "department", title: "Expected cells by state, per department")),
        .table(AdoptionLedger.table(coverageByDepartment, by: "department", header: "department")),
      ])
  }
}
