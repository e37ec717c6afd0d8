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
      "The database; else $WATERLINE_DB, else the installed daemon's.", valueName: "file"))
  var db: String?

  /// The database's path.
  var path: String {
    let environment = ProcessInfo.processInfo.environment
    if let path = db ?? environment["WATERLINE_DB"] { return path }
    let own = DefaultPlaces(environment: environment, userID: geteuid()).databasePath
    let system = DefaultPlaces(environment: [:], userID: 0).databasePath
    let manager = FileManager.default
    return !manager.fileExists(atPath: own) && manager.fileExists(atPath: system) ? system : own
  }

  /// Moves a `--db FILE` in front of the command into the environment, where every command looks.
  static func takeLeading(from arguments: inout [String]) {
    while let first = arguments.first {
      if first == "--db", arguments.count >= 2 {
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

  /// Prints a plain table.
  func print(_ table: GenericTable) {
    Output.write(ReportRenderer.render(table, as: chosenFormat, options: renderOptions()))
    if !chosenFormat.carriesWarnings { table.warnings.forEach { Output.writeError("warning: \($0)") } }
  }

  /// Prints a plain table whose every row matters, unless told otherwise.
  func printAll(_ table: GenericTable) {
    var options = renderOptions()
    options.rowLimit = limit ?? 0
    Output.write(ReportRenderer.render(table, as: chosenFormat, options: options))
  }

  /// Prints a report.
  func print(_ document: ReportDocument, minimumGroup: Int) {
    let options = renderOptions(minimumGroup: minimumGroup)
    Output.write(ReportRenderer.render(document, as: chosenFormat, options: options))
    if !chosenFormat.carriesWarnings { document.warnings.forEach { Output.writeError("warning: \($0)") } }
  }
}
