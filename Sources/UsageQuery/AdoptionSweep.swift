import Aggregation
import UsageModel

/// What coverage, gaps and adoption benchmarks share: one pass over the uses of the window and before it.
struct AdoptionSweep {
  let scope: ReportScope
  let expectations: [FeatureExpectation]
  /// By member.
  let facts: [PersonFacts]
  let prior: PriorUse

  /// Columns that the sweep reads from the window.
  static let windowColumns: EventColumns.Selection = [.user, .feature, .kind, .outcome, .start, .source]

  init(
    _ data: some UsageData, _ options: QueryOptions,
    columns: EventColumns.Selection = AdoptionSweep.windowColumns
  ) throws {
    let scope = try ReportScope(data, options, reach: .window, columns: columns)
    let history = try scope.history(data, columns: [.user, .feature, .kind, .outcome, .start])
    let facts = Self.facts(scope, gaps: try data.sequenceGaps())
    self.init(scope, history: history, facts: facts)
  }

  private init(_ scope: ReportScope, history: EventColumns, facts: [PersonFacts]) {
    var isUsed = [Bool](repeating: false, count: scope.features.names.count)
    if !scope.features.hasCatalog {
      scope.columns.markUsedFeatures(&isUsed, keys: scope.keys, bounds: scope.bounds)
      history.markUsedFeatures(&isUsed, keys: scope.keys, bounds: scope.bounds)
    }
    var prior = PriorUse(keys: scope.keys)
    prior.add(history, keys: scope.keys, bounds: scope.bounds)
    self.scope = scope
    self.facts = facts
    self.prior = prior
    expectations = scope.expectations(observed: isUsed)
  }

  /// Counts states by group of people; each tally takes the features it is meant for.
  ///
  /// - Parameter tallies: with the features that each of them counts, by rank.
  func count(_ tallies: inout [(tally: CoverageTally, takes: [Bool])]) {
    forEachFeature { rank, cells in
      for index in tallies.indices where tallies[index].takes[rank] {
        tallies[index].tally.add(rank: rank, cells: cells, prior: prior, expectation: expectations[rank])
      }
    }
    for index in tallies.indices { tallies[index].tally.finish() }
  }

  /// Calls the body with every feature's cells, by rank.
  func forEachFeature(_ body: (_ rank: Int, _ cells: [AdoptionCell]) -> Void) {
    scope.columns.forEachAdoption(keys: scope.keys, bounds: scope.bounds, body: body)
  }

  /// A tally of all chosen people in the given groups.
  func tally(_ groups: PersonGroups, level: CoverageTally.Level) -> CoverageTally {
    CoverageTally(
      keys: scope.keys, facts: facts, groupOfPerson: groups.groupOfMember, groupCount: groups.count,
      level: level, peopleKept: scope.peopleKept)
  }

  /// A tally of all of P by department, from which adoption benchmarks come.
  func departmentTally() -> (tally: CoverageTally, takes: [Bool]) {
    let everyone = [Bool](repeating: true, count: scope.population.memberCount)
    let groups = PersonGroups([.department], population: scope.population, isChosen: everyone)
    // An absent department is not a department.
    let known = groups.groupOfMember.map { $0 >= 0 && groups.keys[Int($0)][0] == 0 ? -1 : $0 }
    let tally = CoverageTally(
      keys: scope.keys, facts: facts, groupOfPerson: known, groupCount: groups.count, level: .feature,
      peopleKept: 0)
    return (tally, [Bool](repeating: true, count: scope.features.names.count))
  }

  /// a(f) by rank, from the rows of a department tally.
  func adoptionBenchmarks(departments rows: [Coverage]) -> [AdoptionBenchmark?] {
    var benchmarks = [AdoptionBenchmark?](repeating: nil, count: scope.features.names.count)
    var start = 0
    while start < rows.count {
      let unit = rows[start].unit
      let end = rows[start...].firstIndex { $0.unit != unit } ?? rows.count
      benchmarks[unit] = AdoptionBenchmark(departments: Array(rows[start..<end]))
      start = end
    }
    return benchmarks
  }

  private static func facts(_ scope: ReportScope, gaps: [SequenceGap]) -> [PersonFacts] {
    let span = scope.bounds.span
    var hasGap = [Bool](repeating: false, count: max(1, scope.sourceNames.count))
    for gap in gaps where Int(gap.source) < hasGap.count {
      let meetsWindow = gap.span.upperBound >= span.lowerBound && gap.span.lowerBound < span.upperBound
      if meetsWindow { hasGap[Int(gap.source)] = true }
    }
    let isUncertain =
      hasGap.contains(true)
      ? scope.columns.peopleWithSource(among: hasGap, keys: scope.keys, bounds: scope.bounds)
      : [Bool](repeating: false, count: scope.population.memberCount)
    let isObserved = scope.isObserved
    return (0..<scope.population.memberCount).map { member in
      PersonFacts(
        role: scope.roleNumber(ofMember: member), isEligible: scope.isEligible(member),
        isObserved: isObserved[member], isUncertain: isUncertain[member])
    }
  }
}
