import Testing

@testable import WireFormat

/// Against the standard library.
struct UTF8ValidationTests {
  private static func differs(_ bytes: [UInt8]) -> Bool {
    let expected = String(validating: bytes, as: UTF8.self) != nil
    return bytes.withUnsafeBufferPointer { UTF8Validation.isValid($0) } != expected
  }

  @Test func agreesOnAllOfOneAndTwoBytes() {
    #expect(!Self.differs([]))
    #expect(UTF8Validation.isValid(UnsafeBufferPointer(start: nil, count: 0)))
    var differences = 0
    for first in 0...UInt8.max {
      if Self.differs([first]) { differences += 1 }
      for second in 0...UInt8.max where Self.differs([first, second]) { differences += 1 }
    }
    #expect(differences == 0)
  }

  /// All second and third bytes behind every byte that begins a sequence of three or more; ends of ranges
  /// stand for the bytes between them where a continuation can no longer save it.
  @Test func agreesOnAllOfThreeBytes() {
    let ends: [UInt8] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF0, 0xFF]
    var differences = 0
    for first in 0xE0...0xEF as ClosedRange<UInt8> {
      for second in 0x80...0xBF as ClosedRange<UInt8> {
        for third in 0...UInt8.max where Self.differs([first, second, third]) { differences += 1 }
      }
    }
    for first in 0...UInt8.max {
      for second in ends {
        for third in ends where Self.differs([first, second, third]) { differences += 1 }
      }
    }
    #expect(differences == 0)
  }

  @Test func agreesOnTheEndsOfFourBytes() {
    let ends: [UInt8] = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0xBF, 0xC0, 0xFF]
    var differences = 0
    for first in 0xEF...0xFF as ClosedRange<UInt8> {
      for second in 0...UInt8.max {
        for third in ends {
          for fourth in ends where Self.differs([first, second, third, fourth]) { differences += 1 }
        }
      }
    }
    #expect(differences == 0)
  }

  /// Around the stretches of eight that are looked at together.
  @Test func agreesOnRandomTexts() {
    var random = SeededRandom(seed: 21)
    let stock: [[UInt8]] = [
      Array("a".utf8), Array("plain text ".utf8), Array("é".utf8), Array("€".utf8), Array("😀".utf8),
      [0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF0, 0x9F], [0x00], [0xF4, 0x8F, 0xBF, 0xBF],
    ]
    var differences = 0
    var validCount = 0
    for _ in 0..<20_000 {
      let limit = Bool.random(using: &random) ? 5 : stock.count
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 0...8, using: &random) {
        bytes += stock[Int.random(in: 0..<limit, using: &random)]
      }
      if Self.differs(bytes) { differences += 1 }
      if String(validating: bytes, as: UTF8.self) != nil { validCount += 1 }
    }
    #expect(differences == 0)
    #expect((2_000..<18_000).contains(validCount))
  }
}
