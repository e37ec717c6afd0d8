import Testing

@testable import ColumnChunk

struct RoundTripTests {
  /// What every row of a random column is made from.
  enum Shape: CaseIterable, Sendable {
    case constant, small, anything, extremes, rising, falling, runs, longRuns, steps, zeros, sparse,
      alternating

    func make(_ count: Int, _ random: inout SeededRandom) -> [Int64] {
      var value: Int64 = Int64.random(in: -1_000...1_000, using: &random)
      return (0..<count).map { index in
        switch self {
        case .constant: return value
        case .small: return Int64.random(in: 5...36, using: &random)
        case .anything: return Int64.random(in: .min ... .max, using: &random)
        case .extremes: return [.min, .max, 0, -1, 1, .min + 1, .max - 1].randomElement(using: &random) ?? 0
        case .rising: value &+= Int64.random(in: 0...2_000, using: &random)
        case .falling: value &-= Int64.random(in: 1_000_000_000...1_000_000_003, using: &random)
        case .runs:
          if Int.random(in: 0..<5, using: &random) == 0 { value = Int64.random(in: 0...9, using: &random) }
        case .longRuns:
          if Int.random(in: 0..<900, using: &random) == 0 {
            value = .random(in: .min ... .max, using: &random)
          }
        case .steps: value = Int64(index / 1_024) &* 4_611_686_018_427_387_904
        case .zeros: return 0
        case .sparse: return index == count / 2 ? .min : 0
        case .alternating: return index.isMultiple(of: 2) ? .max : .min
        }
        return value
      }
    }
  }

  private static let counts = [1, 2, 3, 7, 8, 9, 63, 64, 65, 1_023, 1_024, 1_025, 2_047, 2_048, 2_049, 4_100]

  @Test(arguments: Shape.allCases)
  func returnsEveryValue(shape: Shape) throws {
    var random = SeededRandom(seed: 51)
    for count in Self.counts {
      let values = shape.make(count, &random)
      guard let bytes = ColumnBytes.encode(values) else {
        #expect(values.allSatisfy { $0 == 0 })
        continue
      }
      #expect(try ColumnBytes.decode(bytes, rowCount: count) == values, "\(shape) \(count)")
      let quick = try #require(ColumnBytes.encode(values, effort: .arrival))
      #expect(try ColumnBytes.decode(quick, rowCount: count) == values, "\(shape) \(count)")
      let header = try ColumnBytes.header(bytes)
      #expect(header.minimum == values.min())
      #expect(header.maximum == values.max())
      #expect(header.rowCount == count)
      #expect(header.payloadLength == bytes.count - 40)
      #expect(header.column == .time)
    }
  }

  @Test func returnsAFullChunk() throws {
    var random = SeededRandom(seed: 52)
    for shape in [Shape.anything, .rising, .longRuns, .alternating] {
      let values = shape.make(65_536, &random)
      let bytes = try #require(ColumnBytes.encode(values))
      #expect(try ColumnBytes.decode(bytes, rowCount: 65_536) == values)
    }
  }

  /// Every width of packed values, the ones over 57 bits included, at counts that end inside a byte.
  @Test func returnsEveryWidth() throws {
    var random = SeededRandom(seed: 53)
    for width in 1...64 {
      let mask = UInt64.max >> UInt64(64 - width)
      for count in [2, 5, 8, 1_025] {
        for base in [0, Int64.min, -5] {
          var values = (0..<count).map { _ in
            base &+ Int64(bitPattern: UInt64.random(in: 0...mask, using: &random))
          }
          values[0] = base
          values[1] = base &+ Int64(bitPattern: mask)
          let bytes = try #require(ColumnBytes.encode(values))
          if try ColumnBytes.decode(bytes, rowCount: count) != values {
            Issue.record("width \(width) count \(count)")
          }
        }
      }
    }
  }

  @Test func returnsRandomColumns() throws {
    var random = SeededRandom(seed: 54)
    for _ in 0..<600 {
      let count = Int.random(in: 1...1_300, using: &random)
      var values: [Int64] = []
      while values.count < count {
        let shape = Shape.allCases.randomElement(using: &random) ?? .small
        values += shape.make(Int.random(in: 1...count - values.count, using: &random), &random)
      }
      guard let bytes = ColumnBytes.encode(values) else { continue }
      if try ColumnBytes.decode(bytes, rowCount: count) != values { Issue.record("\(values)") }
    }
  }

  @Test func choosesTheSmallestEncoding() throws {
    func encoding(_ values: [Int64]) throws -> ColumnHeader.Encoding {
      try ColumnBytes.header(try #require(ColumnBytes.encode(values))).encoding
    }
    #expect(try encoding([7]) == .constant)
    #expect(try encoding([Int64](repeating: .min, count: 9_000)) == .constant)
    #expect(try encoding((0..<9_000).map { 1_767_225_600_000 + $0 * 1_000 }) == .delta)
    #expect(try encoding((0..<9_000).map { $0 / 3_000 }) == .runs)
    #expect(try encoding((0..<9_000).map { ($0 &* 2_654_435_761) % 64 }) == .packed)
  }

  @Test func leavesOutWhatIsAllZero() {
    #expect(ColumnBytes.encode([0]) == nil)
    #expect(ColumnBytes.encode([Int64](repeating: 0, count: 65_536)) == nil)
    #expect(ColumnBytes.encode([0, 1]) != nil)
    #expect(ColumnBytes.encode([-1]) != nil)
  }

  // MARK: Narrow types

  @Test func decodesNarrowTypes() throws {
    var random = SeededRandom(seed: 55)
    for count in [1, 1_023, 1_024, 1_025, 5_000] {
      for make in [
        { (_: Int, random: inout SeededRandom) in Int64.random(in: 0...255, using: &random) },
        { (index: Int, _: inout SeededRandom) in Int64(index / 700) },
        { (index: Int, _: inout SeededRandom) in Int64(index % 2) * 255 },
        { (_: Int, _: inout SeededRandom) in 255 },
      ] {
        let values = (0..<count).map { make($0, &random) }
        guard let bytes = ColumnBytes.encode(values) else { continue }
        #expect(try ColumnBytes.decode(bytes, rowCount: count, UInt8.self).map(Int64.init) == values)
        #expect(try ColumnBytes.decode(bytes, rowCount: count, UInt32.self).map(Int64.init) == values)
      }
    }
    let wide: [Int64] = [0, 4_294_967_295, 1, 4_294_967_294]
    let bytes = try #require(ColumnBytes.encode(wide))
    #expect(try ColumnBytes.decode(bytes, rowCount: 4, UInt32.self) == [0, .max, 1, .max - 1])
  }

  /// What does not fit is refused, whole.
  @Test func refusesWhatDoesNotFitNarrowTypes() throws {
    for values in [[0, 256], [-1, 3], [256], [-1], [0, 4_294_967_296], [.min, .max]] as [[Int64]] {
      let bytes = try #require(ColumnBytes.encode(values))
      #expect(throws: ChunkError.malformed(.time)) {
        try ColumnBytes.decode(bytes, rowCount: values.count, UInt8.self)
      }
    }
    let bytes = try #require(ColumnBytes.encode([0, 4_294_967_296]))
    #expect(throws: ChunkError.malformed(.time)) { try ColumnBytes.decode(bytes, rowCount: 2, UInt32.self) }
  }

  // MARK: Texts

  @Test(arguments: [1, 2, 1_023, 1_024, 1_025, 3_000])
  func returnsTexts(count: Int) throws {
    var random = SeededRandom(seed: UInt64(count))
    for stringCount in Set([1, min(count, 2), min(count, 900)]) {
      let strings = (0..<stringCount).map { number in
        Array("text \(number)".utf8) + [UInt8](repeating: 0xFF, count: Int.random(in: 0...40, using: &random))
      }
      let codes = (0..<count).map { _ in Int64.random(in: 0...Int64(stringCount), using: &random) }
      let encoded = codes.withUnsafeBufferPointer {
        ColumnEncoder.encode(.session, texts: TextList(strings), codes: $0)
      }
      let bytes = try #require(encoded)
      let texts = try Self.decodeTexts(bytes, rowCount: count)
      #expect(texts.strings == strings)
      #expect(texts.codes.map(Int64.init) == codes)
    }
  }

  @Test func leavesOutTextsThatAreAllAbsent() {
    let codes: [Int64] = [0, 0, 0]
    #expect(
      codes.withUnsafeBufferPointer { ColumnEncoder.encode(.session, texts: TextList(), codes: $0) } == nil)
  }

  static func decodeTexts(_ bytes: [UInt8], rowCount: Int) throws -> ColumnDecoder.Texts {
    try ColumnBytes.withExactMemory(bytes) { memory throws in
      try ColumnDecoder.decodeTexts(memory, as: .session, rowCount: rowCount)
    }
  }
}
