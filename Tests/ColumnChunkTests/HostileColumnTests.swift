import Testing

@testable import ColumnChunk

/// Stored bytes are untrusted: every change is noticed, and none of them reads or writes out of bounds.
struct HostileColumnTests {
  /// One column of each encoding, several blocks where there are blocks.
  static let columns: [(values: [Int64], bytes: [UInt8])] = {
    var random = SeededRandom(seed: 61)
    let shapes: [(RoundTripTests.Shape, Int)] = [
      (.constant, 5), (.small, 1_030), (.rising, 1_030), (.falling, 40), (.longRuns, 2_100), (.extremes, 40),
      (.runs, 300),
    ]
    return shapes.compactMap { shape, count in
      let values = shape.make(count, &random)
      return ColumnBytes.encode(values).map { (values, $0) }
    }
  }()

  @Test func everyTruncationIsRefused() throws {
    for (values, bytes) in Self.columns {
      for length in 0..<bytes.count {
        let expected = ChunkError.truncated(needed: length < 40 ? 40 : bytes.count, available: length)
        #expect(throws: expected) {
          try ColumnBytes.decode(Array(bytes.prefix(length)), rowCount: values.count)
        }
      }
      #expect(throws: ChunkError.truncated(needed: bytes.count, available: bytes.count + 1)) {
        try ColumnBytes.decode(bytes + [0], rowCount: values.count)
      }
    }
  }

  @Test func everyBitFlipIsRefused() {
    for (values, bytes) in Self.columns {
      for bit in 0..<bytes.count * 8 {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        do {
          _ = try ColumnBytes.decode(flipped, rowCount: values.count)
          Issue.record("bit \(bit) went unnoticed")
        } catch {
          if !(error is ChunkError) { Issue.record("bit \(bit): \(error)") }
        }
      }
    }
  }

  @Test func namesWhatIsWrong() throws {
    let bytes = Self.columns[1].bytes
    let rowCount = Self.columns[1].values.count
    func expect(_ error: ChunkError, _ change: (inout [UInt8]) -> Void) {
      var changed = bytes
      change(&changed)
      #expect(throws: error) { try ColumnBytes.decode(changed, rowCount: rowCount) }
      #expect(!error.description.isEmpty)
    }
    expect(.badMagic(0x3143_4C58)) { $0[0] = 0x58 }
    expect(.unsupportedVersion(2)) { $0[4] = 2 }
    expect(.unknownColumn(0)) { $0[5] = 0 }
    expect(.unknownColumn(200)) { $0[5] = 200 }
    expect(.unknownEncoding(0)) { $0[6] = 0 }
    expect(.unknownEncoding(7)) { $0[6] = 7 }
    expect(.checksum) { $0[7] = 1 }
    expect(.rowCount(0)) { $0.replaceSubrange(8..<12, with: [0, 0, 0, 0]) }
    expect(.rowCount(65_537)) { $0.replaceSubrange(8..<12, with: [1, 0, 1, 0]) }
    expect(.rowCount(4_294_967_295)) { $0.replaceSubrange(8..<12, with: [255, 255, 255, 255]) }
    expect(.truncated(needed: 4_294_967_335, available: bytes.count)) {
      $0.replaceSubrange(12..<16, with: [255, 255, 255, 255])
    }
    expect(.checksum) { $0[16] ^= 1 }
    expect(.checksum) { $0[39] ^= 1 }
    expect(.checksum) { $0[bytes.count - 1] ^= 1 }
    #expect(throws: ChunkError.inconsistent(.user)) {
      try ColumnBytes.decode(bytes, as: .user, rowCount: rowCount)
    }
    #expect(throws: ChunkError.inconsistent(.time)) { try ColumnBytes.decode(bytes, rowCount: rowCount + 1) }
    #expect(throws: ChunkError.inconsistent(.time)) { try ColumnBytes.decode(bytes, rowCount: rowCount - 1) }
    #expect(throws: ChunkError.inconsistent(.session)) {
      try RoundTripTests.decodeTexts(bytes, rowCount: rowCount)
    }
  }

  // MARK: Behind a right checksum

  /// Decodes into every type; only typed errors and values that fit may come out.
  private static func decodeAll(_ bytes: [UInt8], rowCount: Int) throws {
    try attempt { _ = try ColumnBytes.decode(bytes, rowCount: rowCount) }
    try attempt { _ = try ColumnBytes.decode(bytes, rowCount: rowCount, UInt32.self) }
    try attempt { _ = try ColumnBytes.decode(bytes, rowCount: rowCount, UInt8.self) }
  }

  private static func attempt(_ body: () throws -> Void) throws {
    do { try body() } catch is ChunkError {}
  }

  @Test func sealedTruncationsStayInside() throws {
    for (values, bytes) in Self.columns {
      for length in 40...bytes.count {
        let cut = ColumnBytes.resealed(Array(bytes.prefix(length)))
        try Self.decodeAll(cut, rowCount: values.count)
        if length == bytes.count { continue }
        #expect(throws: ChunkError.malformed(.time)) { try ColumnBytes.decode(cut, rowCount: values.count) }
      }
    }
  }

  /// Not one payload byte is enough, whatever its length, unless the encoding needs none.
  @Test func sealedPayloadsOfZerosStayInside() throws {
    for encoding in ColumnHeader.Encoding.allCases {
      for length in 0...80 {
        var bytes = Array(Self.columns[0].bytes.prefix(40)) + [UInt8](repeating: 0, count: length)
        bytes[6] = encoding.rawValue
        let sealed = ColumnBytes.resealed(bytes)
        if encoding == .constant && length == 0 { continue }
        let mayBeSound = (encoding == .packed && length == 17) || (encoding == .delta && length == 25)
        if mayBeSound { continue }
        #expect(throws: ChunkError.malformed(.time), "\(encoding) \(length)") {
          try ColumnBytes.decode(sealed, rowCount: 5)
        }
      }
    }
  }

  @Test func sealedBitFlipsStayInside() throws {
    for (values, bytes) in Self.columns where bytes.count < 700 {
      for bit in 0..<bytes.count * 8 where !(96..<128).contains(bit) {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        let sealed = ColumnBytes.resealed(flipped)
        try Self.decodeAll(sealed, rowCount: values.count)
        if let header = try? ColumnBytes.header(sealed) {
          try Self.decodeAll(sealed, rowCount: header.rowCount)
        }
      }
    }
  }

  @Test func sealedRandomDamageStaysInside() throws {
    var random = SeededRandom(seed: 62)
    for round in 0..<6_000 {
      let (values, whole) = Self.columns.randomElement(using: &random) ?? ([], [])
      var bytes = whole
      for _ in 0..<Int.random(in: 1...5, using: &random) where bytes.count > 41 {
        let index = Int.random(in: 40..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
          bytes[index] = [0, 1, 57, 58, 63, 64, 65, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
        case 1: bytes.removeSubrange(index...)
        case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
        default: bytes[6] = UInt8.random(in: 1...5, using: &random)
        }
      }
      do {
        try Self.decodeAll(ColumnBytes.resealed(bytes), rowCount: values.count)
      } catch {
        Issue.record("round \(round): \(error)")
      }
    }
  }

  // MARK: Texts

  @Test func damagedTextsStayInside() throws {
    let whole = GoldenBytesTests.texts
    for length in 0..<whole.count {
      #expect(throws: ChunkError.self) {
        try RoundTripTests.decodeTexts(Array(whole.prefix(length)), rowCount: 4)
      }
      let sealed = ColumnBytes.resealed(Array(whole.prefix(length)))
      #expect(throws: ChunkError.self) { try RoundTripTests.decodeTexts(sealed, rowCount: 4) }
    }
    var random = SeededRandom(seed: 63)
    for bit in 0..<whole.count * 8 {
      var flipped = whole
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: ChunkError.self) { try RoundTripTests.decodeTexts(flipped, rowCount: 4) }
      try Self.checkTexts(ColumnBytes.resealed(flipped))
    }
    for _ in 0..<5_000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 41 {
        let index = Int.random(in: 40..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        default: bytes.insert(UInt8.random(in: 0...4, using: &random), at: index)
        }
      }
      try Self.checkTexts(ColumnBytes.resealed(bytes))
    }
  }

  private static func checkTexts(_ bytes: [UInt8]) throws {
    try attempt {
      let texts = try RoundTripTests.decodeTexts(bytes, rowCount: 4)
      #expect(texts.codes.allSatisfy { $0 <= UInt32(texts.strings.count) })
      #expect(texts.strings.allSatisfy { !$0.isEmpty })
    }
  }

  /// A count of texts that the rows could not use, or that has no room, allocates nothing.
  @Test func boundsCountsOfTexts() {
    for count in [5, 0xFFFF_FFFF] as [UInt32] {
      var bytes = GoldenBytesTests.texts
      for index in 0..<4 { bytes[40 + index] = UInt8(truncatingIfNeeded: count >> UInt32(8 * index)) }
      #expect(throws: ChunkError.malformed(.session)) {
        try RoundTripTests.decodeTexts(ColumnBytes.resealed(bytes), rowCount: 4)
      }
    }
  }
}
