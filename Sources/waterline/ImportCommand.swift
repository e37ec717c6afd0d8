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
    subcommands: [Events.self, Roster.self, Catalog.self, Tickets.self, Interventions.self, Changes.self])

  /// What all imports take.
  struct Options: ParsableArguments {
    @Argument(
      help: ArgumentHelp("The file; - is standard input.", valueName: "file"), completion: .file())
    var file: String

    @OptionGroup var database: DatabaseOption
    @OptionGroup var format: FormatOptions

    /// Sends the file with its request to whoever writes the database, and prints the counts.
    func run(_ request: ControlRequest) throws {
      let path = database.path
      try makeDirectory(of: path)
      let (input, size) = try open()
      let line = ProgressLine()
      defer { line.finish() }
      let progress = RequestProgress(line, reading: "importing", rowTitle: "sorting", byteCount: size)
      let response = try ControlClient(databasePath: path).run(request, input: input, progress: progress.take)
      line.finish()
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
          let number = errno
          throw ImportError(
            "cannot read \(SafeText.escaping(file)): \(String(cString: strerror(number))); "
              + FileAdvice.reading(number))
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
      commandName: "events", abstract: "Usage events: NDJSON, CSV, or a file of protobuf batches.",
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
      commandName: "roster", abstract: "People: replaces the roster as a whole.",
      discussion: """
        CSV with the columns user, department, role, site, manager, active_from, active_to, aliases \
        (separated by ;) and service, in any order; only user must be there. Or SCIM 2.0 list responses (JSON).

        EXAMPLES:
          waterline import roster people.csv
          waterline import roster newcomers.csv --merge
          cat page*.json | waterline import roster -
        """)

    @OptionGroup var options: Options
    @Flag(help: "Add to the roster instead of replacing it.") var merge = false

    func run() throws { try options.run(.importRoster(merge: merge)) }
  }

  struct Catalog: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "catalog",
      abstract: "Features and of whom they are expected: replaces the catalog as a whole.",
      discussion: """
        CSV with the columns app, feature, roles (separated by ;, * is everyone), target_days, target_ms, \
        category, critical and automatic, in any order; app and feature must be there.

        EXAMPLES:
          waterline import catalog features.csv
        """)

    @OptionGroup var options: Options
    @Flag(help: "Add to the catalog instead of replacing it.") var merge = false

    func run() throws { try options.run(.importCatalog(merge: merge)) }
  }

  struct Tickets: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "tickets", abstract: "Service-desk tickets: adds, or replaces those with the same id.",
      discussion: """
        CSV with the columns id, requester, opened, first_response, resolved, reopened, app, category, \
        priority, state, satisfaction, effort_minutes, group, owner, reassignments, level and comment; id, \
        requester and opened must be there. Exports of other programs are read with --preset, or with \
        --mapping, a CSV file with the columns column and field.

        EXAMPLES:
          waterline import tickets incidents.csv --preset servicenow --timezone Europe/Oslo
          waterline import tickets export.csv --mapping columns.csv
          waterline import tickets us.csv --preset servicenow --date-order month
        """)

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("Zone of times that name none.", valueName: "zone"))
    var timezone: String = "UTC"

    @Option(help: ArgumentHelp("servicenow, jira or glpi.", valueName: "program"))
    var preset: String?

    @Option(help: ArgumentHelp("Which column of the file is what.", valueName: "file"))
    var mapping: String?

    @Option(
      name: .customLong("date-order"),
      help: ArgumentHelp(
        "With --preset or --mapping: what stands first in dates like 3/4/2024, day (the default) or month.",
        valueName: "first"))
    var dateOrder: ExportTime.DateOrder?

    /// A mapping has a line for each of a few dozen columns.
    private static let mappingBytesMax = 262_144

    func validate() throws {
      if dateOrder != nil, preset == nil, mapping == nil {
        throw ValidationError(
          "--date-order goes with --preset or --mapping; times of other files are ISO 8601")
      }
      guard let preset, !TicketExport.presetNames.contains(preset) else { return }
      let names = TicketExport.presetNames.joined(separator: ", ")
      throw ValidationError("no preset '\(SafeText.escaping(preset))'; there are \(names)")
    }

    func run() throws {
      try options.run(
        .importTickets(
          timeZone: timezone, preset: preset, mapping: try mapping.map(Self.mappingText),
          dateOrder: dateOrder?.rawValue))
    }

    private static func mappingText(path: String) throws -> String {
      guard let data = FileManager.default.contents(atPath: path) else {
        throw ImportError("cannot read \(SafeText.escaping(path)): check its name, and that you may read it")
      }
      guard data.count <= mappingBytesMax, let text = String(bytes: data, encoding: .utf8) else {
        throw ImportError(
          "\(SafeText.escaping(path)) is no mapping: not UTF-8, or over \(mappingBytesMax) bytes")
      }
      return text
    }
  }
}

extension ImportCommand {
  struct Interventions: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "interventions",
      abstract: "What support did: adds, or replaces those with the same name and cohort.",
      discussion: """
        CSV with the columns name, kind, app, feature, cohort, start, end and note; name and start must be \
        there. Dates and times without an offset are of --timezone, else of the organisation's zone.
        """)

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("Zone of times that name none.", valueName: "zone"))
    var timezone: String?

    func run() throws { try options.run(.importInitiatives(sort: "intervention", timeZone: timezone)) }
  }

  struct Changes: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "changes",
      abstract: "What changed in the software: adds, or replaces those with the same name and cohort.",
      discussion: """
        The same columns as those of interventions.
        """)

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("Zone of times that name none.", valueName: "zone"))
    var timezone: String?

    func run() throws { try options.run(.importInitiatives(sort: "change", timeZone: timezone)) }
  }
}

extension EventFile.Form: ExpressibleByArgument {}
extension ExportTime.DateOrder: ExpressibleByArgument {}

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
