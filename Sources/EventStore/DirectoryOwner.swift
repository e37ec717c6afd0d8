import Foundation
import Glibc

/// Makes files of root's commands belong to the account whose directory they are in.
///
/// Else a command that root runs before the daemon was ever started would make files that the daemon cannot open.
enum DirectoryOwner {
  private static let mode: mode_t = 0o640

  /// Makes an empty file for the owner and group of its directory, if this is root, they are not, and there is none.
  ///
  /// Whatever is there already keeps its owner: that account could have put a link to another's file there.
  static func make(_ path: String) {
    guard geteuid() == 0 else { return }
    var directory = stat()
    guard stat(URL(fileURLWithPath: path).deletingLastPathComponent().path, &directory) == 0,
      directory.st_uid != 0
    else { return }
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = fchown(descriptor, directory.st_uid, directory.st_gid)
  }
}
