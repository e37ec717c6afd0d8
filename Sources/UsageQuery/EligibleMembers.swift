import Aggregation

/// The chosen members active on enough days to be expected of anything, by role: each feature is expected of some
/// roles, and must not look at everybody anew.
struct EligibleMembers {
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

  func isExpected(_ member: Int, _ roles: ExpectedRoles) -> Bool {
    placeOfMember[member] >= 0 && roles.contains(placeOfMember[member] - 1)
  }

  /// Those of whom a feature is expected, ascending.
  ///
  /// - Complexity: O(members).
  func members(_ roles: ExpectedRoles) -> [Int32] {
    placeOfMember.indices.filter { isExpected($0, roles) }.map { Int32(truncatingIfNeeded: $0) }
  }

  /// A value of each member added up by role, for ``total(_:_:)``.
  func sums(_ value: (_ member: Int) -> Int64) -> [Int64] {
    var sums = [Int64](repeating: 0, count: placeCount)
    for (member, place) in placeOfMember.enumerated() where place >= 0 { sums[Int(place)] += value(member) }
    return sums
  }

  /// The sum over those of whom a feature is expected.
  ///
  /// - Complexity: O(roles).
  func total(_ sums: [Int64], _ roles: ExpectedRoles) -> Int64 {
    sums.indices.reduce(0) { $0 + (roles.contains(Int32(truncatingIfNeeded: $1) - 1) ? sums[$1] : 0) }
  }
}
