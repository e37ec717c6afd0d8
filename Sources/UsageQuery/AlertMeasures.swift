import Aggregation
import UsageModel

/// The figures of one span of days, for the organisation and each application.
struct AlertMeasures {
  /// A share or rate as its two parts.
  struct Ratio {
    var part: Int64 = 0
    var whole: Int64 = 0
    /// What people's differences alone explain, where the value is a ratio over people as clusters.
    var standardError: Double?

    var value: Double? { whole > 0 ? Double(part) / Double(whole) : nil }
  }

  /// One application, or nil for the organisation.
  struct Key: Hashable {
    var metric: AlertMetric
    var app: String?
  }

  private(set) var ratios: [Key: Ratio] = [:]
  /// People with an event, by application.
  private(set) var people: [String?: Set<Int32>] = [:]

  /// - Parameter isExpected: without a catalog, the features by rank that are expected of everyone.
  init(_ data: some UsageData, _ options: QueryOptions, _ span: Window, isExpected: [Bool]) throws {
    var options = options
    options.window = .days(span)
    let scope = try ReportScope(
      data, options, reach: .window,
      columns: [.user, .feature, .kind, .outcome, .start, .duration, .source, .sequence])
    addTime(scope)
    addStrikeOuts(scope)
    addCoverage(scope, scope.expectations(observed: isExpected))
  }

  private mutating func add(_ metric: AlertMetric, app: Int, _ scope: ReportScope, part: Int64, whole: Int64)
  {
    for name in [nil, scope.features.apps[app]] as [String?] {
      ratios[Key(metric: metric, app: name), default: Ratio()].part += part
      ratios[Key(metric: metric, app: name), default: Ratio()].whole += whole
    }
  }

  private mutating func addTime(_ scope: ReportScope) {
    let groups = PersonGroups([], population: scope.population, isChosen: scope.isChosen)
    var byApp = UsageReports.erosionTally(scope, groups, level: .app)
    var together = UsageReports.erosionTally(scope, groups, level: .all)
    let source = BenchmarkSource(scope.options.benchmark, features: scope.features)
    var attempts = [Int64](repeating: 0, count: scope.keys.appCount)
    scope.forEachFeature(source) { feature in
      byApp.add(feature)
      together.add(feature)
      guard scope.isSelected[feature.rank] else { return }
      let app = Int(scope.keys.appOfRank[feature.rank])
      for cell in feature.cells where scope.isChosen[Int(cell.person)] {
        attempts[app] += cell.attempts
        people[nil, default: []].insert(cell.person)
        people[scope.features.apps[app], default: []].insert(cell.person)
      }
    }
    byApp.finish()
    together.finish()
    for row in byApp.rows + together.rows {
      let key = Key(metric: .erosion, app: row.app.map { scope.features.apps[$0] })
      ratios[key] = Ratio(
        part: row.lost.milliseconds, whole: row.faceMilliseconds, standardError: row.interval.standardError)
    }
    for (app, count) in attempts.enumerated() where count > 0 {
      add(.strikeouts, app: app, scope, part: 0, whole: count)
    }
  }

  /// Those that lie in the span as a whole.
  private mutating func addStrikeOuts(_ scope: ReportScope) {
    let groups = PersonGroups([], population: scope.population, isChosen: scope.isChosen)
    let found = scope.columns.strikeOuts(
      keys: scope.keys, bounds: scope.bounds, groupOfPerson: groups.groupOfMember, groupCount: groups.count,
      rankOfSource: UsageReports.ranksOfSources(scope.sourceNames), isSelected: scope.isSelected,
      helpSought: HelpSought(), peopleKept: 0)
    for row in found {
      add(.strikeouts, app: Int(scope.keys.appOfRank[row.rank]), scope, part: row.count, whole: 0)
    }
  }

  private mutating func addCoverage(_ scope: ReportScope, _ expectations: [FeatureExpectation]) {
    let present = scope.columns.presentDays(keys: scope.keys, bounds: scope.bounds)
    let eligible = EligibleMembers(scope)
    let presentOfRole = eligible.sums { present[$0] }
    scope.columns.forEachAdoption(keys: scope.keys, bounds: scope.bounds) { rank, cells in
      guard scope.isSelected[rank] else { return }
      let expected = eligible.expected(expectations[rank].roles)
      let okDays = cells.reduce(0) { $0 + (expected.contains(Int($1.person)) ? $1.okDays : 0) }
      add(
        .coverage, app: Int(scope.keys.appOfRank[rank]), scope, part: okDays,
        whole: expected.total(presentOfRole))
    }
  }

  mutating func setSilence(_ silence: (silent: Int64, regular: Int64)) {
    ratios[Key(metric: .silence, app: nil)] = Ratio(part: silence.silent, whole: silence.regular)
  }
}
