import Foundation
import GRDB
import Testing
import UsageModel

@testable import EventStore

struct StoreOpeningTests {
  /// The name of the error's case, and its text.
  private func failure(_ body: () throws -> Void) -> (name: String, text: String) {
    do {
      try body()
    } catch let error as StoreError {
      let name = String("\(Mirror(reflecting: error).children.first?.label ?? "")")
      return (name, error.description)
    } catch {
      return ("other", "\(error)")
    }
    return ("none", "")
  }

  @Test func refusesASecondWriterByName() throws {
    let directory = try TemporaryDirectory()
    let first = try EventStore(writingAt: directory.database, program: "waterlined")
    let (name, text) = failure {
      _ = try EventStore(writingAt: directory.database, program: "waterline import")
    }
    #expect(name == "locked")
    #expect(text.contains("waterlined (pid \(getpid()))"))
    #expect(text.contains(directory.database))
    // The one who was refused took nothing away: a third is refused by the first's name still.
    #expect(failure { _ = try EventStore(writingAt: directory.database, program: "third") }.text == text)
    try first.write { try $0.execute(sql: "INSERT INTO setting VALUES ('a', 'b')") }
    // Readers come at any time.
    let reader = try EventStore(readingAt: directory.database)
    #expect(try reader.read { try SettingStore.get("a", in: $0) } == "b")
  }

  @Test func theLockEndsWithItsHolder() throws {
    let directory = try TemporaryDirectory()
    for round in 0..<3 {
      let store = try EventStore(
        writingAt: directory.database, program: "a much longer program name \(3 - round)")
      try store.write { try $0.execute(sql: "INSERT INTO setting VALUES (?, 'x')", arguments: ["\(round)"]) }
    }
    let store = try EventStore(writingAt: directory.database, program: "p")
    #expect(try store.read { try SettingStore.all(in: $0) }.count == 3)
    let (_, text) = failure { _ = try EventStore(writingAt: directory.database, program: "q") }
    #expect(text.contains("by p (pid \(getpid())):"))
  }

  @Test func readersNeverWrite() throws {
    let fixture = try StoreFixture()
    let reader = try EventStore(readingAt: fixture.directory.database)
    #expect(throws: DatabaseError.self) { try reader.write { try $0.execute(sql: "DELETE FROM source") } }
    #expect(throws: DatabaseError.self) { try reader.read { try $0.execute(sql: "DELETE FROM source") } }
  }

  @Test func namesWhatIsMissing() throws {
    let directory = try TemporaryDirectory()
    let (name, text) = failure { _ = try EventStore(readingAt: directory.database) }
    #expect(name == "missing")
    #expect(text.contains(directory.database))
    #expect(!FileManager.default.fileExists(atPath: directory.database))
    let nowhere = directory.path + "/no/such/directory/test.db"
    #expect(failure { _ = try EventStore(writingAt: nowhere, program: "p") }.name == "cannotOpen")
    #expect(failure { _ = try EventStore(readingAt: nowhere) }.name == "missing")
    #expect(failure { _ = try EventStore(readingAt: directory.path) }.name == "cannotOpen")
    #expect(failure { _ = try EventStore(writingAt: directory.path, program: "p") }.name == "cannotOpen")
  }

  /// A file that is none of ours is refused and left as it is.
  @Test func leavesOtherFilesAlone() throws {
    let directory = try TemporaryDirectory()
    let texts: [String: Data] = [
      "text": Data("time,user,app\n".utf8),
      "random": Data((0..<9_000).map { UInt8(truncatingIfNeeded: $0 &* 97) }),
      "header": Data("SQLite format 3\u{0}".utf8) + Data(repeating: 0xA5, count: 5_000),
    ]
    for (name, content) in texts {
      let path = directory.path + "/" + name
      try content.write(to: URL(fileURLWithPath: path))
      #expect(failure { _ = try EventStore(writingAt: path, program: "p") }.name == "notWaterline", "\(name)")
      #expect(failure { _ = try EventStore(readingAt: path) }.name == "notWaterline", "\(name)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == content)
    }
  }

  @Test func leavesOtherDatabasesAlone() throws {
    let directory = try TemporaryDirectory()
    do {
      let foreign = try DatabaseQueue(path: directory.database)
      try foreign.write {
        try $0.execute(sql: "CREATE TABLE invoice (id INTEGER); INSERT INTO invoice VALUES (7)")
      }
      try foreign.close()
    }
    let before = try Data(contentsOf: URL(fileURLWithPath: directory.database))
    let (name, text) = failure { _ = try EventStore(writingAt: directory.database, program: "p") }
    #expect(name == "notWaterline")
    #expect(text.contains("not a Waterline database"))
    #expect(failure { _ = try EventStore(readingAt: directory.database) }.name == "notWaterline")
    // Not one byte of it changed, its journal mode neither.
    #expect(try Data(contentsOf: URL(fileURLWithPath: directory.database)) == before)
    let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(Set(files).isSubset(of: ["test.db", "test.db.lock"]))
  }

  @Test func refusesANewerDatabase() throws {
    let fixture = try StoreFixture()
    try fixture.execute("INSERT INTO grdb_migrations VALUES ('999 from the future')")
    #expect(failure { _ = try EventStore(readingAt: fixture.directory.database) }.name == "newer")
    let (name, text) = failure { try fixture.reopen() }
    #expect(name == "newer")
    #expect(text.contains("newer"))
  }

  @Test func asksForMigration() throws {
    let directory = try TemporaryDirectory()
    do {
      let old = try DatabaseQueue(path: directory.database)
      try old.write { database in
        try database.execute(
          sql: "PRAGMA application_id = 1464618545; CREATE TABLE setting_of_old (name TEXT)")
      }
      try old.close()
    }
    #expect(failure { _ = try EventStore(readingAt: directory.database) }.name == "needsMigration")
    _ = try EventStore(writingAt: directory.database, program: "p")
    #expect(failure { _ = try EventStore(readingAt: directory.database) }.name == "none")
  }

  /// What others may rely on: the mark of the file, WAL, and every commit on disk.
  @Test func setsUpTheFile() throws {
    let fixture = try StoreFixture()
    #expect(try fixture.integers("PRAGMA application_id") == [[0x574C_4E31]])
    #expect(try fixture.integers("PRAGMA synchronous") == [[2]])
    #expect(try fixture.integers("PRAGMA auto_vacuum") == [[2]])
    let mode = try fixture.store.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
    #expect(mode == "wal")
    #expect(try fixture.integers("SELECT count(*) FROM source WHERE id = 0 AND name = ''") == [[1]])
    try fixture.reopen()
    #expect(try fixture.integers("PRAGMA synchronous") == [[2]])
  }

  /// The files as a crash leaves them, the last commits in the write-ahead log only.
  @Test func opensAfterACrash() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 95)
    let events = (0..<50).map { _ in SomeEvent.make(&random) }
    try fixture.commit(events)
    for isReader in [true, false] {
      let copy = try TemporaryDirectory()
      for ending in ["", "-wal"] {
        try FileManager.default.copyItem(
          atPath: fixture.directory.database + ending, toPath: copy.database + ending)
      }
      let store =
        isReader
        ? try EventStore(readingAt: copy.database) : try EventStore(writingAt: copy.database, program: "p")
      #expect(try store.read { try StoredEvents.all(in: $0) }.map(\.fingerprint) == events.map(\.fingerprint))
    }
  }

  /// SQLite would read the rest of the last page as zeros, and a column of zeros as an answer.
  @Test func refusesAFileThatWasCutShort() throws {
    let directory = try TemporaryDirectory()
    _ = try EventStore(writingAt: directory.database, program: "p")
    let whole = try Data(contentsOf: URL(fileURLWithPath: directory.database))
    for missing in [1, 16_383, 16_384, 20_000] {
      try whole.dropLast(missing).write(to: URL(fileURLWithPath: directory.database))
      for writes in [false, true] {
        let (name, text) = failure {
          if writes {
            _ = try EventStore(writingAt: directory.database, program: "p")
          } else {
            _ = try EventStore(readingAt: directory.database)
          }
        }
        #expect(name == "cutShort", "\(missing) bytes missing: \(text)")
        #expect(text.contains("\(whole.count - missing) of \(whole.count)"))
      }
    }
    try whole.write(to: URL(fileURLWithPath: directory.database))
    _ = try EventStore(writingAt: directory.database, program: "p")
  }

  /// The power went between the library's own first table and ours.
  @Test func goesOnMakingTheTables() throws {
    let directory = try TemporaryDirectory()
    let queue = try DatabaseQueue(path: directory.database)
    try queue.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA application_id = \(StoreSchema.applicationID)")
      try database.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
    }
    try queue.close()
    let store = try EventStore(writingAt: directory.database, program: "p")
    #expect(try store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM source") } == 1)
  }

  @Test func opensAnEmptyFile() throws {
    let directory = try TemporaryDirectory()
    #expect(FileManager.default.createFile(atPath: directory.database, contents: Data()))
    let store = try EventStore(writingAt: directory.database, program: "p")
    #expect(try store.read { try StoredEvents.all(in: $0) }.isEmpty)
  }
}
