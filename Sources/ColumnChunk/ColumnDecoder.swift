/// Turns a column's stored bytes back into rows; the bytes are untrusted.
package enum ColumnDecoder {
  /// Whether a stored column can only be read together with the users of its rows.
  package static func isByUser(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= ColumnHeader.byteCount && bytes[6] == ColumnHeader.Encoding.byUser.rawValue
  }

  /// Decodes integers into a buffer of at least the header's row count.
  ///
  /// - Parameter users: of the chunk's rows; needed where ``isByUser(_:)`` says so.
  /// - Throws: `ChunkError` for anything but a sound column of this kind and length.
  /// - Complexity: O(rows + payload).
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, as column: ChunkColumn, rowCount: Int, users: RowUsers? = nil,
    into output: UnsafeMutablePointer<Int64>
  ) throws(ChunkError) {
    let header = try checkedHeader(bytes, column, rowCount)
    try IntegerCodec.decode(payload(bytes), header: header, users: users, into: output)
  }

  /// As above, for columns whose values fit 32 bits.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, as column: ChunkColumn, rowCount: Int, users: RowUsers? = nil,
    into output: UnsafeMutablePointer<UInt32>
  ) throws(ChunkError) {
    let header = try checkedHeader(bytes, column, rowCount)
    try IntegerCodec.decode(payload(bytes), header: header, users: users, into: output)
  }

  /// As above, for columns whose values fit 8 bits.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, as column: ChunkColumn, rowCount: Int, users: RowUsers? = nil,
    into output: UnsafeMutablePointer<UInt8>
  ) throws(ChunkError) {
    let header = try checkedHeader(bytes, column, rowCount)
    try IntegerCodec.decode(payload(bytes), header: header, users: users, into: output)
  }

  /// Distinct texts of a column; code 0 of a row is "absent", code n is text n - 1.
  package struct Texts {
    package var strings: [[UInt8]]
    package var codes: [UInt32]

    package init(strings: [[UInt8]], codes: [UInt32]) {
      self.strings = strings
      self.codes = codes
    }
  }

  /// Decodes a text column.
  package static func decodeTexts(
    _ bytes: UnsafeRawBufferPointer, as column: ChunkColumn, rowCount: Int
  ) throws(ChunkError) -> Texts {
    var strings: [[UInt8]] = []
    let codes = try decodeTexts(bytes, as: column, rowCount: rowCount) { strings.append(Array($0)) }
    return Texts(strings: strings, codes: codes)
  }

  /// As above, handing each distinct text to `body` in place, in the order of their codes.
  ///
  /// - Returns: the code of each row.
  package static func decodeTexts(
    _ bytes: UnsafeRawBufferPointer, as column: ChunkColumn, rowCount: Int,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(ChunkError) -> [UInt32] {
    let header = try checkedHeader(bytes, column, rowCount)
    guard header.encoding == .texts else { throw .malformed(column) }
    var reader = PayloadReader(payload(bytes), column)
    let stringCount = try reader.count(atMost: rowCount)
    let lengthBytes = try reader.slice(try reader.count(atMost: .max))
    let lengths = try decodeLengths(lengthBytes, count: stringCount, column)
    let textBytes = try reader.slice(try reader.count(atMost: .max))
    try split(textBytes, lengths, column, body)
    return try decodeCodes(&reader, rowCount: rowCount, stringCount: stringCount, column)
  }

  // MARK: Parts

  private static func checkedHeader(
    _ bytes: UnsafeRawBufferPointer, _ column: ChunkColumn, _ rowCount: Int
  ) throws(ChunkError) -> ColumnHeader {
    let header = try ColumnHeader(decoding: bytes)
    guard header.column == column, header.rowCount == rowCount else { throw .inconsistent(column) }
    return header
  }

  private static func payload(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[ColumnHeader.byteCount...])
  }

  private static func decodeLengths(
    _ bytes: UnsafeRawBufferPointer, count: Int, _ column: ChunkColumn
  ) throws(ChunkError) -> [Int64] {
    guard count > 0 else { throw .malformed(column) }
    var lengths = [Int64](repeating: 0, count: count)
    let header = ColumnHeader(
      column: column, encoding: .packed, rowCount: count, payloadLength: bytes.count, minimum: 0, maximum: 0)
    try decodeArray(bytes, header, into: &lengths)
    return lengths
  }

  private static func decodeCodes(
    _ reader: inout PayloadReader, rowCount: Int, stringCount: Int, _ column: ChunkColumn
  ) throws(ChunkError) -> [UInt32] {
    let number = try reader.byte()
    guard let encoding = ColumnHeader.Encoding(rawValue: number) else { throw .unknownEncoding(number) }
    let low = try reader.integer()
    let high = try reader.integer()
    let rest = reader.rest()
    var codes = [UInt32](repeating: 0, count: rowCount)
    let header = ColumnHeader(
      column: column, encoding: encoding, rowCount: rowCount, payloadLength: rest.count, minimum: low,
      maximum: high)
    try decodeArray(rest, header, into: &codes)
    for code in codes where code > UInt32(stringCount) { throw .malformed(column) }
    return codes
  }

  private static func decodeArray<T: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ header: ColumnHeader, into array: inout [T]
  ) throws(ChunkError) {
    try array.withUnsafeMutableBufferPointer { (buffer) throws(ChunkError) in
      guard let output = buffer.baseAddress else { return }
      try IntegerCodec.decode(bytes, header: header, into: output)
    }
  }

  private static func split(
    _ bytes: UnsafeRawBufferPointer, _ lengths: [Int64], _ column: ChunkColumn,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(ChunkError) {
    var offset = 0
    for length in lengths {
      guard length > 0, length <= Int64(bytes.count - offset) else { throw .malformed(column) }
      body(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Int(length)]))
      offset += Int(length)
    }
    guard offset == bytes.count else { throw .malformed(column) }
  }

  /// Bounds-checked reading of a payload's fields.
  private struct PayloadReader {
    private var bytes: UnsafeRawBufferPointer
    private let column: ChunkColumn

    init(_ bytes: UnsafeRawBufferPointer, _ column: ChunkColumn) {
      self.bytes = bytes
      self.column = column
    }

    mutating func slice(_ count: Int) throws(ChunkError) -> UnsafeRawBufferPointer {
      guard count <= bytes.count else { throw .malformed(column) }
      defer { bytes = UnsafeRawBufferPointer(rebasing: bytes[count...]) }
      return UnsafeRawBufferPointer(rebasing: bytes[..<count])
    }

    mutating func count(atMost limit: Int) throws(ChunkError) -> Int {
      let field = try slice(4).loadUnaligned(as: UInt32.self)
      let value = Int(UInt32(littleEndian: field))
      guard value <= limit else { throw .malformed(column) }
      return value
    }

    mutating func integer() throws(ChunkError) -> Int64 {
      Int64(littleEndian: try slice(8).loadUnaligned(as: Int64.self))
    }

    mutating func byte() throws(ChunkError) -> UInt8 { try slice(1)[0] }

    func rest() -> UnsafeRawBufferPointer { bytes }
  }
}
