import Aggregation
import UsageModel

/// The two sides per application: what the desk did, and how it went for the people who work with it.
struct SupportSides {
  /// Row keys of the supplier's side, then of the customer's, after `app`.
  static let names =
    SupportDesk.names + [
      "coverage", "attempts", "ok_share", "interruptions_per_face_hour",
      "interruption_minutes_per_face_hour", "erosion", "strikeouts_per_1000", "help_per_1000", "lost_ms",
    ]

  private let scope: ReportScope
  private let rates: CostRates?
  private let table: ValueTable
  private let use: [AppUse]
  /// By application.
  private var coverage: [Double?]
  private var erosion: [Erosion?]
  private var strikeOuts: [Int64]
  /// By rank of the application's name; 0 is "no application".
  private var desk: [DeskFigures]
  /// By rank: people of the population behind the row.
  private var people: [Set<Int32>]

  /// - Parameter scope: with all history.
  /// - Throws: whatever reading the store throws.
  init(
    _ data: some UsageData, _ scope: ReportScope, _ tickets: SupportTickets, erosion rows: [Erosion],
    rates: CostRates?
  ) throws {
    self.scope = scope
    self.rates = rates
    let entries = tickets.opened + tickets.backlog.map(\.entry)
    table = ValueTable(
      scope.features.apps + entries.compactMap { $0.ticket.app }.filter { !$0.isEmpty })
    use = scope.columns.appUse(keys: scope.keys, bounds: scope.bounds, isChosen: scope.isChosen)
    coverage = try Self.coverage(data, scope)
    erosion = [Erosion?](repeating: nil, count: scope.features.apps.count)
    for row in rows { if let app = row.app { erosion[app] = row } }
    strikeOuts = Self.strikeOuts(scope)
    desk = Array(repeating: DeskFigures(), count: table.values.count)
    people = Array(repeating: [], count: table.values.count)
    for (app, use) in use.enumerated() where isSelected(app) {
      people[rank(scope.features.apps[app])] = use.people
    }
    addTickets(tickets)
  }

  /// One row for each application with an event or a ticket.
  func rows() -> (rows: ReportRows, columns: [RowLayout.Column]) {
    let columns = [RowLayout.Column(name: "app", table: table, block: 0)]
    let found = desk.indices.filter { !people[$0].isEmpty || desk[$0].tickets + desk[$0].backlog > 0 }
      .map { rank in
        ReportRow(
          key: [Int32(truncatingIfNeeded: rank)],
          people: RowPeople(count: people[rank].count, members: people[rank].sorted()),
          values: supplier(rank) + customer(rank) + cost(rank))
      }
    return (
      ReportRows(found, columns: columns, minimumPeople: scope.options.minimumGroupSize), columns
    )
  }

  private func rank(_ app: String) -> Int { Int(table.rank(of: app) ?? 0) }

  private func isSelected(_ app: Int) -> Bool {
    scope.options.app.map { $0.hasSameBytes(as: scope.features.apps[app]) } ?? true
  }

  private mutating func addTickets(_ tickets: SupportTickets) {
    for entry in tickets.opened {
      let rank = rank(entry.ticket.app ?? "")
      desk[rank].add(entry.ticket, person: entry.member, peopleKept: scope.peopleKept)
      if entry.member >= 0 { people[rank].insert(entry.member) }
    }
    for (entry, age) in tickets.backlog {
      let rank = rank(entry.ticket.app ?? "")
      desk[rank].addToBacklog(ageDays: age, person: entry.member, peopleKept: scope.peopleKept)
      if entry.member >= 0 { people[rank].insert(entry.member) }
    }
  }

  /// Desk figures; `people` are those behind the whole row.
  private func supplier(_ rank: Int) -> [ReportValue] {
    var values = SupportDesk.values(desk[rank])
    values[1] = ReportValue(count: people[rank].count)
    return values
  }

  /// The application of a row, unless it is known from tickets alone.
  private func app(_ rank: Int) -> Int? {
    guard rank > 0, let name = table.values[rank] else { return nil }
    return scope.features.appTable.rank(of: name).map { Int($0) - 1 }
  }

  private func customer(_ rank: Int) -> [ReportValue] {
    guard let app = app(rank) else {
      return [.null, .integer(0)] + Array(repeating: .null, count: 6) + [.integer(0)]
    }
    let use = use[app]
    let hours = Double(erosion[app]?.faceMilliseconds ?? 0) / 3_600_000
    func perHour(_ value: Double) -> ReportValue { hours > 0 ? .number(value / hours) : .null }
    func perAttempt(_ value: Double) -> ReportValue {
      use.attempts > 0 ? .number(value / Double(use.attempts)) : .null
    }
    return [
      ReportValue(coverage[app]), .integer(use.attempts), perAttempt(Double(use.okAttempts)),
      perHour(Double(use.interruptions)), perHour(Double(use.interruptionMilliseconds) / 60_000),
      ReportValue(erosion[app]?.ratio), perAttempt(1_000 * Double(strikeOuts[app])),
      perAttempt(1_000 * Double(use.helpEvents)), .integer(erosion[app]?.lost.milliseconds ?? 0),
    ]
  }

  private func cost(_ rank: Int) -> [ReportValue] {
    guard let rates else { return [] }
    let lost = app(rank).flatMap { erosion[$0]?.lost.milliseconds } ?? 0
    return [
      .number(rates.cost(tickets: desk[rank].tickets)), .number(rates.cost(lostMilliseconds: lost)),
    ]
  }

  private static func coverage(_ data: some UsageData, _ scope: ReportScope) throws -> [Double?] {
    let sweep = try AdoptionSweep(data, scope.options)
    let everyone = PersonGroups([], population: scope.population, isChosen: scope.isChosen)
    var tallies = [(tally: sweep.tally(everyone, level: .app), takes: scope.isSelected)]
    sweep.count(&tallies)
    var coverage = [Double?](repeating: nil, count: scope.features.apps.count)
    for row in tallies[0].tally.rows { coverage[row.unit] = row.coverage }
    return coverage
  }

  private static func strikeOuts(_ scope: ReportScope) -> [Int64] {
    let everyone = PersonGroups([], population: scope.population, isChosen: scope.isChosen)
    let found = scope.columns.strikeOuts(
      keys: scope.keys, bounds: scope.bounds, groupOfPerson: everyone.groupOfMember,
      groupCount: everyone.count, rankOfSource: UsageReports.ranksOfSources(scope.sourceNames),
      isSelected: scope.isSelected, helpSought: UsageReports.helpSought(scope),
      peopleKept: scope.peopleKept)
    var counts = [Int64](repeating: 0, count: scope.features.apps.count)
    for row in found { counts[Int(scope.features.appOfRank[row.rank])] += row.count }
    return counts
  }
}
