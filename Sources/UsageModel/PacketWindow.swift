/// Which packet numbers of a spool were seen: a number counts once, and one too old to tell does not count.
package struct PacketWindow: Equatable, Sendable {
  /// Numbers behind the highest one that are told apart: more than a sender has under way.
  package static let width: UInt64 = 1_024

  package private(set) var highest: UInt64
  /// One bit a number, at its remainder by ``width``.
  package private(set) var words: [UInt64]

  package init() {
    highest = 0
    words = [UInt64](repeating: 0, count: Int(Self.width / 64))
  }

  /// A window as it was kept; nil unless it has the right size.
  package init?(highest: UInt64, bytes: [UInt8]) {
    guard bytes.count == Int(Self.width / 8) else { return nil }
    self.highest = highest
    words = (0..<Int(Self.width / 64)).map { word in
      (0..<8).reduce(0) { $0 | UInt64(bytes[word * 8 + $1]) << UInt64($1 * 8) }
    }
  }

  package var bytes: [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
  }

  /// Takes a number; false if it was there before, or may have been.
  package mutating func insert(_ number: UInt64) -> Bool {
    guard number > 0 else { return false }
    if number > highest {
      let step = number - highest
      if step >= Self.width {
        for word in words.indices { words[word] = 0 }
      } else {
        for skipped in 1...step { setBit(highest + skipped, to: false) }
      }
      highest = number
      setBit(number, to: true)
      return true
    }
    guard highest - number < Self.width, !bit(number) else { return false }
    setBit(number, to: true)
    return true
  }

  private func bit(_ number: UInt64) -> Bool {
    words[Int(number % Self.width / 64)] & 1 << (number % 64) != 0
  }

  private mutating func setBit(_ number: UInt64, to value: Bool) {
    let word = Int(number % Self.width / 64)
    if value { words[word] |= 1 << (number % 64) } else { words[word] &= ~(1 << (number % 64)) }
  }
}
