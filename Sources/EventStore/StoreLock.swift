import Glibc

/// The exclusive right to write one database: an advisory lock on a file beside it.
///
/// The kernel releases it when the process ends, however it ends; the file's text tells others who
/// holds it. The lock file stays, as removing it would let two processes lock two files of one name.
package final class StoreLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock.
  ///
  /// - Parameters:
  ///   - databasePath: path of the database; the lock is `<path>.lock`.
  ///   - program: who asks, as others will read it.
  /// - Throws: `StoreError.locked` naming the holder, or `cannotOpen`.
  package init(databasePath: String, program: String) throws {
    let path = databasePath + ".lock"
    DirectoryOwner.make(path)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else {
      throw StoreError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let holder = Self.readHolder(descriptor)
      close(descriptor)
      throw StoreError.locked(path: databasePath, holder: holder)
    }
    self.descriptor = descriptor
    let text = "\(program) (pid \(getpid()))"
    _ = ftruncate(descriptor, 0)
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit { close(descriptor) }

  private static func readHolder(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return "another process" }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
