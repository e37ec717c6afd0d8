import CHash
import ColumnChunk

/// A stored column whose checksum is right, so that the fuzzer gets behind it; and one as it comes.
enum ChunkAttack {
  /// Rows of a long column: two whole blocks of 1,024 and a part of a third.
  private static let rowsMax = 2_600
  /// Rows of a short one; most are short, as a run then takes a tenth of the time.
  private static let shortRowsMax = 200
  /// Of so many inputs, one makes a long column.
  private static let longInterval = 8

  static func run(_ bytes: UnsafeRawBufferPointer) {
    withExactMemory(bytes) { memory in
      let memory = UnsafeRawBufferPointer(memory)
      _ = try? decode(memory, .time, users(3), rowCount: 3)
      _ = try? ColumnDecoder.decodeTexts(memory, as: .session, rowCount: 3)
    }
    // Column, encoding, rows, minimum, maximum; the rest is the payload.
    guard bytes.count >= 20, let column = ChunkColumn(rawValue: bytes[0] % 14) else { return }
    let rowCount = rowCount(bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self).littleEndian)
    let stored = stored(bytes, column, rowCount: rowCount)
    withExactMemory(stored) { memory in
      let memory = UnsafeRawBufferPointer(memory)
      if column.isText {
        texts(memory, column, rowCount: rowCount)
      } else {
        integers(memory, column, rowCount: rowCount)
      }
    }
  }

  private static func rowCount(_ choice: UInt16) -> Int {
    let number = Int(choice) / longInterval
    return number % (Int(choice) % longInterval == 0 ? rowsMax : shortRowsMax) + 1
  }

  /// The column as `schemas/chunk-format.md` says, with its checksum.
  private static func stored(
    _ bytes: UnsafeRawBufferPointer, _ column: ChunkColumn, rowCount: Int
  ) -> [UInt8] {
    func littleEndian(_ value: UInt32) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    let payload = Array(bytes[20...])
    var stored = Array("WLC1".utf8) + [1, column.rawValue, bytes[1] % 8, 0]
    stored += littleEndian(UInt32(rowCount)) + littleEndian(UInt32(payload.count))
    stored += Array(bytes[4..<20])
    let head = wl_hash64(stored, 32)
    let sum =
      head
      ^ (payload.withUnsafeBytes { wl_hash64($0.baseAddress, UInt(payload.count)) } &* 0x9E37_79B9_7F4A_7C15)
    stored +=
      littleEndian(UInt32(truncatingIfNeeded: sum)) + littleEndian(UInt32(truncatingIfNeeded: sum >> 32))
    return stored + payload
  }

  /// Users for columns that are stored by them: few, and in no order.
  private static func users(_ rowCount: Int) -> RowUsers {
    longUsers.withUnsafeBufferPointer { RowUsers(UnsafeBufferPointer(rebasing: $0[..<rowCount])) }
  }

  private static let longUsers = (0..<rowsMax).map { Int64($0 * 7 % 5) }

  private static func decode(
    _ bytes: UnsafeRawBufferPointer, _ column: ChunkColumn, _ users: RowUsers, rowCount: Int
  ) throws -> [Int64] {
    try withExactOutput(rowCount, of: Int64.self) {
      try ColumnDecoder.decode(bytes, as: column, rowCount: rowCount, users: users, into: $0)
    }
  }

  private static func withExactOutput<T: FixedWidthInteger>(
    _ rowCount: Int, of type: T.Type, _ body: (UnsafeMutablePointer<T>) throws -> Void
  ) rethrows -> [Int64] {
    let output = UnsafeMutablePointer<T>.allocate(capacity: rowCount)
    defer { output.deallocate() }
    output.initialize(repeating: 0, count: rowCount)
    try body(output)
    return (0..<rowCount).map { Int64(truncatingIfNeeded: output[$0]) }
  }

  private static func integers(_ bytes: UnsafeRawBufferPointer, _ column: ChunkColumn, rowCount: Int) {
    let users = users(rowCount)
    let wide = try? decode(bytes, column, users, rowCount: rowCount)
    let middle = try? withExactOutput(rowCount, of: UInt32.self) {
      try ColumnDecoder.decode(bytes, as: column, rowCount: rowCount, users: users, into: $0)
    }
    let narrow = try? withExactOutput(rowCount, of: UInt8.self) {
      try ColumnDecoder.decode(bytes, as: column, rowCount: rowCount, users: users, into: $0)
    }
    guard let wide else {
      return require(middle == nil && narrow == nil, "a column is sound for narrow values only")
    }
    // A value beyond the header's bounds is cut to the width asked for: readers check numbers by their tables.
    if let middle {
      require(wide.map { Int64(UInt32(truncatingIfNeeded: $0)) } == middle, "32-bit values differ")
    }
    if let narrow {
      require(wide.map { Int64(UInt8(truncatingIfNeeded: $0)) } == narrow, "8-bit values differ")
    }
    for effort in [ColumnEncoder.Effort.arrival, .merged] {
      let again = wide.withUnsafeBufferPointer {
        ColumnEncoder.encode(column, $0, users: users, effort: effort)
      }
      guard let again else {
        require(wide.allSatisfy { $0 == 0 }, "a column is taken for empty")
        continue
      }
      let values = withExactMemory(again) {
        try? decode(UnsafeRawBufferPointer($0), column, users, rowCount: rowCount)
      }
      require(values == wide, "values change when they are stored again")
    }
  }

  private static func texts(_ bytes: UnsafeRawBufferPointer, _ column: ChunkColumn, rowCount: Int) {
    guard let texts = try? ColumnDecoder.decodeTexts(bytes, as: column, rowCount: rowCount) else { return }
    require(texts.codes.count == rowCount, "a column of texts has another length")
    require(texts.codes.allSatisfy { $0 <= texts.strings.count }, "a code has no text")
    let codes = texts.codes.map(Int64.init)
    let again = codes.withUnsafeBufferPointer {
      ColumnEncoder.encode(column, texts: TextList(texts.strings), codes: $0)
    }
    guard let again else { return require(false, "texts are taken for none") }
    let decoded = again.withUnsafeBytes { try? ColumnDecoder.decodeTexts($0, as: column, rowCount: rowCount) }
    require(
      decoded?.strings == texts.strings && decoded?.codes == texts.codes, "texts change when stored again")
  }
}
