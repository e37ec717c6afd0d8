import Testing
import UsageModel

/// Numbers seen in the obvious way: all of them.
private struct NaiveWindow {
  var seen: Set<UInt64> = []

  mutating func insert(_ number: UInt64) -> Bool {
    let highest = seen.max() ?? 0
    guard number > 0, number > highest || highest - number < PacketWindow.width else { return false }
    return seen.insert(number).inserted
  }
}

private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

struct PacketWindowTests {
  @Test(arguments: 0..<20 as Range<UInt64>)
  func agreesWithASet(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var window = PacketWindow()
    var naive = NaiveWindow()
    var center: UInt64 = 1
    for _ in 0..<1_500 {
      switch Int.random(in: 0..<40, using: &random) {
      case 0: center += UInt64.random(in: 0...3_000, using: &random)
      case 1: center += PacketWindow.width
      case 2: window = try #require(PacketWindow(highest: window.highest, bytes: window.bytes))
      default: center += UInt64.random(in: 0...2, using: &random)
      }
      let back = UInt64.random(in: 0...1_100, using: &random)
      let number = Bool.random(using: &random) ? center : center > back ? center - back : 0
      let isNew = window.insert(number)
      let isNewToNaive = naive.insert(number)
      #expect(isNew == isNewToNaive, "seed \(seed) number \(number)")
    }
  }

  @Test func takesTheLargestNumbers() {
    var window = PacketWindow()
    let numbers: [UInt64] = [0, .max - 1_023, .max, .max, .max - 1_023, .max - 1_024, .max - 1_022]
    let taken = numbers.map { window.insert($0) }
    #expect(taken == [false, true, true, false, false, false, true])
    #expect(PacketWindow(highest: 1, bytes: [0]) == nil)
  }
}

struct NumberRangesTests {
  @Test(arguments: 0..<20 as Range<UInt64>)
  func agreesWithASet(seed: UInt64) {
    var random = SplitMix(state: 100 + seed)
    var ranges = NumberRanges()
    var naive: Set<UInt64> = []
    for _ in 0..<200 {
      let first = UInt64.random(in: 1...90, using: &random)
      let last = first + UInt64.random(in: 0...6, using: &random)
      ranges.insert(first...last)
      naive.formUnion(first...last)
      #expect(ranges.ranges.flatMap { Array($0) } == naive.sorted(), "seed \(seed)")
      for (left, right) in zip(ranges.ranges, ranges.ranges.dropFirst()) {
        #expect(left.upperBound + 1 < right.lowerBound)
      }
      for number in 1...100 as ClosedRange<UInt64> {
        #expect(ranges.contains(number) == naive.contains(number))
      }
      #expect(ranges.cumulative == ((1...100).first { !naive.contains($0) } ?? 1) - 1)
    }
  }

  @Test func reachesTheLargestNumber() {
    var ranges = NumberRanges()
    ranges.insert(UInt64.max...UInt64.max)
    ranges.insert(1...1)
    ranges.insert(UInt64.max - 1...UInt64.max)
    #expect(ranges.ranges == [1...1, UInt64.max - 1...UInt64.max])
    #expect(ranges.cumulative == 1)
  }
}
