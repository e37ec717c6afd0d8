/// Numbers triples in order of first appearance: open addressing without an allocation a look-up.
struct NumberTable {
  private var keys: [SIMD3<Int32>] = []
  /// 1 + index into `keys`, or 0; a power of two of places.
  private var places: [UInt32]

  init() {
    places = [UInt32](repeating: 0, count: 256)
  }

  /// The triple's number, and whether it is new.
  ///
  /// - Complexity: O(1) on average.
  @inline(__always)
  mutating func index(of key: SIMD3<Int32>) -> (index: Int, isNew: Bool) {
    let mask = places.count - 1
    var place = Self.hash(of: key) & mask
    while places[place] != 0 {
      let index = Int(places[place]) - 1
      if keys[index] == key { return (index, false) }
      place = (place + 1) & mask
    }
    insert(key, at: place)
    return (keys.count - 1, true)
  }

  @inline(never)
  private mutating func insert(_ key: SIMD3<Int32>, at place: Int) {
    keys.append(key)
    places[place] = UInt32(truncatingIfNeeded: keys.count)
    // At most half full, so that probing stays short.
    guard 2 * keys.count > places.count else { return }
    places = [UInt32](repeating: 0, count: 2 * places.count)
    let mask = places.count - 1
    for (index, key) in keys.enumerated() {
      var place = Self.hash(of: key) & mask
      while places[place] != 0 { place = (place + 1) & mask }
      places[place] = UInt32(truncatingIfNeeded: index + 1)
    }
  }

  /// Mixes the three numbers with odd constants (those of splitmix64 and Fibonacci hashing).
  @inline(__always)
  private static func hash(of key: SIMD3<Int32>) -> Int {
    let first = UInt64(UInt32(bitPattern: key.x)) &* 0xBF58_476D_1CE4_E5B9
    let second = UInt64(UInt32(bitPattern: key.y)) &* 0x94D0_49BB_1331_11EB
    let third = UInt64(UInt32(bitPattern: key.z)) &* 0x9E37_79B9_7F4A_7C15
    let mixed = first ^ second ^ third
    return Int(truncatingIfNeeded: (mixed ^ (mixed >> 29)) >> 3)
  }
}
