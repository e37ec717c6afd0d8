import Glibc

/// How many files and sockets this process may have open.
package enum DescriptorLimit {
  /// Descriptors kept for the database, the listening sockets and commands.
  private static let reserved = 64
  private static var resource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }

  /// Allows as many as the host does: each stream connection is one.
  package static func raise() {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(resource, &limit)
  }

  /// How many connections may be open besides what is reserved; at least 1.
  static var available: Int {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return 1 }
    return max(1, Int(clamping: limit.rlim_cur) - min(reserved, Int(clamping: limit.rlim_cur) / 2))
  }
}
