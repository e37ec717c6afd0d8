import ArgumentParser
import Foundation
import Glibc

/// The beginning and end of a service.
package enum ServiceMain {
  /// Parses the command line and runs; wrong usage is exit code 2 (see `docs/configuration.md`), for which the
  /// library's own is 64.
  package static func run<Command: ParsableCommand>(_ command: Command.Type) {
    do {
      var parsed = try command.parseAsRoot()
      try parsed.run()
    } catch {
      if command.exitCode(for: error) == .validationFailure {
        FileHandle.standardError.write(Data((command.fullMessage(for: error) + "\n").utf8))
        Glibc.exit(2)
      }
      command.exit(withError: error)
    }
  }
}
