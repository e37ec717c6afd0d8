import UsageModel

/// What was lost on the way or never observed, and what the reports warn of.
enum UnseenSection {
  static func make(
    coverage: ExportPart, collection: ExportPart, parts: [ExportPart], windowWarnings: [String]
  ) -> PageSection {
    var items: [Prose] = []
    let dark = coverage.figure("dark")
    if dark.value != .null {
      items.append(
        "\(dark) of \(coverage.figure("expected")) expected cells are dark: no event of any kind came from those people, so nothing is said about them. With all that was not seen taken as adopted, coverage would be \(coverage.figure("high")) instead of \(coverage.figure("coverage"))."
      )
    }
    items.append(
      "\(coverage.totalFigure("outside_people")) people outside the population caused \(coverage.totalFigure("outside_events")) events of the window; they count nowhere."
    )
    items.append(
      "\(coverage.totalFigure("too_new")) people were active on too few days to be expected of anything.")
    let warnings = warnings(parts, windowWarnings)
    return PageSection(
      identifier: "unseen", title: "What was lost or not observed",
      blocks: [
        .list(items),
        .table(
          PageTable(
            "What arrived since the store was made, and what did not", of: collection,
            [("name", "count of"), ("count", "events"), ("meaning", "which")])),
      ]
        + (warnings.isEmpty ? [] : [.paragraph("The reports warn:"), .list(warnings)]))
  }

  /// The warnings of all reports behind a page, each once, with the report that gives it first.
  static func warnings(_ parts: [ExportPart], _ windowWarnings: [String]) -> [Prose] {
    var seen = Set(windowWarnings)
    var items = windowWarnings.map { Prose(pieces: [.name($0)]) }
    for part in parts {
      for warning in part.document.warnings where seen.insert(warning).inserted {
        items.append("\(words: part.name): \(name: warning)")
      }
    }
    return items
  }
}
