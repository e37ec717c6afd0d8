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

  init(_ data: some UsageData, _ options: QueryOptions) throws {
    let scope = try ReportScope(
      data, options, reach: .adoption, columns: Self.windowColumns, needsTickets: false)
    let cells = try scope.cells ?? data.dailyCells(of: scope.bounds)
    var isUsed = [Bool](repeating: false, count: scope.features.names.count)
    var prior = PriorUse(keys: scope.keys)
    let hasCatalog = scope.features.hasCatalog
    if !hasCatalog {
      scope.dailyUse?.markUsedFeatures(&isUsed)
      scope.columns.markUsedFeatures(&isUsed, keys: scope.keys, bounds: scope.bounds)
    }
    if let cells {
      try scope.visit(.history, of: cells) { part in
        prior.add(part, keys: scope.keys, window: scope.window)
        if !hasCatalog { part.markUsedFeatures(&isUsed, keys: scope.keys, window: scope.window) }
      }
    } else {
      let history = try scope.history(data, columns: [.user, .feature, .kind, .outcome, .start])
      prior.add(history, keys: scope.keys, bounds: scope.bounds)
      if !hasCatalog { history.markUsedFeatures(&isUsed, keys: scope.keys, bounds: scope.bounds) }
    }
    self.scope = scope
    self.prior = prior
    facts = try Self.facts(scope, gaps: try data.sequenceGaps())
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
    if let use = scope.dailyUse {
      use.forEachAdoption(keys: scope.keys, body: body)
    } else {
      scope.columns.forEachAdoption(keys: scope.keys, bounds: scope.bounds, body: body)
    }
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

  private static func facts(_ scope: ReportScope, gaps: [SequenceGap]) throws -> [PersonFacts] {
    let span = scope.bounds.span
    var hasGap = [Bool](repeating: false, count: scope.sourceCount)
    for gap in gaps where Int(gap.source) < hasGap.count {
      let meetsWindow = gap.span.upperBound >= span.lowerBound && gap.span.lowerBound < span.upperBound
      if meetsWindow { hasGap[Int(gap.source)] = true }
    }
    let isUncertain = try hasGap.contains(true) ? people(scope, withSourceAmong: hasGap) : nil
    let isObserved = scope.isObserved
    return (0..<scope.population.memberCount).map { member in
      PersonFacts(
        role: scope.roleNumber(ofMember: member), isEligible: scope.isEligible(member),
        isObserved: isObserved[member], isUncertain: isUncertain?[member] ?? false)
    }
  }

  /// By member: whether they have an event in the window from one of the sources.
  private static func people(_ scope: ReportScope, withSourceAmong isWanted: [Bool]) throws -> [Bool] {
    guard let cells = scope.cells else {
      return scope.columns.peopleWithSource(among: isWanted, keys: scope.keys, bounds: scope.bounds)
    }
    var marked = [Bool](repeating: false, count: scope.population.memberCount)
    try scope.visit(.sources, of: cells) { part in
      part.markPeople(withSourceAmong: isWanted, &marked, keys: scope.keys, window: scope.window)
    }
    return marked
  }
}
