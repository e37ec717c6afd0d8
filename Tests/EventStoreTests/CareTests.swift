import ColumnChunk
import Foundation
import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

@Suite struct CareTests {
  private func filled(_ count: Int = 300, seed: UInt64 = 7) throws -> StoreFixture {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: seed)
    let events = (0..<count).map { index in
      var event = SomeEvent.make(&random)
      event.source = index % 3 == 0 ? nil : "pc-\(index % 3)"
      event.sequence = index % 3 == 0 ? nil : UInt64(index / 3 + 1)
      return event
    }
    for start in stride(from: 0, to: count, by: 100) {
      try fixture.commit(Array(events[start..<min(count, start + 100)]))
    }
    return fixture
  }

  private func doctor(_ fixture: StoreFixture) throws -> StoreDoctor {
    try fixture.store.read {
      try StoreDoctor($0, path: fixture.directory.database, nowMilliseconds: 1_000_000)
    }
  }

  private func bad(_ fixture: StoreFixture) throws -> [String] {
    try doctor(fixture).findings.filter { $0.verdict == .bad && $0.check != "disk" }.map(\.check)
  }

  @Test func findsNothingInASoundStore() throws {
    let fixture = try filled()
    #expect(try bad(fixture) == [])
    try fixture.merge()
    #expect(try bad(fixture) == [])
  }

  /// Each fault that is made shows under its own check.
  @Test(arguments: [
    ("UPDATE source SET stored = stored + 1 WHERE id = 1", ["ledger", "events", "counters"]),
    ("UPDATE source SET rejected = rejected + 1 WHERE id = 1", ["ledger", "counters"]),
    ("DELETE FROM user_name WHERE id = 1", ["names"]),
    ("INSERT INTO user_name (name) SELECT name FROM user_name WHERE id = 1", ["names"]),
    ("INSERT INTO chunk_column (id, data) VALUES (320000, x'00')", ["columns"]),
    ("UPDATE counter SET value = value + 1 WHERE name = 'stored.udp'", ["counters"]),
    ("UPDATE source SET tail_last = tail_last + 1 WHERE id = 1", ["ledger"]),
    ("UPDATE chunk SET time_min_ms = time_min_ms - 1 WHERE id = 1", ["chunks"]),
    ("UPDATE chunk_column SET data = substr(data, 1, length(data) - 1) || x'00FF' WHERE id = 33", ["chunks"]),
    ("DELETE FROM chunk WHERE id = 1", ["columns", "events"]),
  ])
  func namesEachFault(_ sql: String, _ checks: [String]) throws {
    let fixture = try filled()
    try fixture.execute(sql)
    #expect(try Set(bad(fixture)) == Set(checks))
  }

  /// Merging goes on around a damaged chunk, whose bytes stay; its number is not given away.
  @Test func setsADamagedChunkAside() throws {
    let fixture = try filled()
    try fixture.execute("UPDATE chunk_column SET data = zeroblob(50) WHERE id = 3 * 32 + 2")
    let store = fixture.store
    var setAside: [Int64] = []
    let compactor = ChunkCompactor(reader: store) { result in
      try store.write { try ChunkMerger.apply(result, in: $0) }
    } setAside: { damage in
      setAside.append(damage.chunk)
      let isMoved = try store.write {
        try DamagedChunks.setAside(damage.chunk, nowMilliseconds: 5, in: $0)
      }
      #expect(isMoved)
    }
    try compactor.run(mergesAllArrivals: true, isSettled: { _ in true })
    #expect(setAside == [3])
    #expect(try fixture.events().count == 200)
    #expect(try fixture.integers("SELECT count(*) FROM chunk_column WHERE id / 32 = 3")[0][0] > 5)
    #expect(try fixture.integers("SELECT id, row_count, found_ms FROM damaged_chunk") == [[3, 100, 5]])
    #expect(try bad(fixture) == ["damaged"])
    // A sound chunk is not set aside, whoever asks.
    let first = try fixture.integers("SELECT min(id) FROM chunk")[0][0]
    let isMoved = try store.write { try DamagedChunks.setAside(first, nowMilliseconds: 5, in: $0) }
    #expect(!isMoved)
  }

  /// What a damaged chunk held comes again: a duplicate, and no conflict, since nobody can tell.
  @Test func damageMakesNoConflicts() throws {
    let fixture = try StoreFixture()
    let event = UsageEvent(
      timeMilliseconds: SomeEvent.start, user: "ann", app: "crm", feature: "f", source: "pc", sequence: 1)
    try fixture.commit([event])
    try fixture.execute("UPDATE chunk_column SET data = zeroblob(50) WHERE id = 32 + 2")
    let summary = try fixture.commit([event])
    #expect(summary.duplicate == 1 && summary.conflict == 0)
  }

  @Test func numbersOfChunksAreNeverUsedAgain() throws {
    let fixture = try filled(100)
    let last = try fixture.integers("SELECT max(id) FROM chunk")[0][0]
    try fixture.execute("DELETE FROM chunk; DELETE FROM chunk_column")
    try fixture.commit([SomeEvent.make(&Self.random)])
    #expect(try fixture.integers("SELECT max(id) FROM chunk")[0][0] > last)
  }

  private static nonisolated(unsafe) var random = SeededRandom(seed: 3)

  /// A database of the version before keeps everything; beside an import nothing of it will be pruned.
  @Test func migratesFromTheVersionBefore() throws {
    let directory = try TemporaryDirectory()
    let queue = try DatabaseQueue(path: directory.database)
    try StoreSchema.migrator.migrate(queue, upTo: "1 events, names, ledger, organisation")
    try queue.write { database in
      try database.execute(
        sql: """
          INSERT INTO chunk (id, day, run, row_count, time_min_ms, time_max_ms, byte_count)
            VALUES (7, NULL, 0, 1, 5, 6, 7);
          INSERT INTO dead_letter (received_ms, transport, reason, byte_count, bytes)
            VALUES (1, 'udp', 'time', 2, x'7b7d');
          INSERT INTO counter (name, value) VALUES ('stored.import', 1);
          """)
    }
    try queue.close()
    let store = try EventStore(writingAt: directory.database, program: "test")
    let chunks = try store.read { try ChunkRow.all(in: $0) }
    #expect(chunks.map(\.id) == [7] && chunks[0].isImported && chunks[0].timeMaximumMilliseconds == 6)
    let letters = try store.read { try DeadLetterStore.all(DeadLetterFilter(), withBytes: true, in: $0) }
    #expect(letters.map(\.bytes) == [[0x7B, 0x7D]] && letters[0].line == nil)
  }

  @Test func importedEventsNeverShareAChunk() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 5)
    for transport in ["udp", "import", "udp", "import"] {
      try fixture.commit((0..<50).map { _ in SomeEvent.make(&random, days: 1) }, transport: transport)
    }
    try fixture.merge()
    #expect(
      try fixture.integers("SELECT imported, sum(row_count) FROM chunk GROUP BY imported")
        == [[0, 100], [1, 100]])
  }

  // MARK: Backup

  @Test func copiesWhileEventsArrive() throws {
    let fixture = try filled()
    let before = fingerprints(try fixture.events())
    let target = fixture.directory.path + "/copy.db"
    var steps = 0
    let result = try StoreBackup.copy(fixture.directory.database, to: target, replaces: false) { _ in
      steps += 1
    }
    #expect(result.eventCount == 300 && steps > 0)
    try fixture.commit([SomeEvent.make(&Self.random)])
    let copy = try EventStore(readingAt: target)
    #expect(fingerprints(try copy.read { try StoredEvents.all(in: $0) }) == before)
    let mode = try FileManager.default.attributesOfItem(atPath: target)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    try copy.close()
    // It does not overwrite by accident, and never the database itself.
    #expect(throws: StoreError.self) {
      try StoreBackup.copy(fixture.directory.database, to: target, replaces: false)
    }
    #expect(throws: StoreError.self) {
      try StoreBackup.copy(fixture.directory.database, to: fixture.directory.database, replaces: true)
    }
    #expect(
      try StoreBackup.copy(fixture.directory.database, to: target, replaces: true).eventCount == 301)
    let files = try FileManager.default.contentsOfDirectory(atPath: fixture.directory.path)
    #expect(!files.contains { $0.contains("partial") })
  }

  /// Files of the database by any name, and what is no backup, stay.
  @Test func replacesNothingButABackup() throws {
    let fixture = try filled()
    let (database, place) = (fixture.directory.database, fixture.directory.path)
    let files = FileManager.default
    try files.createSymbolicLink(atPath: place + "/link", withDestinationPath: "test.db-wal")
    try files.createSymbolicLink(atPath: place + "/alias.db", withDestinationPath: "test.db")
    try files.createSymbolicLink(atPath: place + "/beside", withDestinationPath: ".")
    #expect(link(database + "-shm", place + "/hard") == 0)
    try Data("notes".utf8).write(to: URL(fileURLWithPath: place + "/notes"))
    func inode(_ path: String) -> UInt64? {
      (try? files.attributesOfItem(atPath: path))?[.systemFileNumber] as? UInt64
    }
    let names = [
      "test.db", "test.db-wal", "test.db-shm", "test.db.lock", "test.db.control", "test.db-journal", "link",
      "hard", "notes", "beside/test.db-wal", "beside", "alias.db",
    ]
    let before = names.map { inode("\(place)/\($0)") }
    for source in [database, place + "/alias.db", place + "/beside/test.db"] {
      for name in names {
        #expect(throws: StoreError.self, "\(name) of \(source)") {
          try StoreBackup.copy(source, to: "\(place)/\(name)", replaces: true)
        }
      }
    }
    #expect(names.map { inode("\(place)/\($0)") } == before)
    // An empty file, as mktemp makes one, is nobody's.
    try Data().write(to: URL(fileURLWithPath: place + "/empty"))
    #expect(try StoreBackup.copy(database, to: place + "/empty", replaces: true).eventCount == 300)
  }

  @Test func refusesToKeepADamagedCopy() throws {
    let fixture = try filled()
    try fixture.execute("UPDATE chunk_column SET data = zeroblob(50) WHERE id = 32 + 2")
    let target = fixture.directory.path + "/copy.db"
    #expect(throws: StoreError.self) {
      try StoreBackup.copy(fixture.directory.database, to: target, replaces: false)
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: fixture.directory.path)
    #expect(!files.contains { $0.hasPrefix("copy") })
  }
}
