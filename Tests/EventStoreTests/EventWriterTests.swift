import Foundation
import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

struct EventWriterTests {
  @Test func returnsEveryField() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 71)
    var all: [UsageEvent] = []
    for _ in 0..<10 {
      let events = (0..<Int.random(in: 1...200, using: &random)).map { _ in SomeEvent.make(&random) }
      let summary = try fixture.commit(events)
      #expect(summary.accepted == events.count)
      all += events
    }
    #expect(try fixture.events().map(\.fingerprint) == all.map(\.fingerprint))
    try fixture.reopen()
    #expect(try fixture.events().map(\.fingerprint) == all.map(\.fingerprint))
    let reader = try EventStore(readingAt: fixture.directory.database)
    #expect(try reader.read { try StoredEvents.all(in: $0) }.map(\.fingerprint) == all.map(\.fingerprint))
  }

  @Test func returnsExtremes() throws {
    let fixture = try StoreFixture()
    let long = String(repeating: "€", count: 85)
    let events = [
      UsageEvent(
        timeMilliseconds: .max, user: long, app: long, feature: long, durationMilliseconds: .max,
        host: long, session: long, version: long, cause: long, source: long, sequence: UInt64(Int64.max)),
      UsageEvent(
        timeMilliseconds: .min, user: "u", app: "a", kind: .help, outcome: .abandoned,
        durationMilliseconds: 0, source: "s", sequence: 1),
      UsageEvent(timeMilliseconds: 0, user: "u", app: long, kind: .interruption),
    ]
    try fixture.commit(events)
    #expect(try fixture.events() == events)
  }

  @Test func storesAFullBatch() throws {
    let fixture = try StoreFixture()
    let batch = EventBatch()
    var row = EventBatch.Row()
    row.user = StoreFixture.intern("u", batch)
    row.app = StoreFixture.intern("a", batch)
    row.feature = StoreFixture.intern("f", batch)
    row.source = StoreFixture.intern("s", batch)
    for number in 1...EventBatch.eventsMax {
      row.time = SomeEvent.start + Int64(number)
      row.sequence = Int64(number)
      batch.append(row)
    }
    let received = ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 9)
    #expect(try fixture.writer.commit([received]).accepted == 65_536)
    #expect(
      try fixture.integers("SELECT row_count, time_max_ms - time_min_ms FROM chunk") == [[65_536, 65_535]])
    #expect(try fixture.integers("SELECT first, last FROM sequence_range") == [[1, 65_536]])
    // All of it once more: duplicates, none in conflict.
    let again = try fixture.writer.commit([received])
    #expect(again.duplicate == 65_536)
    #expect(again.conflict == 0)
    #expect(again.accepted == 0)
  }

  @Test func storesSeveralBatchesAtOnce() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 72)
    let batches = (0..<5).map { _ in (0..<20).map { _ in SomeEvent.make(&random) } }
    let transports = ["udp", "unix-datagram", "unix-stream", "udp", "import"]
    let summary = try fixture.writer.commit(
      zip(batches, transports).map {
        ReceivedBatch(batch: StoreFixture.batch($0), transport: $1, receivedMilliseconds: 3)
      })
    #expect(summary.accepted == 100)
    #expect(try fixture.events().map(\.fingerprint) == batches.flatMap { $0 }.map(\.fingerprint))
    let counters = try fixture.store.read { try Counters.all(in: $0) }
    #expect(
      counters == [
        "stored.udp": 40, "stored.unix-datagram": 20, "stored.unix-stream": 20, "stored.import": 20,
      ])
    #expect(try fixture.integers("SELECT stored FROM source WHERE id = 0") == [[100]])
  }

  /// A crash between the pieces of a batch leaves nothing of it; sent again, it is stored once.
  @Test func storesPiecesTogetherOrNotAtAll() throws {
    struct Crash: Error {}
    let fixture = try StoreFixture()
    @Sendable func event(_ number: Int) -> UsageEvent {
      UsageEvent(timeMilliseconds: 1_767_225_600_000 + Int64(number), user: "u", app: "a", feature: "f")
    }
    var delivery = DeliveredBatch(
      spool: SpoolName(sender: "pc", spool: 1), batch: 1, oldestBatch: 1, window: PacketWindow(),
      clockOffsetMilliseconds: 0)
    delivery.unsent = [.init(source: "pc", isWithheld: true, ranges: [1...1])]
    func received(crashAfter pieceCount: Int?) -> ReceivedBatch {
      ReceivedBatch(
        batch: EventBatch(), transport: "unix-stream", receivedMilliseconds: 5, deliveries: [delivery]
      ) { body in
        for piece in 0..<3 {
          if piece == pieceCount { throw Crash() }
          try body(StoreFixture.batch((0..<1_000).map { event(piece * 1_000 + $0) }))
        }
        return ([.init(source: "pc", isWithheld: true, ranges: [2...3])], [])
      }
    }
    let others = ReceivedBatch(
      batch: StoreFixture.batch([event(9_999)]), transport: "udp", receivedMilliseconds: 5)
    for pieceCount in 1...2 {
      #expect(throws: Crash.self) { try fixture.writer.commit([others, received(crashAfter: pieceCount)]) }
      #expect(try fixture.events().isEmpty)
      try fixture.reopen()
    }
    #expect(try fixture.writer.commit([others, received(crashAfter: nil)]).accepted == 3_001)
    try fixture.reopen()
    #expect(try fixture.events().count == 3_001)
    #expect(try fixture.integers("SELECT first, last FROM delivered_batch") == [[1, 1]])
    #expect(try fixture.integers("SELECT first, last, kind FROM sequence_unstored") == [[1, 3, 2]])
    #expect(try fixture.integers("SELECT value FROM counter WHERE name = 'stored.unix-stream'") == [[3_000]])
  }

  @Test func storesNothingOfNothing() throws {
    let fixture = try StoreFixture()
    #expect(try fixture.writer.commit([]) == CommitSummary())
    #expect(try fixture.commit([]) == CommitSummary())
    #expect(try fixture.events().isEmpty)
    #expect(try fixture.integers("SELECT count(*) FROM chunk") == [[0]])
  }

  /// Names are told apart by their bytes, in every cache and table.
  @Test func keepsSpellingsApart() throws {
    let fixture = try StoreFixture()
    let spellings = ["\u{E9}", "e\u{301}", "E\u{301}", "e"]
    func events() -> [UsageEvent] {
      spellings.map { name in
        UsageEvent(
          timeMilliseconds: SomeEvent.start, user: name, app: name, feature: name, host: name, session: name,
          version: name, cause: name, source: name, sequence: 1)
      }
    }
    #expect(try fixture.commit(events()).accepted == 4)
    #expect(try fixture.events().map(\.fingerprint) == events().map(\.fingerprint))
    #expect(try fixture.integers("SELECT count(*) FROM user_name") == [[4]])
    #expect(try fixture.integers("SELECT count(*) FROM feature_name") == [[4]])
    #expect(try fixture.integers("SELECT count(*) FROM label") == [[4]])
    try fixture.reopen()
    let again = try fixture.commit(events())
    #expect(again.duplicate == 4)
    #expect(again.conflict == 0)
    #expect(try fixture.integers("SELECT count(*) FROM user_name") == [[4]])
  }

  /// An app's name that holds another's and its feature is still another.
  @Test func keepsFeaturesApart() throws {
    let fixture = try StoreFixture()
    let pairs: [(String, String?)] = [
      ("ab", "c"), ("a", "bc"), ("abc", nil), ("a", nil), ("a", "b"), ("ab", nil),
    ]
    let events = pairs.map {
      UsageEvent(timeMilliseconds: 1, user: "u", app: $0.0, feature: $0.1, kind: .help)
    }
    try fixture.commit(events)
    try fixture.reopen()
    try fixture.commit(events)
    #expect(try fixture.events() == events + events)
    #expect(try fixture.integers("SELECT count(*) FROM feature_name") == [[6]])
  }

  // MARK: Dead letters

  private func rejects(_ count: Int, bytes: Int, reason: RejectReason = .time) -> ReceivedBatch {
    let batch = EventBatch()
    let text = [UInt8](repeating: 0x78, count: bytes)
    for _ in 0..<count { text.withUnsafeBufferPointer { batch.reject(reason, bytes: $0) } }
    return ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 7)
  }

  @Test func keepsWhatWasRefused() throws {
    let fixture = try StoreFixture()
    let batch = EventBatch()
    let source = StoreFixture.intern("pc", batch)
    let line: [UInt8] = [0x7B, 0x00, 0xFF]
    line.withUnsafeBufferPointer { batch.reject(.notUTF8, bytes: $0, source: source, sequence: 12) }
    line.withUnsafeBufferPointer { batch.reject(.time, bytes: $0) }
    UnsafeBufferPointer<UInt8>(start: nil, count: 0).withMemoryRebound(to: UInt8.self) {
      batch.reject(.notJSON, bytes: $0)
    }
    let summary = try fixture.writer.commit([
      ReceivedBatch(batch: batch, transport: "unix-stream", receivedMilliseconds: 77)
    ])
    #expect(summary.rejected == [.notUTF8: 1, .time: 1, .notJSON: 1])
    #expect(summary.rejectedCount == 3)
    let letters = try fixture.store.read { database in
      try Row.fetchAll(
        database, sql: "SELECT received_ms, transport, source, reason, byte_count, bytes FROM dead_letter")
    }
    #expect(letters.map { $0[0] as Int64 } == [77, 77, 77])
    #expect(letters.map { $0[1] as String } == ["unix-stream", "unix-stream", "unix-stream"])
    #expect(letters.map { $0[2] as String? } == ["pc", nil, nil])
    #expect(letters.map { $0[3] as String } == ["not_utf8", "time", "not_json"])
    #expect(letters.map { $0[4] as Int } == [3, 3, 0])
    #expect(letters.map { Array($0[5] as Data) } == [line, line, []])
    #expect(try fixture.integers("SELECT rejected FROM source ORDER BY id") == [[2], [1]])
    #expect(try fixture.integers("SELECT first FROM sequence_unstored WHERE kind = 1") == [[12]])
    #expect(try fixture.integers("SELECT sum(count) FROM source_rejection") == [[3]])
    #expect(try fixture.integers("SELECT count(*) FROM chunk") == [[0]])
    let counters = try fixture.store.read { try Counters.all(in: $0) }
    #expect(counters == ["rejected.unix-stream": 3])
  }

  /// The oldest go, counted; the newest stay.
  @Test func boundsLettersByCount() throws {
    let fixture = try StoreFixture()
    for _ in 0..<9 { _ = try fixture.writer.commit([rejects(1_024, bytes: 4)]) }
    #expect(try fixture.integers("SELECT count(*) FROM dead_letter") == [[9_216]])
    _ = try fixture.writer.commit([rejects(1_024, bytes: 4, reason: .kind)])
    #expect(try fixture.integers("SELECT count(*) FROM dead_letter") == [[9_000]])
    #expect(try fixture.integers("SELECT count(*) FROM dead_letter WHERE reason = 'kind'") == [[1_024]])
    var counters = try fixture.store.read { try Counters.all(in: $0) }
    #expect(counters["dead_letters_dropped"] == 1_240)
    #expect(counters["rejected.udp"] == 10_240)
    // More than are kept verbatim: counted all the same.
    _ = try fixture.writer.commit([rejects(3_000, bytes: 4)])
    counters = try fixture.store.read { try Counters.all(in: $0) }
    #expect(counters["rejected.udp"] == 13_240)
    #expect(try fixture.integers("SELECT count(*) <= 10000 FROM dead_letter") == [[1]])
    // Each refused event is a letter, or one of those dropped.
    let letters = try fixture.integers("SELECT count(*) FROM dead_letter")[0][0]
    #expect(letters + (counters["dead_letters_dropped"] ?? 0) == 13_240)
    try fixture.reopen()
    _ = try fixture.writer.commit([rejects(2, bytes: 4)])
    #expect(try fixture.integers("SELECT rejected FROM source WHERE id = 0") == [[13_242]])
  }

  @Test func boundsLettersByBytes() throws {
    let fixture = try StoreFixture()
    for _ in 0..<6 { _ = try fixture.writer.commit([rejects(1_024, bytes: 9_000)]) }
    let bytes = try fixture.integers(
      "SELECT sum(length(bytes)), max(length(bytes)), max(byte_count) FROM dead_letter")
    #expect(bytes[0][0] <= 16 << 20)
    #expect(bytes[0][0] > 8 << 20)
    #expect(bytes[0][1...] == [4_096, 9_000])
    let counts = try fixture.integers(
      "SELECT (SELECT count(*) FROM dead_letter) + value FROM counter WHERE name = 'dead_letters_dropped'")
    #expect(counts == [[6 * 1_024]])
  }
}
