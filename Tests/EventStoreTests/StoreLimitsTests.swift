import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

/// Hostile senders choose names and numbers; tables of them have an end, and nothing else suffers.
struct StoreLimitsTests {
  private static func event(
    _ number: Int, user: String = "ann", app: String = "a", feature: String? = "f", host: String? = nil,
    source: String? = nil, _ sequence: UInt64? = nil
  ) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: SomeEvent.start + Int64(number), user: user, app: app, feature: feature, host: host,
      source: source, sequence: sequence)
  }

  private static func commit(
    _ writer: EventWriter, _ events: [UsageEvent], speaker: String = ""
  ) throws -> CommitSummary {
    try writer.commit([
      ReceivedBatch(
        batch: StoreFixture.batch(events, speaker: speaker), transport: "udp", receivedMilliseconds: 5)
    ])
  }

  private static func count(_ fixture: StoreFixture, _ table: String) throws -> Int64 {
    try fixture.integers("SELECT count(*) FROM \(table)")[0][0]
  }

  struct Kind: Sendable {
    var table: String
    var set: @Sendable (inout StoreLimits) -> Void
    var make: @Sendable (Int) -> UsageEvent
  }

  static let kinds = [
    Kind(table: "user_name") {
      $0.usersMax = 10
    } make: {
      event($0, user: "user \($0)")
    },
    Kind(table: "feature_name") {
      $0.featuresMax = 10
    } make: {
      event($0, feature: "feature \($0)")
    },
    Kind(table: "feature_name") {
      $0.featuresMax = 10
    } make: {
      event($0, app: "app \($0)")
    },
    Kind(table: "label") {
      $0.labelsMax = 10
    } make: {
      event($0, host: "host \($0)")
    },
    Kind(table: "source WHERE id <> 0") {
      $0.sourcesMax = 10
    } make: {
      event($0, source: "source \($0)", 1)
    },
  ]

  /// A thousand made-up names: ten get in, whatever the batches; who is known is taken as before.
  @Test(arguments: kinds)
  func newNamesEnd(kind: Kind) throws {
    let fixture = try StoreFixture()
    var limits = StoreLimits()
    kind.set(&limits)
    let writer = EventWriter(store: fixture.store, limits: limits)
    var stored: [UsageEvent] = []
    var refused = 0
    for start in stride(from: 0, to: 1_000, by: 250) {
      let events = (start..<start + 250).map(kind.make)
      let summary = try Self.commit(writer, events)
      #expect(summary.accepted + summary.rejectedCount == 250)
      #expect(Set(summary.rejected.keys).isSubset(of: [.tooManyNames]))
      stored += events.prefix(summary.accepted)
      refused += summary.rejectedCount
    }
    #expect(stored.count == 10)
    #expect(refused == 990)
    #expect(try Self.count(fixture, kind.table) == 10)
    #expect(fingerprints(try fixture.events()) == fingerprints(stored))
    #expect(
      try fixture.integers("SELECT sum(count) FROM source_rejection WHERE reason = 'too_many_names'")
        == [[990]])
    // A neighbour with known names, another writer, and the same names again.
    let known = Self.event(5_000, user: stored[3].user, app: stored[3].app, feature: stored[3].feature)
    let later = EventWriter(store: fixture.store, limits: limits)
    let summary = try Self.commit(later, [kind.make(2_000), known, kind.make(2_001)])
    #expect((summary.accepted, summary.rejectedCount) == (1, 2))
    #expect(try LedgerCheck.problems(in: fixture.store) == [])
  }

  /// A refused event leaves no trace of its other names in tables that have room for it, but its letter.
  @Test func aLetterKeepsWhatWasRefused() throws {
    let fixture = try StoreFixture()
    var limits = StoreLimits()
    limits.usersMax = 1
    let writer = EventWriter(store: fixture.store, limits: limits)
    let refused = Self.event(2, user: "bob", source: "pc", 7)
    let summary = try Self.commit(writer, [Self.event(1), refused])
    #expect(summary.rejected == [.tooManyNames: 1])
    let letters = try fixture.store.read {
      try Row.fetchAll($0, sql: "SELECT id, reason, source, sequence FROM dead_letter")
    }
    #expect(letters.count == 1)
    #expect(letters[0][1] == "too_many_names")
    #expect(letters[0][3] == 7)
    // Once there is room, it can be replayed.
    let id: Int64 = letters[0][0]
    let replayed = try EventWriter(store: fixture.store).replay(
      [id], nowMilliseconds: SomeEvent.start)
    #expect(replayed.accepted == 1)
    #expect(fingerprints(try fixture.events()) == fingerprints([Self.event(1), refused]))
    #expect(try LedgerCheck.problems(in: fixture.store) == [])
  }

  /// A sender that leaves out every other number makes no more ranges than there is room for.
  @Test func gapsEnd() throws {
    let fixture = try StoreFixture()
    var limits = StoreLimits()
    limits.rangesMax = 20
    try Self.sendOddNumbers(fixture, limits)
    // So there is room again, also for someone else, also after a restart.
    try fixture.reopen()
    let later = EventWriter(store: fixture.store, limits: limits)
    let others = (1...5).map { Self.event($0, source: "other \($0)", 1) }
    #expect(try Self.commit(later, others).accepted == 2)
  }

  private static func sendOddNumbers(_ fixture: StoreFixture, _ limits: StoreLimits) throws {
    let writer = EventWriter(store: fixture.store, limits: limits)
    let hostile = (1...200).map { Self.event($0, source: "hostile", UInt64($0) * 2) }
    var summary = CommitSummary()
    for start in stride(from: 0, to: 200, by: 50) {
      summary += try Self.commit(writer, Array(hostile[start..<start + 50]))
    }
    #expect(summary.accepted == 20)
    #expect(summary.rejected == [.tooManyGaps: 180])
    #expect(
      try Self.count(fixture, "sequence_range") + Self.count(fixture, "sequence_unstored") <= 20)
    // Numbers that close a gap, follow the last, or were stored already need no room.
    let closing = [3, 5, 41, 42, 2].map { Self.event($0, source: "hostile", UInt64($0)) }
    let after = try Self.commit(writer, closing)
    #expect((after.accepted, after.duplicate) == (4, 1))
    #expect(try Self.count(fixture, "sequence_range") == 18)
    #expect(try LedgerCheck.problems(in: fixture.store) == [])
  }

  /// Refused numbers take no more room than is left either.
  @Test func refusedNumbersEnd() throws {
    let fixture = try StoreFixture()
    var limits = StoreLimits()
    limits.rangesMax = 5
    let writer = EventWriter(store: fixture.store, limits: limits)
    let batch = StoreFixture.batch([])
    for number in 1...100 {
      let source = StoreFixture.intern("s\(number % 10)", batch)
      let empty = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
      batch.reject(.time, bytes: empty, source: source, sequence: Int64(number) * 3)
    }
    let summary = try writer.commit([
      ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 1)
    ])
    #expect(summary.rejected == [.time: 100])
    #expect(try Self.count(fixture, "sequence_unstored") == 5)
    #expect(try LedgerCheck.problems(in: fixture.store) == [])
  }

  /// Who claims sources for themselves does not get round the limit.
  @Test func claimsEnd() throws {
    let fixture = try StoreFixture()
    var limits = StoreLimits()
    limits.sourcesMax = 3
    let writer = EventWriter(store: fixture.store, limits: limits)
    let events = (1...50).map { Self.event($0, source: "source \($0)", 1) }
    let summary = try Self.commit(writer, events, speaker: "ann")
    #expect(summary.accepted == 3)
    #expect(summary.rejected == [.tooManyNames: 47])
    #expect(try Self.count(fixture, "source WHERE id <> 0") == 3)
  }

  /// What a failed transaction numbered is not taken for stored.
  @Test func aFailedCommitLeavesNothing() throws {
    let fixture = try StoreFixture()
    struct Failure: Error {}
    let batch = StoreFixture.batch([Self.event(1, user: "bob", host: "pc", source: "pc", 3)])
    let received = ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 1)
    #expect(throws: Failure.self) {
      try fixture.writer.transaction { database in
        _ = try fixture.writer.store(received, in: database)
        throw Failure()
      }
    }
    #expect(try fixture.commit([Self.event(2, user: "eve", host: "mac", source: "mac", 9)]).accepted == 1)
    #expect(try fixture.writer.commit([received]).accepted == 1)
    #expect(
      fingerprints(try fixture.events())
        == fingerprints([
          Self.event(1, user: "bob", host: "pc", source: "pc", 3),
          Self.event(2, user: "eve", host: "mac", source: "mac", 9),
        ]))
    #expect(try LedgerCheck.problems(in: fixture.store) == [])
  }
}

extension LedgerCheck {
  fileprivate static func problems(in store: EventStore) throws -> [String] {
    try store.read { try problems(in: $0) }
  }
}
