/// A median with an interval that assumes nothing about how values are spread.
///
/// The bounds are order statistics: with n values sorted ascending, the r-th from either end, r being the
/// largest rank with P(B < r) ≤ 2.5% for B binomial with n trials of one half. So the interval covers the
/// median of the population in at least 95% of samples of independent people.
package struct MedianInterval: Equatable, Sendable {
  package let count: Int
  package let median: Int64
  package let low: Int64
  package let high: Int64

  /// People from which an interval is given.
  package static let peopleMin = 10
  /// From here on the binomial is taken as normal; its exact terms would underflow.
  private static let exactCountMax = 1_000

  /// - Parameter values: in any order.
  /// - Returns: nil without values. Below ``peopleMin`` the bounds are there but ``isSufficient`` is false.
  /// - Complexity: O(n log n).
  package init?(_ values: [Int64]) {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    count = sorted.count
    median = sorted[Quantile.median.position(among: sorted.count)]
    let rank = max(1, Self.rank(count: sorted.count))
    low = sorted[rank - 1]
    high = sorted[sorted.count - rank]
  }

  package var isSufficient: Bool { count >= Self.peopleMin }

  /// The largest r with P(B < r) ≤ 0.025; 0 when there is none.
  static func rank(count: Int) -> Int {
    guard count <= exactCountMax else {
      return Int((Double(count) - 1.959964 * Double(count).squareRoot()) / 2)
    }
    // P(B = 0) = 2^-n, and each next term from the one before.
    var term = Double(sign: .plus, exponent: -count, significand: 1)
    var sum = term
    var rank = 0
    while sum <= 0.025 {
      rank += 1
      term *= Double(count - rank + 1) / Double(rank)
      sum += term
    }
    return rank
  }
}

/// The difference of two medians with a 95% interval (`docs/methods.md`, section 3).
///
/// Bounds by the method of variance estimates recovery (Zou and Donner 2008): each median's own distances
/// to its bounds are combined as if both samples were independent. Where people are the same in both, as
/// in most windows, their medians move together and the interval is wider than it need be.
package struct MedianChange: Equatable, Sendable {
  package let milliseconds: Int64
  /// Bounds, rounded outwards; nil when either sample is too small.
  package let bounds: ClosedRange<Int64>?

  package init(from before: MedianInterval, to after: MedianInterval) {
    milliseconds = after.median - before.median
    guard before.isSufficient, after.isSufficient else {
      bounds = nil
      return
    }
    func distance(_ left: Int64, _ right: Int64) -> Double {
      (Double(left) * Double(left) + Double(right) * Double(right)).squareRoot()
    }
    let down = distance(after.median - after.low, before.high - before.median)
    let up = distance(after.high - after.median, before.median - before.low)
    let centre = Double(milliseconds)
    bounds = Int64((centre - down).rounded(.down))...Int64((centre + up).rounded(.up))
  }
}
