import ArgumentParser
import Control
import EventStore
import FileImport
import Ingest
import Report
import UsageModel
import UsageQuery

struct InterventionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "intervention", abstract: "What support did: training, fixes, simplifications.",
    discussion: """
      EXAMPLES:
        waterline intervention add "CRM course" --kind training --app crm --cohort department=Sales \\
          --start 2026-03-02
        waterline intervention end "CRM course" --at 2026-04-01
        waterline impact "CRM course"
      """,
    subcommands: [Add.self, List.self, End.self])

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add", abstract: "Record one; the same name and cohort replaces it.")

    @Argument(help: "Its name; one name with several cohorts reached them at different times.")
    var name: String
    @OptionGroup var options: InitiativeAddOptions

    func run() throws { try options.run(.intervention, name: name) }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "What is recorded.")

    @OptionGroup var options: InitiativeListOptions

    func run() throws { try options.run(.intervention) }
  }

  struct End: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "end", abstract: "Record when one ended.")

    @Argument(help: "Its name.") var name: String
    @Option(help: ArgumentHelp("Only this cohort's row.", valueName: "cohort"))
    var cohort: String?
    @Option(help: ArgumentHelp("Date or time; else now.", valueName: "time"))
    var at: String?
    @Option(help: ArgumentHelp("Zone of times that name none; else the organisation's.", valueName: "zone"))
    var timezone: String?
    @OptionGroup var database: DatabaseOption

    func run() throws {
      let end = at ?? String(Clock.nowMilliseconds())
      guard InitiativeFile.milliseconds(end, .utc) != nil else {
        throw UsageError("--at: '\(SafeText.escaping(end))' is no date or time")
      }
      _ = try ControlClient(databasePath: database.path).run(
        .endInitiative(
          sort: Initiative.Sort.intervention.rawValue, name: name, cohort: cohort, end: end,
          timeZone: timezone))
    }
  }
}

struct ChangeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "change", abstract: "What changed in the software: rollouts, upgrades, releases.",
    discussion: """
      EXAMPLES:
        waterline change add "CRM 5.2" --kind upgrade --app crm --start 2026-03-09T20:00:00Z
        waterline changes "CRM 5.2"
      """,
    subcommands: [Add.self, List.self])

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add", abstract: "Record one; the same name and cohort replaces it.")

    @Argument(help: "Its name; one name with several cohorts reached them at different times.")
    var name: String
    @OptionGroup var options: InitiativeAddOptions

    func run() throws { try options.run(.change, name: name) }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "What is recorded.")

    @OptionGroup var options: InitiativeListOptions

    func run() throws { try options.run(.change) }
  }
}

/// What `add` takes.
struct InitiativeAddOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "training, fix, simplification, support; or rollout, upgrade, release.", valueName: "kind"))
  var kind: String

  @Option(help: ArgumentHelp("Date or time; else now.", valueName: "time"))
  var start: String?

  @Option(help: ArgumentHelp("Date or time.", valueName: "time"))
  var end: String?

  @Option(
    help: ArgumentHelp(
      "Whom it reached: department=D, role=R, site=S, app=A (who used A before), people=NAME;NAME; else all.",
      valueName: "cohort"))
  var cohort: String = ""

  @Option(help: ArgumentHelp("The application it is about.", valueName: "app"))
  var app: String?

  @Option(help: ArgumentHelp("The feature it is about.", valueName: "feature"))
  var feature: String?

  @Option(help: ArgumentHelp("Anything worth remembering.", valueName: "text"))
  var note: String = ""

  @Option(help: ArgumentHelp("Zone of times that name none; else the organisation's.", valueName: "zone"))
  var timezone: String?

  @OptionGroup var database: DatabaseOption

  /// Records one, after checking it here.
  func run(_ sort: Initiative.Sort, name: String) throws {
    let kinds = InitiativeFile.kinds(of: sort)
    guard kinds.contains(kind) else {
      throw UsageError("--kind: '\(SafeText.escaping(kind))' is none of \(kinds.joined(separator: ", "))")
    }
    let cells = [
      "name": name, "kind": kind, "app": app ?? "", "feature": feature ?? "", "cohort": cohort,
      "start": start ?? String(Clock.nowMilliseconds()), "end": end ?? "", "note": note,
    ]
    do {
      _ = try Cohort(cohort)
      _ = try InitiativeFile.initiative(.utc, checkCohort: { _ in nil }) { cells[$0] ?? "" }
    } catch {
      throw UsageError("\(error)")
    }
    _ = try ControlClient(databasePath: database.path).run(
      .addInitiative(sort: sort.rawValue, cells: cells, timeZone: timezone))
  }
}

/// What `list` takes.
struct InitiativeListOptions: ParsableArguments {
  @OptionGroup var database: DatabaseOption
  @OptionGroup var format: FormatOptions

  @Option(
    help: ArgumentHelp("Why you need the names of people's cohorts; 'audit' shows it.", valueName: "text"))
  var purpose: String?

  /// Lists all of a sort; lists of people show their size, unless a purpose is given.
  func run(_ sort: Initiative.Sort) throws {
    let purpose = purpose.flatMap { $0.contains { !$0.isWhitespace } ? $0 : nil }
    if let purpose { try Purpose.log(purpose, databasePath: database.path) }
    let all = try EventStore(readingAt: database.path).read {
      try OrganisationStore.initiatives(sort, in: $0)
    }
    format.print(
      GenericTable(
        columns: InitiativeFile.columns,
        rows: all.map { initiative in
          [
            .text(initiative.name), .text(initiative.kind), initiative.app.map(ReportValue.text) ?? .null,
            initiative.feature.map(ReportValue.text) ?? .null,
            .text(cohortText(initiative.cohort, isNamed: purpose != nil)),
            .text(TimestampText.utc(initiative.startMilliseconds)),
            initiative.endMilliseconds.map { .text(TimestampText.utc($0)) } ?? .null,
            .text(initiative.note),
          ]
        }))
  }

  /// A cohort that cannot be read may hold anything, names too.
  private func cohortText(_ text: String, isNamed: Bool) -> String {
    guard !isNamed else { return text }
    return (try? Cohort(text))?.publicText ?? "?"
  }
}

struct ImpactCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "impact", abstract: "What an intervention or a change did, against people not yet reached.",
    discussion: """
      Group-time effects after Callaway and Sant'Anna (2021) on people and weeks; see docs/methods.md. All \
      whole weeks that are stored count, unless a window is given.

      EXAMPLES:
        waterline impact "CRM course"
        waterline impact "CRM course" --app crm --limit 0
        waterline impact "CRM course" --from 2026-01-05 --to 2026-06-01 --format json
      """)

  @Argument(help: "Name of an intervention or a change.") var name: String
  @OptionGroup var options: ReportOptions

  func run() throws {
    let isWholeHistory = options.from == nil && options.window == nil
    try options.run("impact") { try UsageReports.impact($0, $1, name: name, isWholeHistory: isWholeHistory) }
  }
}

struct ChangesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "changes",
    abstract: "The facts of a change: what moved, where, and whether all was collected.",
    discussion: """
      Up to 28 days after the change against the same weekdays of the 4 weeks before it.

      EXAMPLES:
        waterline changes "CRM 5.2"
        waterline changes "CRM 5.2" --app crm --format json
      """)

  @Argument(help: "Name of a change or an intervention.") var name: String
  @OptionGroup var options: ReportOptions

  func run() throws {
    let isWindowGiven = options.from != nil
    try options.run("changes") { try UsageReports.changes($0, $1, name: name, isWindowGiven: isWindowGiven) }
  }
}
