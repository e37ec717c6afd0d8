import Testing

@testable import ColumnChunk

/// Stored bytes written by hand from the layouts; checksums by the xxHash library's own program.
///
/// They are version 1 of the format for ever: what is on disk must still be read, and written the same.
struct GoldenBytesTests {
  struct Golden: Sendable {
    var name: String
    var column: ChunkColumn
    var values: [Int64]
    var bytes: [UInt8]
  }

  static let integers = [
    // Three rows of 3: the header says it all.
    Golden(
      name: "constant", column: .kind, values: [3, 3, 3],
      bytes: ColumnBytes.bytes(
        """
        57 4c 43 31 01 04 01 00 03 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00
        2d b8 5d bd e9 2e 8f 25
        """)),
    // Base 10, three bits a row: 0, 7, 2, 0, 3 from the lowest bit on.
    Golden(
      name: "packed", column: .user, values: [10, 17, 12, 10, 13],
      bytes: ColumnBytes.bytes(
        """
        57 4c 43 31 01 02 02 00 05 00 00 00 13 00 00 00 0a 00 00 00 00 00 00 00 11 00 00 00 00 00 00 00
        8a 3f 53 c4 50 cd 9b 75
        0a 00 00 00 00 00 00 00 03 b8 30 00 00 00 00 00 00 00 00
        """)),
    // Base -2^63, 64 bits a row.
    Golden(
      name: "packed, 64 bits", column: .time, values: [.min, .max, 0],
      bytes: ColumnBytes.bytes(
        """
        57 4c 43 31 01 01 02 00 03 00 00 00 29 00 00 00 00 00 00 00 00 00 00 80 ff ff ff ff ff ff ff 7f
        c7 ed e6 a3 78 2f 63 f7
        00 00 00 00 00 00 00 80 40
        00 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 80
        00 00 00 00 00 00 00 00
        """)),
    // The first value, the smallest difference 10^9, one bit a difference: 0, 0, 1, 0.
    Golden(
      name: "delta", column: .time,
      values: [
        1_767_225_600_000, 1_768_225_600_000, 1_769_225_600_000, 1_770_225_600_001, 1_771_225_600_001,
      ],
      bytes: ColumnBytes.bytes(
        """
        57 4c 43 31 01 01 03 00 05 00 00 00 1a 00 00 00 00 a8 da 76 9b 01 00 00 01 d0 45 65 9c 01 00 00
        74 01 9f 0b dc 12 a5 d3
        00 a8 da 76 9b 01 00 00 00 ca 9a 3b 00 00 00 00 01 04 00 00 00 00 00 00 00 00
        """)),
    // Three runs; values 7, 9, 7 at two bits over 7; lengths 300, 400, 1 at nine bits over 1.
    Golden(
      name: "runs", column: .feature,
      values: [Int64](repeating: 7, count: 300) + [Int64](repeating: 9, count: 400) + [7],
      bytes: ColumnBytes.bytes(
        """
        57 4c 43 31 01 03 04 00 bd 02 00 00 2f 00 00 00 07 00 00 00 00 00 00 00 09 00 00 00 00 00 00 00
        71 f2 cf 79 2f ea da 70
        03 00 00 00 12 00 00 00
        07 00 00 00 00 00 00 00 02 08 00 00 00 00 00 00 00 00
        01 00 00 00 00 00 00 00 09 2b 1f 03 00 00 00 00 00 00 00 00 00
        """)),
  ]

  /// "ab" and "c", of lengths over 1 at one bit; rows absent, "ab", "c", "ab" at two bits.
  static let texts = ColumnBytes.bytes(
    """
    57 4c 43 31 01 08 05 00 04 00 00 00 44 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    f8 2f 61 ef e8 08 73 26
    02 00 00 00 12 00 00 00
    01 00 00 00 00 00 00 00 01 01 00 00 00 00 00 00 00 00
    03 00 00 00 61 62 63
    02 00 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 02 64 00 00 00 00 00 00 00 00
    """)

  @Test(arguments: integers.indices)
  func readsAndWritesTheSame(index: Int) throws {
    let golden = Self.integers[index]
    #expect(
      try ColumnBytes.decode(golden.bytes, as: golden.column, rowCount: golden.values.count) == golden.values,
      "\(golden.name)")
    #expect(ColumnBytes.encode(golden.values, as: golden.column) == golden.bytes, "\(golden.name)")
    #expect(ColumnBytes.resealed(golden.bytes) == golden.bytes)
  }

  @Test func readsAndWritesTheSameTexts() throws {
    let texts = try RoundTripTests.decodeTexts(Self.texts, rowCount: 4)
    #expect(texts.strings == [Array("ab".utf8), Array("c".utf8)])
    #expect(texts.codes == [0, 1, 2, 1])
    let codes: [Int64] = [0, 1, 2, 1]
    let bytes = codes.withUnsafeBufferPointer {
      ColumnEncoder.encode(.session, texts: TextList(texts.strings), codes: $0)
    }
    #expect(bytes == Self.texts)
  }

  /// Numbers on disk never change.
  @Test func numbersStay() {
    #expect(ChunkColumn.allCases.map(\.rawValue) == Array(1...14))
    #expect(ChunkColumn.cellCases.map(\.rawValue) == [3, 32, 2, 11] + Array(33...43))
    #expect(ChunkColumn.allCases.filter(\.isText) == [.session, .attributes])
    #expect(ColumnHeader.Encoding.allCases.map(\.rawValue) == [1, 2, 3, 4, 5, 6])
    #expect(ColumnHeader.magic == 0x3143_4C57)
    #expect(ColumnHeader.byteCount == 40)
    #expect(ColumnHeader.rowsMax == 65_536)
  }
}
