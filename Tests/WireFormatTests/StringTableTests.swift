import Testing

@testable import WireFormat

/// Against a dictionary.
struct StringTableTests {
  @Test(arguments: [1, 2, 1_024])
  func agreesWithADictionary(slotCount: Int) {
    var random = SeededRandom(seed: UInt64(slotCount))
    var table = StringTable(slotCount: slotCount)
    for round in 0..<4 {
      var numbers: [[UInt8]: UInt32] = [:]
      var byteCount = 0
      var differences = 0
      for _ in 0..<8_000 {
        let length = Int.random(in: 0...(round * 12), using: &random)
        let alphabet: ClosedRange<UInt8> = round == 0 ? 0...255 : 0x61...0x63
        let text = (0..<length).map { _ in UInt8.random(in: alphabet, using: &random) }
        let number = EventDecoding.withExactMemory(text) { bytes in
          bytes.baseAddress.map { table.intern($0, bytes.count) } ?? 0
        }
        if let known = numbers[text] {
          if known != number { differences += 1 }
        } else {
          if number != UInt32(numbers.count + 1) { differences += 1 }
          numbers[text] = number
          byteCount += length
        }
      }
      for (text, number) in numbers {
        if table.withBytes(of: number, { Array($0) }) != text { differences += 1 }
        let isEqual = EventDecoding.withExactMemory(text) { bytes in
          bytes.baseAddress.map { table.isEqual(number, $0, bytes.count) } ?? false
        }
        if !isEqual { differences += 1 }
      }
      #expect(differences == 0)
      #expect(table.count == numbers.count + 1)
      #expect(table.arenaCount == byteCount)
      table.removeAll()
      #expect(table.count == 1)
      #expect(table.arenaCount == 0)
    }
  }

  @Test func numberZeroIsAbsent() {
    let table = StringTable()
    #expect(table.text(of: 0) == nil)
    #expect(table.withBytes(of: 0) { $0.count } == 0)
    let byte: [UInt8] = [0]
    #expect(!byte.withUnsafeBufferPointer { $0.baseAddress.map { table.isEqual(0, $0, 0) } ?? true })
  }

  /// Strings longer than the arena, one after another.
  @Test func growsForLongStrings() {
    var table = StringTable()
    let texts = (1...40).map { [UInt8](repeating: UInt8($0), count: $0 * 3_001) }
    let numbers = texts.map { text in
      text.withUnsafeBufferPointer { bytes in bytes.baseAddress.map { table.intern($0, bytes.count) } ?? 0 }
    }
    #expect(numbers == Array(1...40))
    for (text, number) in zip(texts, numbers) { #expect(table.withBytes(of: number) { Array($0) } == text) }
  }

  /// A text that differs from a known one in its last byte, or is its beginning, is another.
  @Test func comparesAllBytes() {
    var table = StringTable()
    func intern(_ text: [UInt8]) -> UInt32 {
      EventDecoding.withExactMemory(text) { bytes in
        bytes.baseAddress.map { table.intern($0, bytes.count) } ?? 0
      }
    }
    var numbers: Set<UInt32> = []
    for length in 1...40 {
      let text = [UInt8](repeating: 0x61, count: length)
      numbers.insert(intern(text))
      for index in 0..<length {
        var other = text
        other[index] = 0x62
        numbers.insert(intern(other))
      }
    }
    #expect(numbers.count == 40 + (1...40).reduce(0, +))
  }
}
