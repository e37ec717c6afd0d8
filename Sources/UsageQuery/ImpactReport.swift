import Aggregation
import UsageModel

extension UsageReports {
  private static let impactNames = [
    "outcome", "aggregate", "event_week", "group", "week", "estimate", "standard_error", "low", "high",
    "people", "controls", "status",
  ]

  /// What an intervention or a change did: group-time effects and their aggregates, per outcome.
  ///
  /// Outcomes are those of all applications unless `--app` names one; `--where` chooses the people compared.
  ///
  /// - Parameter isWholeHistory: whether to take all whole weeks that are stored instead of the window.
  package static func impact(
    _ data: some UsageData, _ options: QueryOptions, name: String, isWholeHistory: Bool
  ) throws -> ReportDocument {
    try refuse(
      GroupDimension.allCases, in: options, report: "impact", because: "it compares people over weeks")
    if let feature = options.feature {
      throw QueryError.badOption(
        option: "--feature", given: feature, expected: "--app instead: face time belongs to applications")
    }
    let initiatives = try initiatives(named: name, data)
    let study = try ImpactStudy(data, options, initiatives: initiatives, isWholeHistory: isWholeHistory)
    let rows = ImpactRows(study)
    return ReportDocument(
      report: "impact", method: "waterline-impact/1", window: study.scope.window,
      timeZoneName: options.zone.name, population: study.scope.population.kind,
      catalog: study.scope.features.hasCatalog ? "catalog" : "observed",
      totals: study.scope.totals(
        tooNew: study.scope.tooNewCount(study.scope.expectations(observed: study.isUsed)),
        suppressed: rows.suppressedCount) + study.totals(),
      columns: impactNames, rows: rows.values, warnings: study.scope.warnings + study.warnings + rows.warnings
    )
  }

  /// The rows of an intervention, or of a change where no intervention has the name.
  ///
  /// - Throws: `QueryError.badOption` when neither has.
  static func initiatives(
    named name: String, _ data: some UsageData, order: [Initiative.Sort] = [.intervention, .change]
  ) throws -> [Initiative] {
    var known: [String] = []
    for sort in order {
      let all = try data.initiatives(sort)
      let found = all.filter { $0.name.hasSameBytes(as: name) }
      if !found.isEmpty { return found }
      known += Set(all.map { Utf8Key($0.name) }).sorted().map(\.text)
    }
    let hint = NearNames.hint(for: name, among: known)
    throw QueryError.badOption(
      option: "name", given: name, expected: "the name of an intervention or a change\(hint)")
  }
}

/// The people, weeks and groups of one `impact` report.
struct ImpactStudy {
  let scope: ReportScope
  let weeks: WeekRange
  let panels: ImpactPanels
  /// By group, ascending by first treated week.
  let groups: [TreatmentGroup]
  /// By person.
  let groupOfPerson: [Int32]
  /// By rank, without a catalog: whether the feature was used before the end.
  let isUsed: [Bool]
  private(set) var warnings: [String] = []
  private let benchmarkName: String

  /// Weeks before the earliest start from which benchmarks come.
  static let benchmarkWeeks = 8

  init(
    _ data: some UsageData, _ options: QueryOptions, initiatives: [Initiative], isWholeHistory: Bool
  ) throws {
    var options = options
    let weeks = try Self.weeks(data, &options, isWholeHistory: isWholeHistory)
    self.weeks = weeks
    scope = try ReportScope(
      data, options, reach: .everything,
      columns: [.user, .feature, .kind, .outcome, .start, .duration, .source, .sequence])
    try scope.refuseAnyPruned(data)
    isUsed = try scope.observedFeatures(data)
    let roster = try data.roster()
    let starts = initiatives.map {
      WeeklyStart(startMilliseconds: $0.startMilliseconds, zone: options.zone)
    }
    let benchmark = try Self.benchmark(data, options, starts: starts)
    let source = BenchmarkSource(benchmark, features: scope.features)
    benchmarkName = source.name
    var panels = try ImpactPanels(
      data, scope: scope, weeks: weeks, roster: roster, source: source, observed: isUsed)
    let assignment = try Self.assign(scope, roster, initiatives, starts)
    let mondays = Set(assignment.startOfPerson.compactMap { $0.map { starts[$0].firstMonday } }).sorted()
    (groups, groupOfPerson) = Self.group(assignment.startOfPerson, starts, mondays, weeks, &panels)
    for (person, isChosen) in Self.isChosen(scope).enumerated() where !isChosen {
      for week in 0..<weeks.count { panels.drop(unit: person, week: week) }
    }
    self.panels = panels
    warnings = assignment.warnings + notes(initiatives, starts)
  }

  /// Facts beside the rows.
  func totals() -> [ReportField] {
    [
      ReportField("weeks", ReportValue(count: weeks.count)),
      ReportField("groups", ReportValue(count: groups.count)),
      ReportField("benchmark", .text(benchmarkName)),
    ]
  }

  // MARK: Weeks

  /// The whole weeks of the window asked for, or of all that is stored up to today; sets the window to them.
  private static func weeks(
    _ data: some UsageData, _ options: inout QueryOptions, isWholeHistory: Bool
  ) throws -> WeekRange {
    var window: Window?
    if isWholeHistory {
      window = try storedDays(data, options)
    } else if case .days(let days) = options.window {
      window = days
    } else if case .last(let dayCount) = options.window, let stored = try storedDays(data, options) {
      window = Window(from: stored.to.advanced(by: -dayCount), to: stored.to)
    }
    let today = options.zone.day(of: options.nowMilliseconds)
    let weeks = WeekRange(in: window ?? Window(from: today, to: today.advanced(by: 1)))
    guard weeks.count > 1 else {
      throw QueryError.badOption(
        option: "--from/--to", given: window.map { "\($0.from) to \($0.to)" } ?? "no events",
        expected: "a window that holds two whole weeks, Monday to Sunday")
    }
    options.window = .days(weeks.window)
    return weeks
  }

  /// From the oldest event's day to the newest one's that is not after today.
  private static func storedDays(_ data: some UsageData, _ options: QueryOptions) throws -> Window? {
    let today = options.zone.day(of: options.nowMilliseconds)
    let tomorrow = WindowBounds(
      window: Window(from: today, to: today.advanced(by: 1)), rules: options.zone
    ).span.upperBound
    guard let oldest = try data.eventBounds()?.lowerBound,
      let newest = try data.newestEventMilliseconds(before: tomorrow)
    else { return nil }
    return Window(from: options.zone.day(of: oldest), to: options.zone.day(of: newest).advanced(by: 1))
  }

  /// b(f) of the 8 weeks before the earliest g, unless a published set was asked for.
  private static func benchmark(
    _ data: some UsageData, _ options: QueryOptions, starts: [WeeklyStart]
  ) throws -> BenchmarkChoice {
    guard options.benchmark == .current, let first = starts.map(\.firstMonday).min() else {
      return options.benchmark
    }
    let window = Window(from: first.advanced(by: -7 * benchmarkWeeks), to: first)
    var frozen = options
    frozen.window = .days(window)
    frozen.app = nil
    frozen.filters = []
    let name = "the \(benchmarkWeeks) weeks before \(first)"
    return .frozen(try UsageReports.benchmarkSet(named: name, data, frozen))
  }

  // MARK: Groups

  /// By person, the earliest start that reached them, as a place in the list; and what to say about it.
  private static func assign(
    _ scope: ReportScope, _ roster: [RosterRow], _ initiatives: [Initiative], _ starts: [WeeklyStart]
  ) throws -> (startOfPerson: [Int?], warnings: [String]) {
    var startOfPerson = [Int?](repeating: nil, count: scope.directory.names.count)
    var warnings: [String] = []
    let membership = CohortMembership(
      roster: roster, directory: scope.directory, features: scope.features, columns: scope.columns,
      zone: scope.options.zone)
    for (place, initiative) in initiatives.enumerated() {
      let cohort = try Cohort(initiative.cohort)
      let isMember = membership.members(of: cohort, startMilliseconds: initiative.startMilliseconds)
      if !isMember.contains(true) { warnings.append("the cohort \(cohort.publicText) holds nobody") }
      for person in isMember.indices where isMember[person] {
        let known = startOfPerson[person]
        let isEarlier =
          known.map { initiative.startMilliseconds < initiatives[$0].startMilliseconds } ?? true
        if isEarlier { startOfPerson[person] = place }
      }
      if let unit = cohort.wholeUnit {
        warnings.append(
          "the cohort is a whole \(unit): intervals take people as independent, and do not cover what else "
            + "happened to the \(unit) at that time")
      }
    }
    return (startOfPerson, Array(Set(warnings)).sorted())
  }

  /// Numbers the groups, and drops the weeks in which they were partly treated.
  private static func group(
    _ startOfPerson: [Int?], _ starts: [WeeklyStart], _ mondays: [CivilDay], _ weeks: WeekRange,
    _ panels: inout ImpactPanels
  ) -> (groups: [TreatmentGroup], groupOfPerson: [Int32]) {
    let partial = Set(startOfPerson.compactMap { $0 }.filter { starts[$0].isWeekBeforePartial })
    let groups = mondays.map { monday in
      let first = weeks.week(of: monday)
      let isPartial = partial.contains { starts[$0].firstMonday == monday }
      return TreatmentGroup(firstPeriod: first, basePeriod: isPartial ? first - 2 : first - 1)
    }
    var groupOfPerson = [Int32](repeating: DifferenceInDifferences.never, count: startOfPerson.count)
    for (person, place) in startOfPerson.enumerated() {
      guard let place, let group = mondays.firstIndex(of: starts[place].firstMonday) else { continue }
      groupOfPerson[person] = Int32(truncatingIfNeeded: group)
      for week in groups[group].basePeriod + 1..<groups[group].firstPeriod {
        panels.drop(unit: person, week: week)
      }
    }
    return (groups, groupOfPerson)
  }

  /// By person: whether `--where` chooses them.
  private static func isChosen(_ scope: ReportScope) -> [Bool] {
    scope.population.memberOfPerson.map { $0 >= 0 && scope.isChosen[Int($0)] }
  }

  // MARK: Notes

  private func notes(_ initiatives: [Initiative], _ starts: [WeeklyStart]) -> [String] {
    var notes: [String] = []
    if groups.contains(where: { $0.basePeriod < 0 }) {
      notes.append("groups that start in the first week or before it have no week to compare with")
    }
    if groups.contains(where: { $0.firstPeriod >= weeks.count }) {
      notes.append("groups that start after the last whole week only serve as controls")
    }
    if starts.contains(where: \.isWeekBeforePartial) {
      notes.append(
        "a start lies within a week: that week is dropped for its people, and the one before is the base")
    }
    if initiatives.contains(where: { $0.endMilliseconds != nil }) {
      notes.append("weeks after an end count as after the start")
    }
    if scope.options.app == nil, let app = initiatives.compactMap(\.app).first {
      notes.append("outcomes are over all applications; those of \(app) alone: --app \(app)")
    }
    return notes
  }
}
