import UsageModel
import UsageQuery

/// What was changed and done, and what it did.
enum InitiativeParts {
  /// As many fit a slide.
  private static let listedMax = 8
  private static let measuredMax = 2

  private struct Known {
    var sort: Initiative.Sort
    var initiative: Initiative
  }

  /// Interventions and changes that began before the window's end, newest first.
  private static func known(_ request: ExportRequest<some UsageData>) throws -> [Known] {
    let end = request.window.to
    return try Initiative.Sort.allCases.flatMap { sort in
      try request.data.initiatives(sort).map { Known(sort: sort, initiative: $0) }
    }.filter { request.options.zone.day(of: $0.initiative.startMilliseconds) < end }
      .sorted {
        ($1.initiative.startMilliseconds, Utf8Key($0.initiative.name), Utf8Key($0.initiative.cohort))
          < ($0.initiative.startMilliseconds, Utf8Key($1.initiative.name), Utf8Key($1.initiative.cohort))
      }
  }

  static func list(_ request: ExportRequest<some UsageData>) throws -> ExportPart {
    let rows = try known(request).prefix(listedMax).map { known -> [ReportValue] in
      let initiative = known.initiative
      let cohort = (try? Cohort(initiative.cohort))?.publicText ?? "?"
      return [
        .text(known.sort.rawValue), .text(initiative.name), .text(initiative.kind),
        initiative.app.map(ReportValue.text) ?? .null, .text(cohort.isEmpty ? "everyone" : cohort),
        .text(request.options.zone.day(of: initiative.startMilliseconds).description),
      ]
    }
    return .made(
      "initiatives", method: "waterline-initiatives/1", like: request.erosion.document,
      columns: ["sort", "name", "kind", "app", "cohort", "start"], rows: Array(rows))
  }

  /// The simple aggregate of each outcome of the newest initiatives, over all that is stored up to the window's end.
  static func impact(_ request: ExportRequest<some UsageData>) throws -> ExportPart {
    let copied = ["outcome", "estimate", "low", "high", "people", "controls", "status"]
    var result = request.erosion.document
    result.report = "impact"
    result.method = "waterline-impact/1"
    result.columns = ["name"] + copied
    result.rows = []
    result.totals = []
    result.warnings = []
    guard let oldest = try request.data.eventBounds()?.lowerBound else { return ExportPart("impact", result) }
    var options = request.options
    let first = request.options.zone.day(of: oldest)
    guard first < request.window.to else { return ExportPart("impact", result) }
    options.window = .days(Window(from: first, to: request.window.to))
    var names: [String] = []
    for known in try known(request)
    where !names.contains(where: { $0.hasSameBytes(as: known.initiative.name) }) {
      names.append(known.initiative.name)
    }
    for name in names.prefix(measuredMax) {
      let report: ReportDocument
      do {
        report = try UsageReports.impact(request.data, options, name: name, isWholeHistory: false)
      } catch is QueryError {
        // Its text may repeat a cohort, and with it names of people.
        result.warnings.append(
          "impact of \(name) cannot be had over these weeks; 'waterline impact' says why")
        continue
      }
      let part = ExportPart("impact", report)
      for row in 0..<part.rowCount where part.value("aggregate", row: row) == .text("simple") {
        result.rows.append([.text(name)] + copied.map { part.value($0, row: row) })
      }
      result.warnings += report.warnings
    }
    return ExportPart("impact", result)
  }

  /// A row of ``impact(_:)`` as a sentence; only an effect is called one.
  static func sentence(_ part: ExportPart, row: Int) -> Prose {
    let outcome = part.value("outcome", row: row).name ?? ""
    func figure(_ column: String) -> Figure {
      part.figure(column, row: row).worded { text($0.amount ?? 0, of: outcome) }
    }
    let interval: Prose =
      part.value("low", row: row) == .null
      ? "no interval" : "95% interval \(figure("low").withoutUnit) to \(figure("high"))"
    let kind =
      part.value("status", row: row) == .text("effect")
      ? "" : "; before and after only, which is no effect"
    return
      "\(name: part.value("name", row: row).name ?? ""): \(words: words[outcome] ?? outcome) \(figure("estimate")) (\(interval); \(part.figure("people", row: row)) people, \(part.figure("controls", row: row)) not reached\(words: kind))."
  }

  private static let words = [
    "erosion": "erosion", "ok_share": "share of attempts that succeed", "depth": "depth of use",
    "strikeouts": "strike-outs a person and week", "tickets": "tickets a person and week",
    "lost_ms": "time lost a person and week",
  ]

  private static func text(_ value: Double, of outcome: String) -> String {
    let sign = value > 0 ? "+" : ""
    return switch outcome {
    case "erosion", "ok_share", "depth": sign + ChartNumber.fixed(value * 100, decimals: 1) + " points"
    case "lost_ms": sign + ChartNumber.fixed(value / 60_000, decimals: 1) + " minutes"
    default: sign + ChartNumber.fixed(value, decimals: 3)
    }
  }
}

extension Figure {
  /// The number alone, where the unit follows.
  fileprivate var withoutUnit: Figure {
    var figure = self
    figure.text = String(text.prefix { $0 != " " })
    return figure
  }
}
