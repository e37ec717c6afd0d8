import UsageModel
import UsageQuery

/// The service desk's own page, apart from management's.
struct DeskExport {
  private static let rowsMax = 15

  let desk: ExportPart
  let byPriority: ExportPart
  let byGroup: ExportPart
  let byLevel: ExportPart
  let byApp: ExportPart
  let byCategory: ExportPart
  let weeks: ExportPart
  let collection: ExportPart
  let windowWarnings: [String]

  init(_ request: ExportRequest<some UsageData>) throws {
    desk = try request.support("desk", .desk)
    byPriority = try request.support("desk_by_priority", .desk, by: ["priority"])
    byGroup = try request.support("desk_by_group", .desk, by: ["group"])
    byLevel = try request.support("desk_by_level", .desk, by: ["level"])
    byApp = try request.support("desk_by_app", .desk, by: ["app"])
    byCategory = try request.support("desk_by_category", .desk, by: ["category"])
    weeks = try Self.weeks(request, desk)
    collection = request.collection.part(like: desk.document)
    windowWarnings = request.windowWarnings
  }

  /// One row a week: desk figures of the tickets opened in it, and the backlog at its end.
  private static func weeks(
    _ request: ExportRequest<some UsageData>, _ desk: ExportPart
  ) throws -> ExportPart {
    var result = desk.document
    var rows: [[ReportValue]] = []
    for week in try WeeklyTrend.weeks(request) {
      var options = request.options
      options.window = .days(week)
      let report = try UsageReports.support(request.data, options, SupportChoice(view: .desk))
      let row = report.rows.first ?? Array(repeating: .null, count: report.columns.count)
      rows.append([.text(week.from.description), .text(week.to.description)] + row)
    }
    result.columns = ["from", "to"] + result.columns
    result.rows = rows
    result.totals = []
    result.warnings = []
    return ExportPart("desk_weeks", result)
  }

  var allParts: [ExportPart] {
    [desk, byPriority, byGroup, byLevel, byApp, byCategory, weeks, collection]
  }

  var page: ExportPage {
    ExportPage(
      title: "Service desk", subtitle: Wording.subtitle(desk.document), layout: .report,
      sections: [
        overview, backlog, trend,
        section("priorities", "Priorities", byPriority, "priority"),
        ownership, section("applications", "By application", byApp, "app", header: "application"),
        section("categories", "By category", byCategory, "category"), notes,
        MethodNotes.section([desk], cost: CostNotes.rates(desk)),
      ])
  }

  // MARK: Sections

  private var overview: PageSection {
    let tickets = desk.totalFigure("tickets")
    let lead: Prose =
      tickets.value == .integer(0)
      ? "No ticket was opened in these days."
      : "\(desk.totalFigure("requesters")) people opened \(tickets) tickets; \(desk.totalFigure("resolved")) of them are resolved. Half were resolved within \(desk.totalFigure("resolution_median_ms")), nine in ten within \(desk.totalFigure("resolution_p90_ms"))."
    return PageSection(
      identifier: "overview", title: "At a glance",
      blocks: [
        .lead(lead),
        .headline([
          HeadlineFigure(label: "Tickets", figure: tickets, detail: cost),
          HeadlineFigure(
            label: "Backlog", figure: desk.totalFigure("backlog"),
            detail: "\(desk.totalFigure("backlog_over_30_days")) older than 30 days"),
          HeadlineFigure(
            label: "First response", figure: desk.totalFigure("first_response_median_ms"),
            detail: "median; nine in ten within \(desk.totalFigure("first_response_p90_ms"))"),
          HeadlineFigure(
            label: "Resolution", figure: desk.totalFigure("resolution_median_ms"),
            detail: "median; nine in ten within \(desk.totalFigure("resolution_p90_ms"))"),
        ]),
        .list([
          "\(desk.totalFigure("resolution_rate")) of the tickets opened in these days are resolved; \(desk.totalFigure("reopened")) were opened again.",
          "\(desk.totalFigure("escalated")) went from one group to another, \(desk.totalFigure("without_owner")) have no owner.",
          "\(desk.totalFigure("satisfaction_answers")) tickets carry an answer about satisfaction: \(desk.totalFigure("satisfaction")) on average.",
          "\(desk.totalFigure("effort_minutes")) minutes of work are booked on them.",
          "The 5% of people who call most (\(desk.totalFigure("top5_people"))) opened \(desk.totalFigure("top5_share")) of the tickets of the population.",
          "\(desk.totalFigure("unrostered_tickets")) tickets are by people outside the population.",
        ]),
      ])
  }

  private var cost: Prose {
    guard let currency = desk.total("cost_currency").name, desk.total("cost_tickets") != .null else {
      return "no rate given"
    }
    return "\(desk.totalFigure("cost_tickets").worded(Wording.money)) \(name: currency)"
  }

  private static let ages: [(column: String, words: String)] = [
    ("backlog_0_1_days", "0–1 days"), ("backlog_2_7_days", "2–7 days"), ("backlog_8_30_days", "8–30 days"),
    ("backlog_over_30_days", "over 30 days"),
  ]
  private static let inks: [ChartInk] = [.sky, .blue, .orange, .vermillion]

  private var backlog: PageSection {
    let bars = (0..<byGroup.rowCount).prefix(Self.rowsMax).map { row in
      BarChart.Bar(
        label: byGroup.label(["group"], row: row), total: byGroup.figure("backlog", row: row).text,
        values: Self.ages.map { max(0, byGroup.value($0.column, row: row).amount ?? 0) })
    }
    let chart = PageChart(
      title: "Open tickets by group and age",
      description: "One bar a group, divided by how old its open tickets are.",
      source: byGroup.name,
      shape: .bars(
        BarChart(
          unit: .count,
          series: zip(Self.ages, Self.inks).map { ChartSeries(name: $0.words, ink: $1) }, bars: Array(bars))))
    return PageSection(
      identifier: "backlog", title: "Backlog and ageing",
      blocks: [
        .lead(
          "\(desk.totalFigure("backlog")) tickets were open at the end: \(desk.totalFigure("backlog_0_1_days")) for up to a day, \(desk.totalFigure("backlog_2_7_days")) for up to a week, \(desk.totalFigure("backlog_8_30_days")) for up to 30 days and \(desk.totalFigure("backlog_over_30_days")) for longer."
        ),
        .chart(chart),
        .table(
          PageTable(
            "Open tickets at the end of the window", of: byGroup,
            [("group", "group"), ("backlog", "backlog")] + Self.ages.map { ($0.column, $0.words) },
            rowsMax: Self.rowsMax)),
      ])
  }

  private var trend: PageSection {
    guard weeks.rowCount > 0 else {
      return PageSection(
        identifier: "trend", title: "Trend by week",
        blocks: [.paragraph("There is no whole week of events yet.")])
    }
    let columns = (0..<weeks.rowCount).map { row -> ColumnChart.Column in
      let tickets = weeks.value("tickets", row: row).amount ?? 0
      let resolved = weeks.value("resolved", row: row).amount ?? 0
      return ColumnChart.Column(
        label: weeks.value("from", row: row).name.flatMap { CivilDay($0) }.map(Wording.short) ?? "?",
        total: weeks.figure("tickets", row: row).text, values: [resolved, max(0, tickets - resolved)],
        interval: nil)
    }
    let chart = PageChart(
      title: "Tickets opened, by week",
      description:
        "One column a week, named by its first day, divided into what is resolved by now and what is not.",
      source: weeks.name,
      shape: .columns(
        ColumnChart(
          unit: .count,
          series: [
            ChartSeries(name: "resolved", ink: .blue), ChartSeries(name: "not resolved", ink: .orange),
          ],
          columns: columns)))
    return PageSection(
      identifier: "trend", title: "Trend by week",
      blocks: [
        .chart(chart),
        .table(
          PageTable(
            "Tickets opened in each week, and the backlog at its end", of: weeks,
            [
              ("from", "week from"), ("tickets", "tickets"), ("resolved", "resolved"), ("backlog", "backlog"),
              ("first_response_median_ms", "first response"), ("resolution_median_ms", "resolution"),
              ("reopened", "reopened"), ("escalated", "escalated"), ("without_owner", "no owner"),
              ("satisfaction", "satisfaction"),
            ])),
      ])
  }

  private func section(
    _ identifier: String, _ title: Prose, _ part: ExportPart, _ column: String, header: String? = nil
  ) -> PageSection {
    PageSection(
      identifier: identifier, title: title,
      blocks: [
        .table(
          PageTable(
            "Tickets opened in these days: median and nine in ten of response and resolution", of: part,
            [
              (column, header ?? column), ("tickets", "tickets"), ("resolution_rate", "resolved"),
              ("first_response_median_ms", "first response"), ("first_response_p90_ms", "90%"),
              ("resolution_median_ms", "resolution"), ("resolution_p90_ms", "90%"), ("reopened", "reopened"),
              ("backlog", "backlog"),
            ], rowsMax: Self.rowsMax))
      ])
  }

  private var ownership: PageSection {
    let columns: [(name: String, header: String)] = [
      ("tickets", "tickets"), ("escalated", "escalated"), ("without_owner", "no owner"),
      ("reopened", "reopened"), ("effort_minutes", "minutes of work"), ("satisfaction", "satisfaction"),
    ]
    return PageSection(
      identifier: "ownership", title: "Escalations and ownership",
      blocks: [
        .lead(
          "\(desk.totalFigure("escalated")) of \(desk.totalFigure("tickets")) tickets went from one group to another; \(desk.totalFigure("without_owner")) have no owner."
        ),
        .table(PageTable("By group", of: byGroup, [("group", "group")] + columns, rowsMax: Self.rowsMax)),
        .table(PageTable("By level", of: byLevel, [("level", "level")] + columns, rowsMax: Self.rowsMax)),
      ])
  }

  private var notes: PageSection {
    let warnings = UnseenSection.warnings(allParts, windowWarnings)
    return PageSection(
      identifier: "notes", title: "What is missing",
      blocks: warnings.isEmpty
        ? [.paragraph("No report warns of anything.")]
        : [.paragraph("The reports warn:"), .list(warnings)])
  }
}
