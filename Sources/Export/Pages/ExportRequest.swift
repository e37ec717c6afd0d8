import UsageModel
import UsageQuery

/// What an export is made from: one snapshot, and what was asked of it.
package struct ExportRequest<Data: UsageData> {
  let data: SnapshotCache<Data>
  /// With the window as days.
  let options: QueryOptions
  /// What arrived since the store was made, and what did not.
  let collection: CollectionLedger
  /// Why nothing newer than the window is shown, and what else choosing it brought up.
  let windowWarnings: [String]
  /// The report every export begins with.
  let erosion: ExportPart
  private let steps: Steps

  /// Settles the window, so that all reports are about the same days.
  ///
  /// - Parameter progress: called after each report with how many are done; see ``ExportKind/reportCount``.
  /// - Throws: `QueryError` for options that cannot be met, and whatever reading the store throws.
  package init(
    _ data: Data, _ options: QueryOptions, collection: CollectionLedger,
    progress: @escaping (_ reportsDone: Int) -> Void = { _ in }
  ) throws {
    steps = Steps(progress)
    let cache = SnapshotCache(data)
    let first = try UsageReports.erosion(cache, options)
    var options = options
    options.window = .days(first.window)
    let settled = try UsageReports.erosion(cache, options)
    self.data = cache
    self.options = options
    self.collection = collection
    erosion = ExportPart("erosion", settled)
    windowWarnings = first.warnings.filter { !settled.warnings.contains($0) }
    steps.advance()
  }

  var window: Window {
    guard case .days(let window) = options.window else { preconditionFailure("BUG: no settled window") }
    return window
  }

  /// Runs a report.
  func part(
    _ name: String, by groups: [GroupDimension] = [],
    _ report: (SnapshotCache<Data>, QueryOptions) throws -> ReportDocument
  ) throws -> ExportPart {
    var options = options
    options.groupBy = groups
    defer { steps.advance() }
    return ExportPart(name, try report(data, options))
  }

  /// Runs a view of the support report.
  func support(_ name: String, _ view: SupportView, by columns: [String] = []) throws -> ExportPart {
    try part(name) {
      try UsageReports.support($0, $1, SupportChoice(view: view, columns: columns))
    }
  }

  /// Counts reports as they are made.
  private final class Steps {
    private var done = 0
    private let progress: (Int) -> Void

    init(_ progress: @escaping (Int) -> Void) { self.progress = progress }

    func advance() {
      done += 1
      progress(done)
    }
  }
}
