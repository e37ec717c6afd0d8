import CHash

/// The fixed prefix of every stored column (`schemas/chunk-format.md`).
///
///     +-----------+-----------+----------+------------+------------+------------+
///     | magic u32 | version   | column   | encoding   | reserved   | row count  |
///     | "WLC1"    | u8 = 1    | u8       | u8         | u8 = 0     | u32        |
///     +-----------+-----------+----------+------------+------------+------------+
///     0           4           5          6            7            8
///     +------------------+-----------+-----------+----------------------------+
///     | payload length   | minimum   | maximum   | XXH3 of bytes 0..<32 and   |
///     | u32              | i64       | i64       | the payload, u64           |
///     +------------------+-----------+-----------+----------------------------+
///     12                 16          24          32                         40
///
/// All integers little-endian. Minimum and maximum of text columns are 0.
package struct ColumnHeader: Equatable, Sendable {
  package static let byteCount = 40
  package static let magic: UInt32 = 0x3143_4C57  // "WLC1" on disk.
  package static let version: UInt8 = 1
  /// Most rows of a column: what a chunk may hold.
  package static let rowsMax = 65_536
  /// Largest payload taken from disk: 64 Ki texts of the longest attributes fit.
  package static let payloadBytesMax = 1 << 30

  /// How a payload is encoded; written to disk: append, never renumber.
  package enum Encoding: UInt8, CaseIterable, Sendable {
    /// Every row is `minimum`; empty payload.
    case constant = 1
    /// Frame of reference and bit packing, 1,024 rows a block.
    case packed = 2
    /// Differences to the row before, bit-packed, 1,024 rows a block.
    case delta = 3
    /// Run values and run lengths, each bit-packed.
    case runs = 4
    /// Distinct texts and one code a row.
    case texts = 5
    /// One value a user, and the rows that differ from it; read together with the column `user`.
    case byUser = 6
  }

  package var column: ChunkColumn
  package var encoding: Encoding
  package var rowCount: Int
  package var payloadLength: Int
  package var minimum: Int64
  package var maximum: Int64
}

/// Why stored bytes are not a readable column; any of these means damage or a newer program.
package enum ChunkError: Error, Equatable, Sendable, CustomStringConvertible {
  case truncated(needed: Int, available: Int)
  case badMagic(UInt32)
  case unsupportedVersion(UInt8)
  case unknownColumn(UInt8)
  case unknownEncoding(UInt8)
  case rowCount(Int)
  case checksum
  /// A payload whose inside contradicts its header, in spite of a right checksum.
  case malformed(ChunkColumn)
  /// Columns of one chunk disagree, or one that must be there is not.
  case inconsistent(ChunkColumn)

  package var description: String {
    switch self {
    case .truncated(let needed, let available): "column cut short: \(needed) bytes needed, \(available) there"
    case .badMagic(let magic): "not a column: magic 0x\(String(magic, radix: 16))"
    case .unsupportedVersion(let version): "column format version \(version) is newer than this program"
    case .unknownColumn(let number): "unknown column number \(number)"
    case .unknownEncoding(let number): "unknown column encoding \(number)"
    case .rowCount(let count): "row count \(count) is out of bounds"
    case .checksum: "checksum does not match: the stored bytes were changed"
    case .malformed(let column): "column \(column) contradicts its header"
    case .inconsistent(let column): "column \(column) does not fit the rest of its chunk"
    }
  }
}

extension ColumnHeader {
  /// Reads and checks a stored column's header, length and checksum.
  ///
  /// - Complexity: O(payload), for the checksum.
  package init(decoding bytes: UnsafeRawBufferPointer) throws(ChunkError) {
    guard bytes.count >= Self.byteCount else {
      throw .truncated(needed: Self.byteCount, available: bytes.count)
    }
    func load<T: FixedWidthInteger>(_ offset: Int, as type: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
    let magic = load(0, as: UInt32.self)
    guard magic == Self.magic else { throw .badMagic(magic) }
    guard bytes[4] == Self.version else { throw .unsupportedVersion(bytes[4]) }
    guard let column = ChunkColumn(rawValue: bytes[5]) else { throw .unknownColumn(bytes[5]) }
    guard let encoding = Encoding(rawValue: bytes[6]) else { throw .unknownEncoding(bytes[6]) }
    rowCount = Int(load(8, as: UInt32.self))
    guard (1...Self.rowsMax).contains(rowCount) else { throw .rowCount(rowCount) }
    payloadLength = Int(load(12, as: UInt32.self))
    guard payloadLength <= Self.payloadBytesMax, bytes.count == Self.byteCount + payloadLength else {
      throw .truncated(needed: Self.byteCount + payloadLength, available: bytes.count)
    }
    self.column = column
    self.encoding = encoding
    minimum = load(16, as: Int64.self)
    maximum = load(24, as: Int64.self)
    guard Self.checksum(bytes) == load(32, as: UInt64.self) else { throw .checksum }
  }

  /// Appends header and payload as stored bytes.
  static func append(
    column: ChunkColumn, encoding: Encoding, rowCount: Int, minimum: Int64, maximum: Int64,
    payload: [UInt8], to output: inout [UInt8]
  ) {
    let start = output.count
    output.reserveCapacity(start + byteCount + payload.count)
    output.appendLittleEndian(magic)
    output.append(version)
    output.append(column.rawValue)
    output.append(encoding.rawValue)
    output.append(0)
    output.appendLittleEndian(UInt32(rowCount))
    output.appendLittleEndian(UInt32(payload.count))
    output.appendLittleEndian(minimum)
    output.appendLittleEndian(maximum)
    output.appendLittleEndian(UInt64(0))
    output.append(contentsOf: payload)
    let sum = output.withUnsafeBytes { checksum(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    withUnsafeBytes(of: sum.littleEndian) { bytes in
      for (index, byte) in bytes.enumerated() { output[start + 32 + index] = byte }
    }
  }

  /// XXH3 of the header without its checksum, combined with that of the payload.
  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    guard let base = bytes.baseAddress else { return 0 }
    let header = wl_hash64(base, 32)
    let payload = wl_hash64(base + byteCount, UInt(bytes.count - byteCount))
    return header ^ (payload &* 0x9E37_79B9_7F4A_7C15)
  }
}

extension [UInt8] {
  /// Appends an integer's bytes, least significant first.
  mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
