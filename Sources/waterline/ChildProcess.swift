import Dispatch
import Glibc

/// Another program in the foreground, as a shell would run it.
struct ChildProcess {
  /// Exit status of a command that could not be found, as shells have it.
  static let notFound: Int32 = 127
  /// … and of a file that is there and cannot be run.
  static let notExecutable: Int32 = 126
  /// Exit status of a command that was interrupted from the terminal.
  static let interrupted: Int32 = 128 + SIGINT
  /// What is passed on to the command, whose end ends this process too.
  private static let passedOn = [SIGTERM, SIGHUP]

  private let process: pid_t
  /// Of these, those that were not ignored, as under nohup.
  private let passed: [Int32]
  private let forwards: [any DispatchSourceSignal]
  private let interrupt: __sighandler_t?
  private let quit: __sighandler_t?

  /// Runs a command to its end with this process's terminal, environment and files.
  ///
  /// - Returns: its exit status; 128 + n when signal n ended it.
  /// - Throws: `UsageError` when no process can be started.
  static func run(_ command: [String]) throws -> Int32 {
    do {
      return try ChildProcess(command).wait()
    } catch is NotFound {
      Output.writeError("waterline: \(command[0]): command not found")
      return notFound
    } catch is NotExecutable {
      Output.writeError("waterline: \(command[0]): cannot be executed")
      return notExecutable
    }
  }

  /// There is no such command.
  struct NotFound: Error {}
  /// The command is a directory, or no program, or not allowed.
  struct NotExecutable: Error {}

  /// Starts a command; ``wait()`` for it.
  ///
  /// - Parameter standardInput: what it reads from; nil for this process's own.
  /// - Throws: ``NotFound``, ``NotExecutable``, or `UsageError` when it cannot be started for another reason.
  init(_ command: [String], standardInput: Int32? = nil) throws {
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    if let standardInput { posix_spawn_file_actions_adddup2(&files, standardInput, STDIN_FILENO) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    passed = Self.passedOn.filter { !Self.ignore($0) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for number in [SIGINT, SIGQUIT, SIGPIPE] + passed { sigaddset(&defaults, number) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    // Interrupts from the terminal are for the command; this process waits for what it makes of them.
    interrupt = signal(SIGINT, SIG_IGN)
    quit = signal(SIGQUIT, SIG_IGN)
    var number: pid_t = 0
    let code = posix_spawnp(&number, command[0], &files, &attributes, arguments, environ)
    process = number
    forwards = code == 0 ? passed.map { Self.passOn($0, to: number) } : []
    guard code == 0 else {
      for number in passed { signal(number, SIG_DFL) }
      signal(SIGINT, interrupt)
      signal(SIGQUIT, quit)
      if code == ENOENT { throw NotFound() }
      if [EACCES, ENOEXEC, EISDIR].contains(code) { throw NotExecutable() }
      throw UsageError("cannot run \(command[0]): \(String(cString: strerror(code)))")
    }
  }

  /// Has this process ignore a signal; returns whether it did before.
  private static func ignore(_ number: Int32) -> Bool {
    unsafeBitCast(signal(number, SIG_IGN), to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private static func passOn(_ number: Int32, to process: pid_t) -> any DispatchSourceSignal {
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler { kill(process, number) }
    source.resume()
    return source
  }

  /// Waits for its end.
  ///
  /// - Returns: its exit status; 128 + n when signal n ended it.
  func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    for source in forwards { source.cancel() }
    for number in passed { signal(number, SIG_DFL) }
    signal(SIGINT, interrupt)
    signal(SIGQUIT, quit)
    let signalNumber = status & 0x7F
    return signalNumber == 0 ? (status >> 8) & 0xFF : 128 + signalNumber
  }
}
