import ArgumentParser
import Control
import EventStore
import Foundation
import GRDB
import Glibc
import Ingest
import Report
import UsageModel
import UsageQuery

/// What every report takes.
struct ReportOptions: ParsableArguments {
  @OptionGroup var format: FormatOptions
  @OptionGroup var selection: SelectionOptions

  @Option(help: ArgumentHelp("Only this feature.", valueName: "feature"))
  var feature: String?

  @Option(
    help: ArgumentHelp(
      "Group by department, role, site, app, feature (comma-separated).", valueName: "columns"))
  var by: String = ""

  var database: DatabaseOption { selection.database }
  var from: String? { selection.from }
  var window: String? { selection.window }
  var benchmark: String { selection.benchmark }
  var minGroup: Int { selection.minGroup }

  /// Runs a report on one snapshot and prints it.
  ///
  /// - Parameters:
  ///   - name: what the report is called.
  ///   - by: taken instead of `--by`, for a report that reads that option itself.
  ///   - keepsAnswer: whether the options say all that is asked for, so that an answer may be kept.
  func run(
    _ name: String, by: String? = nil, keepsAnswer: Bool = false,
    _ report: (StoreUsageData, QueryOptions) throws -> ReportDocument
  ) throws {
    let document = try selection.evaluate { _, data, options in
      let options = try with(options, by: by)
      func answer() throws -> ReportDocument {
        do {
          return try report(data, options)
        } catch let error as QueryError {
          guard error.isAboutPrunedEvents else { throw error }
          return try UsageReports.unanswerable(name, data, options, because: error)
        }
      }
      guard keepsAnswer else { return try answer() }
      return try KeptAnswers.answer(name, options, data, path: database.path, answer)
    }
    format.print(document, minimumGroup: minGroup)
  }

  /// Runs a report on one snapshot.
  func evaluate<Result>(
    by: String? = nil, _ report: (StoreUsageData, QueryOptions) throws -> Result
  ) throws -> Result {
    try selection.evaluate { _, data, options in try report(data, try with(options, by: by)) }
  }

  private func with(_ options: QueryOptions, by: String?) throws -> QueryOptions {
    var options = options
    options.feature = feature
    options.groupBy = try QueryOptions.dimensions(fromList: by ?? self.by)
    return options
  }
}

/// Which events, days and people a report or export is about.
struct SelectionOptions: ParsableArguments {
  @OptionGroup var database: DatabaseOption

  @Option(help: ArgumentHelp("First day, YYYY-MM-DD.", valueName: "date"))
  var from: String?

  @Option(help: ArgumentHelp("Day after the last, YYYY-MM-DD.", valueName: "date"))
  var to: String?

  @Option(help: ArgumentHelp("So many days up to the newest event's day (default 28d).", valueName: "days"))
  var window: String?

  @Option(help: ArgumentHelp("Only this application.", valueName: "app"))
  var app: String?

  @Option(
    name: .customLong("where"),
    help: ArgumentHelp(
      "Only these people: department, role, site or manager; repeatable.", valueName: "column=value"))
  var filters: [String] = []

  @Option(help: ArgumentHelp("Best-practice times: self, or a published set.", valueName: "name"))
  var benchmark: String = "self"

  @Option(help: ArgumentHelp("Time zone of days; else the organisation's.", valueName: "zone"))
  var timezone: String?

  @Option(
    help: ArgumentHelp("Leave out rows about fewer people; under 5 only with --purpose.", valueName: "n"))
  var minGroup: Int = QueryOptions.standardMinimumGroupSize

  @Option(help: ArgumentHelp("Why you need names or small groups; 'audit' shows it.", valueName: "text"))
  var purpose: String?

  func validate() throws {
    if minGroup < 0 { throw ValidationError("--min-group takes a number of people, not \(minGroup)") }
    if minGroup < QueryOptions.standardMinimumGroupSize && trimmedPurpose == nil {
      throw ValidationError(
        "--min-group under \(QueryOptions.standardMinimumGroupSize) shows single people: say why with --purpose TEXT"
      )
    }
    if (from == nil) != (to == nil) { throw ValidationError("--from and --to go together") }
    if from != nil && window != nil { throw ValidationError("use either --from and --to, or --window") }
  }

  private var trimmedPurpose: String? {
    guard let text = purpose?.trimmingCharacters(in: .whitespacesAndNewlines), !text.isEmpty else {
      return nil
    }
    return text
  }

  /// Evaluates something on one snapshot.
  func evaluate<Result>(
    _ body: (Database, StoreUsageData, QueryOptions) throws -> Result
  ) throws -> Result {
    try logPurpose()
    let store = try EventStore(readingAt: database.path)
    var lost: [Rollup] = []
    do {
      do {
        return try evaluate(store, without: [], lost, body)
      } catch is RollupDamage {
        lost = try store.read { try RollupCheck.lost(in: $0) }
        return try evaluate(store, without: [], lost, body)
      }
    } catch is ChunkDamage {
      // Without it there is a report all the same; it says what is missing.
      let damaged = try store.read { database in
        try ChunkRow.all(in: database).filter { try DamagedChunks.damage(of: $0, in: database) != nil }
      }
      DamagedData.setAside(damaged.map(\.id), databasePath: database.path)
      let remaining = try store.read { try ChunkRow.all(in: $0) }
      return try evaluate(store, without: damaged.filter(remaining.contains), lost, body)
    }
  }

  /// Tests and measurements ask for answers from raw chunks alone (`never`) or from cells (`always`).
  private static var rollupUse: StoreUsageData.RollupUse {
    let choice = ProcessInfo.processInfo.environment["WATERLINE_ROLLUPS"] ?? ""
    return StoreUsageData.RollupUse(rawValue: choice) ?? .worthwhile
  }

  private func evaluate<Result>(
    _ store: EventStore, without unreadable: [ChunkRow], _ lost: [Rollup],
    _ body: (Database, StoreUsageData, QueryOptions) throws -> Result
  ) throws -> Result {
    try store.read { database in
      let data = StoreUsageData(
        database, unreadable: unreadable, unreadableRollups: lost, rollupUse: Self.rollupUse)
      do {
        return try body(database, data, try queryOptions(data, database))
      } catch let error as QueryError {
        if error.isAboutPrunedEvents { throw StoreError.invalid("\(error)") }
        throw UsageError("\(error)")
      }
    }
  }

  private func logPurpose() throws {
    guard let purpose = trimmedPurpose else { return }
    try Purpose.log(purpose, databasePath: database.path)
  }

  private func queryOptions(_ data: StoreUsageData, _ database: Database) throws -> QueryOptions {
    let now = Clock.nowMilliseconds()
    let zoneName = try timezone ?? SettingStore.get(SettingName.timeZone.rawValue, in: database) ?? "UTC"
    var choice = WindowChoice.standard
    if let from, let to { choice = try QueryOptions.days(from: from, to: to) }
    if let window { choice = try QueryOptions.windowLength(from: window) }
    let zone = try TimeZoneLoading.zoneRules(
      named: zoneName, for: data, nowMilliseconds: now, window: choice)
    var options = QueryOptions(window: choice, nowMilliseconds: now, zone: zone)
    options.app = app
    options.filters = try filters.map { try QueryOptions.filter(from: $0) }
    options.minimumGroupSize = minGroup
    options.benchmark = try benchmarkChoice(database)
    options.namesAllowed = trimmedPurpose != nil
    return options
  }

  private func benchmarkChoice(_ database: Database) throws -> BenchmarkChoice {
    if benchmark == "self" { return .current }
    let sets = try BenchmarkStore.all(in: database)
    guard let record = sets.first(where: { $0.name.hasSameBytes(as: benchmark) }) else {
      let names = sets.map(\.name).joined(separator: ", ")
      throw UsageError(
        "no benchmark named '\(SafeText.escaping(benchmark))' was published; there are: self\(names.isEmpty ? "" : ", " + names)"
      )
    }
    guard let set = BenchmarkSet(record) else {
      throw StoreError.invalid("the published benchmark '\(record.name)' is damaged: its days cannot be read")
    }
    return .frozen(set)
  }
}

/// Names and small groups only with a reason that others can read.
enum Purpose {
  /// Logs a purpose before anything is shown; throws when it cannot be logged.
  static func log(_ purpose: String, databasePath: String) throws {
    guard FileManager.default.fileExists(atPath: databasePath) else {
      throw StoreError.absent(path: databasePath)
    }
    let command = CommandLine.arguments.dropFirst().joined(separator: " ")
    _ = try ControlClient(databasePath: databasePath)
      .run(.logPurpose(login: login, command: String(command.prefix(1_000)), purpose: purpose))
  }

  /// Who asks: the login name, and behind `sudo` the one who called it.
  static var login: String {
    let own = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "uid \(geteuid())"
    let caller = ProcessInfo.processInfo.environment["SUDO_USER"]
    return caller.map { "\($0) as \(own)" } ?? own
  }
}
