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

  /// Cells of one group.
  private struct Counts {
    var expected: Int64 = 0
    var adopted: Int64 = 0
    var tried: Int64 = 0
    var struggling: Int64 = 0
    var dark: Int64 = 0
    var lapsed: Int64 = 0
    var uncertain: Int64 = 0
    /// Σ min(D, target), in days.
    var depthDays: Int64 = 0
  }

  private let appOfRank: [Int32]
  private let people: CoveragePeople
  package let level: Level
  private let peopleKept: Int

  /// By person: the last unit (1 + unit) in which they count as unexpected.
  private var unexpectedStamp: [Int32]
  private var unit = -1
  private var unitRoles = ExpectedRoles.nobody
  /// Of the current unit, by group.
  private var unitRows: [Coverage] = []
  /// Of the current unit, by target and group, in days: divided once, so that the sum is the same in any order.
  private var depthDays: [Int64: [Int64]] = [:]
  /// Of the current feature, by group.
  private var featureCounts: [Counts] = []
  /// Of the current feature, by role: whether it is expected of people with it; the first is for no role.
  private var isRoleExpected: [Bool]
  /// Of all units.
  private var allRoles = ExpectedRoles.nobody

  /// Rows with an expected cell or an unexpected person; units ascend, and groups within a unit.
  package private(set) var rows: [Coverage] = []

  /// - Parameter peopleKept: rows of fewer people remember who they are.
  package init(keys: EventKeys, people: CoveragePeople, level: Level, peopleKept: Int) {
    appOfRank = keys.appOfRank
    self.people = people
    self.level = level
    self.peopleKept = peopleKept
    unexpectedStamp = [Int32](repeating: 0, count: people.standings.count)
    featureCounts = [Counts](repeating: Counts(), count: people.groupCount)
    isRoleExpected = [Bool](repeating: false, count: people.rolePlaceCount)
  }

  /// Adds one selected feature; features come in the order of their ranks, those without use too.
  ///
  /// - Complexity: O(records + groups × roles of the feature).
  package mutating func add(
    rank: Int, _ records: UnsafeBufferPointer<AdoptionRecord>, expectation: FeatureExpectation
  ) {
    begin(unitOfRank: rank)
    startFeature(expectation)
    count(records, targetDays: expectation.targetDays)
    finishFeature(expectation.targetDays)
  }

  /// Adds what another tally of the same people counted of later features.
  ///
  /// An application must be whole in one of them, if that is what rows hold.
  package mutating func append(_ later: CoverageTally) {
    var later = later
    guard level == .all else {
      finishUnit()
      later.finishUnit()
      allRoles = allRoles.union(later.allRoles)
      rows += later.rows
      unexpectedStamp = zip(unexpectedStamp, later.unexpectedStamp).map { max($0, $1) }
      return
    }
    guard later.unit >= 0 else { return }
    begin(unit: later.unit)
    unitRoles = unitRoles.union(later.unitRoles)
    for group in unitRows.indices { unitRows[group] += later.unitRows[group] }
    for (target, days) in later.depthDays { addDepth(days, target: target) }
    for person in unexpectedStamp.indices
    where later.unexpectedStamp[person] != 0 && unexpectedStamp[person] == 0 {
      unexpectedStamp[person] = later.unexpectedStamp[person]
      unitRows[Int(people.standings[person].group)].unexpected += 1
    }
  }

  /// Completes the rows; to be called once, after the last feature.
  package mutating func finish() {
    finishUnit()
    unit = -1
  }

  /// All rows as one: cells added, and each person counted once.
  ///
  /// Needs ``finish()``.
  package var overall: Coverage {
    var sum = Coverage(group: 0, unit: 0)
    for row in rows { sum += row }
    sum.unexpected = Int64(unexpectedStamp.count { $0 != 0 })
    let expected = (0..<people.groupCount).reduce(0) {
      $0 + people.eligible.counts(group: $1, roles: allRoles).expected
    }
    sum.people = RowPeople(count: expected, members: [])
    return sum
  }

  // MARK: One feature

  private mutating func begin(unitOfRank rank: Int) {
    switch level {
    case .all: begin(unit: 0)
    case .app: begin(unit: Int(appOfRank[rank]))
    case .feature: begin(unit: rank)
    }
  }

  private mutating func begin(unit next: Int) {
    guard next != unit else { return }
    finishUnit()
    unit = next
    unitRoles = .nobody
    depthDays.removeAll(keepingCapacity: true)
    unitRows = (0..<people.groupCount).map { Coverage(group: Int32(truncatingIfNeeded: $0), unit: next) }
  }

  private mutating func startFeature(_ expectation: FeatureExpectation) {
    unitRoles = unitRoles.union(expectation.roles)
    isRoleExpected = expectation.roles.byPlace(count: people.rolePlaceCount)
    for group in featureCounts.indices {
      let counts = people.eligible.counts(group: group, roles: expectation.roles)
      featureCounts[group] = Counts(
        expected: Int64(counts.expected), dark: Int64(counts.dark), uncertain: Int64(counts.uncertain))
    }
  }

  private mutating func count(_ records: UnsafeBufferPointer<AdoptionRecord>, targetDays: Int64) {
    let stamp = Int32(truncatingIfNeeded: unit + 1)
    people.standings.withUnsafeBufferPointer { standings in
      isRoleExpected.withUnsafeBufferPointer { isRoleExpected in
        unexpectedStamp.withUnsafeMutableBufferPointer { unexpectedStamp in
          featureCounts.withUnsafeMutableBufferPointer { counts in
            for record in records {
              let person = Int(record.person)
              let standing = standings[person]
              let group = Int(standing.group)
              guard group >= 0 else { continue }
              if standing.isEligible, isRoleExpected[standing.rolePlace] {
                Self.count(record, standing, targetDays, &counts[group])
              } else if record.okDays > 0, unexpectedStamp[person] != stamp {
                unexpectedStamp[person] = stamp
                unitRows[group].unexpected += 1
              }
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private static func count(
    _ record: AdoptionRecord, _ standing: CoveragePeople.Standing, _ targetDays: Int64, _ counts: inout Counts
  ) {
    guard record.isInWindow else {
      counts.lapsed += standing.isObserved ? 1 : 0
      return
    }
    let okDays = Int64(record.okDays)
    counts.depthDays += min(okDays, targetDays)
    if okDays >= targetDays {
      counts.adopted += 1
      counts.uncertain -= standing.isUncertain ? 1 : 0
    } else if okDays > 0 {
      counts.tried += 1
    } else {
      counts.struggling += 1
    }
  }

  private mutating func finishFeature(_ targetDays: Int64) {
    for (group, counts) in featureCounts.enumerated() where counts.expected > 0 {
      unitRows[group].expected += counts.expected
      unitRows[group].adopted += counts.adopted
      unitRows[group].tried += counts.tried
      unitRows[group].struggling += counts.struggling
      unitRows[group].dark += counts.dark
      unitRows[group].lapsed += counts.lapsed
      unitRows[group].uncertain += counts.uncertain
      unitRows[group].never +=
        counts.expected - counts.adopted - counts.tried - counts.struggling - counts.dark - counts.lapsed
    }
    addDepth(featureCounts.map(\.depthDays), target: targetDays)
  }

  private mutating func addDepth(_ days: [Int64], target: Int64) {
    var sums = depthDays[target] ?? [Int64](repeating: 0, count: people.groupCount)
    for group in sums.indices { sums[group] += days[group] }
    depthDays[target] = sums
  }

  // MARK: One unit

  private mutating func finishUnit() {
    guard unit >= 0 else { return }
    for (target, days) in depthDays.sorted(by: { $0.key < $1.key }) {
      for group in unitRows.indices { unitRows[group].depthSum += Double(days[group]) / Double(target) }
    }
    for var row in unitRows where row.expected > 0 || row.unexpected > 0 {
      let group = Int(row.group)
      let count = people.eligible.counts(group: group, roles: unitRoles).expected
      row.people = RowPeople(
        count: count,
        members: count < peopleKept ? people.eligible.members(group: group, roles: unitRoles) : [])
      rows.append(row)
    }
    allRoles = allRoles.union(unitRoles)
    unitRows = []
    depthDays.removeAll(keepingCapacity: true)
    unit = -1
  }
}
