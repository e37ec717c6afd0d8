/// A discrete quantile: of n values sorted ascending, the one at 1-based position max(1, ⌈q·n⌉).
///
/// q is kept as a fraction so that the position is exact: 0.9 × 10 in binary floating point is not.
package struct Quantile: Equatable, Sendable {
  package let numerator: Int
  package let denominator: Int

  package static let quarter = Quantile(numerator: 1, denominator: 4)
  package static let median = Quantile(numerator: 1, denominator: 2)
  package static let threeQuarters = Quantile(numerator: 3, denominator: 4)
  package static let nineTenths = Quantile(numerator: 9, denominator: 10)

  /// Zero-based position among `count` sorted values; `count` is at least 1.
  package func position(among count: Int) -> Int {
    max(1, (numerator * count + denominator - 1) / denominator) - 1
  }

  /// The quantile of unordered values, which are reordered; nil without values.
  ///
  /// - Complexity: O(n) on average, O(n log n) at worst.
  package func select(from values: UnsafeMutableBufferPointer<Int64>) -> Int64? {
    guard !values.isEmpty else { return nil }
    return selectValue(at: position(among: values.count), from: values)
  }

  /// The quantile of unordered values, which are reordered; nil without values.
  package func select(from values: inout [Int64]) -> Int64? {
    values.withUnsafeMutableBufferPointer { select(from: $0) }
  }
}

/// Below this many values insertion sort beats partitioning.
private let smallCount = 24

/// The value that would stand at `position` were all sorted; reorders the values.
private func selectValue(at position: Int, from values: UnsafeMutableBufferPointer<Int64>) -> Int64 {
  var low = 0
  var high = values.count
  var roundsLeft = 2 * (Int.bitWidth - values.count.leadingZeroBitCount)
  while high - low > smallCount {
    guard roundsLeft > 0 else {
      values[low..<high].sort()
      return values[position]
    }
    roundsLeft -= 1
    let middle = partition(values, low, high)
    if position < middle.lowerBound {
      high = middle.lowerBound
    } else if position >= middle.upperBound {
      low = middle.upperBound
    } else {
      return values[position]
    }
  }
  insertionSort(values, low, high)
  return values[position]
}

/// Splits into smaller, equal and greater than a pivot; returns the range of the equal ones.
private func partition(_ values: UnsafeMutableBufferPointer<Int64>, _ low: Int, _ high: Int) -> Range<Int> {
  let pivot = medianOfThree(values[low], values[low + (high - low) / 2], values[high - 1])
  var smallerEnd = low
  var next = low
  var greaterStart = high
  while next < greaterStart {
    let value = values[next]
    if value < pivot {
      values.swapAt(next, smallerEnd)
      smallerEnd += 1
      next += 1
    } else if value > pivot {
      greaterStart -= 1
      values.swapAt(next, greaterStart)
    } else {
      next += 1
    }
  }
  return smallerEnd..<greaterStart
}

private func medianOfThree(_ first: Int64, _ second: Int64, _ third: Int64) -> Int64 {
  max(min(first, second), min(max(first, second), third))
}

private func insertionSort(_ values: UnsafeMutableBufferPointer<Int64>, _ low: Int, _ high: Int) {
  var end = low + 1
  while end < high {
    let value = values[end]
    var hole = end
    while hole > low, values[hole - 1] > value {
      values[hole] = values[hole - 1]
      hole -= 1
    }
    values[hole] = value
    end += 1
  }
}
