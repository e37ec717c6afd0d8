import UsageModel

/// What to do about a bottleneck, told from its factors by fixed rules.
enum NextStep: String, CaseIterable {
  /// Failures cost most: the software is to be mended.
  case fix = "fix it"
  /// Slowness of some people: they are to be shown how.
  case train = "train people"
  /// Slowness of most people: the way of working is to be made shorter.
  case simplify = "simplify it"
  /// Too few people to tell.
  case watch = "keep watching"
}

/// The next step for one bottleneck, with its reason.
struct Advice: Equatable {
  /// Failures lead where they cost at least half of the time.
  static let failedShareMin = 0.5
  /// From half of the people on, slowness is the tool's and not the people's.
  static let reachMin = 0.5
  /// From nine tenths of silent friction on, the desk does not hear of it by itself.
  static let silentMin = 0.9
  /// Asking pays where what nobody called about is at least half of what is lost.
  static let silentShareOfLostMin = 0.5

  let step: NextStep
  /// Whether to go and ask people besides, as hardly any of it reaches the desk.
  let asksPeople: Bool
  /// The sentence names the factors that decided.
  let reason: Prose

  /// - Parameters:
  ///   - row: of `bottlenecks`.
  ///   - friction: `support --view friction` of the same window.
  init(_ bottlenecks: ExportPart, row: Int, friction: ExportPart) {
    let key = ["app", "feature"]
    let frictionRow = friction.row(where: key, are: key.map { bottlenecks.value($0, row: row) })
    let silent = frictionRow.map { friction.figure("silent", row: $0) }
    let people = bottlenecks.figure("people", row: row)
    let affected = bottlenecks.figure("people_affected", row: row)
    let lost = bottlenecks.value("lost_ms", row: row).amount ?? 0
    let silentTime = frictionRow.flatMap { friction.value("silent_ms", row: $0).amount } ?? 0
    asksPeople =
      (silent?.value.amount ?? 0) >= Self.silentMin && silentTime >= Self.silentShareOfLostMin * lost
    let slow = frictionRow.flatMap { friction.value("slow_ms", row: $0).amount }
    let isFailing =
      slow.map { lost - $0 >= Self.failedShareMin * lost }
      ?? ((bottlenecks.value("failed", row: row).amount ?? 0)
        >= Self.failedShareMin * (bottlenecks.value("eroded", row: row).amount ?? 0))
    var reason: Prose
    if bottlenecks.value("score", row: row) == .null {
      step = .watch
      reason = "only \(people) people tried it, too few to judge"
    } else if isFailing {
      step = .fix
      let failed = bottlenecks.figure("failed", row: row)
      reason =
        "\(failed) of \(bottlenecks.figure("attempts", row: row)) attempts failed, and failures cost most of the time"
    } else if (bottlenecks.value("reach", row: row).amount ?? 0) < Self.reachMin {
      step = .train
      reason =
        "slowness costs most, and only \(affected) of \(people) people are often far behind the others"
    } else {
      step = .simplify
      reason = "slowness costs most, and \(affected) of \(people) people are often far behind best practice"
    }
    if asksPeople, let silent { reason = reason + "; \(silent) of its friction never became a ticket" }
    self.reason = reason
  }

  /// As a table says it.
  var words: String { asksPeople ? "\(step.rawValue); go and ask" : step.rawValue }
}

/// The most costly bottlenecks with what to do about them.
struct NextSteps {
  /// Ten are read to the end; the rest is in `bottlenecks`.
  static let rowsMax = 10

  let part: ExportPart
  let advice: [Advice]

  init(_ bottlenecks: ExportPart, friction: ExportPart) {
    let rows = (0..<bottlenecks.rowCount).prefix(Self.rowsMax).filter {
      (bottlenecks.value("lost_ms", row: $0).amount ?? 0) > 0
    }
    let advice = rows.map { Advice(bottlenecks, row: $0, friction: friction) }
    let copied = [
      "app", "feature", "lost_ms", "points", "people", "attempts", "frequency", "reach", "severity", "score",
    ]
    let key = ["app", "feature"]
    part = .made(
      "next_steps", method: "waterline-next-steps/1", like: bottlenecks.document,
      columns: copied + ["failed_ms", "slow_ms", "silent", "next_step", "reason"],
      rows: zip(rows, advice).map { row, advice in
        let found = friction.row(where: key, are: key.map { bottlenecks.value($0, row: row) })
        let slow = found.map { friction.value("slow_ms", row: $0) } ?? .null
        let lost = bottlenecks.value("lost_ms", row: row)
        var failed = ReportValue.null
        if case .integer(let slow) = slow, case .integer(let lost) = lost { failed = .integer(lost - slow) }
        return copied.map { bottlenecks.value($0, row: row) } + [
          failed, slow, found.map { friction.value("silent", row: $0) } ?? .null, .text(advice.words),
          .text(advice.reason.plainText),
        ]
      })
    self.advice = advice
  }

  /// Lost hours by failure and by slowness.
  var chart: PageChart {
    let bars = (0..<part.rowCount).map { row -> BarChart.Bar in
      let lost = Wording.hours(part.value("lost_ms", row: row))
      let slow = part.value("slow_ms", row: row).amount.map { $0 / 3_600_000 }
      return BarChart.Bar(
        label: part.label(["app", "feature"], row: row), total: part.figure("lost_ms", row: row).inHours.text,
        values: slow.map { [lost - $0, $0, 0] } ?? [0, 0, lost])
    }
    let hasUnknown = bars.contains { $0.values[2] > 0 }
    return PageChart(
      title: "Hours lost to the most costly features",
      description: "One bar a feature, divided into failed attempts and slowness against best practice.",
      source: part.name,
      shape: .bars(
        BarChart(
          unit: .hours,
          series: [LostTimePart.failed.series, LostTimePart.slow.series]
            + (hasUnknown ? [ChartSeries(name: "not told apart", ink: .grey)] : []),
          bars: bars.map { bar in
            var bar = bar
            if !hasUnknown { bar.values.removeLast() }
            return bar
          })))
  }

  var table: PageTable {
    PageTable(
      "The most costly features", of: part,
      [
        ("app", "application"), ("feature", "feature"), ("lost_ms", "lost"), ("points", "points"),
        ("people", "people"), ("frequency", "frequency"), ("reach", "reach"), ("severity", "severity"),
        ("score", "score"), ("silent", "silent"), ("next_step", "what to do next"),
      ], isInHours: true)
  }

  /// The rules' sentences, most costly feature first.
  var sentences: [Prose] {
    advice.indices.map { row in
      let label = part.label(["app", "feature"], row: row)
      let words = advice[row].words
      let start = words.prefix(1).uppercased() + words.dropFirst()
      return "\(strong: start): \(name: label), as \(advice[row].reason)."
    }
  }
}
