// Draws from the few distributions that the demo needs, by arithmetic alone: no library function whose last
// bit differs between machines, so one seed gives the same bytes everywhere.

extension SplitMix64 {
  /// A number from 0 up to, but without, 1.
  mutating func unit() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A number from `range`, its upper end left out.
  mutating func uniform(_ range: Range<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * unit()
  }

  /// A whole number from 0 up to, but without, `bound`; 0 if `bound` is below 2.
  mutating func below(_ bound: Int) -> Int {
    guard bound > 1 else { return 0 }
    return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Whether an event of the given probability happens.
  mutating func chance(_ probability: Double) -> Bool {
    unit() < probability
  }

  /// Nearly standard normal: four 16-bit uniform numbers added (Irwin and Hall), so never beyond ±3.47.
  mutating func normal() -> Double {
    let bits = next()
    let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
    return (Double(sum) * 0x1p-16 - 1.999_969_482_421_875) * 1.732_050_807_568_877_2
  }

  /// Nearly lognormal: median `median`, and `spread` as the standard deviation of the natural logarithm.
  mutating func logNormal(median: Double, spread: Double) -> Double {
    median * powerOfTwo(normal() * spread * 1.442_695_040_888_963_4)
  }

  /// An index into `weights`, each as likely as its weight; the last one if rounding leaves a remainder.
  mutating func index(weights: [Double]) -> Int {
    var rest = unit() * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return index }
    }
    return weights.count - 1
  }

  /// The numbers 0 ..< `count` in a random order (Fisher and Yates).
  mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, below(last + 1))
    }
    return order
  }
}

/// 2 to the power of `exponent`, to about seven digits, for exponents between −1000 and 1000.
func powerOfTwo(_ exponent: Double) -> Double {
  let whole = exponent.rounded(.down)
  let power = (exponent - whole) * 0.693_147_180_559_945_3
  // The Taylor series of e^power, power below ln 2, by Horner's rule.
  var series = 1.0 / 5040.0
  series = series * power + 1.0 / 720.0
  series = series * power + 1.0 / 120.0
  series = series * power + 1.0 / 24.0
  series = series * power + 1.0 / 6.0
  series = series * power + 0.5
  series = series * power + 1
  series = series * power + 1
  return Double(bitPattern: UInt64(1023 + Int(whole)) << 52) * series
}
