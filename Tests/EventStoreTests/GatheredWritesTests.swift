import Foundation
import GRDB
import Testing

@testable import EventStore

/// A log whose writes are gathered, against a database in memory that does the same.
@Suite struct GatheredWritesTests {
  private static let tables = "CREATE TABLE made (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)"

  @Test func aStoreThatWritesGathers() throws {
    let directory = try TemporaryDirectory()
    let store = try EventStore(writingAt: directory.database, program: "test")
    #expect(store.gathersLogWrites)
    #expect(try !EventStore(readingAt: directory.database).gathersLogWrites)
  }

  /// Without a log there is nothing to gather, and what was opened to read gathers nothing that matters.
  @Test func whoHasNoLogIsTold() throws {
    try PageChecksums.activate()
    let directory = try TemporaryDirectory()
    let plain = try DatabaseQueue(path: directory.path + "/plain.db")
    plain.inDatabase { #expect(!PageChecksums.gatherLogWrites(of: $0)) }
    let memory = try DatabaseQueue()
    memory.inDatabase { #expect(!PageChecksums.gatherLogWrites(of: $0)) }
  }

  /// A log that is closed and made anew is written as SQLite does, until somebody asks again.
  @Test func aNewLogGathersNothing() throws {
    let directory = try TemporaryDirectory()
    let store = try EventStore(writingAt: directory.database, program: "test")
    try store.queue.writeWithoutTransaction { database in
      try database.execute(sql: Self.tables)
      try database.execute(sql: "PRAGMA journal_mode = DELETE")
      try database.execute(sql: "PRAGMA journal_mode = WAL")
      try database.execute(sql: "INSERT INTO made (bytes) VALUES (zeroblob(100000))")
    }
    let reader = try EventStore(readingAt: directory.database)
    #expect(try reader.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM made") } == 1)
  }

  /// Commits, rollbacks, savepoints, pages that leave a small cache early, folding, readers that stay, another
  /// program that writes in between: whoever looks after a commit sees what it made, and nothing else.
  @Test(arguments: 0..<4 as Range<UInt64>) func everyCommitIsSeenWholeAndNothingElse(seed: UInt64) throws {
    let directory = try TemporaryDirectory()
    let store = try EventStore(writingAt: directory.database, program: "test")
    let model = try DatabaseQueue()
    var random = SeededRandom(seed: seed)
    try store.queue.writeWithoutTransaction { database in
      try database.execute(sql: Self.tables)
      // So few pages that most transactions write some to the log before they end.
      try database.execute(sql: "PRAGMA cache_size = 5")
      try database.execute(sql: "PRAGMA wal_autocheckpoint = 40")
    }
    try model.write { try $0.execute(sql: Self.tables) }
    let other = try DatabaseQueue(path: directory.database)
    var staying: DatabaseQueue?
    for _ in 0..<120 {
      let script = Self.script(&random)
      for queue in [store.queue, model] { try queue.writeWithoutTransaction { try Self.run(script, in: $0) } }
      if Int.random(in: 0..<4, using: &random) == 0 {
        let foreign = Self.change(&random)
        for queue in [other, model] { try queue.write { try Self.run([foreign], in: $0) } }
      }
      if Int.random(in: 0..<10, using: &random) == 0 {
        try store.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(PASSIVE)") }
      }
      if Int.random(in: 0..<6, using: &random) == 0 {
        staying = staying == nil ? try Self.stayingReader(directory.database) : nil
      }
      let reader = try EventStore(readingAt: directory.database)
      #expect(try reader.read(Self.contents) == model.read(Self.contents))
    }
    staying = nil
    #expect(try store.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
    try other.close()
    try store.close()
    let survey = try #require(PageChecksums.survey(directory.database))
    #expect(survey.damaged == 0)
    let again = try EventStore(readingAt: directory.database)
    #expect(try again.read(Self.contents) == model.read(Self.contents))
  }

  private static func contents(_ database: Database) throws -> [Row] {
    try Row.fetchAll(database, sql: "SELECT id, bytes FROM made ORDER BY id")
  }

  /// Keeps the log from being folded in whole, until it is let go.
  private static func stayingReader(_ path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.allowsUnsafeTransactions = true
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.inDatabase {
      try $0.beginTransaction(.deferred)
      _ = try contents($0)
    }
    return queue
  }

  private struct Statement {
    var sql: String
    var arguments = StatementArguments()
  }

  /// One transaction, which ends well or is taken back.
  private static func script(_ random: inout SeededRandom) -> [Statement] {
    var script = [Statement(sql: "BEGIN IMMEDIATE")]
    for _ in 0..<Int.random(in: 1...12, using: &random) {
      script.append(change(&random))
      guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
      script.append(Statement(sql: "SAVEPOINT inner"))
      for _ in 0..<Int.random(in: 1...5, using: &random) { script.append(change(&random)) }
      if Bool.random(using: &random) { script.append(Statement(sql: "ROLLBACK TO inner")) }
      script.append(Statement(sql: "RELEASE inner"))
    }
    script.append(Statement(sql: Int.random(in: 0..<3, using: &random) == 0 ? "ROLLBACK" : "COMMIT"))
    return script
  }

  private static func change(_ random: inout SeededRandom) -> Statement {
    let id = Int.random(in: 1...30, using: &random)
    guard Int.random(in: 0..<4, using: &random) > 0 else {
      return Statement(sql: "DELETE FROM made WHERE id = ?", arguments: [id])
    }
    let longest = 100 << Int.random(in: 0...11, using: &random)
    let byte = UInt8.random(in: 0...255, using: &random)
    let bytes = Data(repeating: byte, count: Int.random(in: 0...longest, using: &random))
    return Statement(sql: "INSERT OR REPLACE INTO made (id, bytes) VALUES (?, ?)", arguments: [id, bytes])
  }

  private static func run(_ script: [Statement], in database: Database) throws {
    for statement in script { try database.execute(sql: statement.sql, arguments: statement.arguments) }
  }
}
