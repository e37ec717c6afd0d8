/// How a result is written: the values of `--format`.
package enum OutputFormat: String, CaseIterable, Sendable {
  /// Aligned columns for people, fitted to the terminal.
  case table
  /// One JSON document, a row a line.
  case json
  /// One JSON object a row, and nothing else.
  case ndjson
  /// RFC 4180 with a header, lines ended by LF.
  case csv
  /// A GitHub table with the words and units of ``table``.
  case markdown

  /// Whether the format has a place for warnings; callers print those of the others to standard error.
  package var carriesWarnings: Bool {
    switch self {
    case .table, .json, .markdown: true
    case .ndjson, .csv: false
    }
  }

  /// Rows shown when no limit was asked for; nil is all.
  package var defaultRowLimit: Int? { self == .table ? 20 : nil }
}
