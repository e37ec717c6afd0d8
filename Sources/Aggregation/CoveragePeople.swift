/// The people of a coverage report: what each is, and in which group, looked up once a cell.
package final class CoveragePeople: Sendable {
  /// One person in eight bytes.
  struct Standing: Sendable {
    /// -1 for people who were not chosen.
    var group: Int32
    private var roleAndFacts: UInt32

    init(_ facts: PersonFacts, group: Int32) {
      self.group = group
      roleAndFacts =
        UInt32(facts.role + 1) << 3 | (facts.isEligible ? 1 : 0) | (facts.isObserved ? 2 : 0)
        | (facts.isUncertain ? 4 : 0)
    }

    /// 1 + the role's number; 0 for none.
    var rolePlace: Int { Int(roleAndFacts >> 3) }
    var isEligible: Bool { roleAndFacts & 1 != 0 }
    var isObserved: Bool { roleAndFacts & 2 != 0 }
    var isUncertain: Bool { roleAndFacts & 4 != 0 }
  }

  let standings: [Standing]
  let groupCount: Int
  /// 2 + the largest role number.
  let rolePlaceCount: Int
  let eligible: EligiblePeople

  /// - Parameters:
  ///   - facts: by person.
  ///   - groupOfPerson: by person; -1 for people who were not chosen.
  /// - Complexity: O(people + groups × roles).
  package init(facts: [PersonFacts], groupOfPerson: [Int32], groupCount: Int) {
    standings = zip(facts, groupOfPerson).map { Standing($0, group: $1) }
    self.groupCount = groupCount
    rolePlaceCount = 2 + Int(facts.map(\.role).max() ?? -1)
    eligible = EligiblePeople(facts: facts, groupOfPerson: groupOfPerson, groupCount: groupCount)
  }
}
