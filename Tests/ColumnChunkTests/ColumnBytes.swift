import CHash

@testable import ColumnChunk

/// Columns as bytes, and bytes as columns, for tests.
enum ColumnBytes {
  static func encode(
    _ values: [Int64], as column: ChunkColumn = .time, effort: ColumnEncoder.Effort = .merged
  ) -> [UInt8]? {
    values.withUnsafeBufferPointer { ColumnEncoder.encode(column, $0, effort: effort) }
  }

  /// Decodes from memory that ends where the bytes end into memory that ends where the rows end, so that a
  /// sanitizer sees every overrun; a pattern behind the rows shows overruns without one.
  static func decode<T: FixedWidthInteger>(
    _ bytes: [UInt8], as column: ChunkColumn = .time, rowCount: Int, _ type: T.Type = Int64.self
  ) throws -> [T] {
    let guardCount = 64
    let pattern = T(truncatingIfNeeded: 0x5A5A_5A5A_5A5A_5A5A as Int64)
    let output = UnsafeMutablePointer<T>.allocate(capacity: rowCount + guardCount)
    defer { output.deallocate() }
    output.initialize(repeating: pattern, count: rowCount + guardCount)
    try withExactMemory(bytes) { memory in
      switch output {
      case let output as UnsafeMutablePointer<Int64>:
        try ColumnDecoder.decode(memory, as: column, rowCount: rowCount, into: output)
      case let output as UnsafeMutablePointer<UInt32>:
        try ColumnDecoder.decode(memory, as: column, rowCount: rowCount, into: output)
      case let output as UnsafeMutablePointer<UInt8>:
        try ColumnDecoder.decode(memory, as: column, rowCount: rowCount, into: output)
      default: throw Overrun.unknownType
      }
    }
    for index in rowCount..<rowCount + guardCount where output[index] != pattern { throw Overrun.written }
    return Array(UnsafeBufferPointer(start: output, count: rowCount))
  }

  enum Overrun: Error {
    case written
    case unknownType
  }

  static func withExactMemory<Result>(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(memory))
  }

  static func header(_ bytes: [UInt8]) throws -> ColumnHeader {
    try withExactMemory(bytes) { memory throws in try ColumnHeader(decoding: memory) }
  }

  /// The bytes with payload length and checksum as its layout asks, so that deeper checks are reached.
  static func resealed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 40 else { return bytes }
    var sealed = bytes
    let length = UInt32(bytes.count - 40)
    for index in 0..<4 { sealed[12 + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
    let checksum = sealed.withUnsafeBytes { memory -> UInt64 in
      guard let start = memory.baseAddress else { return 0 }
      let payload = wl_hash64(start + 40, UInt(memory.count - 40))
      return wl_hash64(start, 32) ^ (payload &* 0x9E37_79B9_7F4A_7C15)
    }
    for index in 0..<8 { sealed[32 + index] = UInt8(truncatingIfNeeded: checksum >> UInt64(8 * index)) }
    return sealed
  }

  static func bytes(_ hexadecimal: String) -> [UInt8] {
    hexadecimal.split { $0 == " " || $0 == "\n" }.compactMap { UInt8($0, radix: 16) }
  }
}

/// SplitMix64: the same numbers on every machine for a seed.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
