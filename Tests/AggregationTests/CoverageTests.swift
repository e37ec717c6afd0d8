import Testing
import UsageModel

@testable import Aggregation

struct CoverageTests {
  private static let groups: [Int32] = [0, 0, 1, 1, -1]
  private static let facts = [
    PersonFacts(role: 1, isEligible: true, isObserved: true, isUncertain: true),
    PersonFacts(role: 2, isEligible: true, isObserved: true, isUncertain: false),
    PersonFacts(role: -1, isEligible: true, isObserved: true, isUncertain: true),
    PersonFacts(role: 1, isEligible: false, isObserved: true, isUncertain: false),
    PersonFacts(role: 1, isEligible: true, isObserved: true, isUncertain: false),
  ]
  private static let expectations = [
    FeatureExpectation(roles: .nobody, targetDays: 1),
    FeatureExpectation(roles: .everyone, targetDays: 2),
    FeatureExpectation(roles: .roles([1]), targetDays: 3),
    FeatureExpectation(roles: .nobody, targetDays: 1),
    FeatureExpectation(roles: .roles([1, 2, 9]), targetDays: 1),
  ]

  /// Cell by cell, as the methods say it.
  private func slowLedger(
    _ world: RandomEvents, _ facts: [PersonFacts], group: Int32, ranks: [Int]
  ) -> [String: Double] {
    var sums: [String: Double] = [:]
    var unexpected: Set<Int> = []
    var people: Set<Int> = []
    for rank in ranks {
      let expectation = Self.expectations[rank]
      for person in Self.groups.indices where Self.groups[person] == group {
        let events = world.counted.filter {
          $0.person == Int32(person) && $0.rank == Int32(rank) && $0.isUse
        }
        let attempts = events.filter(RandomEvents.isInWindow)
        let days = Set(attempts.filter(\.isOkUse).map { RandomEvents.rules.day(of: $0.start) }).count
        let isBefore = events.contains {
          $0.isOkUse && RandomEvents.rules.day(of: $0.start) < RandomEvents.bounds.window.from
        }
        guard facts[person].isEligible, expectation.roles.contains(facts[person].role) else {
          if days > 0 { unexpected.insert(person) }
          continue
        }
        people.insert(person)
        let state: AdoptionState =
          days >= expectation.targetDays
          ? .adopted
          : days > 0
            ? .tried
            : !attempts.isEmpty
              ? .struggling : !facts[person].isObserved ? .dark : isBefore ? .lapsed : .never
        sums[state.rawValue, default: 0] += 1
        sums["expected", default: 0] += 1
        sums["depth", default: 0] += min(Double(days) / Double(expectation.targetDays), 1)
        if state != .adopted, facts[person].isUncertain { sums["uncertain", default: 0] += 1 }
      }
    }
    sums["unexpected"] = Double(unexpected.count)
    sums["people"] = Double(people.count)
    return sums
  }

  /// The events in chunks of some rows, gathered by one to four workers; every third time with all history.
  private func gathered(_ world: RandomEvents, random seed: UInt64) -> AdoptionUses {
    let expected =
      seed % 3 == 0
      ? nil
      : ExpectedHistory(
        Self.expectations, personOfUser: RandomEvents.keys.personOfUser,
        roleOfPerson: Self.facts.map(\.role))
    let gatherers = (0...seed % 4).map { _ in
      AdoptionGatherer(
        bounds: RandomEvents.bounds, userCount: RandomEvents.keys.personOfUser.count,
        rankOfFeature: RandomEvents.keys.rankOfFeature, featureCount: RandomEvents.keys.featureCount,
        isSourceWanted: [], expected: expected,
        rowsOfBlock: seed % 2 == 0 ? AdoptionGatherer.rowsOfBlockDefault : Int(seed))
    }
    let chunk = DecodedChunk()
    let rowsAtOnce = 1 + Int(seed * 7 % 90)
    for first in stride(from: 0, to: world.columns.rowCount, by: rowsAtOnce) {
      chunk.fill(world.columns, rows: first..<min(first + rowsAtOnce, world.columns.rowCount))
      gatherers[first / rowsAtOnce % gatherers.count].add(chunk)
    }
    return AdoptionUses(gatherers)
  }

  private func ledger(_ row: Coverage) -> [String: Double] {
    let counts: [(String, Int64)] = [
      ("expected", row.expected), ("adopted", row.adopted), ("tried", row.tried),
      ("struggling", row.struggling), ("dark", row.dark), ("lapsed", row.lapsed), ("never", row.never),
      ("uncertain", row.uncertain),
    ]
    var sums = Dictionary(uniqueKeysWithValues: counts.filter { $0.1 != 0 }.map { ($0.0, Double($0.1)) })
    if row.expected > 0 { sums["depth"] = row.depthSum }
    sums["unexpected"] = Double(row.unexpected)
    sums["people"] = Double(row.people.count)
    return sums
  }

  @Test func onlyHistoryOfWhomSomethingIsExpectedCounts() throws {
    let expected = try #require(
      ExpectedHistory(
        Self.expectations, personOfUser: [-1, 0, 1, 2, 0], roleOfPerson: Self.facts.map(\.role)))
    func users(rank: Int) -> [UInt32] { (0..<5).filter { expected.isExpected(rank: rank, user: $0) } }
    #expect(users(rank: 0) == [])
    #expect(users(rank: 1) == [1, 2, 3, 4])
    #expect(users(rank: 2) == [1, 4])
    #expect(users(rank: 4) == [1, 2, 4])
    // As many roles as would make a table of gigabytes.
    let roles = (Int32(0)..<60_000).map { $0 }
    #expect(ExpectedHistory(Self.expectations, personOfUser: roles, roleOfPerson: roles) != nil)
    let many = Array(repeating: Self.expectations[1], count: 100_000)
    #expect(ExpectedHistory(many, personOfUser: roles, roleOfPerson: roles) == nil)
    #expect(ExpectedHistory(Self.expectations, personOfUser: [0], roleOfPerson: [65_533]) == nil)
  }

  @Test(arguments: 0..<60)
  func talliesEqualACellByCellEvaluation(seed: UInt64) {
    let world = RandomEvents(seed: seed, count: 300)
    var facts = Self.facts
    // A person without events in the window is dark.
    for person in facts.indices {
      facts[person].isObserved = world.counted.contains {
        $0.person == Int32(person) && RandomEvents.isInWindow($0)
      }
      facts[person].isUncertain = facts[person].isUncertain && facts[person].isObserved
    }
    let uses = gathered(world, random: seed)
    let levels: [(CoverageTally.Level, [[Int]])] = [
      (.feature, (0..<5).map { [$0] }), (.app, [[0, 1, 2], [3, 4]]), (.all, [[0, 1, 2, 3, 4]]),
    ]
    for (level, units) in levels {
      let none = CoverageTally(
        keys: RandomEvents.keys,
        people: CoveragePeople(facts: facts, groupOfPerson: Self.groups, groupCount: 2), level: level,
        peopleKept: 5)
      // As several workers count.
      let ranges = uses.rangesOfRanks(keepingWhole: level == .app ? RandomEvents.keys.appOfRank : nil)
      var parts = ranges.map { ranks in
        var tally = none
        uses.forEachFeature(ranks, keys: RandomEvents.keys) { rank, records in
          tally.add(rank: rank, records, expectation: Self.expectations[rank])
        }
        return tally
      }
      var tally = parts.removeFirst()
      for part in parts { tally.append(part) }
      tally.finish()
      let slowOverall = (Int32(0)..<2).map { slowLedger(world, facts, group: $0, ranks: Array(0..<5)) }
        .reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
      #expect(tally.overall.expected == Int64(slowOverall["expected"] ?? 0))
      #expect(tally.overall.lapsed == Int64(slowOverall["lapsed"] ?? 0))
      #expect(tally.overall.never == Int64(slowOverall["never"] ?? 0))
      #expect(tally.overall.unexpected == Int64(slowOverall["unexpected"] ?? 0))
      #expect(tally.overall.people.count == Int(slowOverall["people"] ?? 0))
      for row in tally.rows {
        #expect(row.people.count == row.people.members.count)
        #expect(
          row.expected == row.adopted + row.tried + row.struggling + row.dark + row.lapsed + row.never)
      }
      for (unit, ranks) in units.enumerated() {
        for group in Int32(0)..<2 {
          let row = tally.rows.first { $0.group == group && $0.unit == unit }
          let slow = slowLedger(world, facts, group: group, ranks: ranks)
          if let row {
            let found = ledger(row)
            #expect(found.filter { $0.key != "depth" } == slow.filter { $0.key != "depth" })
            #expect(abs((found["depth"] ?? 0) - (slow["depth"] ?? 0)) < 1e-12)
          } else {
            #expect(slow["expected"] == nil && slow["unexpected"] == 0)
          }
        }
      }
    }
  }

  /// Workers count features that are expected of different people; together these are all of them.
  @Test(arguments: [CoverageTally.Level.feature, .app, .all])
  func peopleOfAllWorkersAreCounted(level: CoverageTally.Level) {
    let facts = [1, 1, 2, 2, 2].map {
      PersonFacts(role: $0, isEligible: true, isObserved: true, isUncertain: false)
    }
    let people = CoveragePeople(facts: facts, groupOfPerson: [0, 0, 0, 0, 0], groupCount: 1)
    var parts = [Int32(1), 2].enumerated().map { rank, role in
      let keys = EventKeys(
        personOfUser: [], personCount: 5, rankOfFeature: [], appOfRank: [0, 1], appCount: 2)
      var tally = CoverageTally(keys: keys, people: people, level: level, peopleKept: 0)
      tally.add(
        rank: rank, UnsafeBufferPointer(start: nil, count: 0),
        expectation: FeatureExpectation(roles: .roles([role]), targetDays: 1))
      return tally
    }
    var tally = parts.removeFirst()
    tally.append(parts[0])
    tally.finish()
    #expect(tally.overall.people.count == 5)
    #expect(tally.overall.never == 5)
  }

  @Test(arguments: [
    (1, 28, 1), (1, 1, 1), (2, 21, 2), (2, 20, 1), (3, 14, 2), (3, 13, 1), (3, 21, 2), (4, 365, 52),
    (0, 28, 1),
  ])
  func targetsRoundHalfUpAndAreAtLeastOne(per28Days: Int64, dayCount: Int, target: Int64) {
    #expect(FeatureExpectation.targetDays(per28Days: per28Days, dayCount: dayCount) == target)
  }
}

struct AdoptionBenchmarkTests {
  private func departments(_ cells: [(adopted: Int64, expected: Int64)]) -> [Coverage] {
    cells.enumerated().map { index, cell in
      var row = Coverage(group: Int32(index), unit: 0)
      row.adopted = cell.adopted
      row.expected = cell.expected
      return row
    }
  }

  @Test func fourDepartmentsOfTenAreNeeded() {
    #expect(AdoptionBenchmark(departments: departments([(1, 10), (2, 10), (3, 10), (9, 9)])) == nil)
    let benchmark = AdoptionBenchmark(departments: departments([(1, 10), (9, 12), (2, 10), (3, 10), (9, 9)]))
    #expect(benchmark?.adopted == 3)
    #expect(benchmark?.departments == 4)
  }

  @Test func gapIsExactWhereDoublesAreNot() {
    // 7/10 of 10 is 7 exactly; in binary floating point 0.7 × 10 rounds to 7, 0.07 × 100 to 7.000000000000001.
    let benchmark = AdoptionBenchmark(departments: departments(Array(repeating: (7, 100), count: 4)))
    #expect(benchmark?.gap(expected: 100, adopted: 2) == 5)
    #expect(benchmark?.gap(expected: 101, adopted: 2) == 6)
    #expect(benchmark?.gap(expected: 100, adopted: 90) == 0)
  }
}
