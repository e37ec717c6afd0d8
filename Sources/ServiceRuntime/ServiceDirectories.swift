import Foundation
import Glibc
import Ingest
import ProgramConfiguration

/// The directories that a service's files and sockets need.
package enum ServiceDirectories {
  /// Makes what is missing, for owner and group only.
  ///
  /// - Throws: `ConfigurationError`, or `SocketError` where somebody else could have prepared the place.
  package static func make(forFiles files: [String?]) throws {
    let shared = "/tmp/waterline-\(geteuid())"
    for file in files.compactMap({ $0 }) where file.hasPrefix(shared + "/") {
      try PrivateDirectory.ensure(shared)
    }
    for file in files.compactMap({ $0 }) {
      let directory = URL(fileURLWithPath: file).deletingLastPathComponent().path
      do {
        try FileManager.default.createDirectory(
          atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
      } catch {
        throw ConfigurationError("cannot make the directory \(directory): \(error.localizedDescription)")
      }
    }
  }
}
