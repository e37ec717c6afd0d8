import UsageModel
import UsageQuery

/// The success story: ten slides, a spoken summary and a plan.
struct StoryExport {
  let erosion: ExportPart
  let lost: ExportPart
  let bottlenecks: ExportPart
  let next: NextSteps
  let plan: ActionPlan
  let coverage: ExportPart
  let coverageByRole: ExportPart
  let byRole: ExportPart
  let byApp: ExportPart
  let byDepartment: ExportPart
  let friction: ExportPart
  let frictionByApp: ExportPart
  let desk: ExportPart
  let breadth: ExportPart
  let initiatives: ExportPart
  let impact: ExportPart
  let voices: ExportPart

  init(_ request: ExportRequest<some UsageData>) throws {
    erosion = request.erosion
    lost = LostTimePart.table(erosion)
    bottlenecks = try request.part("bottlenecks") { try UsageReports.bottlenecks($0, $1) }
    friction = try request.support("friction", .friction)
    frictionByApp = try request.support("friction_by_app", .friction, by: ["app"])
    desk = try request.support("desk", .desk)
    next = NextSteps(bottlenecks, friction: friction)
    plan = ActionPlan(next)
    coverage = try request.part("coverage") { try UsageReports.coverage($0, $1) }
    coverageByRole = try request.part("coverage_by_role", by: [.role]) { try UsageReports.coverage($0, $1) }
    byRole = try request.part("erosion_by_role", by: [.role]) { try UsageReports.erosion($0, $1) }
    byApp = try request.part("erosion_by_app", by: [.app]) { try UsageReports.erosion($0, $1) }
    byDepartment = try request.part("erosion_by_department", by: [.department]) {
      try UsageReports.erosion($0, $1)
    }
    breadth = Self.breadth(bottlenecks, byApp, byDepartment, byRole)
    initiatives = try InitiativeParts.list(request)
    impact = try InitiativeParts.impact(request)
    voices = try request.part("voices") { try UsageReports.voices($0, $1) }
  }

  var allParts: [ExportPart] {
    [
      erosion, lost, bottlenecks, next.part, plan.part, coverage, coverageByRole, byRole, byApp, byDepartment,
      friction, frictionByApp, desk, breadth, initiatives, impact, voices, summaryPart,
    ]
  }

  /// How wide the service reaches: rows of reports that are large enough to be shown, and their attempts.
  private static func breadth(
    _ bottlenecks: ExportPart, _ apps: ExportPart, _ departments: ExportPart, _ roles: ExportPart
  ) -> ExportPart {
    func sum(_ column: String) -> Int64 {
      (0..<bottlenecks.rowCount).reduce(0) {
        $0 + Int64(clamping: bottlenecks.value(column, row: $1).amount ?? 0)
      }
    }
    let (attempts, failed) = (sum("attempts"), sum("failed"))
    let share = attempts > 0 ? ReportValue.number(Double(attempts - failed) / Double(attempts)) : .null
    let named = { (part: ExportPart, column: String) in
      ReportValue.integer(Int64((0..<part.rowCount).count { part.value(column, row: $0) != .null }))
    }
    return .made(
      "breadth", method: bottlenecks.document.method, like: bottlenecks.document,
      columns: [
        "applications", "features", "departments", "roles", "attempts", "ok", "ok_share",
      ],
      rows: [
        [
          named(apps, "app"), .integer(Int64(bottlenecks.rowCount)), named(departments, "department"),
          named(roles, "role"), .integer(attempts), .integer(attempts - failed), share,
        ]
      ])
  }

  var page: ExportPage {
    ExportPage(
      title: "What people get done, and what support does for it",
      subtitle: Wording.subtitle(erosion.document),
      layout: .slides,
      sections: [
        breadthSlide, valueSlide, lostSlide, silentSlide, changeSlide, impactSlide, costSlide, voiceSlide,
        roleSlide, planSlide, summarySection,
      ])
  }

  // MARK: Slides

  private var breadthSlide: PageSection {
    PageSection(
      identifier: "breadth",
      title:
        "\(erosion.totalFigure("people")) people work with \(breadth.figure("applications")) applications",
      blocks: [
        .lead(
          "Whatever they do in them, support is for all of it: people who call, and people who never do."),
        .headline([
          HeadlineFigure(
            label: "Features in use", figure: breadth.figure("features"),
            detail: "tried \(breadth.figure("attempts")) times"),
          HeadlineFigure(
            label: "Departments", figure: breadth.figure("departments"),
            detail: "in \(breadth.figure("roles")) roles"),
          HeadlineFigure(
            label: "Application time", figure: erosion.figure("face_ms").inHours,
            detail: "seen in these days"),
          HeadlineFigure(
            label: "Tickets", figure: desk.totalFigure("tickets"),
            detail: "by \(desk.totalFigure("requesters")) people"),
        ]),
        .paragraph(
          "Counted are applications, features, departments and roles with enough people to be shown."),
      ])
  }

  /// Whether features that enough people use were tried at all.
  private var hasAttempts: Bool { breadth.value("ok_share") != .null }

  private var valueSlide: PageSection {
    PageSection(
      identifier: "value",
      title: hasAttempts
        ? "\(breadth.figure("ok_share")) of what people try succeeds" : "What has become people's habit",
      blocks: [
        .lead(
          hasAttempts
            ? "\(breadth.figure("ok")) attempts did what they were for, and \(coverage.figure("coverage")) of what is expected of people has become their habit."
            : "Coverage is \(coverage.figure("coverage")): the share of what is expected of people that they do as often as expected."
        ),
        .headline([
          HeadlineFigure(
            label: "Coverage", figure: coverage.figure("coverage"),
            detail: "bounds \(coverage.figure("low")) to \(coverage.figure("high"))"),
          HeadlineFigure(
            label: "Reach", figure: coverage.figure("reach"), detail: "adopted, or at least tried"),
          HeadlineFigure(
            label: "Tickets resolved", figure: desk.totalFigure("resolution_rate"),
            detail: "half within \(desk.totalFigure("resolution_median_ms"))"),
          HeadlineFigure(
            label: "Satisfaction", figure: desk.totalFigure("satisfaction"),
            detail: "\(desk.totalFigure("satisfaction_answers")) answers"),
        ]),
      ])
  }

  private var lostSlide: PageSection {
    let hasRows = next.part.rowCount > 0
    return PageSection(
      identifier: "lost",
      title: erosion.value("erosion") == .null
        ? "No application time was seen" : "\(erosion.figure("erosion")) of application time is lost",
      blocks: [
        .lead(
          "\(erosion.figure("lost_ms").inHours): \(lost.figure("lost_ms", row: 0).inHours) to failed attempts, \(lost.figure("lost_ms", row: 1).inHours) to slowness, \(lost.figure("lost_ms", row: 2).inHours) to looking for help, \(lost.figure("lost_ms", row: 3).inHours) to interruptions."
        )
      ] + (hasRows ? [.chart(next.chart)] : []))
  }

  private var silentSlide: PageSection {
    let silent = friction.totalFigure("silent")
    return PageSection(
      identifier: "silent",
      title: silent.value == .null
        ? "No friction took any time" : "\(silent) of the friction never became a ticket",
      blocks: [
        .lead(
          "\(friction.totalFigure("silent_ms").inHours) of trouble that nobody called about, beside \(friction.totalFigure("above_ms").inHours) behind tickets."
        ),
        .chart(FrictionSection.chart(frictionByApp)),
      ])
  }

  private var changeSlide: PageSection {
    PageSection(
      identifier: "changes",
      title: initiatives.rowCount == 0 ? "No change is written down" : "What is changing",
      blocks: initiatives.rowCount == 0
        ? [
          .lead(
            "Rollouts and releases are written down with 'waterline change add', what support does with 'waterline intervention add'. Then their effect can be measured."
          )
        ]
        : [
          .table(
            PageTable(
              "Changes of the software, and interventions of support", of: initiatives,
              [
                ("start", "from"), ("name", "name"), ("sort", "sort"), ("kind", "kind"),
                ("app", "application"),
                ("cohort", "for"),
              ]))
        ])
  }

  private var impactSlide: PageSection {
    let rows = (0..<impact.rowCount).filter {
      ["erosion", "ok_share", "strikeouts", "tickets"].contains(impact.value("outcome", row: $0).name)
    }
    return PageSection(
      identifier: "impact",
      title: rows.isEmpty ? "No impact is measured yet" : "What it did, against people not yet reached",
      blocks: rows.isEmpty
        ? [
          .lead(
            "An impact needs an intervention or change with two whole weeks around its start, and people it has not reached."
          )
        ]
        : [
          .list(rows.map { InitiativeParts.sentence(impact, row: $0) }),
          .paragraph(
            "Intervals that hold 0 show no effect. Where a whole department was reached, whatever else happened to it is in the number too."
          ),
        ])
  }

  private var costSlide: PageSection {
    let currency = erosion.total("cost_currency").name
    guard let currency else {
      return PageSection(
        identifier: "cost", title: "Cost: no rate given",
        blocks: [
          .lead(
            "\(erosion.figure("lost_ms").inHours) are lost and \(desk.totalFigure("tickets")) tickets were opened. What an hour and a ticket cost is not set, so no money is shown."
          ),
          .paragraph("The settings cost.hour, cost.ticket and cost.currency say it."),
        ])
    }
    return PageSection(
      identifier: "cost", title: "What the lost time costs",
      blocks: [
        .headline([
          HeadlineFigure(
            label: "Lost time, \(currency)", figure: erosion.figure("cost_lost").worded(Wording.money),
            detail:
              "\(erosion.figure("lost_ms").inHours) at \(erosion.totalFigure("cost_hour").worded(Wording.rate)) an hour"
          ),
          HeadlineFigure(
            label: "Tickets, \(currency)", figure: desk.totalFigure("cost_tickets").worded(Wording.money),
            detail:
              "\(desk.totalFigure("tickets")) at \(desk.totalFigure("cost_ticket").worded(Wording.rate)) each"
          ),
        ]),
        .paragraph("The rates are the organisation's own, and the amounts no more exact than they are."),
      ])
  }

  private var voiceSlide: PageSection {
    PageSection(
      identifier: "voices",
      title: voices.rowCount == 0 ? "No words are shared by enough people" : "What people write in tickets",
      blocks: (voices.rowCount == 0
        ? []
        : [
          .quotes(
            (0..<min(6, voices.rowCount)).map { row in
              "“\(name: voices.value("phrase", row: row).name ?? "")” – \(voices.figure("people", row: row)) people"
            })
        ])
        + [
          .paragraph(
            "Only words that several people used stand here, and none that names anybody: people wrote to the desk, not to this page."
          )
        ])
  }

  private var roleSlide: PageSection {
    PageSection(
      identifier: "roles", title: "Who is served how well, by role",
      blocks: [
        .chart(AdoptionLedger.chart(coverageByRole, by: "role", title: "Expected cells by state, per role"))
      ])
  }

  private var planSlide: PageSection {
    PageSection(
      identifier: "plan", title: "The next 30, 60 and 90 days",
      blocks: plan.phases.flatMap { phase in
        [PageBlock.paragraph("\(strong: phase.title)"), .list(phase.items)]
      } + [
        .paragraph(
          "Each step is written down with 'waterline intervention add' when it begins; 'waterline impact' then tells what it did."
        )
      ])
  }

  // MARK: Spoken summary

  private var succeeded: Prose {
    hasAttempts ? ", and \(breadth.figure("ok_share")) of what they tried succeeded" : ""
  }

  private var summary: Prose {
    var sentences: [Prose] = [
      "In these \(words: "\(erosion.document.window.dayCount)") days, \(erosion.totalFigure("people")) people worked with \(breadth.figure("applications")) applications\(succeeded).",
      erosion.value("erosion") == .null
        ? "No application time was seen, so nothing can be said about what was lost."
        : "Still, \(erosion.figure("erosion")) of their time was lost to failures, slowness, searching for help and interruptions.",
    ]
    if friction.total("silent") != .null {
      sentences.append("Of the friction, \(friction.totalFigure("silent")) never reached the desk.")
    }
    if next.advice.first != nil {
      let name = SpokenSummary.name(next.part.label(["app", "feature"], row: 0))
      sentences.append("Most is lost in \(name: name), so that is where we start.")
    }
    sentences.append("In ninety days we will measure what it did.")
    return SpokenSummary.compose(
      sentences,
      fillers: [
        "Our plan names the most costly steps first.", "Every number has its source.",
        "Nobody is named, and small groups are left out.",
        "We look at everybody, at those who call and at those who never do.",
        "What we cannot see, we say.", "Anybody can compute these figures again.",
      ])
  }

  private var summaryPart: ExportPart {
    .made(
      "summary", method: "waterline-story/1", like: erosion.document, columns: ["text", "words"],
      rows: [[.text(summary.plainText), .integer(Int64(SpokenSummary.wordCount(summary)))]])
  }

  private var summarySection: PageSection {
    PageSection(
      identifier: "summary", title: "Said in 30 seconds",
      blocks: [
        .lead(summary),
        .paragraph(
          "\(summaryPart.figure("words")) words. Read aloud at an even pace they take about half a minute."),
      ], isNotes: true)
  }
}
