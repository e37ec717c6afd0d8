import Foundation
import Glibc

/// Where a backup may go: never over a file that somebody needs.
enum BackupDestination {
  /// What a database's own files are called beside it: its log and index, lock and control socket.
  private static let ownEndings = ["", "-wal", "-shm", "-journal", ".lock", ".control"]

  /// - Throws: `StoreError`, saying why a backup must not go there.
  static func check(_ destination: String, source: String, replaces: Bool) throws {
    guard !isOwn(destination, source) else {
      throw StoreError.invalid(
        "\(destination) is the database itself, or one of its files: name another file")
    }
    var status = stat()
    guard stat(destination, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw StoreError.invalid("\(destination) is no regular file: name another")
    }
    // Readers leave an empty one behind.
    guard WalKeeper.byteCount(ofDatabaseAt: destination) == 0 else {
      throw StoreError.invalid("\(destination) is a database in use: name another file")
    }
    guard replaces else {
      throw StoreError.invalid("\(destination) is there already: name another file, or add --replace")
    }
    guard status.st_size == 0 || isBackup(destination) else {
      throw StoreError.invalid(
        "\(destination) is no Waterline database, and only a backup may be replaced: name another file, or delete it"
      )
    }
  }

  /// Whether it is one of the database's files, by whatever name, or would become one.
  private static func isOwn(_ destination: String, _ source: String) -> Bool {
    let place = name(of: destination)
    return [source, resolved(source)].contains { source in
      ownEndings.contains { ending in
        let own = source + ending
        return name(of: own) == place || isSame(own, destination)
      }
    }
  }

  private static func isSame(_ one: String, _ other: String) -> Bool {
    var (left, right) = (stat(), stat())
    return stat(one, &left) == 0 && stat(other, &right) == 0 && left.st_ino == right.st_ino
      && left.st_dev == right.st_dev
  }

  /// A name in a directory without links; there need not be such a file.
  private static func name(of path: String) -> String {
    let url = URL(fileURLWithPath: path)
    return resolved(url.deletingLastPathComponent().path) + "/" + url.lastPathComponent
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  private static func isBackup(_ path: String) -> Bool {
    guard let header = PageChecksums.header(ofDatabaseAt: path)?.bytes else { return false }
    return Int64(header.bigEndian32(at: 68)) == Int64(StoreSchema.applicationID)
  }
}
