import Testing

@testable import ColumnChunk

/// Columns that are stored as one value a user.
struct ByUserTests {
  private static func encode(_ values: [Int64], _ users: RowUsers) -> [UInt8]? {
    values.withUnsafeBufferPointer { ColumnEncoder.encode(.source, $0, users: users) }
  }

  private static func decode<T: FixedWidthInteger>(
    _ bytes: [UInt8], rowCount: Int, _ users: RowUsers?, _ type: T.Type = Int64.self
  ) throws -> [T] {
    var output = [T](repeating: 0x5A, count: rowCount + 16)
    try ColumnBytes.withExactMemory(bytes) { memory in
      try output.withUnsafeMutableBufferPointer { buffer in
        switch buffer.baseAddress {
        case let start as UnsafeMutablePointer<Int64>:
          try ColumnDecoder.decode(memory, as: .source, rowCount: rowCount, users: users, into: start)
        case let start as UnsafeMutablePointer<UInt32>:
          try ColumnDecoder.decode(memory, as: .source, rowCount: rowCount, users: users, into: start)
        case let start as UnsafeMutablePointer<UInt8>:
          try ColumnDecoder.decode(memory, as: .source, rowCount: rowCount, users: users, into: start)
        default: Issue.record("unknown type")
        }
      }
    }
    #expect(output.suffix(16).allSatisfy { $0 == 0x5A })
    return Array(output.prefix(rowCount))
  }

  private static func rowUsers(_ users: [Int64]) -> RowUsers {
    users.withUnsafeBufferPointer { RowUsers($0) }
  }

  /// Machines of people, with more or fewer who change theirs; users near each other and far apart.
  @Test(arguments: [0, 1, 40, 500], [1 as Int64, 1 << 40])
  func returnsEveryValue(exceptionsInThousand: Int, spread: Int64) throws {
    var random = SeededRandom(seed: UInt64(exceptionsInThousand) &+ UInt64(spread))
    for count in [2, 3, 900, 1_024, 3_000] {
      let people = max(1, count / 5)
      let machines = (0..<people).map { _ in Int64.random(in: 1...100_000, using: &random) }
      let rows = (0..<count).map { _ in Int.random(in: 0..<people, using: &random) }
      let values = rows.map { row in
        Int.random(in: 0..<1_000, using: &random) < exceptionsInThousand
          ? Int64.random(in: 0...(1 << 31), using: &random) : machines[row]
      }
      let users = Self.rowUsers(rows.map { Int64($0) &* spread &- 7 })
      guard let bytes = Self.encode(values, users) else {
        Issue.record("taken for empty")
        continue
      }
      #expect(try Self.decode(bytes, rowCount: count, users) == values)
      #expect(try Self.decode(bytes, rowCount: count, users, UInt32.self) == values.map { UInt32($0) })
      if count >= 900 && exceptionsInThousand <= 1 {
        #expect(bytes[6] == ColumnHeader.Encoding.byUser.rawValue)
        #expect(bytes.count < (ColumnBytes.encode(values, as: .source)?.count ?? 0) / 2)
      }
    }
  }

  /// The layout of `schemas/chunk-format.md`, part by part.
  @Test func writesWhatIsSpecified() throws {
    // Users 9 and 4 in turn, with machines 1,000,000 and 3; row 5 is another's.
    let users = Self.rowUsers((0..<300).map { $0 % 2 == 0 ? 9 : 4 })
    var values: [Int64] = (0..<300).map { $0 % 2 == 0 ? 1_000_000 : 3 }
    values[5] = 70
    let bytes = try #require(Self.encode(values, users))
    let padding = [UInt8](repeating: 0, count: 8)
    // Base 3, 20 bits a value: 999,997 and 0.
    let table: [UInt8] = [3, 0, 0, 0, 0, 0, 0, 0, 20, 0x3D, 0x42, 0x0F, 0, 0] + padding
    let row: [UInt8] = [5, 0, 0, 0, 0, 0, 0, 0, 0] + padding
    let value: [UInt8] = [70, 0, 0, 0, 0, 0, 0, 0, 0] + padding
    let lengths: [UInt8] = [22, 0, 0, 0, 1, 0, 0, 0, 17, 0, 0, 0]
    #expect(Array(bytes[40...]) == lengths + table + row + value)
    #expect(bytes[6] == 6)
    #expect(try Self.decode(bytes, rowCount: 300, users) == values)
  }

  @Test func cannotBeReadWithoutItsUsers() throws {
    let users = Self.rowUsers((0..<600).map { $0 % 3 })
    let bytes = try #require(Self.encode((0..<600).map { $0 % 3 * 77_777 + 5 }, users))
    #expect(ColumnBytes.withExactMemory(bytes) { ColumnDecoder.isByUser($0) })
    for wrong in [nil, Self.rowUsers([1, 2, 3]), Self.rowUsers((0..<600).map { $0 % 4 })] {
      #expect(throws: ChunkError.malformed(.source)) { try Self.decode(bytes, rowCount: 600, wrong) }
    }
    #expect(throws: ChunkError.malformed(.source)) {
      try Self.decode(bytes, rowCount: 600, users, UInt8.self)
    }
  }

  /// Every payload byte changed, every length: only errors and values come out.
  @Test func damageStaysInside() throws {
    let users = Self.rowUsers((0..<80).map { $0 % 3 })
    var values: [Int64] = (0..<80).map { $0 % 3 * 77_777 + 5 }
    values[70] = 1
    let bytes = try #require(Self.encode(values, users))
    #expect(bytes[6] == 6)
    var damaged: [[UInt8]] = (40..<bytes.count).map { Array(bytes.prefix($0)) }
    for index in 40..<bytes.count {
      for change in [0xFF, 0x01, 0x80] as [UInt8] {
        var copy = bytes
        copy[index] ^= change
        damaged.append(copy)
      }
    }
    var refused = 0
    for copy in damaged {
      do {
        _ = try Self.decode(ColumnBytes.resealed(copy), rowCount: 80, users)
      } catch is ChunkError {
        refused += 1
      }
    }
    #expect(refused >= bytes.count - 40)
  }
}
