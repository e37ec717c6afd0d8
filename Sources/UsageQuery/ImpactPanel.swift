import Aggregation
import UsageModel

/// An outcome that an intervention may move.
enum ImpactOutcome: String, CaseIterable {
  case erosion
  case okShare = "ok_share"
  case depth
  case strikeOuts = "strikeouts"
  case tickets
  case lost = "lost_ms"

  /// Its place in a panel's list.
  var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// People × weeks, for every outcome; a unit is a person's number in the directory.
struct ImpactPanels {
  let weeks: WeekRange
  /// By outcome.
  private(set) var panels: [Panel]
  /// People with at least one observed week.
  var observedCount: Int {
    (0..<panels[0].unitCount).count { unit in
      (0..<weeks.count).contains { !self[.lost][unit, $0].isNaN }
    }
  }

  subscript(outcome: ImpactOutcome) -> Panel { panels[outcome.place] }

  /// Evaluates every week as a window of its own, against frozen benchmarks.
  ///
  /// - Parameters:
  ///   - scope: over all weeks, with all history.
  ///   - isExpected: by rank, without a catalog: whether something is expected at all.
  init(
    _ data: some UsageData, scope: ReportScope, weeks: WeekRange, roster: [RosterRow],
    source: BenchmarkSource, observed isUsed: [Bool]
  ) throws {
    self.weeks = weeks
    let empty = Panel(unitCount: scope.directory.names.count, periodCount: weeks.count)
    panels = ImpactOutcome.allCases.map { _ in empty }
    for week in 0..<weeks.count {
      let evaluation = try WeekEvaluation(
        data, scope: scope, window: weeks.window(ofWeek: week), roster: roster, observed: isUsed)
      evaluation.measure(source) { person, outcome, value in
        panels[outcome.place][person, week] = value
      }
    }
    countStrikeOuts(scope)
    countTickets(scope)
  }

  /// Makes a person's weeks missing, as if nobody had been observed.
  mutating func drop(unit: Int, week: Int) {
    guard (0..<weeks.count).contains(week) else { return }
    for index in panels.indices { panels[index][unit, week] = .nan }
  }

  /// Adds one in the week of a moment, if the person was observed in it.
  private mutating func count(
    _ outcome: ImpactOutcome, person: Int, at moment: Int64, _ cursor: inout DayCursor
  ) {
    let day = cursor.day(of: moment) - Int64(weeks.first.number)
    guard day >= 0, day < Int64(7 * weeks.count) else { return }
    // A missing week stays missing: adding to NaN gives NaN.
    panels[outcome.place][person, Int(day / 7)] += 1
  }

  private mutating func countStrikeOuts(_ scope: ReportScope) {
    var cursor = DayCursor(rules: scope.options.zone)
    let keys = EventKeys(
      personOfUser: scope.directory.personOfUser, personCount: scope.directory.names.count,
      rankOfFeature: scope.keys.rankOfFeature, appOfRank: scope.keys.appOfRank, appCount: scope.keys.appCount)
    scope.columns.forEachStrikeOut(
      keys: keys, rankOfSource: UsageReports.ranksOfSources(scope.sourceNames)
    ) { person, rank, start in
      if scope.isSelected[rank] { count(.strikeOuts, person: Int(person), at: start, &cursor) }
    }
  }

  private mutating func countTickets(_ scope: ReportScope) {
    var cursor = DayCursor(rules: scope.options.zone)
    for (ticket, person) in zip(scope.tickets, scope.directory.personOfTicket) {
      if let app = scope.options.app, !(ticket.app ?? "").hasSameBytes(as: app) { continue }
      count(.tickets, person: Int(person), at: ticket.openedMilliseconds, &cursor)
    }
  }
}

/// One week as a window of its own.
private struct WeekEvaluation {
  private let scope: ReportScope
  private let bounds: WindowBounds
  private let population: Population
  private let keys: EventKeys
  private let columns: EventColumns
  private let expectations: [FeatureExpectation]

  init(
    _ data: some UsageData, scope: ReportScope, window: Window, roster: [RosterRow], observed isUsed: [Bool]
  ) throws {
    self.scope = scope
    let bounds = WindowBounds(window: window, rules: scope.options.zone)
    self.bounds = bounds
    columns = try scope.events(
      data, startingIn: bounds.span, columns: [.user, .feature, .kind, .outcome, .start, .duration])
    if roster.isEmpty {
      let census = WindowCensus(
        columns, bounds: bounds, userCount: scope.directory.personOfUser.count,
        rankOfFeature: scope.features.rankOfNumber)
      var isSeen = [Bool](repeating: false, count: scope.directory.names.count)
      for (user, count) in census.eventsOfUser.enumerated() where count > 0 {
        isSeen[Int(scope.directory.personOfUser[user])] = true
      }
      population = Population(observed: isSeen, window: window)
    } else {
      population = Population(scope.directory, window: window)
    }
    let population = self.population
    keys = EventKeys(
      personOfUser: population.memberOfUser(scope.directory),
      personCount: population.memberCount, rankOfFeature: scope.features.rankOfNumber,
      appOfRank: scope.features.appOfRank, appCount: scope.features.apps.count)
    expectations = scope.features.expectations(of: population, observed: isUsed, dayCount: window.dayCount)
  }

  /// Calls the body with every outcome of every person observed; counts are 0, to be added to.
  func measure(_ source: BenchmarkSource, _ body: (_ person: Int, ImpactOutcome, Double) -> Void) {
    var isObserved = [Bool](repeating: false, count: population.memberCount)
    var attempts = [Int64](repeating: 0, count: population.memberCount)
    var failed = attempts
    let members = (0..<population.memberCount).map { Int32(truncatingIfNeeded: $0) }
    var isSelectedApp = [Bool](repeating: false, count: keys.appCount)
    for (rank, app) in keys.appOfRank.enumerated() where scope.isSelected[rank] {
      isSelectedApp[Int(app)] = true
    }
    var tally = ErosionTally(
      keys: keys, groupOfPerson: members, groupCount: members.count, level: .all, isSelected: isSelectedApp,
      peopleKept: 0)
    columns.forEachFeature(keys: keys, bounds: bounds, benchmark: source.benchmark) { feature in
      tally.add(feature)
      for cell in feature.cells {
        isObserved[Int(cell.person)] = true
        guard scope.isSelected[feature.rank] else { continue }
        attempts[Int(cell.person)] += cell.attempts
        failed[Int(cell.person)] += cell.failed
      }
    }
    tally.finish()
    func person(_ member: Int) -> Int { Int(population.personOfMember[member]) }
    for member in members.indices where isObserved[member] {
      for count in [ImpactOutcome.strikeOuts, .tickets, .lost] { body(person(member), count, 0) }
      if attempts[member] > 0 {
        let ok = Double(attempts[member] - failed[member]) / Double(attempts[member])
        body(person(member), .okShare, ok)
      }
    }
    for row in tally.rows where isObserved[Int(row.group)] {
      body(person(Int(row.group)), .lost, Double(row.lost.milliseconds))
      if let ratio = row.ratio { body(person(Int(row.group)), .erosion, ratio) }
    }
    measureDepth(isObserved) { body(person($0), .depth, $1) }
  }

  private func measureDepth(_ isObserved: [Bool], _ body: (_ member: Int, Double) -> Void) {
    let daysMin = Population.activeDaysMin(dayCount: bounds.window.dayCount)
    let roles = (0..<population.memberCount).map { member -> Int32 in
      let rank = population.rank(of: .role, member: member)
      return rank == 0 ? -1 : rank
    }
    let isEligible = population.activeDays.map { $0 >= daysMin }
    var sums = [Double](repeating: 0, count: population.memberCount)
    columns.forEachAdoption(keys: keys, bounds: bounds) { rank, cells in
      let expectation = expectations[rank]
      guard scope.isSelected[rank] else { return }
      for cell in cells where expectation.roles.contains(roles[Int(cell.person)]) {
        sums[Int(cell.person)] +=
          Double(min(cell.okDays, expectation.targetDays)) / Double(expectation.targetDays)
      }
    }
    var expectedOfRole: [Int32: Int] = [:]
    for member in sums.indices where isObserved[member] && isEligible[member] {
      let role = roles[member]
      let count =
        expectedOfRole[role]
        ?? expectations.indices.count { scope.isSelected[$0] && expectations[$0].roles.contains(role) }
      expectedOfRole[role] = count
      if count > 0 { body(member, sums[member] / Double(count)) }
    }
  }
}
