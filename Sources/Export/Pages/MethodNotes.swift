import UsageModel

/// How each figure of a page is computed, with the method's name and version.
enum MethodNotes {
  private static let definitions: [(report: String, words: String)] = [
    (
      "erosion",
      "lost time ÷ face time. Lost are failed attempts, steady slowness against best practice, help and "
        + "interruptions. The 95% interval takes people as clusters; with few people it holds less often than it says"
    ),
    (
      "bottlenecks",
      "score = 100 × (frequency × reach × severity)^⅓: the share of attempts that failed or took over twice the "
        + "best practice, of people hit, and of time lost. Rows stand by lost time, not by score"
    ),
    (
      "coverage",
      "adopted cells ÷ expected cells, a cell being one person and one feature expected of them. The upper bound "
        + "takes everything that was not seen as adopted"
    ),
    ("gaps", "how many more people would reach what the best quarter of departments reach"),
    (
      "support",
      "silent is the share of friction time without a ticket of the same person from its start to 24 hours after "
        + "its end"
    ),
    ("next-steps", "rules on the bottleneck's factors: docs/exports.md lists them"),
    ("impact", "group-time effects after Callaway and Sant'Anna (2021), clustered by person"),
    ("voices", "words that several people used in tickets; words that name somebody are taken out first"),
  ]

  /// The section that closes every page.
  static func section(_ parts: [ExportPart], cost: Prose) -> PageSection {
    var seen: [String] = []
    var items: [Prose] = []
    for part in parts where !seen.contains(part.document.method) {
      seen.append(part.document.method)
      guard
        let known = definitions.first(where: { part.document.method.hasPrefix("waterline-\($0.report)/") })
      else { continue }
      items.append("\(strong: part.document.method): \(words: known.words).")
    }
    let document = parts.first?.document
    let window = document.map {
      "Days are whole days in \($0.timeZoneName), from \($0.window.from) to \($0.window.to), the last excluded. "
    }
    return PageSection(
      identifier: "method", title: "How each figure is computed",
      blocks: [
        .list(items), .paragraph(cost),
        .paragraph(
          "\(words: window ?? "")docs/methods.md defines every figure so that anybody can compute it again from the events."
        ),
      ])
  }
}
