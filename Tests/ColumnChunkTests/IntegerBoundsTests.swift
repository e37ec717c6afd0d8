import CIntegerBounds
import Testing

/// Wide instructions against the standard library, at every length around their width.
struct IntegerBoundsTests {
  private static let extremes: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]

  private func values(_ count: Int, _ random: inout SystemRandomNumberGenerator) -> [Int64] {
    (0..<count).map { _ in
      switch Int.random(in: 0..<3, using: &random) {
      case 0: Self.extremes.randomElement(using: &random) ?? 0
      case 1: Int64.random(in: -1_000...1_000, using: &random)
      default: Int64.random(in: .min ... .max, using: &random)
      }
    }
  }

  @Test(arguments: 1..<70) func boundsAreTheSmallestAndTheLargest(count: Int) {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      let values = values(count, &random)
      var (low, high): (Int64, Int64) = (0, 0)
      wl_integer_bounds(values, values.count, &low, &high)
      #expect(low == values.min() && high == values.max(), "\(values)")
    }
  }

  @Test(arguments: 2..<70) func differencesWrapAround(count: Int) {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      let values = values(count, &random)
      let differences = zip(values.dropFirst(), values).map { $0 &- $1 }
      var (low, high): (Int64, Int64) = (0, 0)
      wl_difference_bounds(values, values.count, &low, &high)
      #expect(low == differences.min() && high == differences.max(), "\(values)")
    }
  }
}
