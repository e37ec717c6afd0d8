/// Sums for the ratio of two totals over people, with a 95% interval that takes people as clusters.
///
/// Delete-one jackknife of R = Σx ÷ Σy with an effective number of people (`docs/methods.md`, section 4).
package struct RatioInterval: Sendable {
  private var pairs: [(numerator: Int64, denominator: Int64)] = []
  private var numeratorSum: Int64 = 0
  private var denominatorSum: Int64 = 0
  /// Up to 2^63 squared for each person: more than 64 bits.
  private var denominatorSquares: UInt128 = 0

  /// Effective people from which an interval is given.
  package static let effectivePeopleMin = 10

  package init() {}

  /// Adds one person with at least one of the two above 0.
  package mutating func add(numerator: Int64, denominator: Int64) {
    pairs.append((numerator, denominator))
    numeratorSum += numerator
    denominatorSum += denominator
    let wide = UInt128(denominator.magnitude)
    denominatorSquares += wide * wide
  }

  /// Whether people are enough, and evenly enough spread, for an interval; decided in whole numbers.
  package var isSufficient: Bool {
    let wide = UInt128(denominatorSum.magnitude)
    return denominatorSquares > 0
      && wide * wide >= UInt128(Self.effectivePeopleMin) * denominatorSquares
  }

  /// The jackknife's standard error of the ratio; nil where one person carries all of the denominator.
  ///
  /// - Complexity: O(people).
  package var standardError: Double? {
    guard pairs.allSatisfy({ $0.denominator < denominatorSum }) else { return nil }
    let ratio = Double(numeratorSum) / Double(denominatorSum)
    var squares = 0.0
    for pair in pairs {
      let left = Double(numeratorSum - pair.numerator) / Double(denominatorSum - pair.denominator) - ratio
      squares += left * left
    }
    let count = Double(pairs.count)
    return ((count - 1) / count * squares).squareRoot()
  }

  /// Lower and upper bound within 0...1; nil when people are insufficient.
  ///
  /// - Complexity: O(people).
  package var bounds: (low: Double, high: Double)? {
    guard isSufficient, let standardError else { return nil }
    let total = Double(denominatorSum)
    let ratio = Double(numeratorSum) / total
    let effectivePeople = total * total / Double(denominatorSquares)
    let reach = Self.quantileOfStudent(degrees: effectivePeople - 1) * standardError
    return (min(1, max(0, ratio - reach)), min(1, max(0, ratio + reach)))
  }

  /// The 0.975 quantile of Student's t from the normal one: the first two terms of Cornish and Fisher.
  static func quantileOfStudent(degrees: Double) -> Double {
    let z = 1.959964
    let cube = z * z * z
    let fifth = cube * z * z
    return z + (cube + z) / (4 * degrees) + (5 * fifth + 16 * cube + 3 * z) / (96 * degrees * degrees)
  }
}
