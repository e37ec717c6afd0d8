import Testing

@testable import Aggregation

struct QuantileTests {
  @Test(arguments: [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (10, 4), (11, 5)])
  func medianStandsAtTheLowerMiddle(count: Int, position: Int) {
    #expect(Quantile.median.position(among: count) == position)
  }

  @Test(arguments: [(1, 0), (9, 8), (10, 8), (11, 9), (20, 17), (30, 26)])
  func nineTenthsAreExactWhereBinaryFractionsAreNot(count: Int, position: Int) {
    #expect(Quantile.nineTenths.position(among: count) == position)
  }

  @Test(arguments: [(1, 0), (4, 0), (5, 1), (8, 1), (9, 2), (10, 2)])
  func quarterRoundsUp(count: Int, position: Int) {
    #expect(Quantile.quarter.position(among: count) == position)
  }

  @Test func nothingHasNoQuantile() {
    var values: [Int64] = []
    #expect(Quantile.median.select(from: &values) == nil)
  }

  @Test(arguments: 0..<200)
  func selectionEqualsSorting(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let count = Int.random(in: 1...300, using: &random)
    let range: ClosedRange<Int64> = seed % 3 == 0 ? 0...3 : 0...1_000_000
    let values = (0..<count).map { _ in Int64.random(in: range, using: &random) }
    for quantile in [Quantile.quarter, .median, .threeQuarters, .nineTenths] {
      var copy = values
      #expect(quantile.select(from: &copy) == values.sorted()[quantile.position(among: count)])
    }
  }

  @Test func sortedAndOrganPipeInputsStayFast() {
    for values in [Array(0..<100_000), Array((0..<50_000)) + Array((0..<50_000).reversed())] {
      var copy = values.map(Int64.init)
      #expect(Quantile.median.select(from: &copy) == copy.sorted()[49_999])
    }
  }
}
