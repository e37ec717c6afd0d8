/// Encodes and decodes one column of integers; the smallest of the encodings wins.
///
/// Blocks hold 1,024 rows, so that each block's width follows its own values.
/// Layouts are specified in `schemas/chunk-format.md`.
enum IntegerCodec {
  static let blockRows = 1_024

  /// Chooses an encoding and produces its payload.
  static func encode(
    _ values: UnsafeBufferPointer<Int64>, minimum: Int64, maximum: Int64, _ effort: ColumnEncoder.Effort
  ) -> (encoding: ColumnHeader.Encoding, payload: [UInt8]) {
    if minimum == maximum { return (.constant, []) }
    var best = (encoding: ColumnHeader.Encoding.packed, payload: packed(values))
    if effort == .arrival { return best }
    let runCount = Self.runCount(values)
    if runCount <= values.count / 2 {
      let runs = Self.runs(values, runCount: runCount)
      if runs.count < best.payload.count { best = (.runs, runs) }
    }
    let delta = Self.delta(values)
    if delta.count < best.payload.count { best = (.delta, delta) }
    return best
  }

  /// Decodes a payload into `rowCount` rows; values that do not fit `T` are malformed.
  @inline(__always)
  static func decode<T: FixedWidthInteger>(
    _ payload: UnsafeRawBufferPointer, header: ColumnHeader, into output: UnsafeMutablePointer<T>
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

  /// Blocks of `base i64, width u8, packed (value - base)`, then padding.
  static func packed(_ values: UnsafeBufferPointer<Int64>) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(values.count * 2)
    var scratch = [UInt64](repeating: 0, count: blockRows)
    forEachBlock(values) { block in
      var low = Int64.max
      var high = Int64.min
      for value in block {
        low = min(low, value)
        high = max(high, value)
      }
      for (index, value) in block.enumerated() { scratch[index] = UInt64(bitPattern: value &- low) }
      let width = BitPacking.width(forMaximum: UInt64(bitPattern: high &- low))
      appendBlock(low, scratch, block.count, width, to: &output)
    }
    output.append(contentsOf: repeatElement(0, count: padding))
    return output
  }

  /// Reads what ``packed(_:)`` wrote, without its padding; returns the bytes read, or -1.
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

  /// Blocks of `first i64, smallest difference i64, width u8, packed differences`, then padding.
  private static func delta(_ values: UnsafeBufferPointer<Int64>) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(values.count * 2)
    var scratch = [UInt64](repeating: 0, count: blockRows)
    forEachBlock(values) { block in
      var low = Int64.max
      var high = Int64.min
      for index in 1..<max(1, block.count) {
        let difference = block[index] &- block[index - 1]
        low = min(low, difference)
        high = max(high, difference)
      }
      if block.count == 1 {
        low = 0
        high = 0
      }
      for index in 1..<max(1, block.count) {
        scratch[index - 1] = UInt64(bitPattern: (block[index] &- block[index - 1]) &- low)
      }
      let width = BitPacking.width(forMaximum: UInt64(bitPattern: high &- low))
      output.appendLittleEndian(block[0])
      appendBlock(low, scratch, block.count - 1, width, to: &output)
    }
    output.append(contentsOf: repeatElement(0, count: padding))
    return output
  }

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

  private static func runCount(_ values: UnsafeBufferPointer<Int64>) -> Int {
    var count = 1
    for index in 1..<values.count where values[index] != values[index - 1] { count += 1 }
    return count
  }

  /// `run count u32, bytes of values u32`, packed run values, packed run lengths.
  private static func runs(_ values: UnsafeBufferPointer<Int64>, runCount: Int) -> [UInt8] {
    var runValues: [Int64] = []
    var lengths: [Int64] = []
    runValues.reserveCapacity(runCount)
    lengths.reserveCapacity(runCount)
    var start = 0
    for index in 1...values.count where index == values.count || values[index] != values[start] {
      runValues.append(values[start])
      lengths.append(Int64(index - start))
      start = index
    }
    let packedValues = runValues.withUnsafeBufferPointer(packed)
    let packedLengths = lengths.withUnsafeBufferPointer(packed)
    var output: [UInt8] = []
    output.appendLittleEndian(UInt32(runCount))
    output.appendLittleEndian(UInt32(packedValues.count))
    output.append(contentsOf: packedValues)
    output.append(contentsOf: packedLengths)
    return output
  }

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

  private static func appendBlock(
    _ base: Int64, _ values: [UInt64], _ count: Int, _ width: Int, to output: inout [UInt8]
  ) {
    output.appendLittleEndian(base)
    output.append(UInt8(width))
    values.withUnsafeBufferPointer { buffer in
      BitPacking.append(UnsafeBufferPointer(rebasing: buffer[..<count]), width: width, to: &output)
    }
  }

  private static func forEachBlock(
    _ values: UnsafeBufferPointer<Int64>, _ body: (UnsafeBufferPointer<Int64>) -> Void
  ) {
    var row = 0
    while row < values.count {
      let end = min(row + blockRows, values.count)
      body(UnsafeBufferPointer(rebasing: values[row..<end]))
      row = end
    }
  }
}
