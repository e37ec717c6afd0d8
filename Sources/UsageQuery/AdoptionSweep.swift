import Aggregation
import UsageModel

/// What coverage, gaps and adoption benchmarks share: one pass over the uses of the window and before it.
struct AdoptionSweep {
  private(set) var scope: ReportScope
  let expectations: [FeatureExpectation]
  /// By member.
  let facts: [PersonFacts]
  private var gatheredUses: AdoptionUses?

  private var uses: AdoptionUses {
    guard let gatheredUses else { preconditionFailure("BUG: the uses were released") }
    return gatheredUses
  }

  init(_ data: some UsageData, _ options: QueryOptions) throws {
    scope = try ReportScope(data, options, reach: .adoption, tickets: .none)
    let uses = scope.uses ?? AdoptionUses([])
    gatheredUses = uses
    facts = Self.facts(scope, uses)
    expectations = scope.expectations(observed: uses.isUsed)
  }

  /// Gives back the memory of the uses, before other events are loaded; nothing can be counted after it.
  mutating func releaseUses() {
    gatheredUses = nil
    scope.uses = nil
  }

  /// Counts states by group of people, by several workers; each tally takes the features it is meant for.
  ///
  /// - Parameter tallies: with the features that each of them counts, by rank.
  func count(_ tallies: inout [(tally: CoverageTally, takes: [Bool])]) {
    let keepsApps = tallies.contains { $0.tally.level == .app }
    let ranges = uses.rangesOfRanks(keepingWhole: keepsApps ? scope.keys.appOfRank : nil)
    var parts = ranges.map { _ in tallies }
    parts.withUnsafeMutableBufferPointer { parts in
      // Each worker has one element of the buffer to itself.
      nonisolated(unsafe) let parts = parts
      Workers.run(ranges.count) { worker in
        uses.forEachFeature(ranges[worker], keys: scope.keys) { rank, records in
          for index in parts[worker].indices where parts[worker][index].takes[rank] {
            parts[worker][index].tally.add(rank: rank, records, expectation: expectations[rank])
          }
        }
      }
    }
    // Without a second owner of its rows, to which those of the other parts are appended.
    tallies = parts.removeFirst()
    for index in tallies.indices {
      for part in parts { tallies[index].tally.append(part[index].tally) }
      tallies[index].tally.finish()
    }
  }

  /// Calls the body with the people of every feature, by rank.
  func forEachFeature(_ body: (_ rank: Int, _ records: UnsafeBufferPointer<AdoptionRecord>) -> Void) {
    uses.forEachFeature(scope.features.names.indices, keys: scope.keys, body)
  }

  /// A tally of all chosen people in the given groups.
  func tally(_ groups: PersonGroups, level: CoverageTally.Level) -> CoverageTally {
    CoverageTally(
      keys: scope.keys,
      people: CoveragePeople(
        facts: facts, groupOfPerson: groups.groupOfMember, groupCount: groups.count),
      level: level, peopleKept: scope.peopleKept)
  }

  /// A tally of all of P by department, from which adoption benchmarks come.
  func departmentTally() -> (tally: CoverageTally, takes: [Bool]) {
    let everyone = [Bool](repeating: true, count: scope.population.memberCount)
    let groups = PersonGroups([.department], population: scope.population, isChosen: everyone)
    // An absent department is not a department.
    let known = groups.groupOfMember.map { $0 >= 0 && groups.keys[Int($0)][0] == 0 ? -1 : $0 }
    let tally = CoverageTally(
      keys: scope.keys, people: CoveragePeople(facts: facts, groupOfPerson: known, groupCount: groups.count),
      level: .feature, peopleKept: 0)
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

  private static func facts(_ scope: ReportScope, _ uses: AdoptionUses) -> [PersonFacts] {
    var isUncertain = [Bool](repeating: false, count: scope.population.memberCount)
    for (user, isFromSource) in uses.isFromSource.enumerated() where isFromSource {
      let member = Int(scope.keys.personOfUser[user])
      if member >= 0 { isUncertain[member] = true }
    }
    let isObserved = scope.isObserved
    let roles = scope.population.ranks(of: .role)
    return isUncertain.indices.map { member in
      PersonFacts(
        role: Population.roleNumber(ofRank: roles[member]), isEligible: scope.isEligible(member),
        isObserved: isObserved[member], isUncertain: isUncertain[member])
    }
  }
}
