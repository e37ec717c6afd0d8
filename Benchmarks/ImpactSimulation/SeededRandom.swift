import Glibc

/// SplitMix64 (Steele, Lea and Flood 2014): small, fast, the same everywhere.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// In [0, 1).
  mutating func uniform() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

  /// Standard normal, by Box and Muller (1958).
  mutating func normal() -> Double {
    let radius = sqrt(-2 * log(1 - uniform()))
    return radius * cos(2 * Double.pi * uniform())
  }
}
