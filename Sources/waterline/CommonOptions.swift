import ArgumentParser
import EventStore
import Foundation
import Glibc
import Report
import UsageModel

/// Which database a command works on.
struct DatabaseOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The database; else $WATERLINE_DB, else the installed daemon's.", valueName: "file"),
    completion: .file())
  var db: String?

  /// The database's path.
  var path: String {
    let environment = ProcessInfo.processInfo.environment
    if let path = db ?? environment["WATERLINE_DB"] { return path }
    let own = DefaultPlaces(environment: environment, userID: geteuid()).databasePath
    let system = DefaultPlaces(environment: [:], userID: 0).databasePath
    return !Self.isThere(own) && Self.isThere(system) ? system : own
  }

  /// Whether there is a file, or a directory that this account may not look into: what is said then helps.
  private static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 || errno == EACCES }

  /// Moves a `--db FILE` or `--no-pager` in front of the command into the environment, where every command looks.
  static func takeLeading(from arguments: inout [String]) {
    while let first = arguments.first {
      if first == "--no-pager" {
        setenv("WATERLINE_PAGER", "", 1)
        arguments.removeFirst()
      } else if first == "--db", arguments.count >= 2 {
        setenv("WATERLINE_DB", arguments[1], 1)
        arguments.removeFirst(2)
      } else if first.hasPrefix("--db=") {
        setenv("WATERLINE_DB", String(first.dropFirst("--db=".count)), 1)
        arguments.removeFirst()
      } else {
        return
      }
    }
  }
}

extension OutputFormat: ExpressibleByArgument {}

/// How results are printed.
struct FormatOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "table, json, ndjson, csv or markdown; a table on a terminal, else json.", valueName: "format"))
  var format: OutputFormat?

  @Option(help: ArgumentHelp("Show so many rows; 0 for all. Tables show 20 unless told.", valueName: "n"))
  var limit: Int?

  @Flag(name: .customLong("no-pager"), help: "Do not show a result longer than the terminal in a pager.")
  var noPager = false

  func validate() throws {
    if let limit, limit < 0 {
      throw ValidationError("--limit takes 0 (all) or a number of rows, not \(limit)")
    }
  }

  var chosenFormat: OutputFormat { format ?? (isatty(STDOUT_FILENO) == 1 ? .table : .json) }

  func renderOptions(minimumGroup: Int = 5) -> RenderOptions {
    RenderOptions(
      terminalColumns: Output.terminalColumns, rowLimit: limit, usesColor: Output.usesColor,
      minimumGroup: minimumGroup)
  }

  /// Prints text, in a pager if it is longer than the terminal.
  func write(_ text: String) { write(Array(text.utf8)) }

  private func write(_ result: [UInt8]) { Pager.write(result, isWanted: !noPager) }

  /// Writes what there is of a result already; a terminal gets it whole, as a pager may have to show it.
  private func handOver(_ part: inout [UInt8]) {
    guard Output.terminalColumns == nil else { return }
    Output.write(part)
    part.removeAll(keepingCapacity: true)
  }

  /// Prints a plain table.
  func print(_ table: GenericTable) { print(table, renderOptions()) }

  /// Prints a plain table whose every row matters, unless told otherwise.
  func printAll(_ table: GenericTable) {
    var options = renderOptions()
    options.rowLimit = limit ?? 0
    print(table, options)
  }

  private func print(_ table: GenericTable, _ options: RenderOptions) {
    var result: [UInt8] = []
    ReportRenderer.append(table, as: chosenFormat, options: options, to: &result, handOver: handOver)
    write(result)
    guard !chosenFormat.carriesWarnings else { return }
    table.warnings.forEach { Output.writeError("warning: \($0)") }
    for aside in table.asides { Output.writeError("\(aside.title): \(aside.items.joined(separator: "; "))") }
  }

  /// Prints a report.
  func print(_ document: ReportDocument, minimumGroup: Int) {
    let options = renderOptions(minimumGroup: minimumGroup)
    var result: [UInt8] = []
    ReportRenderer.append(document, as: chosenFormat, options: options, to: &result, handOver: handOver)
    write(result)
    if !chosenFormat.carriesWarnings { document.warnings.forEach { Output.writeError("warning: \($0)") } }
  }
}
