import UsageModel

/// The features furthest behind the best departments, with what to do about them.
struct AdoptionSteps {
  static let rowsMax = 10

  /// What the most common state among those who have not adopted a feature calls for.
  private static let steps: [(state: String, step: String, reason: String)] = [
    ("struggling", "fix it", "tried it and never succeeded"),
    ("tried", "make it a habit", "used it on fewer days than expected"),
    ("lapsed", "ask why they stopped", "used it before and no longer do"),
    ("never", "show it, or expect it of fewer", "never used it"),
    ("dark", "look at collection first", "were not seen at all"),
  ]

  let part: ExportPart
  let sentences: [Prose]

  /// - Parameters:
  ///   - gaps: `gaps` by feature.
  ///   - coverage: `coverage --by feature` of the same window.
  init(_ gaps: ExportPart, coverage: ExportPart) {
    let order = (0..<gaps.rowCount).filter { (gaps.value("missing", row: $0).amount ?? 0) > 0 }
      .sorted { left, right in
        let keys = ["gap", "missing"]
        let first = keys.map { gaps.value($0, row: left).amount ?? -1 }
        let second = keys.map { gaps.value($0, row: right).amount ?? -1 }
        return first == second ? left < right : second.lexicographicallyPrecedes(first)
      }.prefix(Self.rowsMax)
    let key = ["app", "feature"]
    let copied = ["expected", "adopted", "missing", "adoption_benchmark", "gap"]
    var rows: [[ReportValue]] = []
    var sentences: [Prose] = []
    for row in order {
      let name = key.map { gaps.value($0, row: row) }
      let found = coverage.row(where: key, are: name)
      let counts = Self.steps.map { step in found.map { coverage.value(step.state, row: $0) } ?? .null }
      let largest = Self.steps.indices.max {
        (counts[$0].amount ?? -1, -$0) < (counts[$1].amount ?? -1, -$1)
      }
      let step = found.flatMap { _ in largest.map { Self.steps[$0] } }
      rows.append(
        name + copied.map { gaps.value($0, row: row) } + counts + [step.map { .text($0.step) } ?? .null])
      guard let step, let found else { continue }
      let start = step.step.prefix(1).uppercased() + step.step.dropFirst()
      let gap = gaps.figure("gap", row: row)
      let stake: Prose =
        gap.value == .null ? "" : "; \(gap) more would reach what the best quarter of departments do"
      sentences.append(
        "\(strong: start): \(name: gaps.label(key, row: row)), as \(coverage.figure(step.state, row: found)) of \(coverage.figure("expected", row: found)) people \(words: step.reason)\(stake)."
      )
    }
    part = .made(
      "widest_gaps", method: gaps.document.method, like: gaps.document,
      columns: key + copied + Self.steps.map(\.state) + ["next_step"], rows: rows)
    self.sentences = sentences
  }

  var table: PageTable {
    PageTable(
      "Furthest behind the best departments", of: part,
      [
        ("app", "application"), ("feature", "feature"), ("expected", "expected"), ("adopted", "adopted"),
        ("missing", "missing"), ("adoption_benchmark", "best quarter"), ("gap", "gap"),
        ("next_step", "what to do next"),
      ])
  }

  var chart: PageChart {
    let bars = (0..<part.rowCount).map { row -> BarChart.Bar in
      let adopted = part.value("adopted", row: row).amount ?? 0
      let gap = part.value("gap", row: row).amount ?? 0
      let missing = part.value("missing", row: row).amount ?? 0
      return BarChart.Bar(
        label: part.label(["app", "feature"], row: row), total: part.figure("expected", row: row).text,
        values: [adopted, gap, max(0, missing - gap)])
    }
    return PageChart(
      title: "People of whom a feature is expected",
      description:
        "One bar a feature: people who adopted it, who would as in the best departments, and the rest.",
      source: part.name,
      shape: .bars(
        BarChart(
          unit: .count,
          series: [
            ChartSeries(name: "adopted", ink: .blue),
            ChartSeries(name: "gap to the best quarter of departments", ink: .orange),
            ChartSeries(name: "others", ink: .grey),
          ], bars: bars)))
  }
}
