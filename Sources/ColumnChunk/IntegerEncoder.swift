import CIntegerBounds

/// Encodes one column of integers: sizes are found first, and only the smallest encoding is written.
///
/// Layouts are specified in `schemas/chunk-format.md`. The same values give the same bytes.
enum IntegerEncoder {
  /// An encoding that was chosen, what it holds, and its bytes.
  struct Encoded {
    var encoding: ColumnHeader.Encoding
    var bounds: ClosedRange<Int64>
    var payload: [UInt8]
  }

  /// Chooses an encoding and produces its payload.
  ///
  /// - Parameter users: of the rows, where the column may be stored by user.
  /// - Precondition: at least one value.
  /// - Complexity: O(values); no allocation but the payload and a few numbers a block.
  static func encode(
    _ values: UnsafeBufferPointer<Int64>, users: RowUsers? = nil, _ effort: ColumnEncoder.Effort
  ) -> Encoded {
    let packed = Frames(values: values)
    func encoded(_ encoding: ColumnHeader.Encoding, _ payload: [UInt8]) -> Encoded {
      Encoded(encoding: encoding, bounds: packed.bounds, payload: payload)
    }
    if packed.bounds.lowerBound == packed.bounds.upperBound { return encoded(.constant, []) }
    if effort == .arrival { return encoded(.packed, payload(packed, values)) }
    var smallest = packed.byteCount
    var runs: Runs?
    let runCount = Runs.count(values)
    if runCount <= values.count / 2 {
      let found = Runs(values, count: runCount)
      if found.byteCount < smallest {
        smallest = found.byteCount
        runs = found
      }
    }
    let delta = Frames(differencesOf: values)
    smallest = min(smallest, delta.byteCount)
    if let users, users.firstRows.count <= values.count / 2 {
      let found = ValuesByUser(values, users)
      if found.byteCount < smallest { return encoded(.byUser, found.payload()) }
    }
    if delta.byteCount == smallest && delta.byteCount < min(packed.byteCount, runs?.byteCount ?? .max) {
      return encoded(.delta, payload(delta, values))
    }
    if let runs { return encoded(.runs, runs.payload()) }
    return encoded(.packed, payload(packed, values))
  }

  /// The packed form by itself, for numbers inside other payloads.
  static func packed(_ values: UnsafeBufferPointer<Int64>) -> [UInt8] {
    payload(Frames(values: values), values)
  }

  private static func payload(_ frames: Frames, _ values: UnsafeBufferPointer<Int64>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: frames.byteCount) { buffer, count in
      if let start = buffer.baseAddress { frames.write(values, to: UnsafeMutableRawPointer(start)) }
      count = frames.byteCount
    }
  }
}

/// What each block of a packed or delta payload is held against, and so how long the payload will be.
private struct Frames {
  private struct Frame {
    var base: Int64
    var width: Int
  }

  private let isDelta: Bool
  private var frames: [Frame] = []
  /// Length of the payload, padding included.
  private(set) var byteCount = BitPacking.paddingByteCount
  /// Of all blocks: of the values, or of the differences; 0 without any.
  private(set) var bounds: ClosedRange<Int64> = 0...0

  /// Frame of reference: blocks of `base i64, width u8, packed (value - base)`, then padding.
  init(values: UnsafeBufferPointer<Int64>) {
    isDelta = false
    frames.reserveCapacity(IntegerCodec.blockCount(values.count))
    IntegerCodec.forEachBlock(values) { block in
      add(ColumnEncoder.bounds(block) ?? 0...0, headerBytes: 9, packedCount: block.count)
    }
  }

  /// Differences: blocks of `first i64, smallest difference i64, width u8, packed differences`, then padding.
  init(differencesOf values: UnsafeBufferPointer<Int64>) {
    isDelta = true
    frames.reserveCapacity(IntegerCodec.blockCount(values.count))
    IntegerCodec.forEachBlock(values) { block in
      var (low, high): (Int64, Int64) = (0, 0)
      if let first = block.baseAddress, block.count > 1 {
        wl_difference_bounds(first, block.count, &low, &high)
      }
      add(low...high, headerBytes: 17, packedCount: block.count - 1)
    }
  }

  private mutating func add(_ block: ClosedRange<Int64>, headerBytes: Int, packedCount: Int) {
    let width = BitPacking.width(forMaximum: UInt64(bitPattern: block.upperBound &- block.lowerBound))
    bounds =
      frames.isEmpty
      ? block : min(bounds.lowerBound, block.lowerBound)...max(bounds.upperBound, block.upperBound)
    frames.append(Frame(base: block.lowerBound, width: width))
    byteCount += headerBytes + BitPacking.byteCount(packedCount, width: width)
  }

  /// Writes ``byteCount`` bytes.
  func write(_ values: UnsafeBufferPointer<Int64>, to output: UnsafeMutableRawPointer) {
    var output = output
    var next = 0
    IntegerCodec.forEachBlock(values) { block in
      let frame = frames[next]
      next += 1
      if isDelta {
        output.storeBytes(of: block[0].littleEndian, as: Int64.self)
        output += 8
      }
      output.storeBytes(of: frame.base.littleEndian, as: Int64.self)
      output.storeBytes(of: UInt8(frame.width), toByteOffset: 8, as: UInt8.self)
      output += 9
      let base = frame.base
      if isDelta {
        output = BitPacking.pack(count: block.count - 1, width: frame.width, to: output) { index in
          UInt64(bitPattern: block[index &+ 1] &- block[index] &- base)
        }
      } else {
        output = BitPacking.pack(count: block.count, width: frame.width, to: output) { index in
          UInt64(bitPattern: block[index] &- base)
        }
      }
    }
    output.storeBytes(of: 0, as: UInt64.self)
  }
}

/// One value for each user, and what differs from it.
private struct ValuesByUser {
  private var table: [Int64] = []
  private var exceptionRows: [Int64] = []
  private var exceptionValues: [Int64] = []
  private let tableFrames: Frames
  private let rowFrames: Frames
  private let valueFrames: Frames

  init(_ values: UnsafeBufferPointer<Int64>, _ users: RowUsers) {
    table = users.firstRows.map { values[Int($0)] }
    for row in 0..<values.count where values[row] != table[Int(users.places[row])] {
      exceptionRows.append(Int64(row))
      exceptionValues.append(values[row])
    }
    tableFrames = table.withUnsafeBufferPointer { Frames(values: $0) }
    rowFrames = exceptionRows.withUnsafeBufferPointer { Frames(values: $0) }
    valueFrames = exceptionValues.withUnsafeBufferPointer { Frames(values: $0) }
  }

  var byteCount: Int { 12 + tableFrames.byteCount + rowFrames.byteCount + valueFrames.byteCount }

  func payload() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      if let start = buffer.baseAddress.map(UnsafeMutableRawPointer.init) {
        start.storeBytes(of: UInt32(tableFrames.byteCount).littleEndian, as: UInt32.self)
        start.storeBytes(of: UInt32(exceptionRows.count).littleEndian, toByteOffset: 4, as: UInt32.self)
        start.storeBytes(of: UInt32(rowFrames.byteCount).littleEndian, toByteOffset: 8, as: UInt32.self)
        let rows = start + 12 + tableFrames.byteCount
        table.withUnsafeBufferPointer { tableFrames.write($0, to: start + 12) }
        exceptionRows.withUnsafeBufferPointer { rowFrames.write($0, to: rows) }
        exceptionValues.withUnsafeBufferPointer { valueFrames.write($0, to: rows + rowFrames.byteCount) }
      }
      count = byteCount
    }
  }
}

/// Stretches of equal values.
private struct Runs {
  private let values: [Int64]
  private let lengths: [Int64]
  private let valueFrames: Frames
  private let lengthFrames: Frames

  static func count(_ values: UnsafeBufferPointer<Int64>) -> Int {
    var count = 1
    for index in 1..<max(1, values.count) where values[index] != values[index &- 1] { count &+= 1 }
    return count
  }

  init(_ all: UnsafeBufferPointer<Int64>, count: Int) {
    var values: [Int64] = []
    var lengths: [Int64] = []
    values.reserveCapacity(count)
    lengths.reserveCapacity(count)
    var start = 0
    for index in 1...all.count where index == all.count || all[index] != all[start] {
      values.append(all[start])
      lengths.append(Int64(index - start))
      start = index
    }
    valueFrames = values.withUnsafeBufferPointer { Frames(values: $0) }
    lengthFrames = lengths.withUnsafeBufferPointer { Frames(values: $0) }
    self.values = values
    self.lengths = lengths
  }

  var byteCount: Int { 8 + valueFrames.byteCount + lengthFrames.byteCount }

  /// `run count u32, bytes of values u32`, packed run values, packed run lengths.
  func payload() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      if let start = buffer.baseAddress.map(UnsafeMutableRawPointer.init) {
        start.storeBytes(of: UInt32(values.count).littleEndian, as: UInt32.self)
        start.storeBytes(of: UInt32(valueFrames.byteCount).littleEndian, toByteOffset: 4, as: UInt32.self)
        values.withUnsafeBufferPointer { valueFrames.write($0, to: start + 8) }
        lengths.withUnsafeBufferPointer { lengthFrames.write($0, to: start + 8 + valueFrames.byteCount) }
      }
      count = byteCount
    }
  }
}

extension IntegerCodec {
  static func blockCount(_ rowCount: Int) -> Int { (rowCount + blockRows - 1) / blockRows }

  @inline(__always)
  fileprivate static func forEachBlock(
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
