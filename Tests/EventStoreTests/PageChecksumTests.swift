import Foundation
import GRDB
import GRDBSQLite
import Testing
import UsageModel

@testable import EventStore

/// Pages of the file against what disks and other programs do to them.
@Suite struct PageChecksumTests {
  private static let pageBytes = 16_384

  /// A closed database with some hundred events, and its bytes.
  private func closed() throws -> (directory: TemporaryDirectory, bytes: [UInt8]) {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 3)
    try fixture.commit((0..<400).map { _ in SomeEvent.make(&random) })
    try fixture.merge()
    try fixture.store.close()
    return (
      fixture.directory, [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture.directory.database)))
    )
  }

  private func write(_ bytes: [UInt8], _ directory: TemporaryDirectory) throws -> String {
    let path = directory.path + "/changed.db"
    for ending in ["", "-wal", "-shm"] { unlink(path + ending) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// A connection that knows nothing of checksums, as other programs have.
  private func foreign(_ path: String, _ sql: String) throws {
    var connection: OpaquePointer?
    defer { sqlite3_close(connection) }
    #expect(
      sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix") == SQLITE_OK)
    #expect(sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK)
  }

  @Test func everyPageOfAClosedFileIsSealed() throws {
    let (directory, bytes) = try closed()
    let pages = Int64(bytes.count / Self.pageBytes)
    #expect(
      PageChecksums.survey(directory.database)
        == .init(sealed: pages, unsealed: 0, damaged: 0, firstDamaged: nil))
  }

  /// Wherever one byte changes, the page is named, and no query gives another answer than before.
  @Test func aChangedByteIsNoticedInEveryPage() throws {
    let (directory, bytes) = try closed()
    let tables = ["user_name", "feature_name", "label", "source", "sequence_range_below", "chunk", "counter"]
    func contents(_ path: String) throws -> [[Row]] {
      let store = try EventStore(readingAt: path)
      return try store.read { database in
        try tables.map { try Row.fetchAll(database, sql: "SELECT * FROM \($0)") }
      }
    }
    let sound = try contents(directory.database)
    var random = SeededRandom(seed: 5)
    var errors = 0
    for page in 0..<bytes.count / Self.pageBytes {
      // Page 1 also where its header tells of the checksums, and in the checksum itself.
      for offset in [Int.random(in: 0..<Self.pageBytes, using: &random), 20, Self.pageBytes - 1] {
        var spoiled = bytes
        spoiled[page * Self.pageBytes + offset] ^= UInt8.random(in: 1...255, using: &random)
        let path = try write(spoiled, directory)
        // A header that names another size of pages is SQLite's to refuse.
        if let found = PageChecksums.survey(path) {
          #expect(found.damaged == 1 && found.firstDamaged == Int64(page + 1), "page \(page), byte \(offset)")
        } else {
          #expect(page == 0 && offset < 100)
        }
        do {
          #expect(try contents(path) == sound, "page \(page), byte \(offset)")
        } catch {
          errors += 1
        }
      }
    }
    #expect(errors > 10)
  }

  @Test func aDamagedPageIsNamedInTheError() throws {
    let (directory, bytes) = try closed()
    let root = try EventStore(readingAt: directory.database).read {
      try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'user_name'") ?? 0
    }
    var spoiled = bytes
    spoiled[root * Self.pageBytes - 100] ^= 1
    let store = try EventStore(readingAt: write(spoiled, directory))
    let error = #expect(throws: DatabaseError.self) {
      try store.read { try Row.fetchAll($0, sql: "SELECT * FROM user_name") }
    }
    #expect(
      StoreError.reason(of: try #require(error)) == "page \(root) of the file does not match its checksum")
  }

  /// A file whose log another program folded in has pages without checksums: readable, and sealed when written.
  @Test func anotherProgramsCheckpointIsNoDamage() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 4)
    try fixture.commit((0..<200).map { _ in SomeEvent.make(&random) })
    let events = try fixture.events().count
    let path = fixture.directory.path + "/copy.db"
    for ending in ["", "-wal"] {
      try FileManager.default.copyItem(atPath: fixture.directory.database + ending, toPath: path + ending)
    }
    try foreign(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    let found = try #require(PageChecksums.survey(path))
    #expect(found.unsealed > 0 && found.damaged == 0)
    let store = try EventStore(writingAt: path, program: "test")
    #expect(try store.read { try StoredEvents.all(in: $0) }.count == events)
    try store.queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM") }
    try store.close()
    let again = try #require(PageChecksums.survey(path))
    #expect(again.unsealed == 0 && again.damaged == 0)
  }

  /// SQLite takes pages of a file that is still empty for 4 KiB, and what stands at their end is no checksum then.
  @Test func aReaderFromBeforeThereWasAPageReadsThem() throws {
    try PageChecksums.activate()
    let directory = try TemporaryDirectory()
    #expect(FileManager.default.createFile(atPath: directory.database, contents: nil))
    let early = try DatabaseQueue(path: directory.database)
    #expect(try early.read { try Int.fetchOne($0, sql: "PRAGMA page_count") } == 0)
    let writer = try DatabaseQueue(path: directory.database)
    try writer.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA page_size = \(Self.pageBytes)")
      try PageChecksums.reserve(database)
      // Its text fills the first page from the end.
      try database.execute(sql: "CREATE TABLE long (number /* \(String(repeating: "x", count: 15_000)) */)")
      try database.execute(sql: "INSERT INTO long VALUES (7)")
    }
    #expect(try early.read { try Int.fetchOne($0, sql: "SELECT number FROM long") } == 7)
  }

  @Test func aFileFromBeforeGetsRoomWhenItIsWritten() throws {
    let (directory, _) = try closed()
    let old = try EventStore(readingAt: directory.database)
    let before = try old.read { try StoredEvents.all(in: $0) }
    let path = directory.path + "/before.db"
    let tables = try old.read {
      try Row.fetchAll($0, sql: "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
    }
    // Room that was given is never taken back, so the tables are copied to a file that has none.
    try foreign(
      path,
      """
      PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
      PRAGMA application_id = \(StoreSchema.applicationID); ATTACH '\(directory.database)' AS old;
      """
        + tables.filter { !($0[0] as String).hasPrefix("sqlite_") }.map {
          "\($0[1] as String); INSERT INTO main.\($0[0] as String) SELECT * FROM old.\($0[0] as String);"
        }.joined())
    #expect(PageChecksums.survey(path) == nil)
    #expect(try EventStore(readingAt: path).read { try StoredEvents.all(in: $0) } == before)
    let store = try EventStore(writingAt: path, program: "test")
    #expect(try store.read { try StoredEvents.all(in: $0) } == before)
    try store.close()
    let found = try #require(PageChecksums.survey(path))
    #expect(found.unsealed == 0 && found.damaged == 0 && found.sealed > 10)
  }

  /// Also one of a database in use, and that does not fit SQLite's cache: pages go to the file in any order then.
  @Test func aBackupIsSealedToo() throws {
    let fixture = try StoreFixture()
    try fixture.execute(
      "INSERT INTO damaged_page (number, found_ms, bytes) VALUES (1, 1, randomblob(8000000))")
    let copy = fixture.directory.path + "/backup.db"
    _ = try StoreBackup.copy(fixture.directory.database, to: copy, replaces: false)
    let found = try #require(PageChecksums.survey(copy))
    #expect(found.unsealed == 0 && found.damaged == 0)
  }
}
