/// Which export is made: the values of `waterline export KIND`.
package enum ExportKind: String, CaseIterable, Sendable {
  /// Management's page: what application time is lost to, and what to do next.
  case erosion
  /// Who uses what is expected of them.
  case coverage
  /// The service desk's own page.
  case desk
  /// The success story: slides, a spoken summary and a plan.
  case story
}

/// How an export is written: the values of `--format`.
package enum ExportFormat: String, CaseIterable, Sendable {
  /// One self-contained page for people.
  case html
  /// All reports behind the page in full.
  case json
  /// Every figure a row.
  case csv
  /// The page as GitHub Flavored Markdown.
  case markdown

  /// What the file's name ends with, after the point.
  package var fileExtension: String { self == .markdown ? "md" : rawValue }
}

extension ExportKind {
  /// How many reports it is made from, as ``ExportRequest`` counts them: for showing progress only.
  package var reportCount: Int {
    switch self {
    case .erosion: 8
    case .coverage, .desk: 7
    case .story: 11
    }
  }

  /// The export's file name: `erosion.html`.
  package func fileName(_ format: ExportFormat) -> String { "\(rawValue).\(format.fileExtension)" }
}
