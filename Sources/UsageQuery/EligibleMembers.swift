import Aggregation

/// The chosen members active on enough days to be expected of anything, by role: a feature is expected of some roles,
/// and must not look at everybody anew.
struct EligibleMembers {
  /// Of whom one feature is expected.
  struct Expected {
    fileprivate let placeOfMember: [Int32]
    /// By role, the first for none.
    fileprivate let isExpected: [Bool]

    func contains(_ member: Int) -> Bool {
      placeOfMember[member] >= 0 && isExpected[Int(placeOfMember[member])]
    }

    /// The sum over all of them, of what ``EligibleMembers/sums(_:)`` added up.
    ///
    /// - Complexity: O(roles).
    func total(_ sums: [Int64]) -> Int64 { zip(sums, isExpected).reduce(0) { $0 + ($1.1 ? $1.0 : 0) } }

    /// All of them, ascending.
    ///
    /// - Complexity: O(members).
    var members: [Int32] {
      placeOfMember.indices.filter(contains).map { Int32(truncatingIfNeeded: $0) }
    }
  }

  /// By member: 1 + the role's number, 0 without a role, or -1 for those of whom nothing is expected.
  private let placeOfMember: [Int32]
  private let placeCount: Int

  /// - Complexity: O(members).
  init(_ scope: ReportScope) {
    let roles = scope.population.ranks(of: .role)
    placeOfMember = roles.indices.map { member in
      scope.isChosen[member] && scope.isEligible(member)
        ? Population.roleNumber(ofRank: roles[member]) + 1 : -1
    }
    placeCount = 1 + Int(placeOfMember.max() ?? 0)
  }

  /// - Complexity: O(roles).
  func expected(_ roles: ExpectedRoles) -> Expected {
    Expected(placeOfMember: placeOfMember, isExpected: roles.byPlace(count: placeCount))
  }

  /// A value of each member added up by role.
  ///
  /// - Complexity: O(members).
  func sums(_ value: (_ member: Int) -> Int64) -> [Int64] {
    var sums = [Int64](repeating: 0, count: placeCount)
    for (member, place) in placeOfMember.enumerated() where place >= 0 { sums[Int(place)] += value(member) }
    return sums
  }
}
