import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

struct SpeakerTests {
  private func event(_ user: String, source: String? = nil, _ sequence: UInt64? = nil) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: SomeEvent.start, user: user, app: "a", feature: "f", source: source,
      sequence: sequence)
  }

  @discardableResult
  private func commit(
    _ fixture: StoreFixture, as speaker: String, _ events: [UsageEvent]
  ) throws -> CommitSummary {
    try fixture.writer.commit([
      ReceivedBatch(
        batch: StoreFixture.batch(events, speaker: speaker), transport: "unix-stream",
        receivedMilliseconds: 5)
    ])
  }

  @Test func whoMaySpeakForAnybodyIsNotAsked() throws {
    let fixture = try StoreFixture()
    #expect(try commit(fixture, as: "", [event("ann"), event("bob")]).accepted == 2)
  }

  @Test func othersSpeakForThemselves() throws {
    let fixture = try StoreFixture()
    let summary = try commit(fixture, as: "ann", [event("ann"), event("bob"), event("Ann")])
    #expect(summary.accepted == 1)
    #expect(summary.rejected == [.notYours: 2])
    #expect(try fixture.events() == [event("ann")])
    let letters = try fixture.store.read {
      try Row.fetchAll($0, sql: "SELECT reason, speaker, bytes FROM dead_letter ORDER BY id")
    }
    #expect(letters.map { $0[0] as String } == ["not_yours", "not_yours"])
    #expect(letters.map { $0[1] as String? } == ["ann", "ann"])
    #expect((letters.first?[2] as String?)?.contains(#""user":"bob""#) == true)
  }

  /// A login becomes a person's with the import of the roster, and no longer is with the next one.
  @Test func aliasesCountFromTheNextCommitOn() throws {
    let fixture = try StoreFixture()
    let mail = event("ann@example.org")
    #expect(try commit(fixture, as: "ann", [mail]).accepted == 0)
    func setRoster(_ aliases: [String]) throws {
      let row = RosterRow(
        user: "1007", department: "", role: "", site: "", manager: "", activeFrom: nil, activeTo: nil,
        aliases: aliases, isService: false)
      try fixture.store.write { try OrganisationStore.replaceRoster([row], in: $0) }
    }
    try setRoster(["ann", "ann@example.org"])
    #expect(try commit(fixture, as: "ann", [mail, event("1007"), event("ann"), event("bob")]).accepted == 3)
    try setRoster(["ann@example.org"])
    #expect(try commit(fixture, as: "ann", [mail]).accepted == 0)
  }

  @Test func severalNamesAreAllAllowed() throws {
    let fixture = try StoreFixture()
    let summary = try commit(fixture, as: "ann\0bob", [event("ann"), event("bob"), event("eve")])
    #expect(summary.accepted == 2)
    #expect(summary.rejected == [.notYours: 1])
    let letters = try fixture.store.read {
      try DeadLetterStore.all(DeadLetterFilter(), withBytes: false, in: $0)
    }
    #expect(letters.map(\.speaker) == ["ann, bob"])
    let many = (1...10).map { "user\($0)" }.joined(separator: "\0")
    try commit(fixture, as: many, [event("eve")])
    let last = try fixture.store.read {
      try DeadLetterStore.all(DeadLetterFilter(), withBytes: false, in: $0).last?.speaker
    }
    #expect(last?.hasSuffix("user7, user8, and 2 more") == true)
  }

  /// Nobody uses up the numbers of someone else's source.
  @Test func sourcesBelongToTheirFirstSpeaker() throws {
    let fixture = try StoreFixture()
    try commit(fixture, as: "ann", [event("ann", source: "pc", 1)])
    #expect(try commit(fixture, as: "eve", [event("eve", source: "pc", 2)]).rejected == [.notYours: 1])
    try fixture.reopen()
    #expect(try commit(fixture, as: "eve", [event("eve", source: "pc", 2)]).rejected == [.notYours: 1])
    #expect(try commit(fixture, as: "ann", [event("ann", source: "pc", 2)]).accepted == 1)
    // Whoever may speak for anybody may number for anybody.
    #expect(try commit(fixture, as: "", [event("bob", source: "pc", 3)]).accepted == 1)
    #expect(
      try fixture.integers("SELECT stored, rejected FROM source WHERE name = 'pc'") == [[3, 0]])
    #expect(try fixture.integers("SELECT rejected FROM source WHERE id = 0") == [[2]])
  }

  /// Where somebody who may speak for anybody was first, no account takes the source over: their next numbers
  /// would pass for redelivered ones.
  @Test func noAccountTakesOverWhatOthersUsed() throws {
    let fixture = try StoreFixture()
    try commit(fixture, as: "", [event("root", source: "stored", 1), event("root", source: "stored", 5)])
    try commit(fixture, as: "ann\0bob", [event("bob", source: "of a key", 1)])
    let bad = StoreFixture.batch([])
    let refused = StoreFixture.intern("refused", bad)
    bad.reject(.time, bytes: UnsafeBufferPointer(start: nil, count: 0), source: refused, sequence: 1)
    _ = try fixture.writer.commit([
      ReceivedBatch(batch: bad, transport: "udp", receivedMilliseconds: 5)
    ])
    try fixture.writer.withhold(source: "withheld", 1...2)
    for name in ["stored", "of a key", "refused", "withheld"] {
      #expect(
        try commit(fixture, as: "eve", [event("eve", source: name, 3)]).rejected == [.notYours: 1], "\(name)")
    }
    try fixture.reopen()
    for name in ["stored", "of a key", "refused", "withheld"] {
      #expect(
        try commit(fixture, as: "eve", [event("eve", source: name, 3)]).rejected == [.notYours: 1], "\(name)")
      #expect(try commit(fixture, as: "", [event("root", source: name, 3)]).accepted == 1, "\(name)")
    }
    #expect(try fixture.integers("SELECT count(*) FROM source WHERE owner IS NOT NULL") == [[0]])
    #expect(try fixture.integers("SELECT sum(duplicate) FROM source") == [[0]])
  }

  /// Also where it was first by no more than an instant: in the same batch, or the one before of a transaction.
  @Test(arguments: [false, true]) func noAccountIsQuicker(isOneBatch: Bool) throws {
    let fixture = try StoreFixture()
    var batches = [StoreFixture.batch([event("root", source: "pc", 1)])]
    if !isOneBatch { batches.append(EventBatch()) }
    let last = batches[batches.count - 1]
    last.setSpeaker(Array("eve".utf8))
    var row = EventBatch.Row()
    (row.time, row.sequence) = (SomeEvent.start, 2)
    (row.user, row.app) = (StoreFixture.intern("eve", last), StoreFixture.intern("a", last))
    (row.feature, row.source) = (StoreFixture.intern("f", last), StoreFixture.intern("pc", last))
    last.append(row)
    let summary = try fixture.writer.commit(
      batches.map { ReceivedBatch(batch: $0, transport: "unix-stream", receivedMilliseconds: 5) })
    #expect(summary.accepted == 1 && summary.rejected == [.notYours: 1])
  }

  /// A source that is known by name only, as a sender of envelopes may be, is free.
  @Test func aSourceWithoutNumbersIsFree() throws {
    let fixture = try StoreFixture()
    let delivery = DeliveredBatch(
      spool: SpoolName(sender: "pc", spool: 1), batch: 1, oldestBatch: 1, window: PacketWindow(),
      clockOffsetMilliseconds: 0)
    _ = try fixture.writer.commit([
      ReceivedBatch(
        batch: StoreFixture.batch([]), transport: "udp", receivedMilliseconds: 5, deliveries: [delivery])
    ])
    #expect(try fixture.integers("SELECT count(*) FROM source WHERE name = 'pc'") == [[1]])
    #expect(try commit(fixture, as: "ann", [event("ann", source: "pc", 1)]).accepted == 1)
  }

  /// A malformed event under another's number would hide that the real one is lost.
  @Test func refusedEventsAreBookedUnderOnesOwnSourceOnly() throws {
    let fixture = try StoreFixture()
    try commit(fixture, as: "ann", [event("ann", source: "pc", 1), event("ann", source: "pc", 3)])
    func malformed(_ speaker: String, _ source: String) throws -> CommitSummary {
      let batch = StoreFixture.batch([], speaker: speaker)
      let number = StoreFixture.intern(source, batch)
      Array("{}".utf8).withUnsafeBufferPointer { batch.reject(.time, bytes: $0, source: number, sequence: 2) }
      return try fixture.writer.commit([
        ReceivedBatch(batch: batch, transport: "unix-stream", receivedMilliseconds: 5)
      ])
    }
    #expect(try malformed("eve", "pc").rejected == [.notYours: 1])
    #expect(try fixture.integers("SELECT count(*) FROM sequence_unstored") == [[0]])
    // Whoever speaks for someone else takes no source by it.
    #expect(try commit(fixture, as: "eve", [event("ann", source: "free", 2)]).rejected == [.notYours: 1])
    #expect(try fixture.integers("SELECT count(*) FROM source WHERE name = 'free'") == [[0]])
    // Her own first event may be a bad one: the source is hers all the same.
    #expect(try malformed("eve", "own").rejected == [.time: 1])
    #expect(try commit(fixture, as: "ann", [event("ann", source: "own", 3)]).rejected == [.notYours: 1])
    #expect(try commit(fixture, as: "eve", [event("eve", source: "own", 2)]).accepted == 1)
    #expect(try malformed("ann", "pc").rejected == [.time: 1])
    #expect(try fixture.integers("SELECT first, last, kind FROM sequence_unstored") == [[2, 2, 1]])
  }
}
