import Foundation
import GRDB
import Glibc
import UsageModel

/// Copies a database while it is in use.
package enum StoreBackup {
  /// Pages copied between two looks at the progress: 4 MiB, of older files 1.
  private static let pagesPerStep: Int32 = 256

  /// What a copy holds.
  package struct Result: Equatable, Sendable {
    package var byteCount: Int64
    package var eventCount: Int64
    /// Events in chunks that are set aside as damaged, which the copy has too.
    package var damagedEventCount: Int64
  }

  /// What a copy is doing.
  package enum Step: Sendable {
    case copying(doneBytes: Int64, totalBytes: Int64)
    case checking(doneChunks: Int, totalChunks: Int)
  }

  /// Copies one snapshot of a database, checks the copy, and only then gives it its name.
  ///
  /// The copy holds the database's secrets too and is readable for its owner only. Events go on being stored
  /// meanwhile; the WAL cannot be folded in before the copy is made.
  /// - Parameter replaces: whether an older backup of that name may be replaced.
  /// - Throws: `StoreError` naming the file; `DatabaseError` of the disk. No file is left behind then.
  package static func copy(
    _ path: String, to destination: String, replaces: Bool, progress: (Step) -> Void = { _ in }
  ) throws -> Result {
    try BackupDestination.check(destination, source: path, replaces: replaces)
    let partial = "\(destination).partial-\(getpid())"
    let descriptor = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      let number = errno
      let directory = URL(fileURLWithPath: destination).deletingLastPathComponent().path
      throw StoreError.invalid(
        "cannot write \(destination): \(String(cString: strerror(number))); "
          + FileAdvice.writing(number, directory: directory, option: "file"))
    }
    defer { Glibc.close(descriptor) }
    do {
      let result = try fill(partial, from: path, progress)
      // The check left them; the copy was closed before it, and needs neither.
      for ending in ["-wal", "-shm"] { unlink(partial + ending) }
      guard fsync(descriptor) == 0, rename(partial, destination) == 0 else {
        throw StoreError.invalid("cannot write \(destination): \(String(cString: strerror(errno)))")
      }
      syncDirectory(of: destination)
      return result
    } catch {
      for ending in ["", "-wal", "-shm", "-journal"] { unlink(partial + ending) }
      throw error
    }
  }

  private static func fill(_ partial: String, from path: String, _ progress: (Step) -> Void) throws -> Result
  {
    let source = try EventStore(readingAt: path)
    var configuration = Configuration()
    configuration.prepareDatabase { try PageChecksums.reserve($0, isWhole: true) }
    let copy = try DatabaseQueue(path: partial, configuration: configuration)
    try source.read { from in
      let pageBytes = try Int64.fetchOne(from, sql: "PRAGMA page_size") ?? 4_096
      try withoutActuallyEscaping(progress) { progress in
        try copy.writeWithoutTransaction { to in
          try from.backup(to: to, pagesPerStep: pagesPerStep) { state in
            let total = Int64(state.totalPageCount) * pageBytes
            let left = Int64(state.remainingPageCount) * pageBytes
            progress(.copying(doneBytes: total - left, totalBytes: total))
          }
        }
      }
    }
    try copy.close()
    try source.close()
    return try check(partial, progress)
  }

  /// Reads the copy as a whole, as `doctor` would.
  private static func check(_ partial: String, _ progress: (Step) -> Void) throws -> Result {
    let copy = try EventStore(readingAt: partial)
    let result = try copy.read { database in
      let problems = try String.fetchAll(database, sql: "PRAGMA integrity_check(3)")
      guard problems == ["ok"] else {
        throw StoreError.invalid(
          "the copy is not sound (\(problems.first ?? "no answer")): run 'waterline doctor' on the database")
      }
      let chunks = try ChunkRow.all(in: database)
      for (index, chunk) in chunks.enumerated() {
        progress(.checking(doneChunks: index, totalChunks: chunks.count))
        if let damage = try DamagedChunks.damage(of: chunk, in: database) {
          throw StoreError.invalid("\(damage), which sets it aside, and make the backup again")
        }
      }
      let bytes = try Int64.fetchOne(
        database, sql: "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
      return Result(
        byteCount: bytes ?? 0, eventCount: chunks.reduce(0) { $0 + Int64($1.rowCount) },
        damagedEventCount: try DamagedChunks.all(in: database).reduce(0) { $0 + Int64($1.rowCount) })
    }
    try copy.close()
    return result
  }

  private static func syncDirectory(of path: String) {
    let directory = open(
      URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return }
    fsync(directory)
    close(directory)
  }
}
