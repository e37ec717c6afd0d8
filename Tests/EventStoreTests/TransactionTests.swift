import Foundation
import GRDB
import Synchronization
import Testing
import UsageModel

@testable import EventStore

/// Old or new, never half; and after an error, as if nothing had been tried.
struct TransactionTests {
  private static func events(_ count: Int, _ random: inout SeededRandom) -> [UsageEvent] {
    (0..<count).map { _ in SomeEvent.make(&random) }
  }

  /// A disk that is full, wherever in the commit it fills.
  @Test func standsAFullDisk() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 91)
    var expected = Self.events(50, &random)
    try fixture.commit(expected)
    let pages = try fixture.integers("PRAGMA page_count")[0][0]
    var failures = 0
    for extra in [0, 1, 2, 3, 5, 8, 13, 21, 34, 200] as [Int64] {
      try fixture.execute("PRAGMA max_page_count = \(pages + extra)")
      var events = Self.events(400, &random)
      for index in events.indices {
        events[index].user = "user \(extra) \(index) " + String(repeating: "x", count: 240)
        events[index].source = "full disk"
        events[index].sequence = UInt64(index + 1)
      }
      do {
        try fixture.commit(events)
        expected += events
        #expect(fingerprints(try fixture.events()) == fingerprints(expected))
        break
      } catch let error as DatabaseError {
        #expect(error.resultCode == .SQLITE_FULL)
        failures += 1
      }
      #expect(fingerprints(try fixture.events()) == fingerprints(expected))
      #expect(try fixture.integers("SELECT count(*) FROM source WHERE name = 'full disk'") == [[0]])
      #expect(try fixture.integers("SELECT count(*) FROM user_name WHERE name LIKE 'user %'") == [[0]])
    }
    #expect(failures > 2)
    #expect(try fixture.integers("SELECT first, last FROM sequence_range") == [[1, 400]])
    #expect(try fixture.integers("SELECT stored FROM source WHERE name = 'full disk'") == [[400]])
  }

  /// Numbers given to names in a failed commit are given again, to others.
  @Test func cachesForgetWhatFailed() throws {
    let fixture = try StoreFixture()
    func event(_ name: String, _ sequence: UInt64) -> UsageEvent {
      UsageEvent(
        timeMilliseconds: SomeEvent.start, user: name, app: name, feature: name, host: name, session: name,
        source: name,
        sequence: sequence)
    }
    try fixture.commit([event("a", 1)])
    try fixture.execute(
      "CREATE TRIGGER forced BEFORE INSERT ON chunk BEGIN SELECT RAISE(ABORT, 'forced'); END")
    #expect(throws: DatabaseError.self) {
      try fixture.commit([event("lost", 5), event("a", 2), event("b", 1)])
    }
    try fixture.execute("DROP TRIGGER forced")
    let events = [event("b", 1), event("c", 1), event("a", 2), event("lost", 5)]
    #expect(try fixture.commit(events).accepted == 4)
    #expect(try fixture.events() == [event("a", 1)] + events)
    #expect(
      try fixture.integers("SELECT first, last FROM sequence_range ORDER BY source, first") == [
        [1, 2], [1, 1], [1, 1], [5, 5],
      ])
  }

  /// One of several batches fails: none of them is stored.
  @Test func severalBatchesAreOne() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 92)
    let batches = (0..<3).map { index in
      ReceivedBatch(
        batch: StoreFixture.batch(Self.events(10, &random)), transport: "t\(index)", receivedMilliseconds: 1)
    }
    try fixture.execute(
      """
      CREATE TRIGGER forced BEFORE INSERT ON counter WHEN new.name = 'stored.t2'
      BEGIN SELECT RAISE(ABORT, 'forced'); END
      """
    )
    #expect(throws: DatabaseError.self) { try fixture.writer.commit(batches) }
    #expect(try fixture.events().isEmpty)
    #expect(try fixture.store.read { try Counters.all(in: $0) }.isEmpty)
    try fixture.execute("DROP TRIGGER forced")
    #expect(try fixture.writer.commit(batches).accepted == 30)
    #expect(try fixture.events().count == 30)
  }

  /// A reader in the middle of its work sees neither commits nor merges until it is done.
  @Test func readersKeepTheirSnapshot() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 93)
    let first = Self.events(40, &random)
    let second = Self.events(30, &random)
    try fixture.commit(first)
    let reader = try EventStore(readingAt: fixture.directory.database)
    try reader.read { database in
      #expect(fingerprints(try StoredEvents.all(in: database)) == fingerprints(first))
      try fixture.commit(second)
      #expect(fingerprints(try StoredEvents.all(in: database)) == fingerprints(first))
      try fixture.merge()
      #expect(fingerprints(try StoredEvents.all(in: database)) == fingerprints(first))
      #expect(try ChunkRow.all(in: database).map(\.day) == [nil])
    }
    #expect(fingerprints(try reader.read { try StoredEvents.all(in: $0) }) == fingerprints(first + second))
    #expect(try reader.read { try ChunkRow.all(in: $0) }.allSatisfy { $0.day != nil })
  }

  /// A writer and a merger at work, readers at their heels: every look finds whole commits only.
  @Test(.timeLimit(.minutes(1)))
  func readersNeverSeeHalves() throws {
    let directory = try TemporaryDirectory()
    let commits = 60
    let perCommit = 25
    _ = try EventStore(writingAt: directory.database, program: "set-up")
    let isDone = Atomic(false)
    let problems = Mutex<[String]>([])
    let finished = DispatchGroup()
    for _ in 0..<2 {
      Thread.detachNewThread(in: finished) {
        do {
          let reader = try EventStore(readingAt: directory.database)
          var last = 0
          while true {
            let isLast = isDone.load(ordering: .acquiring)
            let (events, stored, highest) = try reader.read { database in
              (
                try StoredEvents.all(in: database),
                try Int.fetchOne(database, sql: "SELECT stored FROM source WHERE name = 's'") ?? 0,
                try Int.fetchOne(database, sql: "SELECT max(last) FROM sequence_range") ?? 0
              )
            }
            let numbers = Set(events.compactMap(\.sequence))
            if events.count % perCommit != 0 || events.count < last || events.count != stored
              || numbers.count != events.count || highest != stored || Int(numbers.max() ?? 0) != stored
            {
              problems.withLock { $0.append("\(events.count) events, \(stored) stored, \(highest) highest") }
            }
            last = events.count
            if isLast { break }
          }
          if last != commits * perCommit { problems.withLock { $0.append("\(last) at the end") } }
        } catch {
          problems.withLock { $0.append("\(error)") }
        }
      }
    }
    let store = try EventStore(writingAt: directory.database, program: "writer")
    let writer = EventWriter(store: store)
    var random = SeededRandom(seed: 94)
    var sequence: UInt64 = 0
    for commit in 0..<commits {
      let events = (0..<perCommit).map { _ in
        var event = SomeEvent.make(&random)
        sequence += 1
        event.source = "s"
        event.sequence = sequence
        return event
      }
      _ = try writer.commit([
        ReceivedBatch(batch: StoreFixture.batch(events), transport: "udp", receivedMilliseconds: 1)
      ])
      if commit % 7 == 3 {
        let compactor = ChunkCompactor(reader: store) { result in
          try store.write { try ChunkMerger.apply(result, in: $0) }
        }
        try compactor.run(mergesAllArrivals: true, isSettled: { $0 % 2 == 0 })
      }
    }
    isDone.store(true, ordering: .releasing)
    finished.wait()
    #expect(problems.withLock { $0 } == [])
  }
}

extension Thread {
  fileprivate static func detachNewThread(in group: DispatchGroup, _ body: @escaping @Sendable () -> Void) {
    group.enter()
    detachNewThread {
      body()
      group.leave()
    }
  }
}
