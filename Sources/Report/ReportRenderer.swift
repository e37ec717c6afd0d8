import UsageModel

/// Turns results into text: the one place that knows all output formats.
///
/// Every rendering ends with a line feed, unless it is empty (`ndjson` without rows). Formats for
/// programs carry values exactly; `table` and `markdown` are for people and round.
package enum ReportRenderer {
  /// A report as text.
  package static func render(
    _ document: ReportDocument, as format: OutputFormat, options: RenderOptions = RenderOptions()
  ) -> String {
    var bytes: [UInt8] = []
    append(document, as: format, options: options, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Any other table as text.
  package static func render(
    _ table: GenericTable, as format: OutputFormat, options: RenderOptions = RenderOptions()
  ) -> String {
    var bytes: [UInt8] = []
    append(table, as: format, options: options, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends a report as UTF-8; for output too large to hold twice, or at all.
  ///
  /// - Parameter handOver: gets all that was appended, again and again between rows of formats for programs; what it
  ///   takes away need not stay in memory.
  package static func append(
    _ document: ReportDocument, as format: OutputFormat, options: RenderOptions = RenderOptions(),
    to bytes: inout [UInt8], handOver: (inout [UInt8]) -> Void = { _ in }
  ) {
    let rows = document.rows.prefix(options.shownRowCount(of: document.rows.count, in: format))
    switch format {
    case .json: JSONDocument.append(document, rows: rows, to: &bytes, handOver)
    case .ndjson: JSONDocument.appendLines(columns: document.columns, rows: rows, to: &bytes, handOver)
    case .csv: CommaSeparatedText.append(columns: document.columns, rows: rows, to: &bytes, handOver)
    case .markdown: MarkdownText.append(Page(document, rows: rows, options: options), to: &bytes)
    case .table: TerminalText.append(Page(document, rows: rows, options: options), options, to: &bytes)
    }
  }

  /// Appends any other table as UTF-8, as above.
  package static func append(
    _ table: GenericTable, as format: OutputFormat, options: RenderOptions = RenderOptions(),
    to bytes: inout [UInt8], handOver: (inout [UInt8]) -> Void = { _ in }
  ) {
    let rows = table.rows.prefix(options.shownRowCount(of: table.rows.count, in: format))
    switch format {
    case .json: JSONDocument.append(table, rows: rows, to: &bytes, handOver)
    case .ndjson: JSONDocument.appendLines(columns: table.distinctColumns, rows: rows, to: &bytes, handOver)
    case .csv: CommaSeparatedText.append(columns: table.columns, rows: rows, to: &bytes, handOver)
    case .markdown: MarkdownText.append(Page(table, rows: rows), to: &bytes)
    case .table: TerminalText.append(Page(table, rows: rows), options, to: &bytes)
    }
  }
}
