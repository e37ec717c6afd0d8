/// A small, fast, seeded random number generator.
///
/// SplitMix64: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA
/// 2014, with the constants of S. Vigna's public-domain `splitmix64.c`. Every person and day draws from a
/// stream of its own, so that a change in one place of the organisation leaves the others as they were.
struct SplitMix64: RandomNumberGenerator, Sendable {
  /// What a stream of numbers is for: streams of different purposes never share a start.
  enum Purpose: UInt64, Sendable {
    case catalog = 1
    case roster
    case traits
    case friction
    case adoptionGaps
    case habits
    case attendance
    case sequenceGaps
    case personDay
    case serviceAccount
  }

  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// The stream of one purpose and, within it, of up to two numbers, such as a person and a day.
  init(seed: UInt64, purpose: Purpose, _ first: Int = 0, _ second: Int = 0) {
    var mixed = Self.mix(seed &+ Self.golden &* purpose.rawValue)
    mixed = Self.mix(mixed ^ (UInt64(truncatingIfNeeded: first) &+ Self.golden))
    state = Self.mix(mixed ^ (UInt64(truncatingIfNeeded: second) &+ Self.golden &* 2))
  }

  mutating func next() -> UInt64 {
    state &+= Self.golden
    return Self.mix(state)
  }

  /// 2^64 divided by the golden ratio, made odd: the step of the counter.
  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
