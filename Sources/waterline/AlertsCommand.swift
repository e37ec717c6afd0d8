import ArgumentParser
import Control
import EventStore
import UsageModel
import UsageQuery

struct AlertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alerts", abstract: "What got significantly worse since the last look.",
    discussion: """
      The last look is the day that --mark stored; without one, the last seven days are looked at. \
      Exit code 0 also when there are alerts, so that jobs read the total 'alerts'; with --exit-code, 1.

      EXAMPLES:
        waterline alerts --mark
        waterline alerts --since 2026-03-01 --all
        waterline alerts --exit-code --format json
      """)

  @OptionGroup var options: ReportOptions

  @Option(help: ArgumentHelp("First day to look at, YYYY-MM-DD.", valueName: "date"))
  var since: String?

  @Option(help: ArgumentHelp("Look as on this day, which is left out itself.", valueName: "date"))
  var until: String?

  @Flag(help: "Remember today as the last look.") var mark = false
  @Flag(help: "Leave with exit code 1 when there are alerts.") var exitCode = false
  @Flag(help: "Show what is as usual, too.") var all = false

  func validate() throws {
    if options.from != nil || options.window != nil {
      throw ValidationError("alerts takes --since (and --until) instead of --from, --to and --window")
    }
    if let since, let until, let first = CivilDay(since), let last = CivilDay(until), first >= last {
      throw ValidationError("--until must be later than --since")
    }
    if mark, until != nil { throw ValidationError("--mark stores today and goes with no --until") }
  }

  func run() throws {
    let since = try since.map { try Self.day("--since", $0) }
    let until = try until.map { try Self.day("--until", $0) }
    let marked = try EventStore(readingAt: options.database.path).read { try AlertMarkStore.day(in: $0) }
    let (document, today) = try options.evaluate { data, query in
      let asked = AlertOptions(since: since, until: until, markedDay: marked, showsAll: all)
      return (try UsageReports.alerts(data, query, asked), query.zone.day(of: query.nowMilliseconds))
    }
    options.format.print(document, minimumGroup: options.minGroup)
    if mark { _ = try ControlClient(databasePath: options.database.path).run(.markAlerts(day: "\(today)")) }
    let hasAlerts = document.totals.contains { $0.name == "alerts" && $0.value != .integer(0) }
    if exitCode, hasAlerts { throw ExitCode(1) }
  }

  private static func day(_ option: String, _ text: String) throws -> CivilDay {
    guard let day = CivilDay(text) else {
      throw UsageError("\(option): cannot read \"\(text)\"; write a date as YYYY-MM-DD")
    }
    return day
  }
}
