import UsageModel

/// Events that an agent refused, by reason and source: a part of an envelope's payload.
///
///     "WLR1" | length u32 | reason length u8 | source length u8 | event count u16 | range count u16 | 0 u16
///     | reason | source | (first u64, last u64) …
package struct RefusedEvents: Equatable, Sendable {
  package var reason: RejectReason
  /// Nil where none could be read, or believed.
  package var source: String?
  /// At least as many as there are numbers in ``ranges``.
  package var count: UInt16
  /// The events' numbers, as far as they had any: ascending and apart, from 1.
  package var ranges: [ClosedRange<UInt64>]

  package static let magic: [UInt8] = [0x57, 0x4C, 0x52, 0x31]  // "WLR1"
  /// Ranges in one frame; more go into further frames.
  package static let rangesMax = 1_024
  /// Longest source: its length is one byte.
  package static let sourceBytesMax = 255
  private static let fixedBytes = 16

  /// - Precondition: a source where there are ranges, at most ``rangesMax``.
  package init(reason: RejectReason, source: String? = nil, count: UInt16, ranges: [ClosedRange<UInt64>] = [])
  {
    self.reason = reason
    self.source = source
    self.count = count
    self.ranges = ranges
  }

  /// What a frame with so many ranges takes.
  package static func byteCount(reason: RejectReason, source: String?, rangeCount: Int) -> Int {
    fixedBytes + reason.rawValue.utf8.count + (source?.utf8.count ?? 0) + NumberRanges.bytesPerRange
      * rangeCount
  }

  /// The frame.
  package var encoded: [UInt8] {
    let (why, name) = (Array(reason.rawValue.utf8), Array((source ?? "").utf8))
    precondition(
      name.count <= Self.sourceBytesMax && ranges.count <= Self.rangesMax
        && (source != nil || ranges.isEmpty),
      "BUG: refused events outside their limits")
    let byteCount = Self.byteCount(reason: reason, source: source, rangeCount: ranges.count)
    var bytes = Self.magic
    bytes.append(littleEndian: UInt32(byteCount - 8))
    bytes += [UInt8(why.count), UInt8(name.count)]
    bytes.append(littleEndian: count)
    bytes.append(littleEndian: UInt16(ranges.count))
    bytes += [0, 0] + why + name
    NumberRanges.append(ranges, to: &bytes)
    return bytes
  }

  /// Whether such a frame begins here.
  package static func hasMagic(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: magic) }

  /// Reads one frame at the front of the bytes.
  ///
  /// - Returns: what it says and how many bytes it has; nil when it is no sound frame.
  package static func decode(_ bytes: UnsafeRawBufferPointer) -> (events: RefusedEvents, byteCount: Int)? {
    guard hasMagic(bytes), bytes.count >= fixedBytes else { return nil }
    let nameStart = fixedBytes + Int(bytes[8])
    let rangeStart = nameStart + Int(bytes[9])
    let rangeCount = Int(bytes.littleEndian(at: 12, as: UInt16.self))
    let byteCount = rangeStart + NumberRanges.bytesPerRange * rangeCount
    guard Int(bytes.littleEndian(at: 4, as: UInt32.self)) == byteCount - 8, bytes.count >= byteCount,
      bytes[14] == 0, bytes[15] == 0, rangeCount <= (rangeStart > nameStart ? rangesMax : 0),
      let why = String(validating: bytes[fixedBytes..<nameStart], as: UTF8.self),
      let reason = RejectReason(rawValue: why),
      let source = String(validating: bytes[nameStart..<rangeStart], as: UTF8.self), !source.utf8.contains(0)
    else { return nil }
    var events = RefusedEvents(
      reason: reason, source: source.isEmpty ? nil : source,
      count: bytes.littleEndian(at: 10, as: UInt16.self))
    guard let ranges = NumberRanges.decode(bytes, at: rangeStart, count: rangeCount) else { return nil }
    // So a frame makes no more numbers pass for refused than events.
    var left = UInt64(events.count)
    for range in ranges {
      guard range.upperBound - range.lowerBound < left else { return nil }
      left -= range.upperBound - range.lowerBound + 1
    }
    guard events.count > 0 else { return nil }
    events.ranges = ranges
    return (events, byteCount)
  }
}
