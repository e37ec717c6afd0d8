/// Decodes one column of integers; `IntegerEncoder` writes what this reads.
///
/// Blocks hold 1,024 rows, so that each block's width follows its own values.
/// Layouts are specified in `schemas/chunk-format.md`.
enum IntegerCodec {
  static let blockRows = 1_024

  /// Decodes a payload into `rowCount` rows; values that do not fit `T` are malformed.
  ///
  /// - Parameter users: of the chunk's rows, for columns that are stored by user.
  @inline(__always)
  static func decode<T: FixedWidthInteger>(
    _ payload: UnsafeRawBufferPointer, header: ColumnHeader, users: RowUsers? = nil,
    into output: UnsafeMutablePointer<T>
  ) throws(ChunkError) {
    guard T(exactly: header.minimum) != nil, T(exactly: header.maximum) != nil else {
      throw .malformed(header.column)
    }
    let isSound: Bool
    switch header.encoding {
    case .constant:
      guard header.minimum == header.maximum, payload.isEmpty else { throw .malformed(header.column) }
      output.update(repeating: T(truncatingIfNeeded: header.minimum), count: header.rowCount)
      isSound = true
    case .packed: isSound = fills(payload, unpack(payload, header.rowCount, output))
    case .delta: isSound = fills(payload, undelta(payload, header.rowCount, output))
    case .runs: isSound = expandRuns(payload, header.rowCount, output)
    case .byUser: isSound = users.map { expand(payload, by: $0, header.rowCount, output) } ?? false
    case .texts: isSound = false
    }
    guard isSound else { throw .malformed(header.column) }
  }

  private static let padding = BitPacking.paddingByteCount

  /// Whether a stretch was read to its padding; -1 says that it could not be read.
  private static func fills(_ payload: UnsafeRawBufferPointer, _ byteCount: Int) -> Bool {
    byteCount >= 0 && byteCount == payload.count - padding
  }

  // MARK: Frame of reference

  /// Reads blocks of `base i64, width u8, packed (value - base)`, without the padding behind them; returns the
  /// bytes read, or -1.
  @inline(__always)
  private static func unpack<T: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ rowCount: Int, _ output: UnsafeMutablePointer<T>
  ) -> Int {
    var offset = 0
    var row = 0
    while row < rowCount {
      let count = min(blockRows, rowCount - row)
      guard let block = BlockHeader(bytes, at: offset, count: count) else { return -1 }
      let target = output + row
      let base = block.base
      BitPacking.forEach(block.data, count: count, width: block.width) { index, value in
        target[index] = T(truncatingIfNeeded: base &+ Int64(bitPattern: value))
      }
      offset = block.end
      row += count
    }
    return offset
  }

  // MARK: Differences

  /// Reads blocks of `first i64, smallest difference i64, width u8, packed differences`.
  @inline(__always)
  private static func undelta<T: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ rowCount: Int, _ output: UnsafeMutablePointer<T>
  ) -> Int {
    var offset = 0
    var row = 0
    while row < rowCount {
      let count = min(blockRows, rowCount - row)
      guard offset + 8 <= bytes.count,
        let block = BlockHeader(bytes, at: offset + 8, count: count - 1)
      else { return -1 }
      var value = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
      let target = output + row
      target[0] = T(truncatingIfNeeded: value)
      let step = block.base
      BitPacking.forEach(block.data, count: count - 1, width: block.width) { index, difference in
        value = value &+ step &+ Int64(bitPattern: difference)
        target[index &+ 1] = T(truncatingIfNeeded: value)
      }
      offset = block.end
      row += count
    }
    return offset
  }

  // MARK: Runs

  /// Reads `run count u32, bytes of values u32`, packed run values, packed run lengths.
  @inline(__always)
  private static func expandRuns<T: FixedWidthInteger>(
    _ payload: UnsafeRawBufferPointer, _ rowCount: Int, _ output: UnsafeMutablePointer<T>
  ) -> Bool {
    guard payload.count >= 8 else { return false }
    let runCount = Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 0, as: UInt32.self)))
    let valueBytes = Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    guard runCount <= rowCount, valueBytes >= padding, payload.count - 8 - valueBytes >= padding else {
      return false
    }
    let valuePart = UnsafeRawBufferPointer(rebasing: payload[8..<8 + valueBytes])
    let lengthPart = UnsafeRawBufferPointer(rebasing: payload[(8 + valueBytes)...])
    return withUnsafeTemporaryAllocation(of: T.self, capacity: max(1, runCount)) { values in
      withUnsafeTemporaryAllocation(of: Int64.self, capacity: max(1, runCount)) { lengths in
        guard let values = values.baseAddress, let lengths = lengths.baseAddress,
          fills(valuePart, unpack(valuePart, runCount, values)),
          fills(lengthPart, unpack(lengthPart, runCount, lengths))
        else { return false }
        var row = 0
        for run in 0..<runCount {
          let length = lengths[run]
          guard length > 0, length <= Int64(rowCount - row) else { return false }
          (output + row).update(repeating: values[run], count: Int(length))
          row += Int(length)
        }
        return row == rowCount
      }
    }
  }

  // MARK: By user

  /// Reads `table bytes u32, exceptions u32, row bytes u32`, the packed table, packed rows of exceptions in
  /// ascending order, and their packed values.
  @inline(__always)
  private static func expand<T: FixedWidthInteger>(
    _ payload: UnsafeRawBufferPointer, by users: RowUsers, _ rowCount: Int, _ output: UnsafeMutablePointer<T>
  ) -> Bool {
    guard payload.count >= 12, users.places.count == rowCount else { return false }
    func field(_ offset: Int) -> Int {
      Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
    let (tableBytes, exceptionCount, rowBytes) = (field(0), field(4), field(8))
    guard exceptionCount <= rowCount, tableBytes >= padding, rowBytes >= padding,
      payload.count - 12 - tableBytes - rowBytes >= padding
    else { return false }
    let tablePart = UnsafeRawBufferPointer(rebasing: payload[12..<12 + tableBytes])
    let rest = UnsafeRawBufferPointer(rebasing: payload[(12 + tableBytes)...])
    let rowPart = UnsafeRawBufferPointer(rebasing: rest[..<rowBytes])
    let valuePart = UnsafeRawBufferPointer(rebasing: rest[rowBytes...])
    // The table first; it is read in full before a row is written. Then the values of exceptions.
    let capacity = max(1, users.firstRows.count, exceptionCount)
    return withUnsafeTemporaryAllocation(of: T.self, capacity: capacity) { values in
      guard let values = values.baseAddress,
        fills(tablePart, unpack(tablePart, users.firstRows.count, values))
      else { return false }
      users.places.withUnsafeBufferPointer { places in
        for row in 0..<rowCount { output[row] = values[Int(places[row])] }
      }
      guard fills(valuePart, unpack(valuePart, exceptionCount, values)) else { return false }
      return withUnsafeTemporaryAllocation(of: Int64.self, capacity: max(1, exceptionCount)) { rows in
        guard let rows = rows.baseAddress, fills(rowPart, unpack(rowPart, exceptionCount, rows)) else {
          return false
        }
        var last: Int64 = -1
        for index in 0..<exceptionCount {
          guard rows[index] > last, rows[index] < Int64(rowCount) else { return false }
          last = rows[index]
          output[Int(last)] = values[index]
        }
        return true
      }
    }
  }

  // MARK: Blocks

  /// `base i64, width u8`, then packed values.
  private struct BlockHeader {
    var base: Int64
    var width: Int
    var data: UnsafeRawPointer
    /// Offset behind the packed values.
    var end: Int

    /// Nil unless the block and the padding behind it lie inside `bytes`.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer, at offset: Int, count: Int) {
      guard let start = bytes.baseAddress, offset + 9 <= bytes.count else { return nil }
      base = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
      width = Int(bytes[offset + 8])
      guard width <= BitPacking.widthMax || width == 64 else { return nil }
      data = start + offset + 9
      end = offset + 9 + BitPacking.byteCount(count, width: width)
      guard end + BitPacking.paddingByteCount <= bytes.count else { return nil }
    }
  }
}
