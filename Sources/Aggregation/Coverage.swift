/// What is expected of people with one feature.
package struct FeatureExpectation: Equatable, Sendable {
  package var roles: ExpectedRoles
  /// Days with an ok use, in this window, that count as adopted; at least 1.
  package var targetDays: Int64

  package init(roles: ExpectedRoles, targetDays: Int64) {
    self.roles = roles
    self.targetDays = targetDays
  }

  /// The catalog's target per 28 days, for a window of `dayCount` days: rounded half up, at least 1.
  package static func targetDays(per28Days days: Int64, dayCount: Int) -> Int64 {
    max(1, (2 * days * Int64(dayCount) + 28) / 56)
  }
}

/// The state of an expected cell: exactly one of these.
package enum AdoptionState: String, CaseIterable, Sendable {
  case adopted
  case tried
  case struggling
  case dark
  case lapsed
  case never
}

/// The ledger of one group of people with one feature, application or everything
/// (`docs/methods.md`, section 2).
package struct Coverage: Sendable {
  package let group: Int32
  /// Rank of the feature, index of the application, or 0, as the tally's level says.
  package let unit: Int
  package var expected: Int64 = 0
  package var adopted: Int64 = 0
  package var tried: Int64 = 0
  package var struggling: Int64 = 0
  package var dark: Int64 = 0
  package var lapsed: Int64 = 0
  package var never: Int64 = 0
  /// People with an ok use of a feature that is not expected of them.
  package var unexpected: Int64 = 0
  /// Cells of uncertain people that are not adopted.
  package var uncertain: Int64 = 0
  /// Σ min(D ÷ target, 1).
  package var depthSum = 0.0
  /// People with an expected cell.
  package var people = RowPeople()

  init(group: Int32, unit: Int) {
    self.group = group
    self.unit = unit
  }

  /// A share of the expected cells; nil without any.
  package func share(_ part: Int64) -> Double? { expected > 0 ? Double(part) / Double(expected) : nil }

  package var coverage: Double? { share(adopted) }
  package var reach: Double? { share(adopted + tried) }
  package var depth: Double? { expected > 0 ? depthSum / Double(expected) : nil }
  package var observed: Double? { share(expected - dark) }
  /// Coverage if everybody unseen or uncertain had adopted.
  package var high: Double? { share(adopted + dark + uncertain) }

  static func += (left: inout Coverage, right: Coverage) {
    left.expected += right.expected
    left.adopted += right.adopted
    left.tried += right.tried
    left.struggling += right.struggling
    left.dark += right.dark
    left.lapsed += right.lapsed
    left.never += right.never
    left.uncertain += right.uncertain
    left.depthSum += right.depthSum
  }
}

/// Counts expected cells by state: per feature and group of people, or summed over features.
///
/// Cells without use are never visited: who is expected, unobserved or uncertain is counted by role, and
/// `never` is what remains.
package struct CoverageTally {
  /// What one row holds.
  package enum Level: Sendable {
    case all
    case app
    case feature
  }

  private let keys: EventKeys
  private let facts: [PersonFacts]
  private let groupOfPerson: [Int32]
  private let groupCount: Int
  private let level: Level
  private let peopleKept: Int
  private let eligible: EligiblePeople

  /// By person: the last feature (1 + rank) with an attempt of theirs.
  private var attemptStamp: [Int32]
  /// By person: the last unit (1 + unit) in which they count as unexpected.
  private var unexpectedStamp: [Int32]
  private var unit = -1
  private var unitRoles = ExpectedRoles.nobody
  /// Of the current unit, by group.
  private var unitRows: [Coverage] = []
  /// Of the current feature, by group.
  private var featureRows: [Coverage] = []

  /// Rows with an expected cell or an unexpected person; units ascend, and groups within a unit.
  package private(set) var rows: [Coverage] = []

  /// - Parameters:
  ///   - groupOfPerson: by person; -1 for people who were not chosen.
  ///   - peopleKept: rows of fewer people remember who they are.
  package init(
    keys: EventKeys, facts: [PersonFacts], groupOfPerson: [Int32], groupCount: Int, level: Level,
    peopleKept: Int
  ) {
    self.keys = keys
    self.facts = facts
    self.groupOfPerson = groupOfPerson
    self.groupCount = groupCount
    self.level = level
    self.peopleKept = peopleKept
    eligible = EligiblePeople(facts: facts, groupOfPerson: groupOfPerson, groupCount: groupCount)
    attemptStamp = [Int32](repeating: 0, count: facts.count)
    unexpectedStamp = [Int32](repeating: 0, count: facts.count)
  }

  /// Adds one selected feature; features come in the order of their ranks, those without use too.
  ///
  /// - Complexity: O(cells + earlier users + groups × roles of the feature).
  package mutating func add(
    rank: Int, cells: [AdoptionCell], prior: PriorUse, expectation: FeatureExpectation
  ) {
    begin(unitOfRank: rank)
    startFeature(expectation)
    for cell in cells where groupOfPerson[Int(cell.person)] >= 0 {
      attemptStamp[Int(cell.person)] = Int32(truncatingIfNeeded: rank + 1)
      count(cell, expectation)
    }
    countLapsed(rank: rank, prior: prior, expectation: expectation)
    finishFeature(expectation)
  }

  /// Completes the rows; to be called once, after the last feature.
  package mutating func finish() {
    finishUnit()
    unit = -1
  }

  private mutating func begin(unitOfRank rank: Int) {
    let next =
      switch level {
      case .all: 0
      case .app: Int(keys.appOfRank[rank])
      case .feature: rank
      }
    guard next != unit else { return }
    finishUnit()
    unit = next
    unitRoles = .nobody
    unitRows = (0..<groupCount).map { Coverage(group: Int32(truncatingIfNeeded: $0), unit: next) }
  }

  private mutating func startFeature(_ expectation: FeatureExpectation) {
    unitRoles = unitRoles.union(expectation.roles)
    featureRows.removeAll(keepingCapacity: true)
    for group in 0..<groupCount {
      let counts = eligible.counts(group: group, roles: expectation.roles)
      var row = Coverage(group: Int32(truncatingIfNeeded: group), unit: unit)
      row.expected = Int64(counts.expected)
      row.dark = Int64(counts.dark)
      row.uncertain = Int64(counts.uncertain)
      featureRows.append(row)
    }
  }

  private func isExpected(_ person: Int, _ expectation: FeatureExpectation) -> Bool {
    facts[person].isEligible && expectation.roles.contains(facts[person].role)
  }

  private mutating func count(_ cell: AdoptionCell, _ expectation: FeatureExpectation) {
    let person = Int(cell.person)
    let group = Int(groupOfPerson[person])
    guard isExpected(person, expectation) else {
      if cell.okDays > 0 { countUnexpected(person, group) }
      return
    }
    // Whole days here; divided by the target once a feature.
    featureRows[group].depthSum += Double(min(cell.okDays, expectation.targetDays))
    if cell.okDays >= expectation.targetDays {
      featureRows[group].adopted += 1
      featureRows[group].uncertain -= facts[person].isUncertain ? 1 : 0
    } else if cell.okDays > 0 {
      featureRows[group].tried += 1
    } else {
      featureRows[group].struggling += 1
    }
  }

  private mutating func countUnexpected(_ person: Int, _ group: Int) {
    let stamp = Int32(truncatingIfNeeded: unit + 1)
    guard unexpectedStamp[person] != stamp else { return }
    unexpectedStamp[person] = stamp
    unitRows[group].unexpected += 1
  }

  private mutating func countLapsed(rank: Int, prior: PriorUse, expectation: FeatureExpectation) {
    guard expectation.roles != .nobody else { return }
    prior.forEachPerson(rank: rank) { person in
      let group = Int(groupOfPerson[person])
      guard group >= 0, facts[person].isObserved, attemptStamp[person] != Int32(truncatingIfNeeded: rank + 1),
        isExpected(person, expectation)
      else { return }
      featureRows[group].lapsed += 1
    }
  }

  private mutating func finishFeature(_ expectation: FeatureExpectation) {
    for group in 0..<groupCount where featureRows[group].expected > 0 {
      featureRows[group].never =
        featureRows[group].expected - featureRows[group].adopted - featureRows[group].tried
        - featureRows[group].struggling - featureRows[group].dark - featureRows[group].lapsed
      featureRows[group].depthSum /= Double(expectation.targetDays)
      unitRows[group] += featureRows[group]
    }
  }

  private mutating func finishUnit() {
    guard unit >= 0 else { return }
    for var row in unitRows where row.expected > 0 || row.unexpected > 0 {
      let group = Int(row.group)
      let count = eligible.counts(group: group, roles: unitRoles).expected
      row.people = RowPeople(
        count: count, members: count < peopleKept ? eligible.members(group: group, roles: unitRoles) : [])
      rows.append(row)
    }
    unitRows = []
  }
}
