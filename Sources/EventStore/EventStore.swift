import Foundation
import GRDB

/// One Waterline database file, opened to write or to read.
///
/// WAL, so that readers never wait for the writer; synchronous=FULL, so that a commit is on disk when it
/// returns. Exactly one process writes, guarded by ``StoreLock``.
package final class EventStore: Sendable {
  package let path: String
  package let queue: DatabaseQueue
  private let lock: StoreLock?
  /// Whether the log is written in large pieces: always, but on a disk that may harm bytes beside those it writes.
  let gathersLogWrites: Bool

  /// How long a reader or writer waits for SQLite's own short locks (checkpoints, other tools).
  private static let busySeconds: TimeInterval = 10
  static var busyMilliseconds: Int { Int(busySeconds * 1_000) }

  /// Pages that the writer keeps in memory, in KiB: the tables of 100,000 people and as many sources.
  ///
  /// With SQLite's own 2 MiB, a batch from thousands of sources reads and writes most pages again.
  private static let cacheKibibytes = 16 << 10
  /// Length of the WAL from which SQLite folds it in: 16 MiB, so that pages which every commit changes are
  /// written back once for several.
  private static let checkpointBytes = 16 << 20
  /// Of new files, so that a chunk's columns are read and written in few pieces; older files keep their 4 KiB.
  private static let pageBytes = 16 << 10

  /// Opens or creates a database to write; holds its lock until released.
  ///
  /// - Parameters:
  ///   - path: the file; its directory must exist.
  ///   - program: who writes, for the lock's text.
  /// - Throws: `StoreError`, telling what to do.
  package init(writingAt path: String, program: String) throws {
    self.path = path
    lock = try StoreLock(databasePath: path, program: program)
    try PageChecksums.activate()
    DirectoryOwner.make(path)
    try Self.checkBeforeWriting(path)
    var configuration = Self.configuration()
    configuration.journalMode = .wal
    configuration.prepareDatabase { database in
      // Not in older files, of whose pages SQLite would read the first in the wrong length.
      if try Int.fetchOne(database, sql: "PRAGMA page_count") == 0 {
        try database.execute(sql: "PRAGMA page_size = \(Self.pageBytes)")
      }
      try PageChecksums.reserve(database)
      // Only takes effect while the file is still empty; lets freed pages be given back bit by bit.
      try database.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
    }
    queue = try Self.open(path, configuration)
    // Not in `prepareDatabase`: GRDB sets NORMAL afterwards, together with WAL.
    try queue.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA synchronous = FULL")
      // What is deleted inside pages that are written anyway is overwritten; `forget` sees to the rest.
      try database.execute(sql: "PRAGMA secure_delete = FAST")
      try database.execute(sql: "PRAGMA journal_size_limit = \(WalKeeper.bytesWanted)")
      try database.execute(sql: "PRAGMA cache_size = -\(Self.cacheKibibytes)")
      let pageBytes = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? Self.pageBytes
      try database.execute(sql: "PRAGMA wal_autocheckpoint = \(Self.checkpointBytes / pageBytes)")
    }
    try queue.read { try Self.checkIsWaterline($0, path: path, allowsEmpty: true) }
    try PageChecksums.makeRoom(in: queue, path: path)
    try Self.claimIfEmpty(queue)
    try StoreSchema.migrator.migrate(queue)
    gathersLogWrites = queue.writeWithoutTransaction { PageChecksums.gatherLogWrites(of: $0) }
    try write { try SecretStore.ensurePseudonymKey(in: $0) }
  }

  /// Opens an existing database to read, at any time, whoever writes it.
  package init(readingAt path: String) throws {
    self.path = path
    lock = nil
    gathersLogWrites = false
    try PageChecksums.activate()
    guard FileManager.default.fileExists(atPath: path) else { throw StoreError.absent(path: path) }
    try Self.checkLength(path)
    var configuration = Self.configuration()
    configuration.readonly = true
    queue = try Self.open(path, configuration)
    try queue.read { database in
      try Self.checkIsWaterline(database, path: path, allowsEmpty: false)
      guard try StoreSchema.migrator.hasCompletedMigrations(database) else {
        throw StoreError.needsMigration(path: path)
      }
    }
  }

  /// Ends using the file; one that was open to write is left without a WAL.
  ///
  /// - Throws: `DatabaseError`; everything committed is safe all the same, in the WAL.
  package func close() throws {
    if lock != nil {
      try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
    }
    try queue.close()
  }

  /// Runs `body` on one snapshot of the database.
  ///
  /// It is rolled back at the end: where a read met a damaged page SQLite lets nothing be committed, and what
  /// `body` made of the rest would be lost with it.
  package func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
    try queue.unsafeRead { database in
      try database.readOnly {
        var result: Result?
        try database.inTransaction(.deferred) {
          result = try body(database)
          return .rollback
        }
        guard let result else { throw StoreError.invalid("a read ended without a result") }
        return result
      }
    }
  }

  /// Runs `body` in one transaction.
  package func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
    try queue.inTransactionReturning(body)
  }

  private static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.busyMode = .timeout(busySeconds)
    configuration.foreignKeysEnabled = true
    return configuration
  }

  private static func open(_ path: String, _ configuration: Configuration) throws -> DatabaseQueue {
    do {
      return try openPlainly(path, configuration)
    } catch let error as DatabaseError {
      throw StoreError.cannotOpen(path: path, reason: StoreError.reason(of: error))
    }
  }

  /// As above, with SQLite's own errors.
  private static func openPlainly(_ path: String, _ configuration: Configuration) throws -> DatabaseQueue {
    do {
      return try DatabaseQueue(path: path, configuration: configuration)
    } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
      throw StoreError.notWaterline(path: path)
    }
  }

  /// Refuses a file that is not ours before anything of it is changed: opening to write turns on WAL.
  private static func checkBeforeWriting(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0, status.st_size > 0 else { return }
    try checkLength(path)
    var configuration = configuration()
    configuration.readonly = true
    do {
      try check(path, configuration)
    } catch let error as DatabaseError where error.resultCode == .SQLITE_READONLY {
      // The power went in the middle of a change: only one who may write can take back what is half done, as
      // every program that opens the file would.
      configuration.readonly = false
      try check(path, configuration)
    }
  }

  private static func check(_ path: String, _ configuration: Configuration) throws {
    let queue: DatabaseQueue
    do {
      queue = try openPlainly(path, configuration)
    } catch let error as DatabaseError where error.resultCode != .SQLITE_READONLY {
      throw StoreError.cannotOpen(path: path, reason: StoreError.reason(of: error))
    }
    try queue.read { try checkIsWaterline($0, path: path, allowsEmpty: true) }
    try queue.close()
  }

  /// Marks an empty file as ours before anything else is in it: should the power go while the tables are
  /// made, what is found then must not pass for another program's.
  private static func claimIfEmpty(_ queue: DatabaseQueue) throws {
    try queue.writeWithoutTransaction { database in
      guard try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0 else { return }
      try database.execute(sql: "PRAGMA application_id = \(StoreSchema.applicationID)")
    }
  }

  /// Refuses a file that was cut short: SQLite reads what is missing of its last page as zeros.
  ///
  /// The file's own header says how long it is (SQLite's file format, 1.3). Pages that only a log or a
  /// journal holds are not in the file yet, so a file with one is left to SQLite.
  private static func checkLength(_ path: String) throws {
    for ending in ["-wal", "-journal"] {
      var status = stat()
      if stat(path + ending, &status) == 0, status.st_size > 0 { return }
    }
    // What cannot be read, or is not ours, gets its own error when it is opened.
    guard let (header, byteCount) = PageChecksums.header(ofDatabaseAt: path) else { return }
    func number(at offset: Int, bytes: Int) -> Int64 {
      header[offset..<offset + bytes].reduce(0) { $0 << 8 | Int64($1) }
    }
    // 1 stands for 65,536; the page count counts only where the last writer kept it.
    let pageBytes = number(at: 16, bytes: 2) == 1 ? 65_536 : number(at: 16, bytes: 2)
    guard number(at: 24, bytes: 4) == number(at: 92, bytes: 4),
      number(at: 68, bytes: 4) == Int64(StoreSchema.applicationID)
    else { return }
    let expected = pageBytes * number(at: 28, bytes: 4)
    guard byteCount >= expected else {
      throw StoreError.cutShort(path: path, byteCount: byteCount, expected: expected)
    }
  }

  private static func checkIsWaterline(_ database: Database, path: String, allowsEmpty: Bool) throws {
    do {
      let isEmpty = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
      if isEmpty && allowsEmpty { return }
      let application = try Int32.fetchOne(database, sql: "PRAGMA application_id")
      guard application == StoreSchema.applicationID else { throw StoreError.notWaterline(path: path) }
      guard try !StoreSchema.migrator.hasBeenSuperseded(database) else { throw StoreError.newer(path: path) }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
      throw StoreError.notWaterline(path: path)
    }
  }
}

extension StoreError {
  /// SQLite's own words for an error, without SQL and arguments, which may name people.
  package static func reason(of error: any Error) -> String {
    guard let error = error as? DatabaseError else { return "\(error)" }
    if error.resultCode == .SQLITE_CORRUPT, let page = PageChecksums.takeFailure() { return page }
    return error.message ?? "SQLite error \(error.resultCode.rawValue)"
  }
}

extension DatabaseQueue {
  /// A write transaction that hands back a result and rolls back on any error.
  func inTransactionReturning<Result>(_ body: (Database) throws -> Result) throws -> Result {
    var result: Result?
    try writeWithoutTransaction { database in
      try database.inTransaction(.immediate) {
        result = try body(database)
        return .commit
      }
    }
    guard let result else { throw StoreError.invalid("transaction ended without a result") }
    return result
  }
}

extension [UInt8] {
  /// The bytes as a blob argument.
  var databaseBlob: Data { Data(self) }
}
