import Foundation
import Glibc

/// Room on the file system of a file.
package enum DiskSpace {
  /// What opening a database needs at least: the index of its log has 32 KiB, and its log some pages.
  private static let bytesMin: UInt64 = 512 << 10

  /// Whether there is hardly any left beside a file, which need not be there.
  package static func isExhausted(beside path: String) -> Bool {
    var space = statvfs()
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard statvfs(directory, &space) == 0 else { return false }
    return UInt64(space.f_bavail) * UInt64(space.f_frsize) < bytesMin
  }
}
