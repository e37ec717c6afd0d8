import Glibc
import UsageModel

/// Decodes JSON lines straight into a batch's columns (`schemas/event.schema.json`).
///
/// One pass over the bytes; on the usual path no allocation and no object per event. Keep one decoder a
/// thread: it owns a scratch buffer. A bad line is recorded in the batch with its reason and never
/// disturbs its neighbours.
package struct JSONEventDecoder: ~Copyable {
  /// Longest line taken from streams and files; a datagram cannot be longer than 65,507 bytes.
  package static let lineBytesMax = 65_536

  private let scratch: UnsafeMutablePointer<UInt8>
  /// Latest acceptable start; set from the moment of receipt.
  private var acceptedTimes = EventLimits.earliestTimeMilliseconds...Int64.max
  /// Line of a file that was decoded last, from 1; refused events carry it.
  package var lineNumber = 0

  package init() { scratch = .allocate(capacity: Self.lineBytesMax) }

  deinit { scratch.deallocate() }

  /// Sets the moment of receipt, which bounds how far in the future an event may start.
  ///
  /// - Parameter timeOffset: what the batch adds to each event's time; bounds hold for the sum.
  package mutating func setReceipt(milliseconds: Int64, timeOffset: Int64 = 0) {
    acceptedTimes = EventLimits.acceptedTimes(receiptMilliseconds: milliseconds, offset: timeOffset)
  }

  /// Decodes lines until the bytes end, the batch is full, or a protobuf batch may begin.
  ///
  /// - Parameter isFinal: whether the last line is complete without a line feed (a datagram, end of file).
  /// - Returns: how many bytes were consumed. With `isFinal` false an unfinished last line stays, and so
  ///   does, on any but the first line, one that begins like a batch's magic: the caller knows better.
  package mutating func decodeLines(
    _ bytes: UnsafeBufferPointer<UInt8>, isFinal: Bool, into batch: EventBatch
  ) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    let end = base + bytes.count
    var line = base
    while line < end, !batch.isFull {
      let stop = Self.lineEnd(line, end)
      if stop == end && !isFinal { break }
      if line > base, line.pointee == UsageBatchFrame.firstByte { break }
      lineNumber &+= 1
      decodeLine(UnsafeBufferPointer(start: line, count: stop - line), into: batch)
      line = stop < end ? stop + 1 : end
    }
    return line - base
  }

  /// Decodes one line; blank lines are skipped.
  package mutating func decodeLine(_ line: UnsafeBufferPointer<UInt8>, into batch: EventBatch) {
    guard let start = line.baseAddress, let trimmed = Self.withoutBlankEnds(start, line.count) else { return }
    guard trimmed.count <= Self.lineBytesMax, let first = trimmed.baseAddress else {
      batch.reject(.tooLong, bytes: trimmed, line: lineNumber)
      return
    }
    var event = PartialEvent(JSONScanner(first, end: first + trimmed.count, scratch: scratch))
    let reason = event.decode(into: batch, acceptedTimes: acceptedTimes)
    if let reason {
      batch.reject(
        reason, bytes: trimmed, source: event.row.source, sequence: event.row.sequence, line: lineNumber)
    } else {
      batch.append(event.row)
    }
  }

  /// The next line feed, or `end`.
  @inline(__always)
  private static func lineEnd(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> UnsafePointer<UInt8> {
    guard let found = memchr(start, 0x0A, end - start) else { return end }
    return UnsafePointer(found.assumingMemoryBound(to: UInt8.self))
  }

  @inline(__always)
  private static func withoutBlankEnds(
    _ start: UnsafePointer<UInt8>, _ count: Int
  ) -> UnsafeBufferPointer<UInt8>? {
    var first = start
    var last = start + count
    while first < last, Self.isBlank(first.pointee) { first += 1 }
    while last > first, Self.isBlank(last[-1]) { last -= 1 }
    return first == last ? nil : UnsafeBufferPointer(start: first, count: last - first)
  }

  @inline(__always)
  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0D || byte == 0x09 || byte == 0x0A
  }
}
