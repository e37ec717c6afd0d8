import Aggregation
import UsageModel

extension UsageReports {
  private static let changeNames = [
    "section", "app", "feature", "measure", "before", "after", "difference", "ratio", "people", "status",
  ]
  /// Features shown as those that moved most.
  private static let movedFeaturesMax = 10

  /// The facts of a change (or an intervention): use per day after it against the same weekdays before, the
  /// features that moved most, and whether collection was complete on both sides.
  ///
  /// - Parameter isWindowGiven: whether days after the change count only within the window asked for.
  package static func changes(
    _ data: some UsageData, _ options: QueryOptions, name: String, isWindowGiven: Bool
  ) throws -> ReportDocument {
    try refuse(
      GroupDimension.allCases, in: options, report: "changes", because: "it compares two stretches of days")
    let rows = try initiatives(named: name, data, order: [.change, .intervention])
    let study = try ChangeStudy(data, options, initiatives: rows, isWindowGiven: isWindowGiven)
    let collection = CollectionCheck(study, gaps: try data.sequenceGaps())
    var shown: [[ReportValue]] = []
    var suppressedCount = 0
    func append(_ fact: ChangeFact, section: String, name: FeatureName?, measure: String) {
      let minimum = options.minimumGroupSize
      if study.isFew || (minimum > 1 && fact.people > 0 && fact.people < minimum) {
        suppressedCount += 1
        return
      }
      let isComplete = collection.isComplete
      shown.append([
        .text(section), ReportValue(name?.app), ReportValue(name?.feature), .text(measure),
        .number(fact.before), .number(fact.after),
        isComplete ? .number(fact.after - fact.before) : .null,
        isComplete && fact.before > 0 ? .number(fact.after / fact.before) : .null,
        ReportValue(count: fact.people), .text(isComplete ? "complete" : "incomplete collection"),
      ])
    }
    for measure in ChangeStudy.Measure.allCases {
      append(study.total(measure), section: "total", name: nil, measure: measure.rawValue)
    }
    for (rank, fact) in study.movedFeatures().prefix(movedFeaturesMax) {
      let name = study.scope.features.names[rank]
      append(fact, section: "feature", name: name, measure: ChangeStudy.Measure.attempts.rawValue)
    }
    shown += collection.rows
    var warnings = study.scope.warnings + study.warnings + collection.warnings
    if suppressedCount > 0 {
      warnings.append(
        "\(suppressedCount == 1 ? "1 row is" : "\(suppressedCount) rows are") left out: fewer than \(options.minimumGroupSize) people"
      )
    }
    if shown.contains(where: { $0[7] == .null && $0[0] != .text("collection") }) {
      warnings.append(
        "difference and ratio are null without a complete collection, ratio also where before is 0")
    }
    return ReportDocument(
      report: "changes", method: "waterline-changes/1", window: study.after, timeZoneName: options.zone.name,
      population: study.scope.population.kind,
      catalog: study.scope.features.hasCatalog ? "catalog" : "observed",
      totals: study.scope.totals(
        tooNew: study.scope.tooNewCount(study.scope.expectations(observed: study.isUsed)),
        suppressed: suppressedCount) + study.totals(isComplete: collection.isComplete),
      columns: changeNames, rows: shown, warnings: warnings)
  }
}

/// One measure per day, after a change and on the same weekdays before it.
struct ChangeFact {
  var before: Double
  var after: Double
  /// People with the measure on either side.
  var people: Int
}

/// The two stretches of days around a change, and what the people it reached did in them.
struct ChangeStudy {
  /// What is counted.
  enum Measure: String, CaseIterable {
    case attempts
    case failures
    case strikeOuts = "strikeouts"
    case tickets
  }

  let scope: ReportScope
  /// 28 days before the day of the change.
  let before: Window
  /// Whole days after it, 28 at most.
  let after: Window
  /// By member: whether the change reached them and `--where` chooses them.
  let isReached: [Bool]
  let isUsed: [Bool]
  private let roster: [RosterRow]
  private(set) var warnings: [String] = []
  /// By measure.
  private var tallies: [DayTally]
  /// By rank: attempts.
  private var features: [Int: DayTally] = [:]

  /// Days on each side, at most: four of each weekday.
  static let dayCount = 28

  init(
    _ data: some UsageData, _ options: QueryOptions, initiatives: [Initiative], isWindowGiven: Bool
  ) throws {
    let zone = options.zone
    let start = initiatives.map(\.startMilliseconds).min() ?? 0
    let startDay = zone.day(of: start)
    let (before, after) = try Self.stretches(
      data, options, start: start, end: initiatives.compactMap(\.endMilliseconds).max(),
      isWindowGiven: isWindowGiven)
    (self.before, self.after) = (before, after)
    var options = options
    options.window = .days(Window(from: before.from, to: after.to))
    let scope = try ReportScope(
      data, options, reach: .everything,
      columns: [.user, .feature, .kind, .outcome, .start, .duration, .source, .sequence])
    self.scope = scope
    try scope.refuseAnyPruned(data)
    isUsed = try scope.observedFeatures(data)
    roster = try data.roster()
    let membership = CohortMembership(
      roster: roster, directory: scope.directory, features: scope.features,
      columns: scope.columns, zone: zone)
    var isReached = [Bool](repeating: false, count: scope.population.memberCount)
    for initiative in initiatives {
      let cohort = try Cohort(initiative.cohort)
      let isMember = membership.members(of: cohort, startMilliseconds: initiative.startMilliseconds)
      for (member, person) in scope.population.personOfMember.enumerated()
      where isMember[Int(person)] && scope.isChosen[member] {
        isReached[member] = true
      }
    }
    self.isReached = isReached
    tallies = Measure.allCases.map { _ in
      DayTally(before: before, after: after)
    }
    if Set(initiatives.map(\.startMilliseconds)).count > 1 {
      warnings.append("several cohorts: the first start counts, \(startDay); impact tells them apart")
    }
    if after.dayCount < Self.dayCount {
      warnings.append("only \(after.dayCount) whole days after the change are stored or asked for")
    }
    countUses()
    countStrikeOuts()
    countTickets()
  }

  /// The days before and after; the day of a start within a day belongs to neither.
  private static func stretches(
    _ data: some UsageData, _ options: QueryOptions, start: Int64, end: Int64?, isWindowGiven: Bool
  ) throws -> (before: Window, after: Window) {
    let zone = options.zone
    let startDay = zone.day(of: start)
    let dayStart = WindowBounds(
      window: Window(from: startDay, to: startDay.advanced(by: 1)), rules: zone
    ).span.lowerBound
    var from = start > dayStart ? startDay.advanced(by: 1) : startDay
    var to = from.advanced(by: dayCount)
    if let end { to = min(to, zone.day(of: end)) }
    let today = zone.day(of: options.nowMilliseconds)
    let tomorrow = WindowBounds(
      window: Window(from: today, to: today.advanced(by: 1)), rules: zone
    ).span.upperBound
    if let newest = try data.newestEventMilliseconds(before: tomorrow).map(zone.day) {
      to = min(to, newest.advanced(by: 1))
    }
    if isWindowGiven, case .days(let window) = options.window {
      from = max(from, window.from)
      to = min(to, window.to)
    }
    guard from < to else {
      throw QueryError.badOption(
        option: "name", given: "a change of \(startDay)",
        expected: "one with a whole day of events after it; collection or the change ended at once")
    }
    return (Window(from: startDay.advanced(by: -dayCount), to: startDay), Window(from: from, to: to))
  }

  /// Whether too few people were reached to say anything about them.
  var isFew: Bool {
    scope.options.minimumGroupSize > 1 && isReached.count { $0 } < scope.options.minimumGroupSize
  }

  func total(_ measure: Measure) -> ChangeFact { tallies[Self.place(measure)].fact }

  /// Whether a member belongs to the organisation on some day of a stretch; without a roster everyone does.
  func isActive(_ member: Int, _ window: Window) -> Bool {
    guard !roster.isEmpty else { return true }
    return scope.directory.rosterRows[Int(scope.population.personOfMember[member])].contains { index in
      let from = roster[index].activeFrom.map { max($0, window.from) } ?? window.from
      let to = roster[index].activeTo.map { min($0, window.to) } ?? window.to
      return from < to
    }
  }

  /// Selected features by how much their attempts a day moved, most first; ties by rank.
  func movedFeatures() -> [(rank: Int, fact: ChangeFact)] {
    features.map { ($0.key, $0.value.fact) }.filter { $0.1.after != $0.1.before }
      .sorted { left, right in
        let moves = (abs(left.1.after - left.1.before), abs(right.1.after - right.1.before))
        return moves.0 == moves.1 ? left.0 < right.0 : moves.0 > moves.1
      }
  }

  func totals(isComplete: Bool) -> [ReportField] {
    return [
      ReportField("reached", isFew ? .null : ReportValue(count: isReached.count { $0 })),
      ReportField("before_from", .text(before.from.description)),
      ReportField("before_to", .text(before.to.description)),
      ReportField("complete", .boolean(isComplete)),
    ]
  }

  private static func place(_ measure: Measure) -> Int { Measure.allCases.firstIndex(of: measure) ?? 0 }

  private mutating func countUses() {
    var cursor = DayCursor(rules: scope.options.zone)
    let columns = scope.columns
    let span = scope.bounds.span
    let none = DayTally(before: before, after: after)
    for row in 0..<columns.rowCount where columns.kind[row] == EventKind.use.rawValue {
      guard span.contains(columns.start[row]) else { continue }
      let rank = Int(scope.keys.rankOfFeature[Int(columns.feature[row])])
      let member = Int(scope.keys.personOfUser[Int(columns.user[row])])
      guard rank >= 0, member >= 0, isReached[member], scope.isSelected[rank] else { continue }
      let day = cursor.day(of: columns.start[row])
      tallies[Self.place(.attempts)].add(day: day, person: member)
      if columns.outcome[row] != EventOutcome.ok.rawValue {
        tallies[Self.place(.failures)].add(day: day, person: member)
      }
      features[rank, default: none].add(day: day, person: member)
    }
  }

  private mutating func countStrikeOuts() {
    var cursor = DayCursor(rules: scope.options.zone)
    scope.columns.forEachStrikeOut(
      keys: scope.keys, rankOfSource: UsageReports.ranksOfSources(scope.sourceNames)
    ) { member, rank, start in
      guard isReached[Int(member)], scope.isSelected[rank] else { return }
      tallies[Self.place(.strikeOuts)].add(day: cursor.day(of: start), person: Int(member))
    }
  }

  private mutating func countTickets() {
    var cursor = DayCursor(rules: scope.options.zone)
    for (ticket, person) in zip(scope.tickets, scope.directory.personOfTicket) {
      let member = Int(scope.population.memberOfPerson[Int(person)])
      guard member >= 0, isReached[member] else { continue }
      if let app = scope.options.app, !(ticket.app ?? "").hasSameBytes(as: app) { continue }
      tallies[Self.place(.tickets)].add(day: cursor.day(of: ticket.openedMilliseconds), person: member)
    }
  }
}

/// Counts by day on both sides, and who is behind them.
private struct DayTally {
  private let before: Window
  private let after: Window
  private var afterCount: Int64 = 0
  /// By weekday: count before.
  private var beforeCounts = [Int64](repeating: 0, count: 7)
  private var people: Set<Int32> = []

  init(before: Window, after: Window) {
    self.before = before
    self.after = after
  }

  mutating func add(day number: Int64, person: Int) {
    let day = CivilDay(number: Int32(clamping: number))
    if after.contains(day) {
      afterCount += 1
    } else if before.contains(day) {
      beforeCounts[Self.weekday(day)] += 1
    } else {
      return
    }
    people.insert(Int32(truncatingIfNeeded: person))
  }

  /// Per day; each day after stands against the mean of the four same weekdays before.
  var fact: ChangeFact {
    var expected: Int64 = 0
    for offset in 0..<after.dayCount {
      expected += beforeCounts[Self.weekday(after.from.advanced(by: offset))]
    }
    let dayCount = Double(after.dayCount)
    return ChangeFact(
      before: Double(expected) / (4 * dayCount), after: Double(afterCount) / dayCount, people: people.count)
  }

  private static func weekday(_ day: CivilDay) -> Int {
    Int(day.number) - Int(WeekRange.monday(of: day).number)
  }
}
