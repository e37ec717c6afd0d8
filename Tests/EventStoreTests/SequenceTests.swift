import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

/// (source, seq) is stored once, however often, in whatever order and over how many lives it comes.
struct SequenceTests {
  /// What the store should know: every number of every source, with the first event that carried it.
  struct NaiveLedger {
    var first: [Utf8Key: [UInt64: UsageEvent]] = [:]
    var stored: [UsageEvent] = []
    var duplicates: [Utf8Key: Int64] = [:]
    var conflicts: [Utf8Key: Int64] = [:]

    /// Books events in order; returns how many were new, known, and known but different.
    mutating func book(_ events: [UsageEvent]) -> (accepted: Int, duplicate: Int, conflict: Int) {
      var counts = (accepted: 0, duplicate: 0, conflict: 0)
      for event in events {
        guard let source = event.source.map(Utf8Key.init), let sequence = event.sequence else {
          stored.append(event)
          counts.accepted += 1
          continue
        }
        if let known = first[source]?[sequence] {
          counts.duplicate += 1
          duplicates[source, default: 0] += 1
          if known.fingerprint != event.fingerprint {
            counts.conflict += 1
            conflicts[source, default: 0] += 1
          }
        } else {
          first[source, default: [:]][sequence] = event
          stored.append(event)
          counts.accepted += 1
        }
      }
      return counts
    }

    /// Maximal runs of numbers, with the times of the events at their ends.
    func ranges(of source: Utf8Key) -> [[Int64]] {
      let times = first[source] ?? [:]
      var ranges: [[Int64]] = []
      for sequence in times.keys.sorted() {
        let time = times[sequence]?.timeMilliseconds ?? 0
        if let last = ranges.last, last[1] + 1 == Int64(sequence) {
          ranges[ranges.count - 1] = [last[0], Int64(sequence), last[2], time]
        } else {
          ranges.append([Int64(sequence), Int64(sequence), time, time])
        }
      }
      return ranges
    }
  }

  private static func event(_ source: String, _ sequence: UInt64, time: Int64? = nil) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: time ?? SomeEvent.start + Int64(clamping: sequence) % 1_000, user: "u", app: "a",
      feature: "f",
      source: source, sequence: sequence)
  }

  private static func expectAgreement(_ fixture: StoreFixture, _ ledger: NaiveLedger, _ what: String) throws {
    for source in ledger.first.keys {
      let ranges = try fixture.store.read { database in
        try Row.fetchAll(
          database,
          sql: """
            SELECT first, last, first_time_ms, last_time_ms FROM sequence_range
            WHERE source = (SELECT id FROM source WHERE name = ?) ORDER BY first
            """, arguments: [source.text]
        ).map { [$0[0], $0[1], $0[2], $0[3]] as [Int64] }
      }
      #expect(ranges == ledger.ranges(of: source), "\(what), source \(source)")
      let counts = try fixture.store.read { database in
        try Row.fetchOne(
          database, sql: "SELECT stored, duplicate, conflict FROM source WHERE name = ?",
          arguments: [source.text]
        ).map { [$0[0], $0[1], $0[2]] as [Int64] }
      }
      let expected = [
        Int64(ledger.first[source]?.count ?? 0), ledger.duplicates[source] ?? 0,
        ledger.conflicts[source] ?? 0,
      ]
      #expect(counts == expected, "\(what), source \(source)")
    }
    #expect(fingerprints(try fixture.events()) == fingerprints(ledger.stored), "\(what)")
  }

  /// Random arrivals: gaps, disorder, redelivery, changed events; merges, failures and restarts in between.
  @Test(arguments: 0..<8 as Range<UInt64>)
  func agreesWithASet(seed: UInt64) throws {
    var random = SeededRandom(seed: 8_000 + seed)
    let fixture = try StoreFixture()
    var ledger = NaiveLedger()
    let sources = ["pc-1", "\u{E9}", "e\u{301}"].prefix(Int.random(in: 1...3, using: &random))
    let highest = UInt64.random(in: 10...150, using: &random)
    for round in 0..<14 {
      let events = (0..<Int.random(in: 1...25, using: &random)).map { _ -> UsageEvent in
        if Int.random(in: 0..<6, using: &random) == 0 { return SomeEvent.make(&random) }
        let source = sources.randomElement(using: &random) ?? ""
        let sequence = UInt64.random(in: 1...highest, using: &random)
        if Int.random(in: 0..<3, using: &random) > 0, let known = ledger.first[Utf8Key(source)]?[sequence] {
          return known
        }
        var event = SomeEvent.make(&random)
        event.source = source
        event.sequence = sequence
        return event
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        try Self.expectFailure(fixture, events, &random)
      }
      let counts = ledger.book(events)
      let summary = try fixture.commit(events)
      #expect(summary.accepted == counts.accepted, "seed \(seed) round \(round)")
      #expect(summary.duplicate == counts.duplicate, "seed \(seed) round \(round)")
      #expect(summary.conflict == counts.conflict, "seed \(seed) round \(round)")
      switch Int.random(in: 0..<6, using: &random) {
      case 0: try fixture.reopen()
      case 1: try fixture.merge(isSettled: Bool.random(using: &random))
      case 2: fixture.writer.forget()
      default: break
      }
      if round % 5 == 4 { try Self.expectAgreement(fixture, ledger, "seed \(seed) round \(round)") }
    }
    try fixture.merge()
    try fixture.reopen()
    try Self.expectAgreement(fixture, ledger, "seed \(seed)")
    // The whole once more, in another order: nothing new.
    let again = try fixture.commit(ledger.stored.filter { $0.source != nil }.shuffled(using: &random))
    #expect(again.accepted == 0)
    #expect(again.conflict == 0)
  }

  /// So many sources that their states are asked for ahead: in order, and with one out of order at any place.
  @Test(arguments: [0, 1, 24, 25, 4_974, 4_975, 4_999])
  func manySourcesAreBookedAsFew(place: Int) throws {
    let fixture = try StoreFixture()
    var ledger = NaiveLedger()
    let sources = (0..<5_000).map { "pc-\($0)" }
    for sequence in UInt64(1)...3 {
      var events = sources.map { Self.event($0, sequence) }
      if sequence == 3 {
        // A number that is known already, and one that leaves a gap.
        events.insert(Self.event(sources[place], 2), at: place)
        events.insert(Self.event(sources[4_999 - place], 9), at: place)
      }
      let counts = ledger.book(events)
      let summary = try fixture.commit(events)
      #expect(summary.accepted == counts.accepted && summary.duplicate == counts.duplicate)
    }
    let rows = try fixture.store.read { database in
      try Row.fetchAll(
        database, sql: "SELECT name, stored, duplicate, tail_last FROM source WHERE name LIKE 'pc-%'")
    }
    for row in rows {
      let source = Utf8Key(row[0] as String)
      #expect(row[1] == Int64(ledger.first[source]?.count ?? 0) && row[2] == ledger.duplicates[source] ?? 0)
      #expect(row[3] == ledger.first[source]?.keys.max().map { Int64($0) })
    }
    #expect(rows.count == sources.count)
  }

  /// A commit that fails somewhere on its way leaves no trace, in tables or caches.
  private static func expectFailure(
    _ fixture: StoreFixture, _ events: [UsageEvent], _ random: inout SeededRandom
  ) throws {
    let before = fingerprints(try fixture.events())
    let table =
      ["chunk", "chunk_column", "sequence_range_below", "counter", "user_name"].randomElement(using: &random)
      ?? ""
    let action = ["ABORT", "FAIL", "ROLLBACK"].randomElement(using: &random) ?? ""
    try fixture.execute(
      "CREATE TRIGGER forced BEFORE INSERT ON \(table) BEGIN SELECT RAISE(\(action), 'forced'); END")
    do {
      // Some rounds insert nothing into the table, and commit: take those back by hand.
      let marker = Self.event("marker", 1)
      let unknown = UsageEvent(
        timeMilliseconds: 1, user: "never seen \(random.next())", app: "a", kind: .help)
      _ = try fixture.commit(events + [marker, unknown], transport: "fresh \(random.next())")
      Issue.record("the commit went through")
    } catch let error as DatabaseError {
      #expect(error.message == "forced")
    }
    try fixture.execute("DROP TRIGGER forced")
    #expect(fingerprints(try fixture.events()) == before)
    #expect(try fixture.integers("SELECT count(*) FROM source WHERE name = 'marker'") == [[0]])
  }

  /// All orders of a few numbers end in the same ranges.
  @Test func everyOrderOfFive() throws {
    let fixture = try StoreFixture()
    var orders: [[UInt64]] = [[]]
    for number in 1...5 as ClosedRange<UInt64> {
      orders = orders.flatMap { order in
        (0...order.count).map { Array(order[..<$0]) + [number] + Array(order[$0...]) }
      }
    }
    var ledger = NaiveLedger()
    for (index, order) in orders.enumerated() {
      // One event a commit for some, all in one for others.
      let events = order.map { Self.event("s\(index)", $0 == 5 ? 7 : $0) }
      _ = ledger.book(events)
      if index.isMultiple(of: 4) {
        for event in events { try fixture.commit([event]) }
      } else {
        try fixture.commit(events)
      }
    }
    #expect(orders.count == 120)
    try Self.expectAgreement(fixture, ledger, "orders")
  }

  /// The largest number there is leaves room for every other.
  @Test func takesTheLargestNumber() throws {
    let fixture = try StoreFixture()
    var ledger = NaiveLedger()
    let largest = UInt64(Int64.max)
    for sequences in [
      [largest], [largest], [1], [largest - 1, 2], [largest - 3, largest - 2], [largest, 1],
    ] as [[UInt64]] {
      let events = sequences.map { Self.event("s", $0) }
      let counts = ledger.book(events)
      #expect(try fixture.commit(events).accepted == counts.accepted)
      try Self.expectAgreement(fixture, ledger, "\(sequences)")
      try fixture.reopen()
    }
  }

  @Test func tellsConflictsFromRedelivery() throws {
    let fixture = try StoreFixture()
    let first = UsageEvent(
      timeMilliseconds: SomeEvent.start, user: "u", app: "a", feature: "f", kind: .use, outcome: .ok,
      durationMilliseconds: 5, host: "h", session: "s", version: "v", cause: "c", source: "pc", sequence: 3,
      attributes: ["k": "v"])
    try fixture.commit([first, Self.event("pc", 4), Self.event("other", 3)])
    #expect(try fixture.commit([first, first]).conflict == 0)
    let changes: [(inout UsageEvent) -> Void] = [
      { $0.timeMilliseconds += 1 }, { $0.timeMilliseconds += 40 * SomeEvent.day }, { $0.user = "U" },
      { $0.app = "b" },
      { $0.feature = "g" }, { $0.kind = .help }, { $0.outcome = .error }, { $0.durationMilliseconds = 6 },
      { $0.durationMilliseconds = nil }, { $0.host = nil }, { $0.session = "t" }, { $0.session = nil },
      { $0.version = "w" }, { $0.cause = "d" }, { $0.attributes = [:] }, { $0.attributes["k"] = "w" },
    ]
    for merges in [false, true] {
      if merges { try fixture.merge() }
      for change in changes {
        var event = first
        change(&event)
        let summary = try fixture.commit([event, first])
        #expect(summary.duplicate == 2)
        #expect(summary.conflict == 1)
        #expect(summary.accepted == 0)
      }
    }
    #expect(
      try fixture.integers("SELECT conflict FROM source WHERE name = 'pc'") == [[Int64(2 * changes.count)]])
    #expect(try fixture.events().count == 3)
  }

  /// A number whose event was refused may still come, once it is right.
  @Test func refusedNumbersStayOpen() throws {
    let fixture = try StoreFixture()
    let batch = StoreFixture.batch([Self.event("pc", 1)])
    let source = StoreFixture.intern("pc", batch)
    UnsafeBufferPointer<UInt8>(start: nil, count: 0).withMemoryRebound(to: UInt8.self) {
      batch.reject(.time, bytes: $0, source: source, sequence: 2)
    }
    let received = ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 1)
    _ = try fixture.writer.commit([received])
    #expect(try fixture.integers("SELECT first FROM sequence_unstored WHERE kind = 1") == [[2]])
    #expect(try fixture.commit([Self.event("pc", 2)]).accepted == 1)
    #expect(try fixture.integers("SELECT first, last FROM sequence_range") == [[1, 2]])
  }

  @Test func remembersWhenSourcesWereHeard() throws {
    let fixture = try StoreFixture()
    try fixture.commit([Self.event("pc", 1)], receivedMilliseconds: 100)
    try fixture.commit([Self.event("pc", 2)], receivedMilliseconds: 300)
    // The collector's clock was set back.
    try fixture.commit([Self.event("pc", 3)], receivedMilliseconds: 200)
    #expect(
      try fixture.integers("SELECT first_received_ms, last_received_ms FROM source WHERE name = 'pc'") == [
        [100, 300]
      ])
  }
}
