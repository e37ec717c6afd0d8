import Foundation
import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

@Suite struct DeadLetterTests {
  private static let now: Int64 = 1_800_000_000_000

  private func lines(_ text: String, receivedMilliseconds: Int64 = now) -> EventBatch {
    let batch = EventBatch()
    var decoder = JSONEventDecoder()
    decoder.setReceipt(milliseconds: receivedMilliseconds)
    _ = Array(text.utf8).withUnsafeBufferPointer { decoder.decodeLines($0, isFinal: true, into: batch) }
    return batch
  }

  private func commit(_ text: String, to fixture: StoreFixture, transport: String = "udp") throws {
    _ = try fixture.writer.commit([
      ReceivedBatch(batch: lines(text), transport: transport, receivedMilliseconds: Self.now)
    ])
  }

  private func future(_ sequence: Int) -> String {
    // Ten days ahead: refused now, and good in eleven days.
    """
    {"time":\(Self.now + 864_000_000),"user":"ann","app":"crm","feature":"f","source":"pc","seq":\(sequence)}
    """
  }

  private func good(_ sequence: Int) -> String {
    #"{"time":\#(Self.now),"user":"ann","app":"crm","feature":"f","source":"pc","seq":\#(sequence)}"#
  }

  private var later: Int64 { Self.now + 11 * 86_400_000 }

  private func source(_ fixture: StoreFixture) throws -> [Int64] {
    try fixture.integers(
      """
      SELECT stored, rejected, duplicate, (SELECT count(*) FROM sequence_unstored WHERE kind = 1),
        (SELECT ifnull(sum(count), 0) FROM source_rejection), (SELECT count(*) FROM dead_letter),
        (SELECT sum(last - first + 1) FROM sequence_range) FROM source WHERE name = 'pc'
      """)[0]
  }

  /// A replayed event moves from rejected to stored, once, and the ledger adds up before and after.
  @Test func replaysOnceAndMovesTheNumber() throws {
    let fixture = try StoreFixture()
    try commit([good(1), future(2), good(3), future(4)].joined(separator: "\n"), to: fixture)
    #expect(try source(fixture) == [2, 2, 0, 2, 2, 2, 2])
    let ids = try fixture.store.read { try DeadLetterStore.ids(DeadLetterFilter(), in: $0) }
    // Still too early: nothing changes.
    let early = try fixture.writer.replay(ids, nowMilliseconds: Self.now)
    #expect(early.rejected == ["time": 2] && early.accepted == 0)
    #expect(try source(fixture) == [2, 2, 0, 2, 2, 2, 2])
    let result = try fixture.writer.replay([ids[0]], nowMilliseconds: later)
    #expect(result.accepted == 1 && result.rejectedCount == 0)
    #expect(try source(fixture) == [3, 1, 0, 1, 1, 1, 3])
    // Its letter is gone, so it cannot be stored twice.
    #expect(try fixture.writer.replay([ids[0]], nowMilliseconds: later) == ReplayResult())
    #expect(try fixture.writer.replay(ids, nowMilliseconds: later).accepted == 1)
    #expect(try source(fixture) == [4, 0, 0, 0, 0, 0, 4])
    let counters = try fixture.store.read { try Counters.all(in: $0) }
    #expect(counters["stored.udp"] == 4 && counters["rejected.udp"] == 0 && counters["replayed"] == 2)
    #expect(try fixture.events().count == 4)
  }

  /// What was delivered anew in the meantime is a duplicate, and its letter goes.
  @Test func replayOfWhatIsStoredIsADuplicate() throws {
    let fixture = try StoreFixture()
    try commit(future(1), to: fixture)
    try commit(good(1), to: fixture)
    let ids = try fixture.store.read { try DeadLetterStore.ids(DeadLetterFilter(), in: $0) }
    let result = try fixture.writer.replay(ids, nowMilliseconds: later)
    #expect(result.duplicate == 1 && result.conflict == 1 && result.accepted == 0)
    #expect(try source(fixture) == [1, 0, 1, 0, 0, 0, 1])
  }

  @Test func aFailedReplayChangesNothing() throws {
    let fixture = try StoreFixture()
    try commit([good(1), future(2)].joined(separator: "\n"), to: fixture)
    let before = try source(fixture)
    try fixture.execute(
      "CREATE TRIGGER forced BEFORE INSERT ON chunk BEGIN SELECT RAISE(ABORT, 'forced'); END")
    let ids = try fixture.store.read { try DeadLetterStore.ids(DeadLetterFilter(), in: $0) }
    #expect(throws: DatabaseError.self) { try fixture.writer.replay(ids, nowMilliseconds: later) }
    #expect(try source(fixture) == before)
    try fixture.execute("DROP TRIGGER forced")
    #expect(try fixture.writer.replay(ids, nowMilliseconds: later).accepted == 1)
  }

  /// A letter that was cut cannot be read again, whatever its beginning says.
  @Test func keepsWhatWasCut() throws {
    let fixture = try StoreFixture()
    try commit(
      #"{"time":0,"user":"ann","app":"crm","feature":"f","note":"\#(String(repeating: "x", count: 9_000))"}"#,
      to: fixture)
    let ids = try fixture.store.read { try DeadLetterStore.ids(DeadLetterFilter(), in: $0) }
    let result = try fixture.writer.replay(ids, nowMilliseconds: later)
    #expect(result.cut == 1 && result.accepted == 0)
  }

  @Test func filtersByEachCondition() throws {
    let fixture = try StoreFixture()
    try commit([future(1), "{", #"{"time":1}"#].joined(separator: "\n"), to: fixture, transport: "import")
    func ids(_ change: (inout DeadLetterFilter) -> Void) throws -> [Int64] {
      var filter = DeadLetterFilter()
      change(&filter)
      return try fixture.store.read { try DeadLetterStore.ids(filter, in: $0) }
    }
    #expect(try ids { _ in } == [1, 2, 3])
    #expect(try ids { $0.reason = "not_json" } == [2])
    #expect(try ids { $0.source = "pc" } == [1])
    #expect(try ids { $0.ids = [3, 99] } == [3])
    #expect(try ids { $0.fromMilliseconds = Self.now + 1 } == [])
    #expect(try ids { $0.toMilliseconds = Self.now + 1 } == [1, 2, 3])
    #expect(try ids { $0.reason = "x' OR 1 --" } == [])
    let letters = try fixture.store.read {
      try DeadLetterStore.all(DeadLetterFilter(), withBytes: false, in: $0)
    }
    #expect(letters.map(\.line) == [1, 2, 3])
    #expect(letters.allSatisfy { $0.bytes.isEmpty })
    let dropped = try fixture.store.write { database in
      try DeadLetterStore.drop(DeadLetterFilter(), in: database)
    }
    #expect(dropped == 3)
  }
}

@Suite struct WalTests {
  /// A reader that stays lets the WAL grow, and is waited for only so long; once it ends the WAL is emptied.
  @Test func truncatesOnceReadersEnd() throws {
    let fixture = try StoreFixture()
    let path = fixture.directory.database
    try fixture.execute("CREATE TABLE filler (id INTEGER PRIMARY KEY, data BLOB)")
    let reader = try EventStore(readingAt: path)
    let mayEnd = DispatchSemaphore(value: 0)
    let hasBegun = DispatchSemaphore(value: 0)
    let hasEnded = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      try? reader.read { database in
        _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM chunk")
        hasBegun.signal()
        mayEnd.wait()
      }
      hasEnded.signal()
    }
    hasBegun.wait()
    for _ in 0..<12 { try fixture.execute("INSERT INTO filler (data) VALUES (zeroblob(6291456))") }
    #expect(WalKeeper.byteCount(ofDatabaseAt: path) > WalKeeper.bytesWanted)
    var keeper = WalKeeper()
    #expect(try keeper.check(fixture.store, nowMilliseconds: 1_000_000) == nil)
    #expect(WalKeeper.byteCount(ofDatabaseAt: path) > WalKeeper.bytesWanted)
    // At its bound the WAL grows no more until the reader has ended.
    let strict = WalKeeper(bytesMax: WalKeeper.bytesWanted)
    #expect(throws: StoreError.self) { try strict.requireRoom(fixture.store) }
    try keeper.requireRoom(fixture.store)
    mayEnd.signal()
    hasEnded.wait()
    // Not at once: a reader that never ends must not hold the writer back again and again.
    #expect(try keeper.check(fixture.store, nowMilliseconds: 1_000_001) == nil)
    #expect(WalKeeper.byteCount(ofDatabaseAt: path) > WalKeeper.bytesWanted)
    #expect(try keeper.check(fixture.store, nowMilliseconds: 1_060_000) == nil)
    #expect(WalKeeper.byteCount(ofDatabaseAt: path) == 0)
  }

  /// Readers that always overlap cannot keep the WAL: each ends, and that is enough.
  @Test func overlappingReadersCannotStarveIt() throws {
    let fixture = try StoreFixture()
    let path = fixture.directory.database
    try fixture.execute("CREATE TABLE filler (id INTEGER PRIMARY KEY, data BLOB)")
    let isDone = Flag()
    let threads = (0..<3).map { number in
      let thread = Thread {
        guard let reader = try? EventStore(readingAt: path) else { return }
        usleep(UInt32(number) * 30_000)
        while !isDone.isSet {
          try? reader.read { database in
            _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM chunk")
            usleep(90_000)
          }
        }
      }
      thread.start()
      return thread
    }
    defer { isDone.set() }
    #expect(threads.count == 3)
    usleep(150_000)
    var keeper = WalKeeper()
    var longest: Int64 = 0
    for round in 0..<60 {
      try fixture.execute("INSERT OR REPLACE INTO filler (id, data) VALUES (1, zeroblob(6291456))")
      #expect(try keeper.check(fixture.store, nowMilliseconds: Int64(round) * 1_000) == nil)
      longest = max(longest, WalKeeper.byteCount(ofDatabaseAt: path))
    }
    #expect(longest < 2 * WalKeeper.bytesWanted, "the WAL grew to \(longest) bytes")
  }

  @Test func aClosedDatabaseHasNoWal() throws {
    let directory = try TemporaryDirectory()
    let store = try EventStore(writingAt: directory.database, program: "test")
    try store.write { try SettingStore.set("organisation.name", to: "x", in: $0) }
    try store.close()
    #expect(!FileManager.default.fileExists(atPath: directory.database + "-wal"))
    let reader = try EventStore(readingAt: directory.database)
    #expect(try reader.read { try SettingStore.get("organisation.name", in: $0) } == "x")
  }

  private final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    var isSet: Bool { lock.withLock { value } }
    func set() { lock.withLock { value = true } }
  }
}
