import Glibc

/// A directory in a place where everybody may write, such as /tmp, that must be this account's alone.
package enum PrivateDirectory {
  /// Makes the directory, or checks the one that is there.
  ///
  /// - Throws: `SocketError` if it is someone else's, a link, or open to others: whoever made it could listen
  ///   in the collector's place.
  package static func ensure(_ path: String) throws(SocketError) {
    if mkdir(path, 0o700) != 0 && errno != EEXIST {
      throw SocketError("cannot make \(path): \(SocketError.reason(errno))")
    }
    try check(path)
  }

  /// Checks a directory that must be there.
  package static func check(_ path: String) throws(SocketError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      throw SocketError("cannot look at \(path): \(SocketError.reason(errno))")
    }
    guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
      throw SocketError(
        "\(path) is not a directory of yours alone (mode 0700): remove it, set XDG_RUNTIME_DIR, or name the "
          + "sockets")
    }
  }

  /// Checks the directory that this account's sockets have in /tmp, if a path leads there and it exists.
  package static func checkShared(_ path: String) throws(SocketError) {
    let shared = "/tmp/waterline-\(geteuid())"
    if path.hasPrefix(shared + "/"), access(shared, F_OK) == 0 { try check(shared) }
  }
}
