/// The frame of a protobuf batch on sockets and in files (see `schemas/usage-batch.md`).
///
///     +----------------+----------------+---------------------+
///     | magic "WLB1"   | length u32le   | UsageBatch, length  |
///     +----------------+----------------+---------------------+
///     0                4                8               8 + length
package enum UsageBatchFrame {
  /// First bytes of a frame; neither `{` nor white space, so that JSON lines are told apart.
  package static let magic: [UInt8] = [0x57, 0x4C, 0x42, 0x31]  // "WLB1"
  /// What a frame begins with; a line that begins so too is read as a line unless all four bytes match.
  package static let firstByte: UInt8 = 0x57
  /// Bytes before the batch.
  package static let headerBytes = 8
  /// Largest batch: room for 65,536 events of 256 bytes each, and little enough to hold in memory.
  package static let batchBytesMax = 16 << 20

  /// What the bytes at the start of a frame tell.
  package enum Inspection: Equatable, Sendable {
    /// Fewer bytes than the frame needs, as far as one can see; `needed` counts from the frame's start.
    case incomplete(needed: Int)
    /// A whole frame is there; its batch lies in this range.
    case batch(Range<Int>)
    /// No frame begins here.
    case badMagic
    /// A length over ``batchBytesMax``; a stream cannot be read on.
    case tooLarge(byteCount: Int)
  }

  /// Whether the whole magic is there.
  package static func hasMagic(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: magic) }

  /// Looks at the bytes from the start of a frame on.
  package static func inspect(_ bytes: UnsafeRawBufferPointer) -> Inspection {
    for index in 0..<min(magic.count, bytes.count) where bytes[index] != magic[index] { return .badMagic }
    guard bytes.count >= headerBytes else { return .incomplete(needed: headerBytes) }
    let length = Int(
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: magic.count, as: UInt32.self)))
    guard length <= batchBytesMax else { return .tooLarge(byteCount: length) }
    guard bytes.count >= headerBytes + length else { return .incomplete(needed: headerBytes + length) }
    return .batch(headerBytes..<headerBytes + length)
  }

  /// Appends a frame's header.
  ///
  /// - Precondition: `batchByteCount` is at most ``batchBytesMax``.
  package static func appendHeader(batchByteCount: Int, to bytes: inout [UInt8]) {
    precondition(batchByteCount <= batchBytesMax, "BUG: batch over its limit")
    bytes.append(contentsOf: magic)
    let length = UInt32(batchByteCount)
    for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
  }
}
