import ArgumentParser
import Foundation
import Glibc
import Ingest
import UsageModel
import WireFormat

/// Where events go and who they are from.
struct SenderOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where to: HOST:PORT (UDP) or a Unix socket; else $WATERLINE_COLLECTOR, else your own daemon's socket.",
      valueName: "address"))
  var collector: String?

  @Option(help: ArgumentHelp("The application.", valueName: "app"))
  var app: String

  @Option(help: ArgumentHelp("The feature.", valueName: "feature"))
  var feature: String?

  @Option(help: ArgumentHelp("The person; else your login name.", valueName: "user"))
  var user: String?

  @Option(help: ArgumentHelp("The session's id.", valueName: "id"))
  var session: String?

  @Option(help: ArgumentHelp("The application's version.", valueName: "version"))
  var appVersion: String?

  /// An event as far as these options say.
  func event(kind: EventKind, timeMilliseconds: Int64) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: timeMilliseconds,
      user: user ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "uid\(getuid())",
      app: app, feature: feature, kind: kind, host: EventSender.hostName, session: session,
      version: appVersion)
  }

  var address: String {
    let environment = ProcessInfo.processInfo.environment
    return collector ?? environment["WATERLINE_COLLECTOR"]
      ?? DefaultPlaces(environment: environment, userID: geteuid()).runtimeDirectory + "/datagram.sock"
  }
}

struct SendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send", abstract: "Emit one event from a shell.",
    discussion: """
      EXAMPLES:
        waterline send --app crm --feature order.create --outcome error --duration-ms 5200
        waterline send --app crm --kind help --collector 127.0.0.1:4717
      """)

  @OptionGroup var sender: SenderOptions

  @Option(help: ArgumentHelp("use, focus, help or interruption.", valueName: "kind"))
  var kind: EventKind = .use

  @Option(help: ArgumentHelp("ok, error or abandoned.", valueName: "outcome"))
  var outcome: EventOutcome = .ok

  @Option(help: ArgumentHelp("How long it took.", valueName: "ms"))
  var durationMs: UInt32?

  @Option(
    help: ArgumentHelp("When it began: RFC 3339, or milliseconds since 1970; else now.", valueName: "time"))
  var time: String?

  @Option(help: ArgumentHelp("Why it was interrupted or failed.", valueName: "text"))
  var cause: String?

  func validate() throws {
    if kind == .use && sender.feature == nil { throw ValidationError("a use needs --feature") }
    if let time, Self.milliseconds(time) == nil {
      throw ValidationError("--time '\(time)' is neither RFC 3339 nor milliseconds since 1970")
    }
  }

  private static func milliseconds(_ text: String) -> Int64? {
    Int64(text) ?? TimestampParser.milliseconds(text)
  }

  func run() throws {
    let moment = time.flatMap(Self.milliseconds) ?? Clock.nowMilliseconds()
    var event = sender.event(kind: kind, timeMilliseconds: moment)
    event.outcome = outcome
    event.durationMilliseconds = durationMs
    event.cause = cause
    try EventSender.send(event, to: sender.address)
  }
}

extension EventKind: ExpressibleByArgument {
  public init?(argument: String) {
    guard let kind = EventKind.allCases.first(where: { $0.name == argument }) else { return nil }
    self = kind
  }
}

extension EventOutcome: ExpressibleByArgument {
  public init?(argument: String) {
    guard let outcome = EventOutcome.allCases.first(where: { $0.name == argument }) else { return nil }
    self = outcome
  }
}

struct ExecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Run a command as one use: its duration, its exit status as outcome.",
    discussion: """
      Leaves with the command's own exit status; an event that cannot be sent is only a warning.

      EXAMPLES:
        waterline exec --app backup --feature nightly -- rsync -a /data /backup
      """)

  @OptionGroup var sender: SenderOptions

  @Argument(parsing: .postTerminator, help: "The command and its arguments, behind --.")
  var command: [String]

  func validate() throws {
    if command.isEmpty { throw ValidationError("name the command behind --") }
    if sender.feature == nil { throw ValidationError("a use needs --feature") }
  }

  func run() throws {
    let started = Clock.nowMilliseconds()
    let status = try ChildProcess.run(command)
    var event = sender.event(kind: .use, timeMilliseconds: started)
    event.outcome = status == 0 ? .ok : .error
    event.durationMilliseconds = UInt32(clamping: Clock.nowMilliseconds() - started)
    do {
      try EventSender.send(event, to: sender.address)
    } catch {
      Output.writeError("waterline: the command ran, but its event was not sent: \(error)")
    }
    throw ExitCode(status)
  }
}
