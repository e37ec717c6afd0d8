import Report
import UsageModel

/// A page as GitHub Flavored Markdown; what charts show stands in the tables beside them.
enum PageMarkdown {
  static func bytes(_ page: ExportPage) -> [UInt8] {
    var blocks = ["# " + MarkdownText.escaping(page.title), MarkdownText.escaping(page.subtitle)]
    for section in page.sections {
      blocks.append("## " + text(section.title))
      blocks += section.blocks.compactMap(text)
      let sources = page.layout == .slides ? PageSources.text(section) : ""
      if !sources.isEmpty { blocks.append("_" + MarkdownText.escaping(sources) + "_") }
    }
    return Array((blocks.joined(separator: "\n\n") + "\n").utf8)
  }

  private static func text(_ block: PageBlock) -> String? {
    switch block {
    case .lead(let prose), .paragraph(let prose): text(prose)
    case .list(let items): items.map { "- " + text($0) }.joined(separator: "\n")
    case .quotes(let items): items.map { "> " + text($0) }.joined(separator: "\n>\n")
    case .headline(let cards):
      cards.map { card in
        "- \(MarkdownText.escaping(card.label)): **\(MarkdownText.escaping(card.figure.text))** "
          + "(\(text(card.detail)))"
      }.joined(separator: "\n")
    case .chart: nil
    case .table(let table): text(table)
    }
  }

  private static func text(_ prose: Prose) -> String {
    prose.pieces.map { piece in
      switch piece {
      case .words(let text), .name(let text): MarkdownText.escaping(SafeText.escaping(text))
      case .figure(let figure): MarkdownText.escaping(figure.text)
      case .strong(let text): "**\(MarkdownText.escaping(text))**"
      }
    }.joined()
  }

  private static func text(_ table: PageTable) -> String {
    let part = table.part
    let rules = table.columns.map { table.isNumeric($0) ? "---:" : "---" }
    var lines = [
      "**\(MarkdownText.escaping(table.caption))**", "", line(table.columns.map(\.header)),
      "|" + rules.joined(separator: "|") + "|",
    ]
    lines += (0..<table.rowCount).map { row in
      line(table.columns.map { table.figure($0, row: row).text })
    }
    if part.rowCount > table.rowCount {
      let rest = HumanNumber.count(Int64(part.rowCount - table.rowCount))
      lines += ["", "and \(rest) more rows in the JSON and CSV forms"]
    }
    return lines.joined(separator: "\n")
  }

  private static func line(_ cells: [String]) -> String {
    "| " + cells.map(MarkdownText.escaping).joined(separator: " | ") + " |"
  }
}
