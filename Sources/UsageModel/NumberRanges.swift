/// A set of numbers from 1 on as ranges: ascending, apart, never touching.
package struct NumberRanges: Equatable, Sendable {
  package private(set) var ranges: [ClosedRange<UInt64>] = []

  package init() {}

  /// The highest number up to which, from 1, all are there; 0 if 1 is not.
  package var cumulative: UInt64 {
    guard let first = ranges.first, first.lowerBound == 1 else { return 0 }
    return first.upperBound
  }

  package func contains(_ number: UInt64) -> Bool {
    let place = placeOfFirst(endingAtOrAbove: number)
    return place < ranges.count && ranges[place].lowerBound <= number
  }

  /// Adds numbers, joined with what they touch.
  ///
  /// - Complexity: O(ranges).
  package mutating func insert(_ range: ClosedRange<UInt64>) {
    let start = placeOfFirst(endingAtOrAbove: range.lowerBound == 0 ? 0 : range.lowerBound - 1)
    var end = start
    var (low, high) = (range.lowerBound, range.upperBound)
    while end < ranges.count, high == .max || ranges[end].lowerBound <= high + 1 {
      low = min(low, ranges[end].lowerBound)
      high = max(high, ranges[end].upperBound)
      end += 1
    }
    ranges.replaceSubrange(start..<end, with: [low...high])
  }

  private func placeOfFirst(endingAtOrAbove number: UInt64) -> Int {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
