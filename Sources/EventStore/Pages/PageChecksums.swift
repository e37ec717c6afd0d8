import CPageChecksum
import GRDB

/// Checksums for SQLite's own pages: names, ledger, roster and indexes are checked whenever they are read.
///
/// Columns of events carry checksums of their own, which hold in copies and in other programs' hands too.
/// Pages are described in `schemas/store.sql`.
package enum PageChecksums {
  /// Pages of a file, by what was found.
  package struct Survey: Equatable, Sendable {
    package var sealed: Int64
    /// Written to the file by a program that knows nothing of checksums.
    package var unsealed: Int64
    package var damaged: Int64
    /// Counted from 1; nil when none is damaged.
    package var firstDamaged: Int64?
  }

  /// Has SQLite check pages in this process from now on; to be called before a file is opened.
  package static func activate() throws {
    let code = wl_page_checksum_register()
    guard code == 0 else { throw StoreError.invalid("SQLite refuses page checksums (error \(code))") }
  }

  /// Gives the pages of a file that is still empty room for checksums.
  ///
  /// - Parameter isWhole: all its pages are about to be written in any order, before page 1 says that there is room.
  package static func reserve(_ database: Database, isWhole: Bool = false) throws {
    let connection = UnsafeMutableRawPointer(database.sqliteConnection)
    var code = wl_page_checksum_reserve(connection)
    if code == 0, isWhole { code = wl_page_checksum_expect(connection) }
    guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
  }

  /// Has a connection that syncs each commit write the log in large pieces; see `wl_gather_log_writes`.
  ///
  /// - Returns: false where that would not be safe, and everything is written as SQLite does.
  static func gatherLogWrites(of database: Database) -> Bool {
    wl_gather_log_writes(UnsafeMutableRawPointer(database.sqliteConnection))
  }

  /// Rewrites a file that was made before there were checksums.
  ///
  /// - Complexity: O(size of the file), once, and as much room on the disk.
  static func makeRoom(in queue: DatabaseQueue, path: String) throws {
    guard wl_page_checksum_lacks_room(path) else { return }
    try queue.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA journal_mode = DELETE")
      try database.execute(sql: "VACUUM")
      try database.execute(sql: "PRAGMA journal_mode = WAL")
    }
  }

  /// Reads every page of a file; nil when its pages have no room for checksums, or it cannot be read.
  package static func survey(_ path: String) -> Survey? {
    var found = wl_page_survey()
    guard wl_page_checksum_survey(path, &found) == 0 else { return nil }
    return Survey(
      sealed: found.sealed, unsealed: found.unsealed, damaged: found.damaged,
      firstDamaged: found.first_damaged == 0 ? nil : found.first_damaged)
  }

  /// The first 100 bytes of a database file, and the file's length; nil for any other file.
  ///
  /// Read through SQLite's own layer: a process that closes a file loses all its locks on it, those of its
  /// connections too, and another program's last connection would then delete the log under them.
  static func header(ofDatabaseAt path: String) -> (bytes: [UInt8], byteCount: Int64)? {
    var bytes = [UInt8](repeating: 0, count: 100)
    var byteCount: Int64 = 0
    guard wl_database_header(path, &bytes, &byteCount) == 0 else { return nil }
    return (bytes, byteCount)
  }

  /// Says which page this thread could not read last; nil when none was since it was last asked.
  package static func takeFailure() -> String? {
    takeFailedPage().map { "page \($0) of the file does not match its checksum" }
  }

  /// As above, its number.
  static func takeFailedPage() -> UInt32? {
    let number = wl_page_checksum_take_failure()
    return number == 0 ? nil : number
  }

  /// Has this connection read other bytes in the place of a damaged page; for ``PageMender`` only.
  static func substitute(_ page: [UInt8], forPage number: UInt32, in database: Database) throws {
    let code = wl_page_checksum_substitute(
      UnsafeMutableRawPointer(database.sqliteConnection), number, page, Int32(page.count))
    guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
  }
}
