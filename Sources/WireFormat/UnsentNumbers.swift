/// Numbers of a source that will never come, and why: a part of an envelope's payload.
///
///     "WLH1" | length u32 | kind u8 | source length u8 | range count u16 | source | (first u64, last u64) …
package struct UnsentNumbers: Equatable, Sendable {
  /// Why they do not come.
  package enum Kind: UInt8, Sendable {
    /// Left out on purpose, by a rule: no loss.
    case withheld = 1
    /// Dropped by a spool that was full or too old: lost, and a gap for ever.
    case dropped = 2
  }

  package var kind: Kind
  package var source: String
  /// Ascending and apart, numbers from 1.
  package var ranges: [ClosedRange<UInt64>]

  package static let magic: [UInt8] = [0x57, 0x4C, 0x48, 0x31]  // "WLH1"
  /// Ranges in one frame; more go into further frames.
  package static let rangesMax = 1_024
  /// Longest source: its length is one byte.
  package static let sourceBytesMax = 255
  private static let fixedBytes = 12

  package init(kind: Kind, source: String, ranges: [ClosedRange<UInt64>]) {
    self.kind = kind
    self.source = source
    self.ranges = ranges
  }

  /// The frame.
  ///
  /// - Precondition: a source of 1 to 255 bytes, 1 to ``rangesMax`` ranges.
  package var encoded: [UInt8] {
    let name = Array(source.utf8)
    precondition(
      (1...Self.sourceBytesMax).contains(name.count) && (1...Self.rangesMax).contains(ranges.count),
      "BUG: withheld numbers outside their limits")
    var bytes = Self.magic
    bytes.append(littleEndian: UInt32(4 + name.count + NumberRanges.bytesPerRange * ranges.count))
    bytes += [kind.rawValue, UInt8(name.count)]
    bytes.append(littleEndian: UInt16(ranges.count))
    bytes += name
    NumberRanges.append(ranges, to: &bytes)
    return bytes
  }

  /// Whether such a frame begins here.
  package static func hasMagic(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: magic) }

  /// Reads one frame at the front of the bytes.
  ///
  /// - Returns: what it says and how many bytes it has; nil when it is no sound frame.
  package static func decode(_ bytes: UnsafeRawBufferPointer) -> (numbers: UnsentNumbers, byteCount: Int)? {
    guard hasMagic(bytes), bytes.count >= fixedBytes else { return nil }
    let nameCount = Int(bytes[9])
    let count = Int(bytes.littleEndian(at: 10, as: UInt16.self))
    let byteCount = fixedBytes + nameCount + NumberRanges.bytesPerRange * count
    guard let kind = Kind(rawValue: bytes[8]), nameCount > 0, (1...rangesMax).contains(count),
      Int(bytes.littleEndian(at: 4, as: UInt32.self)) == byteCount - 8, bytes.count >= byteCount,
      let source = String(validating: bytes[fixedBytes..<fixedBytes + nameCount], as: UTF8.self),
      !source.utf8.contains(0),
      let ranges = NumberRanges.decode(bytes, at: fixedBytes + nameCount, count: count)
    else { return nil }
    return (UnsentNumbers(kind: kind, source: source, ranges: ranges), byteCount)
  }
}
