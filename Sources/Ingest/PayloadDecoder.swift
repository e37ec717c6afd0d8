import UsageModel
import WireFormat

/// What an envelope tells besides events.
package struct PayloadNews: Equatable, Sendable {
  /// Parts and ranges of numbers in one payload: each may cost the writer a search or two, and an agent's packets
  /// have room for half as many.
  package static let partsAndRangesMax = 8_192

  /// Numbers that will not come.
  package var unsent: [DeliveredBatch.Unsent] = []
  /// Events that its sender refused.
  package var refused: [DeliveredBatch.Refused] = []
  private var partsAndRanges = 0

  package init() {}

  /// Makes room for a part with so many ranges; false where there is none left.
  fileprivate mutating func takeRoom(ranges: Int) -> Bool {
    partsAndRanges += 1 + ranges
    return partsAndRanges <= Self.partsAndRangesMax
  }
}

/// Decodes what an envelope carries: lines, framed batches, numbers that will not come, and refused events.
struct PayloadDecoder: ~Copyable {
  var json = JSONEventDecoder()
  var protobuf = BatchEventDecoder()

  /// Sets the moment of receipt for what follows.
  ///
  /// - Parameter timeOffset: what the batch adds to each event's time.
  mutating func setReceipt(milliseconds: Int64, timeOffset: Int64 = 0) {
    json.setReceipt(milliseconds: milliseconds, timeOffset: timeOffset)
    protobuf.setReceipt(milliseconds: milliseconds, timeOffset: timeOffset)
  }

  /// Decodes a whole payload; a bad part in it is refused alone, as everywhere.
  ///
  /// - Parameters:
  ///   - speaker: who sends it.
  ///   - news: takes what is told besides events.
  ///   - whenFull: called when the batch is full before the payload is done; returns an empty one.
  /// - Returns: the batch that took the last event.
  mutating func decode(
    _ payload: UnsafeRawBufferPointer, into batch: EventBatch, speaker: [UInt8],
    news: inout PayloadNews, whenFull: (EventBatch) throws -> EventBatch
  ) rethrows -> EventBatch {
    var batch = batch
    var rest = payload
    while !rest.isEmpty {
      if UnsentNumbers.hasMagic(rest) || RefusedEvents.hasMagic(rest) {
        guard let byteCount = Self.takeNews(rest, speaker, &news) else {
          batch.reject(.badBatch, bytes: rest.bindMemory(to: UInt8.self))
          break
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[byteCount...])
        continue
      }
      if batch.isFull { batch = try whenFull(batch) }
      switch UsageBatchFrame.inspect(rest) {
      case .batch(let range):
        batch = try protobuf.decode(
          UnsafeRawBufferPointer(rebasing: rest[range]), into: batch, whenFull: whenFull)
        rest = UnsafeRawBufferPointer(rebasing: rest[range.upperBound...])
      case .incomplete where UsageBatchFrame.hasMagic(rest), .tooLarge:
        // The length is wrong or the rest is missing: there is no telling where the next part begins.
        batch.reject(.badBatch, bytes: rest.bindMemory(to: UInt8.self))
        return batch
      case .incomplete, .badMagic:
        let consumed = json.decodeLines(rest.bindMemory(to: UInt8.self), isFinal: true, into: batch)
        rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
      }
    }
    return batch
  }

  /// Reads a part that tells no events; returns how many bytes it has, nil if it is not sound or one too many.
  private static func takeNews(
    _ bytes: UnsafeRawBufferPointer, _ speaker: [UInt8], _ news: inout PayloadNews
  ) -> Int? {
    if let (numbers, byteCount) = UnsentNumbers.decode(bytes) {
      guard news.takeRoom(ranges: numbers.ranges.count) else { return nil }
      news.unsent.append(
        DeliveredBatch.Unsent(
          source: numbers.source, isWithheld: numbers.kind == .withheld, ranges: numbers.ranges,
          speaker: speaker))
      return byteCount
    }
    guard let (events, byteCount) = RefusedEvents.decode(bytes), news.takeRoom(ranges: events.ranges.count)
    else { return nil }
    news.refused.append(
      DeliveredBatch.Refused(
        reason: events.reason, source: events.source, count: Int(events.count), ranges: events.ranges,
        speaker: speaker))
    return byteCount
  }
}
