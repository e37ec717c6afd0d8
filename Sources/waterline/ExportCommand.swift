import ArgumentParser
import EventStore
import Export
import Report
import UsageQuery

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Reports for people and jobs, as files that are replaced whole.",
    discussion: """
      Kinds; the file in the directory of --out is named after its kind, such as erosion.html:
        erosion    application time lost, and what to do next
        coverage   who uses what is expected of them, and where the gaps are
        desk       the service desk's own figures
        story      slides, a spoken summary and a plan of 90 days

      The other formats end in .json, .csv and .md. A page holds everything it needs and loads nothing. \
      If writing fails, the file of before is still there. See docs/exports.md.

      EXAMPLES:
        waterline export erosion --out /srv/reports
        waterline export coverage --from 2026-03-01 --to 2026-04-01 --out .
        waterline export desk --format csv --out /srv/reports
        waterline export story --where department=Sales --out .
      """)

  @Argument(help: "erosion, coverage, desk or story.") var kind: ExportKind

  @Option(help: ArgumentHelp("html, json, csv or markdown.", valueName: "format"))
  var format: ExportFormat = .html

  @Option(
    help: ArgumentHelp("Where the file goes; made if it is missing.", valueName: "directory"),
    completion: .directory)
  var out: String

  @OptionGroup var selection: SelectionOptions

  func validate() throws {
    if out.isEmpty { throw ValidationError("--out takes a directory") }
  }

  func run() throws {
    let kind = kind
    let format = format
    let line = ProgressLine()
    defer { line.finish() }
    let bytes = try selection.evaluate { database, data, options in
      let request = try ExportRequest(
        data, options, collection: CollectionLedger(try StoreStatus(in: database))
      ) { line.show("exporting", .things("reports"), done: Int64($0), of: Int64(kind.reportCount)) }
      return try Exporter.bytes(kind, as: format, from: request)
    }
    line.finish()
    try ExportFile.write(bytes, to: kind.fileName(format), in: out)
    Output.write("\(out)/\(kind.fileName(format))\n")
  }
}

extension ExportKind: ExpressibleByArgument {}
extension ExportFormat: ExpressibleByArgument {}

extension CollectionLedger {
  /// The counts of `waterline status` that say what arrived and what did not.
  init(_ status: StoreStatus) {
    var counts: [(name: String, count: Int64)] = [
      ("stored", status.stored), ("duplicate", status.duplicate), ("conflict", status.conflict),
      ("rejected", status.rejected),
    ]
    counts += status.rejectedByReason.map { ("rejected.\($0.reason)", $0.count) }
    counts += [("lost", status.lost), ("dead_letters", status.deadLetterCount)]
    counts += status.counters.filter { !$0.key.hasPrefix("stored.") }.sorted { $0.key < $1.key }
      .map { ($0.key, $0.value) }
    self.init(counts)
  }
}
