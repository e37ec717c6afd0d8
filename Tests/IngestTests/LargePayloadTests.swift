import Testing
import UsageModel
import WireFormat

@testable import Ingest

/// Batches in envelopes are handed over whole, so that no crash can leave a part of one stored.
@Suite struct LargePayloadTests {
  private let now = Clock.nowMilliseconds()

  private func line(_ number: Int) -> String {
    #"{"time":\#(now - 1_000),"user":"u\#(number % 7)","app":"a","feature":"f","duration_ms":\#(number)}"#
  }

  private func lines(_ numbers: Range<Int>) -> [UInt8] {
    Array(numbers.map { line($0) + "\n" }.joined().utf8)
  }

  private func envelope(_ payload: [UInt8], batch: UInt64 = 1, sentMilliseconds: Int64? = nil) -> [UInt8] {
    let header = EnvelopeHeader(
      type: .batch, mode: .none, spoolID: 1, packetNumber: batch, batchNumber: batch, oldestBatch: 1,
      sendMilliseconds: sentMilliseconds ?? now, sender: "pc", keyID: "")
    return payload.withUnsafeBytes { Envelope.seal(header, payload: $0, key: nil) }
  }

  /// Everything that comes out when these payloads come in, in pieces as a writer sees them.
  private func handedOver(
    plain: Range<Int> = 0..<0, _ envelopes: [[UInt8]], check: (SealedBatch) throws -> Void
  ) rethrows {
    let queue = WriterQueue()
    var filler = BatchFiller(queue: queue, transport: .unixStream)
    filler.setReceipt(milliseconds: now)
    if !plain.isEmpty {
      lines(plain).withUnsafeBytes { bytes in
        var rest = bytes
        while !rest.isEmpty { filler.addPart(&rest, isFinal: true, now: now) }
      }
    }
    for envelope in envelopes {
      envelope.withUnsafeBytes { filler.add(envelope: $0, now: now, route: .nowhere) }
    }
    filler.finish(now: now)
    queue.close()
    for sealed in queue.take(timeout: 0).batches where !sealed.batch.isEmpty || !sealed.deliveries.isEmpty {
      try check(sealed)
    }
  }

  private func durations(_ batch: EventBatch) -> [Int64] {
    (0..<batch.count).map { batch.durationPlusOne[$0] - 1 }
  }

  @Test func aBatchThatFitsIsOnePiece() {
    // The batch under way has no room for all of it.
    var found: [(events: [Int64], deliveries: Int)] = []
    let envelopes = [envelope(lines(65_000..<67_000)), envelope(lines(67_000..<67_010), batch: 2)]
    handedOver(plain: 0..<65_000, envelopes) {
      #expect($0.large == nil)
      found.append((durations($0.batch), $0.deliveries.count))
    }
    #expect(found.map(\.deliveries) == [0, 2])
    #expect(found.map(\.events) == [(0..<65_000).map(Int64.init), (65_000..<67_010).map(Int64.init)])
  }

  @Test func aBatchThatDoesNotFitIsDecodedInPieces() {
    let numbers = UnsentNumbers(kind: .withheld, source: "app", ranges: [3...5])
    let refused = RefusedEvents(reason: .time, source: "app", count: 2, ranges: [7...8])
    let payload = lines(0..<40_000) + numbers.encoded + lines(40_000..<70_000) + refused.encoded
    let behind: Int64 = 3_600_000
    var largeCount = 0
    handedOver(plain: 0..<10, [envelope(payload, sentMilliseconds: now - behind)]) { sealed in
      guard let large = sealed.large else { return #expect(durations(sealed.batch) == Array(0..<10)) }
      largeCount += 1
      #expect(sealed.batch.isEmpty && sealed.deliveries.count == 1)
      // Each time the same, as after a commit that failed.
      for _ in 0..<2 {
        var pieces: [Int] = []
        var next: Int64 = 0
        let news = large.forEachPiece { piece in
          pieces.append(piece.count)
          for row in 0..<piece.count {
            guard piece.durationPlusOne[row] - 1 == next, piece.clockOffset[row] == behind else {
              Issue.record("row \(row) of a piece is not event \(next)")
              return
            }
            next += 1
          }
        }
        #expect(pieces == [65_536, 4_464] && next == 70_000)
        #expect(news.unsent == [.init(source: "app", isWithheld: true, ranges: [3...5])])
        #expect(news.refused == [.init(reason: .time, source: "app", count: 2, ranges: [7...8])])
      }
    }
    #expect(largeCount == 1)
  }

  /// Each range may cost the writer a search: what goes beyond an honest packet's is refused and counted.
  @Test func numbersAreBounded() throws {
    let ranges = (1...UInt64(UnsentNumbers.rangesMax)).map { 2 * $0...2 * $0 }
    let frame = UnsentNumbers(kind: .withheld, source: "app", ranges: ranges).encoded
    let frames = PayloadNews.partsAndRangesMax / (1 + ranges.count)
    var sealedCount = 0
    handedOver([envelope(Array(repeatElement(frame, count: frames + 1).joined()) + lines(0..<1))]) { sealed in
      sealedCount += 1
      #expect(sealed.deliveries.map(\.delivery.unsent.count) == [frames])
      #expect(sealed.batch.rejects.map(\.reason) == [.badBatch] && sealed.batch.count == 0)
    }
    #expect(sealedCount == 1)
  }

  /// A few bytes can stand for long attributes, over and over: it is memory that counts.
  @Test func attributesThatGrowDoNotFitEither() throws {
    let events = (0..<200).map { number in
      var event = UsageEvent(timeMilliseconds: now, user: "u", app: "a", feature: "f")
      for index in 0..<16 {
        let end = String(number % 30 + index, radix: 36)
        event.attributes["k\(index)"] = String(repeating: "\u{1}", count: 1_020) + end
      }
      event.attributes["k0"] = "\(number)"
      return event
    }
    let payload = try UsageBatchEncoder.encode(events)
    #expect(payload.count < 1 << 20)
    var count = 0
    var bytesMost = 0
    try handedOver([envelope(payload)]) { sealed in
      let large = try #require(sealed.large)
      _ = large.forEachPiece { piece in
        count += piece.count
        bytesMost = max(bytesMost, piece.strings.arenaCount)
      }
    }
    #expect(count == 200 && bytesMost < 2 * EventBatch.stringBytesMax)
  }
}
