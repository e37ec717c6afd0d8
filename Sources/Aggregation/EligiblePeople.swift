/// Of whom a feature is expected: everyone, or people of some roles.
package enum ExpectedRoles: Equatable, Sendable {
  case everyone
  /// Role numbers, ascending, each once.
  case roles([Int32])

  /// No one: a feature outside the catalog.
  package static let nobody = ExpectedRoles.roles([])

  /// Whether it is expected of people of a role; -1 is no role.
  package func contains(_ role: Int32) -> Bool {
    switch self {
    case .everyone: true
    case .roles(let roles): role >= 0 && roles.contains(role)
    }
  }

  /// Whether it is expected, by place: first of people without a role, then of those with role 0, 1 and so on.
  ///
  /// - Complexity: O(places + roles), where ``contains(_:)`` searches.
  package func byPlace(count: Int) -> [Bool] {
    guard case .roles(let roles) = self else { return [Bool](repeating: true, count: count) }
    var isExpected = [Bool](repeating: false, count: count)
    for role in roles where role >= 0 && Int(role) + 1 < count { isExpected[Int(role) + 1] = true }
    return isExpected
  }

  /// Whoever is expected by one or the other.
  package func union(_ other: ExpectedRoles) -> ExpectedRoles {
    switch (self, other) {
    case (.everyone, _), (_, .everyone): .everyone
    case (.roles(let left), .roles(let right)):
      right.allSatisfy(left.contains) ? self : left.isEmpty ? other : .roles(Set(left).union(right).sorted())
    }
  }
}

/// What coverage knows of each person of the population.
package struct PersonFacts: Equatable, Sendable {
  /// Role number, or -1 for no role.
  package var role: Int32
  /// Active on enough days of the window to be expected of anything.
  package var isEligible: Bool
  /// Has an event of any kind in the window.
  package var isObserved: Bool
  /// Has an event in the window from a source that lost events then.
  package var isUncertain: Bool

  package init(role: Int32, isEligible: Bool, isObserved: Bool, isUncertain: Bool) {
    self.role = role
    self.isEligible = isEligible
    self.isObserved = isObserved
    self.isUncertain = isUncertain
  }
}

/// Eligible people of each group by role, so that expected cells are counted and never listed.
struct EligiblePeople {
  /// Counts of eligible people.
  struct Counts: Equatable {
    var expected = 0
    var dark = 0
    var uncertain = 0

    static func += (left: inout Counts, right: Counts) {
      left.expected += right.expected
      left.dark += right.dark
      left.uncertain += right.uncertain
    }
  }

  /// Roles and one place for "no role", which comes first.
  private let roleCount: Int
  /// By group and role: first index into ``people``.
  private let offsets: [Int]
  private let people: [Int32]
  /// By group and role.
  private let counts: [Counts]
  /// By group.
  private let totals: [Counts]

  init(facts: [PersonFacts], groupOfPerson: [Int32], groupCount: Int) {
    let roleCount = 2 + Int(facts.map(\.role).max() ?? -1)
    var counts = [Counts](repeating: Counts(), count: groupCount * roleCount)
    var totals = [Counts](repeating: Counts(), count: groupCount)
    let placed = facts.indices.filter { facts[$0].isEligible && groupOfPerson[$0] >= 0 }
    for person in placed {
      let fact = facts[person]
      let one = Counts(expected: 1, dark: fact.isObserved ? 0 : 1, uncertain: fact.isUncertain ? 1 : 0)
      let group = Int(groupOfPerson[person])
      counts[group * roleCount + Int(fact.role) + 1] += one
      totals[group] += one
    }
    var offsets = [0]
    for count in counts { offsets.append(offsets[offsets.count - 1] + count.expected) }
    var next = offsets
    var people = [Int32](repeating: 0, count: placed.count)
    for person in placed {
      let place = Int(groupOfPerson[person]) * roleCount + Int(facts[person].role) + 1
      people[next[place]] = Int32(truncatingIfNeeded: person)
      next[place] += 1
    }
    self.roleCount = roleCount
    self.offsets = offsets
    self.people = people
    self.counts = counts
    self.totals = totals
  }

  /// Counts over the people of a group with one of the roles.
  func counts(group: Int, roles: ExpectedRoles) -> Counts {
    switch roles {
    case .everyone: return totals[group]
    case .roles(let roles):
      var sum = Counts()
      for role in roles where Int(role) + 1 < roleCount { sum += counts[group * roleCount + Int(role) + 1] }
      return sum
    }
  }

  /// The people of a group with one of the roles.
  func members(group: Int, roles: ExpectedRoles) -> [Int32] {
    let base = group * roleCount
    switch roles {
    case .everyone: return Array(people[offsets[base]..<offsets[base + roleCount]])
    case .roles(let roles):
      return roles.filter { Int($0) + 1 < roleCount }.flatMap { role in
        people[offsets[base + Int(role) + 1]..<offsets[base + Int(role) + 2]]
      }
    }
  }
}
