import Glibc

/// Runs a command in the foreground, as a shell would.
enum ChildProcess {
  /// Exit status of a command that could not be found, as shells have it.
  private static let notFound: Int32 = 127

  /// Runs the command with this process's terminal, environment and files.
  ///
  /// - Returns: its exit status; 128 + n when signal n ended it.
  /// - Throws: `UsageError` when it cannot be started.
  static func run(_ command: [String]) throws -> Int32 {
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    // Interrupts from the terminal are for the command; this process waits for what it makes of them.
    let interrupt = signal(SIGINT, SIG_IGN)
    let quit = signal(SIGQUIT, SIG_IGN)
    defer {
      signal(SIGINT, interrupt)
      signal(SIGQUIT, quit)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGINT)
    sigaddset(&defaults, SIGQUIT)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var process: pid_t = 0
    let code = posix_spawnp(&process, command[0], nil, &attributes, arguments, environ)
    guard code == 0 else {
      if code == ENOENT {
        Output.writeError("waterline: \(command[0]): command not found")
        return notFound
      }
      throw UsageError("cannot run \(command[0]): \(String(cString: strerror(code)))")
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    let signalNumber = status & 0x7F
    return signalNumber == 0 ? (status >> 8) & 0xFF : 128 + signalNumber
  }
}
