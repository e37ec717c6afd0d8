import Testing
import UsageModel
import WireFormat

@testable import EventStore

/// Events that an agent refused stand in the collector's ledger as if it had refused them itself.
@Suite struct RefusedElsewhereTests {
  private func delivered(
    _ refused: [DeliveredBatch.Refused], unsent: [DeliveredBatch.Unsent] = [], _ events: [UsageEvent] = [],
    batch: UInt64 = 1
  ) -> ReceivedBatch {
    var delivery = DeliveredBatch(
      spool: SpoolName(sender: "pc", spool: 1), batch: batch, oldestBatch: 1, window: PacketWindow(),
      clockOffsetMilliseconds: 0)
    delivery.refused = refused
    delivery.unsent = unsent
    return ReceivedBatch(
      batch: StoreFixture.batch(events), transport: "udp", receivedMilliseconds: 5, deliveries: [delivery])
  }

  private func event(_ sequence: UInt64) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: 1_767_225_600_000, user: "ann", app: "crm", feature: "f", source: "app",
      sequence: sequence)
  }

  @Test func theLedgerAddsUp() throws {
    let fixture = try StoreFixture()
    let summary = try fixture.writer.commit([
      delivered(
        [
          .init(reason: .time, source: "app", count: 3, ranges: [2...3]),
          .init(reason: .missingUser, source: "app", count: 1, ranges: [6...6]),
          .init(reason: .notYours, source: nil, count: 70, ranges: []),
        ], [event(1), event(4), event(8)])
    ])
    #expect(summary.accepted == 3)
    #expect(summary.rejected == [.time: 3, .missingUser: 1, .notYours: 70])
    let (sources, problems, counters) = try fixture.store.read {
      (try StoreStatus.sources(in: $0), try LedgerCheck.problems(in: $0), try Counters.all(in: $0))
    }
    let app = try #require(sources.first { $0.name == "app" })
    #expect(app.stored == 3 && app.rejected == 4 && app.numbers?.highest == 8)
    #expect(app.lost == 2 && app.numbers?.firstGapsText == "5, 7")
    #expect(app.rejectedByReason == "missing_user 1, time 3")
    #expect(problems.isEmpty && counters["rejected.udp"] == 74)
    #expect(
      try fixture.integers("SELECT first, last FROM sequence_unstored WHERE kind = 1") == [[2, 3], [6, 6]])
  }

  /// One that comes after all, as an application that mends its event and sends it again, is stored.
  @Test func aNumberThatComesAfterAllIsStored() throws {
    let fixture = try StoreFixture()
    _ = try fixture.writer.commit([
      delivered([.init(reason: .time, source: "app", count: 1, ranges: [2...2])], [event(1), event(3)])
    ])
    #expect(try fixture.commit([event(2)]).accepted == 1)
    let problems = try fixture.store.read { try LedgerCheck.problems(in: $0) }
    #expect(problems.isEmpty)
  }

  @Test func strangersSayNothingOfOthersSources() throws {
    let fixture = try StoreFixture()
    var batch: UInt64 = 0
    func telling(_ speaker: String) -> ReceivedBatch {
      batch += 1
      let refused = DeliveredBatch.Refused(
        reason: .time, source: "app", count: 1, ranges: [2...2], speaker: Array(speaker.utf8))
      return delivered([refused], batch: batch)
    }
    _ = try fixture.writer.commit([
      ReceivedBatch(
        batch: StoreFixture.batch([event(1)], speaker: "ann"), transport: "unix-stream",
        receivedMilliseconds: 5)
    ])
    #expect(try fixture.writer.commit([telling("bob")]).rejectedCount == 0)
    // A key that may speak for nobody.
    #expect(try fixture.writer.commit([telling("\0")]).rejectedCount == 0)
    #expect(try fixture.writer.commit([telling("ann")]).rejected == [.time: 1])
  }

  /// A batch that comes again, once memory has made room for other senders, counts nothing twice.
  @Test func aBatchThatIsKnownSaysNothingNew() throws {
    let fixture = try StoreFixture()
    for _ in 0..<2 {
      _ = try fixture.writer.commit([
        delivered(
          [.init(reason: .time, source: "app", count: 3, ranges: [2...3])],
          unsent: [.init(source: "app", isWithheld: false, ranges: [5...6])], [event(1)])
      ])
      fixture.writer.forget()
    }
    let app = try #require(
      try fixture.store.read { try StoreStatus.sources(in: $0) }.first { $0.name == "app" })
    #expect(app.stored == 1 && app.duplicate == 1 && app.rejected == 3)
    #expect(try fixture.integers("SELECT dropped FROM source WHERE name = 'app'") == [[2]])
  }

  /// Whoever says it, and however: a sender that may speak for one person is looked up before.
  @Test(arguments: ["", "ann", "app"]) func nobodyForgottenIsNamedAgain(speaker: String) throws {
    let fixture = try StoreFixture()
    try fixture.commit([event(1)])
    try fixture.store.write { try Tombstones.add([Array("app".utf8)], nowMilliseconds: 1, in: $0) }
    fixture.writer.forget()
    try fixture.execute("UPDATE source SET name = 'forgotten-1' WHERE name = 'app'")
    let said = Array(speaker.utf8)
    let bad = StoreFixture.batch([])
    bad.setSpeaker(said)
    for source in ["app", "pc"] {
      let number = StoreFixture.intern(source, bad)
      Array("{".utf8).withUnsafeBufferPointer { bad.reject(.time, bytes: $0, source: number, sequence: 9) }
    }
    _ = try fixture.writer.commit([
      delivered(
        [.init(reason: .time, source: "app", count: 1, ranges: [2...2], speaker: said)],
        unsent: [.init(source: "app", isWithheld: true, ranges: [3...3], speaker: said)]),
      ReceivedBatch(batch: bad, transport: "unix-stream", receivedMilliseconds: 5),
    ])
    #expect(try fixture.integers("SELECT count(*) FROM source WHERE name = 'app'") == [[0]])
    #expect(
      try fixture.integers("SELECT count(*) FROM dead_letter WHERE 'app' IN (source, speaker)") == [[0]])
    // Nobody is named, but all is counted.
    #expect(try fixture.integers("SELECT sum(count) FROM source_rejection") == [[3]])
  }
}
