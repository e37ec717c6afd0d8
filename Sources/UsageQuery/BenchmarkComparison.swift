import Aggregation
import UsageModel

/// What a window's times are compared with.
package enum ComparisonBase: Sendable {
  /// The window of the same length just before.
  case windowBefore
  /// A published set: its benchmarks, and the events of its window as far as they are still stored.
  case published(BenchmarkSet)
}

extension UsageReports {
  private static let comparisonNames = [
    "people_then", "people_now", "median_then_ms", "median_now_ms", "change_ms", "change_low_ms",
    "change_high_ms", "change_share", "own_people", "own_change_ms", "own_low_ms", "own_high_ms", "verdict",
    "benchmark_then_ms", "benchmark_now_ms",
    "benchmark_change_ms", "organisation_ms", "against_ms", "against_low_ms", "against_high_ms",
    "against_verdict",
  ]

  /// Each feature, department or role against itself then, and against the whole organisation now.
  ///
  /// A person's time with a feature is their median; a row's is the median of its people with at least
  /// `Benchmark.judgedUsesMin` timed ok uses. Columns of people of `--by` stand in front.
  package static func benchmarkComparison(
    _ data: some UsageData, _ options: QueryOptions, with base: ComparisonBase
  ) throws -> ReportDocument {
    try refuse([.user], in: options, report: "benchmark-compare", because: noSinglePeople)
    var options = options
    options.benchmark = .current
    let now = try ComparedWindow(data, options)
    let scope = now.scope
    var earlier = options
    earlier.window = .days(window(of: base, before: scope.window))
    if case .published(let set) = base { earlier.benchmark = .frozen(set) }
    let then = try ComparedWindow(data, earlier)
    let layout = RowLayout(
      scope.groupAttributes.map(RowLayout.Item.person) + [.own(.app), .own(.feature)], groups: now.groups,
      features: scope.features)
    let minimum = options.minimumGroupSize
    let found = now.keys.map { key -> ReportRow in
      let name = now.name(of: key)
      let row = ComparisonRow(
        then: then.people(named: name, minimum: minimum),
        now: now.people(of: key), everyone: now.everyone(key.rank),
        own: now.ownChange(of: key, since: then, named: name, minimum: minimum),
        benchmarkThen: then.benchmark(key.rank), benchmarkNow: now.benchmark(key.rank))
      return ReportRow(
        key: layout.key(
          group: key.group, app: scope.features.appOfRank[key.rank] + 1,
          feature: scope.features.featureNameOfRank[key.rank]),
        people: now.rowPeople(of: key), values: row.values)
    }
    let rows = ReportRows(found, columns: layout.columns, minimumPeople: options.minimumGroupSize)
    let expectations = scope.expectations(
      observed: try scope.observedFeatures(data, stopAtFirstSelected: true))
    return document(
      "benchmark-compare", scope: scope, columns: layout.columns, valueNames: comparisonNames, rows: rows,
      totals: scope.totals(tooNew: scope.tooNewCount(expectations), suppressed: rows.suppressedCount)
        + comparisonTotals(rows, then.scope, base),
      warnings: scope.warnings + comparisonWarnings(rows.values, then.scope))
  }

  private static func window(of base: ComparisonBase, before window: Window) -> Window {
    switch base {
    case .windowBefore: Window(from: window.from.advanced(by: -window.dayCount), to: window.from)
    case .published(let set): set.window
    }
  }

  private static func comparisonTotals(
    _ rows: ReportRows, _ then: ReportScope, _ base: ComparisonBase
  ) -> [ReportField] {
    let verdict = 12
    let values = rows.values
    var name = "before"
    if case .published(let set) = base { name = set.name }
    return [
      ReportField("compared_with", .text(name)),
      ReportField("compared_from", .text("\(then.window.from)")),
      ReportField("compared_to", .text("\(then.window.to)")),
      ReportField("slower", ReportValue(count: values.count { $0[verdict] == .text("slower") })),
      ReportField("faster", ReportValue(count: values.count { $0[verdict] == .text("faster") })),
      ReportField(
        "insufficient", ReportValue(count: values.count { $0[verdict] == .text("insufficient") })),
    ]
  }

  private static func comparisonWarnings(_ rows: [RowValues], _ then: ReportScope) -> [String] {
    let few =
      "insufficient: fewer than \(MedianInterval.peopleMin) people have \(Benchmark.judgedUsesMin) "
      + "timed ok uses"
    var warnings: [String] = []
    if then.census.eventsOfUser.allSatisfy({ $0 == 0 }) {
      warnings.append(
        "no event that counts is stored of the window compared with (\(then.window.from) to \(then.window.to))"
      )
    }
    return warnings
      + nullWarning(
        "people_then, median_then_ms, change_ms and change_share", at: 2, in: rows,
        because: "nobody, or too few people to show, could be judged then")
      + nullWarning("change_low_ms and change_high_ms", at: 5, in: rows, because: few)
      + nullWarning(
        "own_people and own_change_ms", at: 8, in: rows,
        because: "nobody, or too few people to show, could be judged in both windows")
      + nullWarning(
        "own_low_ms and own_high_ms", at: 10, in: rows,
        because: "insufficient: fewer than \(MedianInterval.peopleMin) people could be judged in both windows"
      )
      + nullWarning("benchmark_then_ms", at: 13, in: rows, because: "there was no benchmark then")
      + nullWarning("benchmark_now_ms", at: 14, in: rows, because: "there is no benchmark now")
      + nullWarning(
        "benchmark_change_ms", at: 15, in: rows, because: "a benchmark is missing on one of the two sides")
      + nullWarning("against_low_ms and against_high_ms", at: 18, in: rows, because: few)
  }
}

/// What a comparison keeps of one feature's cells.
private struct JudgedFeature {
  let rank: Int
  let benchmark: Benchmark
  /// Of the members that can be judged.
  let medians: [(member: Int32, milliseconds: Int64)]

  init(_ feature: FeatureCells) {
    rank = feature.rank
    benchmark = feature.benchmark
    medians = feature.cells.compactMap { cell in cell.medianMilliseconds.map { (cell.person, $0) } }
  }
}

/// The judged people of a window by group and feature.
private struct ComparedWindow {
  struct Key: Hashable {
    var group: Int32
    var rank: Int
  }

  /// A group by its values, which mean the same in every window.
  struct Name: Hashable {
    var values: [Utf8Key?]
    var rank: Int
  }

  let scope: ReportScope
  let groups: PersonGroups
  /// By person of the directory.
  private var medians: [Key: [Int32: Int64]] = [:]
  private var members: [Key: RowPeople] = [:]
  private var keyOfName: [Name: Key] = [:]
  /// By rank, of all of P.
  private var all: [Int: [Int64]] = [:]
  private var benchmarks: [Int: Benchmark] = [:]
  private let source: BenchmarkSource

  init(_ data: some UsageData, _ options: QueryOptions) throws {
    var scope = try ReportScope(data, options, reach: .packed)
    groups = PersonGroups(scope.groupAttributes, population: scope.population, isChosen: scope.isChosen)
    source = BenchmarkSource(options.benchmark, features: scope.features)
    let found = try scope.measureFeatures(
      source, tally: { [JudgedFeature]() },
      add: { [isSelected = scope.isSelected] tally, feature in
        if isSelected[feature.rank] { tally.append(JudgedFeature(feature)) }
      })
    // The other window's events need the room.
    scope.packed?.release()
    self.scope = scope
    for feature in found.joined() { add(feature) }
  }

  private mutating func add(_ feature: JudgedFeature) {
    benchmarks[feature.rank] = feature.benchmark
    for (member, median) in feature.medians {
      all[feature.rank, default: []].append(median)
      let group = groups.groupOfMember[Int(member)]
      guard group >= 0 else { continue }
      let key = Key(group: group, rank: feature.rank)
      let person = scope.population.personOfMember[Int(member)]
      medians[key, default: [:]][person] = median
      members[key, default: RowPeople()].insert(member, below: scope.peopleKept)
      keyOfName[name(of: key)] = key
    }
  }

  /// Groups and features with a judged person.
  var keys: [Key] { Array(medians.keys) }

  func name(of key: Key) -> Name {
    let values = zip(groups.tables, groups.keys[Int(key.group)]).map { table, rank in
      table.values[Int(rank)].map(Utf8Key.init)
    }
    return Name(values: values, rank: key.rank)
  }

  func people(of key: Key) -> MedianInterval? { MedianInterval(Array((medians[key] ?? [:]).values)) }

  /// How much the people who are in both windows changed themselves; nil when they are too few to show.
  func ownChange(
    of key: Key, since then: ComparedWindow, named name: Name, minimum: Int
  ) -> MedianInterval? {
    guard let before = then.keyOfName[name].flatMap({ then.medians[$0] }), let after = medians[key]
    else { return nil }
    let changes = after.compactMap { person, median in before[person].map { median - $0 } }
    return changes.count < minimum ? nil : MedianInterval(changes)
  }

  /// The same group's people; nil when they are too few to be shown.
  func people(named name: Name, minimum: Int) -> MedianInterval? {
    keyOfName[name].flatMap { people(of: $0) }.flatMap { $0.count < minimum ? nil : $0 }
  }

  func rowPeople(of key: Key) -> RowPeople { members[key] ?? RowPeople() }

  func everyone(_ rank: Int) -> MedianInterval? { MedianInterval(all[rank] ?? []) }

  /// The window's benchmark; of a feature nobody used, what the set or the catalog says.
  func benchmark(_ rank: Int) -> Int64? {
    if let known = benchmarks[rank] { return known.milliseconds }
    var nobody: [Int64] = []
    return source.benchmark(rank: rank, medians: &nobody).milliseconds
  }
}

/// One row of the comparison.
private struct ComparisonRow {
  let then: MedianInterval?
  let now: MedianInterval?
  let everyone: MedianInterval?
  /// Changes of the people who are in both windows.
  let own: MedianInterval?
  let benchmarkThen: Int64?
  let benchmarkNow: Int64?

  var values: [ReportValue] {
    let change = Self.change(then, now)
    let against = Self.change(everyone, now)
    let share = change.flatMap { change in
      (then?.median ?? 0) > 0 ? Double(change.milliseconds) / Double(then?.median ?? 1) : nil
    }
    let benchmarkChange = benchmarkThen.flatMap { then in benchmarkNow.map { $0 - then } }
    return [
      ReportValue(then.map { Int64($0.count) }), ReportValue(count: now?.count ?? 0),
      ReportValue(then?.median),
      ReportValue(now?.median), ReportValue(change?.milliseconds), ReportValue(change?.bounds?.lowerBound),
      ReportValue(change?.bounds?.upperBound), ReportValue(share),
      ReportValue(own.map { Int64($0.count) }), ReportValue(own?.median), ReportValue(ownBounds?.lowerBound),
      ReportValue(ownBounds?.upperBound), Self.verdict(ownBounds ?? change?.bounds),
      ReportValue(benchmarkThen), ReportValue(benchmarkNow), ReportValue(benchmarkChange),
      ReportValue(everyone?.median), ReportValue(against?.milliseconds),
      ReportValue(against?.bounds?.lowerBound), ReportValue(against?.bounds?.upperBound),
      Self.verdict(against?.bounds),
    ]
  }

  private var ownBounds: ClosedRange<Int64>? { own.flatMap { $0.isSufficient ? $0.low...$0.high : nil } }

  private static func change(_ before: MedianInterval?, _ after: MedianInterval?) -> MedianChange? {
    guard let before, let after else { return nil }
    return MedianChange(from: before, to: after)
  }

  private static func verdict(_ bounds: ClosedRange<Int64>?) -> ReportValue {
    guard let bounds else { return .text("insufficient") }
    return .text(bounds.lowerBound > 0 ? "slower" : bounds.upperBound < 0 ? "faster" : "no_clear_change")
  }
}
