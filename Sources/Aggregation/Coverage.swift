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

  package init(group: Int32, unit: Int) {
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

  /// Adds another row's cells; people, and who counts as unexpected, are not cells.
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
