import UsageModel

/// Friction that nobody called about, against that which became a ticket.
enum FrictionSection {
  private static let barsMax = 12

  static func make(byApp: ExportPart, byFeature: ExportPart) -> PageSection {
    let silent = byFeature.totalFigure("silent")
    let lead: Prose =
      silent.value == .null
      ? "Nothing that failed, interrupted or sent people for help took any time."
      : "\(silent) of the friction never became a ticket: \(byFeature.totalFigure("silent_ms").inHours) of \(byFeature.totalFigure("friction_ms").inHours). People opened \(byFeature.totalFigure("tickets")) tickets in the same days."
    return PageSection(
      identifier: "silent", title: "Silent against ticketed friction",
      blocks: [
        .lead(lead), .chart(chart(byApp)),
        .table(
          PageTable(
            "Most silent features; a rank by pain far above that by tickets is where the desk does not look",
            of: byFeature,
            [
              ("app", "application"), ("feature", "feature"), ("silent_ms", "silent"),
              ("above_ms", "ticketed"),
              ("silent", "share silent"), ("tickets", "tickets"), ("rank_pain", "rank by pain"),
              ("rank_tickets", "rank by tickets"),
            ], rowsMax: NextSteps.rowsMax, isInHours: true)),
      ])
  }

  static func chart(_ part: ExportPart) -> PageChart {
    let bars = (0..<part.rowCount).prefix(barsMax).map { row in
      BarChart.Bar(
        label: part.label(["app"], row: row), total: part.figure("friction_ms", row: row).inHours.text,
        values: [
          Wording.hours(part.value("silent_ms", row: row)), Wording.hours(part.value("above_ms", row: row)),
        ])
    }
    return PageChart(
      title: "Hours of friction, silent and ticketed, by application",
      description:
        "Failed attempts, help and interruptions; ticketed where the person opened a ticket by a day later.",
      source: part.name,
      shape: .bars(
        BarChart(
          unit: .hours,
          series: [
            ChartSeries(name: "silent", ink: .blue), ChartSeries(name: "ticketed", ink: .orange),
          ], bars: Array(bars))))
  }
}
