import UsageModel

/// What to do in 30, 60 and 90 days about the most costly bottlenecks.
struct ActionPlan {
  /// Two things a month get done.
  private static let itemsPerPhase = 2

  /// Failures can be mended at once, people trained next, and ways of working changed last.
  private static let phases: [(title: String, step: NextStep)] = [
    ("Days 1 to 30", .fix), ("Days 31 to 60", .train), ("Days 61 to 90", .simplify),
  ]

  let part: ExportPart
  let phases: [(title: String, items: [Prose])]

  init(_ next: NextSteps) {
    var free = next.advice.indices.filter { next.advice[$0].step != .watch }
    var chosen: [[Int]] = Self.phases.map { phase in
      Array(free.filter { next.advice[$0].step == phase.step }.prefix(Self.itemsPerPhase))
    }
    free.removeAll { row in chosen.contains { $0.contains(row) } }
    for phase in chosen.indices where chosen[phase].isEmpty && !free.isEmpty {
      chosen[phase] = [free.removeFirst()]
    }
    let key = ["app", "feature"]
    var rows: [[ReportValue]] = []
    phases = zip(Self.phases, chosen).map { phase, rowsOfPhase in
      let items = rowsOfPhase.map { row -> Prose in
        rows.append(
          [.text(phase.title)] + key.map { next.part.value($0, row: row) }
            + [
              .text(next.advice[row].words), next.part.value("lost_ms", row: row),
              .text(next.advice[row].reason.plainText),
            ])
        let words = next.advice[row].words
        let start = words.prefix(1).uppercased() + words.dropFirst()
        return
          "\(strong: start): \(name: next.part.label(key, row: row)). It costs \(next.part.figure("lost_ms", row: row).inHours); \(next.advice[row].reason)."
      }
      return (phase.title, items.isEmpty ? ["No costly feature is left for this month."] : items)
    }
    part = .made(
      "plan", method: next.part.document.method, like: next.part.document,
      columns: ["phase", "app", "feature", "next_step", "lost_ms", "reason"], rows: rows)
  }
}
