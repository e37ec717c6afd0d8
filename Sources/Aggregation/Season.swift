import UsageModel

/// A boundary of the calendar around which work may gather.
package enum SeasonBoundary: String, CaseIterable, Sendable {
  case month
  case quarter
  case year

  /// Months from one boundary to the next.
  var monthCount: Int {
    switch self {
    case .month: 1
    case .quarter: 3
    case .year: 12
    }
  }

  /// Consecutive boundaries around which uses must have gathered.
  package var periodsMin: Int { self == .year ? 2 : 3 }
}

/// A feature that is used around the same boundary of the calendar, period after period
/// (`docs/methods.md`, section 9): rare, and yet needed.
package struct Season: Equatable, Sendable {
  package let boundary: SeasonBoundary
  /// Consecutive boundaries in the longest run; of equal ones the latest.
  package let periods: Int
  /// Uses of the run's periods, and those of them near the boundary.
  package let uses: Int64
  package let nearUses: Int64
  /// First day after the run's last boundary.
  package let lastBoundary: CivilDay

  /// Days before and after a boundary that are near it: a period's last five, the next one's first five.
  package static let nearDays = 5

  /// The season of a feature; months are tried before quarters, quarters before years.
  ///
  /// Each use belongs to the boundary nearest to its day (the earlier one when both are as near). A period
  /// is seasonal if at least 80% of its uses are near its boundary.
  ///
  /// - Complexity: O(days log days).
  package static func find(in days: [UseCalendar.Day]) -> Season? {
    for boundary in SeasonBoundary.allCases {
      if let season = Season(boundary, days), season.periods >= boundary.periodsMin { return season }
    }
    return nil
  }

  /// The longest run of seasonal periods; nil without one.
  private init?(_ boundary: SeasonBoundary, _ days: [UseCalendar.Day]) {
    var best: (last: Int, periods: Int, uses: Int64, near: Int64)?
    var current: (last: Int, periods: Int, uses: Int64, near: Int64) = (Int.min, 0, 0, 0)
    for period in Self.periods(boundary, days) where 5 * period.near >= 4 * period.uses {
      if current.periods > 0, period.index == current.last + 1 {
        current = (
          period.index, current.periods + 1, current.uses + period.uses, current.near + period.near
        )
      } else {
        current = (period.index, 1, period.uses, period.near)
      }
      if current.periods >= best?.periods ?? 0 { best = current }
    }
    guard let best, let last = Self.firstDay(ofPeriod: best.last, boundary) else { return nil }
    self.boundary = boundary
    periods = best.periods
    uses = best.uses
    nearUses = best.near
    lastBoundary = last
  }

  /// Uses by the index of their boundary, ascending.
  private static func periods(
    _ boundary: SeasonBoundary, _ days: [UseCalendar.Day]
  ) -> [(index: Int, uses: Int64, near: Int64)] {
    var sums: [Int: (uses: Int64, near: Int64)] = [:]
    for entry in days {
      let day = CivilDay(number: Int32(truncatingIfNeeded: entry.day))
      let (year, month, _) = day.yearMonthDay
      let period = (year * 12 + month - 1) / boundary.monthCount
      guard let start = firstDay(ofPeriod: period, boundary),
        let end = firstDay(ofPeriod: period + 1, boundary)
      else { continue }
      let after = Int(day.number) - Int(start.number) + 1
      let before = Int(end.number) - Int(day.number)
      let index = after <= before ? period : period + 1
      let isNear = min(after, before) <= nearDays
      let sum = sums[index] ?? (0, 0)
      sums[index] = (sum.uses + entry.uses, sum.near + (isNear ? entry.uses : 0))
    }
    return sums.map { ($0, $1.uses, $1.near) }.sorted { $0.0 < $1.0 }
  }

  private static func firstDay(ofPeriod period: Int, _ boundary: SeasonBoundary) -> CivilDay? {
    let month = period * boundary.monthCount
    return CivilDay(year: month / 12, month: month % 12 + 1, day: 1)
  }
}
