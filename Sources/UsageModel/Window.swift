/// Whole civil days of one time zone, `to` excluded.
package struct Window: Equatable, Sendable {
  package let from: CivilDay
  package let to: CivilDay

  package init(from: CivilDay, to: CivilDay) {
    self.from = from
    self.to = to
  }

  /// Number of days; at least 0.
  package var dayCount: Int { max(0, Int(to.number) - Int(from.number)) }

  package func contains(_ day: CivilDay) -> Bool { day >= from && day < to }
}
