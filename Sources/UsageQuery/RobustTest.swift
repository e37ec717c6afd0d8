import Foundation

/// Whether one value is worse than comparable values of before: the one test behind all alerts.
///
/// The distance from the median of the values before is divided by their spread (1.4826 × the median
/// absolute deviation, but never below a floor that sampling alone explains). As both are estimated from
/// K values, the statistic is compared with Student's t: the median adds π ÷ (2K) to the variance, and the
/// median absolute deviation is as good as the standard deviation of 37% as many values, so that
/// ν = max(2, 0.37 (K − 1)) (`docs/alerts.md`).
package struct RobustTest: Equatable, Sendable {
  package let usual: Double
  package let spread: Double
  package let statistic: Double
  /// How often a value that is no worse would be as far off, upwards.
  package let probability: Double

  /// Comparable values from which the test says anything.
  package static let valuesMin = 6

  /// - Parameters:
  ///   - value: greater is worse.
  ///   - before: comparable values.
  ///   - floor: the least spread to believe in; greater than 0.
  /// - Returns: nil with fewer than ``valuesMin`` values.
  package init?(_ value: Double, before: [Double], floor: (_ usual: Double) -> Double) {
    guard before.count >= Self.valuesMin else { return nil }
    let count = Double(before.count)
    usual = Self.median(before)
    let middle = usual
    spread = max(1.4826 * Self.median(before.map { abs($0 - middle) }), floor(middle))
    statistic = (value - usual) / (spread * (1 + Double.pi / (2 * count)).squareRoot())
    probability = Self.upperTail(statistic, degrees: max(2, 0.37 * (count - 1)))
  }

  /// The mean of the two middle values when they are even in number.
  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// P(T > t) for Student's t.
  ///
  /// With t = √ν tan θ the density is proportional to cos^(ν−1) θ, which Simpson's rule integrates.
  static func upperTail(_ statistic: Double, degrees: Double) -> Double {
    if statistic < 0 { return 1 - upperTail(-statistic, degrees: degrees) }
    let angle = atan(statistic / degrees.squareRoot())
    func integral(_ low: Double, _ high: Double) -> Double {
      let steps = 400
      let width = (high - low) / Double(steps)
      var sum = 0.0
      for step in 0...steps {
        let weight = step == 0 || step == steps ? 1.0 : step % 2 == 1 ? 4 : 2
        sum += weight * pow(max(0, cos(low + Double(step) * width)), degrees - 1)
      }
      return sum * width / 3
    }
    return integral(angle, .pi / 2) / (2 * integral(0, .pi / 2))
  }

  /// Holm's adjustment: probabilities that keep the chance of any false alarm below the level compared with.
  ///
  /// Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
  /// Statistics 6 (1979), 65–70.
  package static func adjusted(_ probabilities: [Double]) -> [Double] {
    var result = probabilities
    var largest = 0.0
    let order = probabilities.indices.sorted { probabilities[$0] < probabilities[$1] }
    for (place, index) in order.enumerated() {
      largest = max(largest, min(1, Double(probabilities.count - place) * probabilities[index]))
      result[index] = largest
    }
    return result
  }
}
