/// Numbers of the features that a batch named last, by the string numbers of app and feature.
///
/// Names such as "open" stand in many apps, so a feature's name alone does not tell its number. One place a pair, which
/// the next one of the same place takes: a pair that was lost is looked up again.
struct FeaturePairs {
  private struct Place {
    /// The app's string number above the feature's; 0 is free, as every event has an app.
    var pair: UInt64 = 0
    var number: Int64 = 0
  }

  /// 4,096 places, 64 KiB: several times what an organisation's features need in a batch.
  private static let placeBits: UInt64 = 12

  private var places = [Place](repeating: Place(), count: 1 << placeBits)

  mutating func removeAll() {
    for index in places.indices { places[index] = Place() }
  }

  /// The number noted for a pair, or 0.
  @inline(__always)
  func number(of app: UInt32, _ feature: UInt32) -> Int64 {
    let pair = Self.pair(app, feature)
    let place = places[Self.index(pair)]
    return place.pair == pair ? place.number : 0
  }

  @inline(__always)
  mutating func note(_ number: Int64, of app: UInt32, _ feature: UInt32) {
    let pair = Self.pair(app, feature)
    places[Self.index(pair)] = Place(pair: pair, number: number)
  }

  @inline(__always)
  private static func pair(_ app: UInt32, _ feature: UInt32) -> UInt64 { UInt64(app) << 32 | UInt64(feature) }

  /// The product's upper bits: multiplicative hashing, Knuth's third volume, section 6.4.
  @inline(__always)
  private static func index(_ pair: UInt64) -> Int {
    Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) &>> (64 - placeBits))
  }
}
