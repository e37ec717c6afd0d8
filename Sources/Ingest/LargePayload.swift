import UsageModel
import WireFormat

/// The payload of an envelope that does not fit one ``EventBatch``: whoever stores it decodes it a piece at a time,
/// in one transaction, so that a crash leaves all of it or nothing.
package struct LargePayload: Sendable {
  let bytes: [UInt8]
  let receiptMilliseconds: Int64
  /// Added to each event's time.
  let timeOffsetMilliseconds: Int64
  /// Who sends it; empty for who may speak for anybody.
  let speaker: [UInt8]

  /// Calls `body` with one piece after another; each time anew the same ones.
  ///
  /// - Returns: what it tells besides events.
  /// - Complexity: O(bytes); memory for one batch.
  package func forEachPiece(_ body: (EventBatch) throws -> Void) rethrows -> PayloadNews {
    var decoder = PayloadDecoder()
    decoder.setReceipt(milliseconds: receiptMilliseconds, timeOffset: timeOffsetMilliseconds)
    let batch = EventBatch()
    prepare(batch)
    var news = PayloadNews()
    try bytes.withUnsafeBytes { bytes in
      _ = try decoder.decode(bytes, into: batch, speaker: speaker, news: &news) { full in
        try body(full)
        full.removeAll()
        prepare(full)
        return full
      }
    }
    if !batch.isEmpty { try body(batch) }
    return news
  }

  private func prepare(_ batch: EventBatch) {
    batch.setSpeaker(speaker)
    batch.currentClockOffset = timeOffsetMilliseconds
  }
}
