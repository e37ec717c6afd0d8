import Testing
import UsageModel

@testable import WireFormat

/// Many lines at once: where they end, and that a bad one never disturbs its neighbours.
struct JSONLinesTests {
  static let plain = JSONEventDecoderTests.plain
  static let good = JSONEventDecoderTests.open + "}"

  @Test func readsLinesHoweverTheyEnd() {
    let two = DecodedEvents(events: [Self.plain, Self.plain])
    for text in [
      "G\nG", "G\nG\n", "G\r\nG\r\n", "\nG\n\n\nG\n\n", "\r\n\r\nG\r\n \t\r\nG", " G \n\tG\t", "G\n\r\rG\r\r",
      String(repeating: "\n", count: 1_000) + "G\nG",
    ] {
      #expect(EventDecoding.json(text.replacing("G", with: Self.good)) == two, "\(text)")
    }
    for blank in ["", "\n", "\r\n", " ", "\t\n \r\n", "\n\n\n"] {
      #expect(EventDecoding.json(blank) == DecodedEvents())
    }
  }

  /// A carriage return alone ends no line.
  @Test func takesNoOtherLineEnds() {
    for separator in ["\r", "\u{2028}", "\u{85}", "\u{C}", " ", ","] {
      #expect(EventDecoding.json(Self.good + separator + Self.good) == DecodedEvents(reasons: [.notJSON]))
    }
  }

  @Test func findsGoodLinesBetweenBadOnes() {
    var random = SeededRandom(seed: 11)
    let bad: [(String, RejectReason)] =
      JSONEventDecoderTests.notJSON.filter { $0 != "\u{0}" }.map { ($0, .notJSON) }
      + JSONEventDecoderTests.spoilt.map { (JSONEventDecoderTests.open + "," + $0.text + "}", $0.reason) }
    for _ in 0..<200 {
      var text = ""
      var expected = DecodedEvents()
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        if Bool.random(using: &random) {
          var event = Self.plain
          event.timeMilliseconds += Int64.random(in: 0..<1_000_000, using: &random)
          expected.events.append(event)
          text += #"{"time":\#(event.timeMilliseconds),"user":"u","app":"a","feature":"f"}"#
        } else if let (line, reason) = bad.randomElement(using: &random) {
          expected.reasons.append(reason)
          text += line
        }
        text += ["\n", "\r\n", "\n\n"].randomElement(using: &random) ?? "\n"
      }
      #expect(EventDecoding.json(text) == expected)
    }
  }

  /// Whatever the pieces, an unfinished line waits.
  @Test func leavesAnUnfinishedLine() {
    let text = Array((Self.good + "\n" + Self.good + "\r\n" + "bad\n" + Self.good).utf8)
    for cut in 0...text.count {
      let batch = EventBatch()
      var decoder = JSONEventDecoder()
      let consumed = EventDecoding.withExactMemory(Array(text[..<cut])) {
        decoder.decodeLines($0, isFinal: false, into: batch)
      }
      let feed = text[..<cut].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
      #expect(consumed == feed)
      _ = EventDecoding.withExactMemory(Array(text[consumed...])) {
        decoder.decodeLines($0, isFinal: true, into: batch)
      }
      #expect(
        DecodedEvents(batch)
          == DecodedEvents(events: [Self.plain, Self.plain, Self.plain], reasons: [.notJSON]))
    }
  }

  /// A line that may be the begin of a batch is left to the caller, except as the first.
  @Test func stopsBeforeWhatMayBeABatch() {
    let batch = EventBatch()
    var decoder = JSONEventDecoder()
    let text = Array((Self.good + "\nWLB1....").utf8)
    let consumed = EventDecoding.withExactMemory(text) { decoder.decodeLines($0, isFinal: true, into: batch) }
    #expect(consumed == Self.good.utf8.count + 1)
    #expect(DecodedEvents(batch) == DecodedEvents(events: [Self.plain]))
    let all = EventDecoding.withExactMemory(Array("What?\n".utf8)) {
      decoder.decodeLines($0, isFinal: true, into: batch)
    }
    #expect(all == 6)
    #expect(batch.rejects.map(\.reason) == [.notJSON])
  }

  @Test func boundsWhenEventsAreDue() {
    func reasons(_ received: Int64, _ time: Int64) -> [RejectReason] {
      let batch = EventBatch()
      var decoder = JSONEventDecoder()
      decoder.setReceipt(milliseconds: received)
      let line = Array(#"{"time":\#(time),"user":"u","app":"a","feature":"f"}"#.utf8)
      line.withUnsafeBufferPointer { decoder.decodeLine($0, into: batch) }
      return batch.rejects.map(\.reason)
    }
    let now: Int64 = 1_767_225_600_000
    #expect(reasons(now, now + 86_400_000) == [])
    #expect(reasons(now, now + 86_400_001) == [.time])
    #expect(reasons(now, 315_532_800_000) == [])
    #expect(reasons(0, now) == [.time])
  }

  /// Refused events keep their bytes, their sender and their number.
  @Test func keepsWhatItRefuses() throws {
    let batch = EventBatch()
    let line = #"{"source":"pc","seq":7,"time":0,"user":"u","app":"a","feature":"f"}"#
    EventDecoding.json(Array("  \(line)\r\n".utf8), into: batch)
    let reject = try #require(batch.rejects.first)
    #expect(reject.reason == .time)
    #expect(reject.bytes == Array(line.utf8))
    #expect(reject.byteCount == line.utf8.count)
    #expect(batch.strings.text(of: reject.source) == "pc")
    #expect(reject.sequence == 7)
  }

  @Test func boundsWhatItKeeps() {
    let batch = EventBatch()
    let long = [UInt8](repeating: 0x78, count: 10_000)
    EventDecoding.json(long, into: batch)
    #expect(batch.rejects[0].bytes?.count == 4_096)
    #expect(batch.rejects[0].byteCount == 10_000)
    EventDecoding.json(Array(String(repeating: "x\n", count: 2_000).utf8), into: batch)
    #expect(batch.rejects.count == 2_001)
    #expect(batch.rejects.compactMap(\.bytes).count == 1_024)
  }

  /// A full batch takes no more, and says so by what it leaves.
  @Test func stopsAtAFullBatch() {
    let batch = EventBatch()
    let line = Array((Self.good + "\n").utf8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(line.count * 65_540)
    for _ in 0..<65_540 { bytes += line }
    var decoder = JSONEventDecoder()
    let consumed = bytes.withUnsafeBufferPointer { decoder.decodeLines($0, isFinal: true, into: batch) }
    #expect(batch.count == 65_536)
    #expect(batch.isFull)
    #expect(batch.freeCount == 0)
    #expect(consumed == 65_536 * line.count)
    let more = bytes.withUnsafeBufferPointer { decoder.decodeLines($0, isFinal: true, into: batch) }
    #expect(more == 0)
    batch.removeAll()
    #expect(batch.isEmpty)
    EventDecoding.json(line, into: batch)
    #expect(DecodedEvents(batch) == DecodedEvents(events: [Self.plain]))
  }
}
