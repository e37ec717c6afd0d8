import UsageModel
import UsageQuery

/// Makes exports: the one place that knows which page belongs to which kind.
package enum Exporter {
  /// An export as the bytes of its file; the same bytes for the same store, window and options.
  ///
  /// - Throws: `QueryError` for options that cannot be met, and whatever reading the store throws.
  package static func bytes(
    _ kind: ExportKind, as format: ExportFormat, from request: ExportRequest<some UsageData>
  ) throws -> [UInt8] {
    let (page, parts) = try content(kind, from: request)
    return switch format {
    case .html: PageHTML.bytes(page)
    case .markdown: PageMarkdown.bytes(page)
    case .json: PartsText.json(kind, parts)
    case .csv: PartsText.csv(parts)
    }
  }

  private static func content(
    _ kind: ExportKind, from request: ExportRequest<some UsageData>
  ) throws -> (ExportPage, [ExportPart]) {
    switch kind {
    case .erosion:
      let export = try ErosionExport(request)
      return (export.page, export.allParts)
    case .coverage:
      let export = try CoverageExport(request)
      return (export.page, export.allParts)
    case .desk:
      let export = try DeskExport(request)
      return (export.page, export.allParts)
    case .story:
      let export = try StoryExport(request)
      return (export.page, export.allParts)
    }
  }
}
