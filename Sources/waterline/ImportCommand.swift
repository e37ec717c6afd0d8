import ArgumentParser
import Control
import EventStore
import FileImport
import Foundation
import Glibc
import Report
import UsageModel

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Load events, roster, catalog or tickets from files.",
    discussion: """
      EXAMPLES:
        waterline import roster people.csv
        waterline import catalog features.csv --merge
        waterline import tickets tickets.csv --timezone Europe/Oslo
        zcat usage.ndjson.gz | waterline import events -
      """,
    subcommands: [Events.self, Roster.self, Catalog.self, Tickets.self])

  /// What all imports take.
  struct Options: ParsableArguments {
    @Argument(help: ArgumentHelp("The file; - is standard input.", valueName: "file"))
    var file: String

    @OptionGroup var database: DatabaseOption
    @OptionGroup var format: FormatOptions

    /// Sends the file with its request to whoever writes the database, and prints the counts.
    func run(_ request: ControlRequest) throws {
      let path = database.path
      try makeDirectory(of: path)
      let (input, size) = try open()
      let progress = ProgressLine(title: "importing", byteCount: size)
      let response = try ControlClient(databasePath: path).run(request, input: input) { bytes, rows in
        progress.update(bytes: bytes, rows: rows)
      }
      progress.finish()
      guard case .imported(let result) = response else { return }
      ImportOutput.print(result, format)
      if result.rejectedCount > 0 { throw ExitCode(Termination.partlyRejected) }
    }

    private func makeDirectory(of path: String) throws {
      let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
    }

    private func open() throws -> (ByteInput, Int?) {
      var descriptor = STDIN_FILENO
      if file != "-" {
        descriptor = Glibc.open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
          throw ImportError("cannot read \(SafeText.escaping(file)): \(String(cString: strerror(errno)))")
        }
      }
      var status = stat()
      let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      let source = descriptor
      let input = ByteInput { buffer in
        while true {
          let count = read(source, buffer.baseAddress, buffer.count)
          if count >= 0 { return count }
          guard errno == EINTR else {
            throw ImportError(
              "reading \(SafeText.escaping(file)) failed: \(String(cString: strerror(errno)))")
          }
        }
      }
      return (input, isFile ? Int(status.st_size) : nil)
    }
  }

  struct Events: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Usage events: NDJSON, CSV, or a file of protobuf batches.",
      discussion: """
        The form is told by the file's ending (.ndjson, .jsonl, .json, .csv, .wlb), else by its first bytes.

        EXAMPLES:
          waterline import events usage.ndjson
          waterline import events --form csv export.txt
        """)

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("ndjson, csv or batch.", valueName: "form"))
    var form: EventFile.Form?

    func run() throws {
      let form = form ?? EventFile.Form.guess(fileName: options.file)
      try options.run(.importEvents(form: form?.rawValue))
    }
  }

  struct Roster: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "People: replaces the roster as a whole.",
      discussion: """
        CSV with the columns user, department, role, site, manager, active_from, active_to, aliases \
        (separated by ;) and service, in any order; only user must be there.
        """)

    @OptionGroup var options: Options
    @Flag(help: "Add to the roster instead of replacing it.") var merge = false

    func run() throws { try options.run(.importRoster(merge: merge)) }
  }

  struct Catalog: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Features and of whom they are expected: replaces the catalog as a whole.",
      discussion: """
        CSV with the columns app, feature, roles (separated by ;, * is everyone), target_days, target_ms, \
        category, critical and automatic, in any order; app and feature must be there.
        """)

    @OptionGroup var options: Options
    @Flag(help: "Add to the catalog instead of replacing it.") var merge = false

    func run() throws { try options.run(.importCatalog(merge: merge)) }
  }

  struct Tickets: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Service-desk tickets: adds, or replaces those with the same id.",
      discussion: """
        CSV with the columns id, requester, opened, first_response, resolved, reopened, app, category, \
        priority, state, satisfaction, effort_minutes, group, owner, reassignments, level and comment; id, \
        requester and opened must be there.
        """)

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("Zone of times that name none.", valueName: "zone"))
    var timezone: String = "UTC"

    func run() throws { try options.run(.importTickets(timeZone: timezone)) }
  }
}

extension EventFile.Form: ExpressibleByArgument {}

/// Prints what an import did.
enum ImportOutput {
  static func print(_ result: ImportResult, _ format: FormatOptions) {
    for warning in result.warnings { Output.writeError("warning: \(SafeText.escaping(warning))") }
    for problem in result.problems {
      let place = problem.line > 0 ? "line \(problem.line): " : ""
      Output.writeError("rejected: \(place)\(SafeText.escaping(problem.reason))")
    }
    let hidden = result.rejectedCount - result.problems.count
    if hidden > 0 { Output.writeError("rejected: \(hidden) more") }
    switch format.chosenFormat {
    case .json, .ndjson: Output.write(json(result))
    default: format.print(table(result))
    }
  }

  private static func table(_ result: ImportResult) -> GenericTable {
    var columns = ["accepted", "duplicate", "conflict", "rejected"]
    var row: [ReportValue] = [
      .integer(Int64(result.accepted)), .integer(Int64(result.duplicate)), .integer(Int64(result.conflict)),
      .integer(Int64(result.rejectedCount)),
    ]
    for (reason, count) in result.rejected.sorted(by: { $0.key < $1.key }) {
      columns.append("rejected_\(reason)")
      row.append(.integer(Int64(count)))
    }
    return GenericTable(columns: columns, rows: [row])
  }

  /// `{"accepted": 1, "duplicate": 0, "conflict": 0, "rejected": 0, "reasons": {}}`.
  private static func json(_ result: ImportResult) -> String {
    let reasons = result.rejected.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
    return """
      {"accepted": \(result.accepted), "duplicate": \(result.duplicate), "conflict": \(result.conflict), \
      "rejected": \(result.rejectedCount), "reasons": {\(reasons.joined(separator: ", "))}}

      """
  }
}
