import Foundation
import GRDB
import Glibc

/// Keeps the WAL from growing under readers that always overlap.
///
/// SQLite folds the WAL into the file by itself after each 16 MiB, but can begin it anew only at a moment
/// when nobody reads from it: readers that overlap for ever would let it grow for ever. So when it is long, a
/// truncating checkpoint holds the writer back and waits, a little while, for the readers of now to end;
/// new ones read from the file and are in nobody's way. Only a reader that never ends can then make it grow;
/// that one is named, and at ``bytesMax`` events are no longer stored but kept waiting, as with a full disk.
package struct WalKeeper: Sendable {
  /// From this length on the WAL is truncated: 64 MiB, some seconds of the fastest ingest.
  package static let bytesWanted: Int64 = 64 << 20
  /// From this length on it is a warning in the log and in `status`: 1 GiB.
  package static let bytesWarned: Int64 = 1 << 30
  /// At this length nothing more is stored until the reader ends: 4 GiB, some 200 million events.
  package static let bytesMax: Int64 = 4 << 30
  /// Longest wait for readers: what receivers and socket buffers can hold back meanwhile.
  static let waitMilliseconds = 2_000
  /// Rest after an attempt that failed: readers that overlap let about one in four fail.
  static let shortRestMilliseconds: Int64 = 1_000
  /// Attempts in a row after which it must be a reader that never ends.
  static let attemptsMax = 10
  /// Rest from then on, so that such a reader costs a thirtieth of the time.
  static let restMilliseconds: Int64 = 60_000

  private var lastFailureMilliseconds: Int64?
  private var failureCount = 0
  private let bytesMax: Int64

  package init(bytesMax: Int64 = Self.bytesMax) { self.bytesMax = bytesMax }

  /// Length of a database's WAL; 0 when there is none.
  package static func byteCount(ofDatabaseAt path: String) -> Int64 {
    var status = stat()
    return stat(path + "-wal", &status) == 0 ? Int64(status.st_size) : 0
  }

  /// Truncates a long WAL; call on the writer, between two commits.
  ///
  /// - Returns: a warning when it is over ``bytesWarned`` and readers keep it there.
  /// - Throws: `DatabaseError` of the disk; readers in the way are none.
  package mutating func check(_ store: EventStore, nowMilliseconds: Int64) throws -> String? {
    let byteCount = Self.byteCount(ofDatabaseAt: store.path)
    guard byteCount > Self.bytesWanted else {
      lastFailureMilliseconds = nil
      failureCount = 0
      return nil
    }
    let rest = failureCount < Self.attemptsMax ? Self.shortRestMilliseconds : Self.restMilliseconds
    if let last = lastFailureMilliseconds, (last..<last + rest).contains(nowMilliseconds) {
      return nil
    }
    if try Self.truncate(store) {
      lastFailureMilliseconds = nil
      failureCount = 0
      return nil
    }
    lastFailureMilliseconds = nowMilliseconds
    failureCount += 1
    guard byteCount > Self.bytesWarned else { return nil }
    return Self.warning(byteCount, path: store.path)
  }

  /// Makes sure that the WAL may grow; call on the writer, before a commit of events.
  ///
  /// - Throws: `StoreError` naming the reader when the WAL has reached its bound and cannot be truncated.
  /// - Complexity: a look at the file.
  package func requireRoom(_ store: EventStore) throws {
    let byteCount = Self.byteCount(ofDatabaseAt: store.path)
    guard byteCount > bytesMax, try !Self.truncate(store) else { return }
    throw StoreError.invalid(
      "\(store.path)-wal has \(byteCount >> 20) MiB and must not grow, as a reader keeps it from being folded in"
        + ReaderProcesses.text(databasePath: store.path) + ": end that reader")
  }

  /// What to tell people about a WAL of this length.
  package static func warning(_ byteCount: Int64, path: String) -> String {
    let readers = ReaderProcesses.text(databasePath: path)
    return "\(path)-wal has \(byteCount >> 20) MiB, as a reader keeps it from being folded in\(readers): end "
      + "that reader; at \(bytesMax >> 20) MiB nothing more is stored"
  }

  /// - Returns: false when readers were in the way.
  static func truncate(_ store: EventStore) throws -> Bool {
    try store.queue.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA busy_timeout = \(waitMilliseconds)")
      defer { try? database.execute(sql: "PRAGMA busy_timeout = \(EventStore.busyMilliseconds)") }
      let row = try Row.fetchOne(database, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
      return row?[0] == 0
    }
  }
}

/// Who has a database's WAL index locked, as the kernel tells it.
enum ReaderProcesses {
  /// ` (held by sqlite3, pid 4711)`, or nothing where the kernel does not tell.
  static func text(databasePath: String) -> String {
    var status = stat()
    guard stat(databasePath + "-shm", &status) == 0,
      let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
    else { return "" }
    // 1: POSIX  ADVISORY  READ 4711 fe:01:1234 124 124
    let own = getpid()
    let holders = locks.split(separator: "\n").compactMap { line -> Int32? in
      let cells = line.split(separator: " ", omittingEmptySubsequences: true)
      guard cells.count >= 8, cells[1] == "POSIX", cells[5].hasSuffix(":\(status.st_ino)"),
        let pid = Int32(cells[4]), pid > 0, pid != own
      else { return nil }
      return pid
    }
    guard !holders.isEmpty else { return "" }
    let names = Set(holders).sorted().prefix(5).map { pid in
      let name = (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) ?? "a process"
      return "\(name.trimmingCharacters(in: .whitespacesAndNewlines)), pid \(pid)"
    }
    return " (held by \(names.joined(separator: "; ")))"
  }
}
