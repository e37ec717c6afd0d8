import ArgumentParser
import Foundation
import Ingest
import UsageModel
import WireFormat

struct SendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send", abstract: "Emit one event from a shell.",
    discussion: """
      Succeeds once the agent or collector that took the event has it on disk; says so otherwise. Whether the event \
      may stand is decided there, when it is stored: one that speaks for somebody else, or whose person was \
      forgotten, is refused and counted (waterline status, waterline dead-letters).

      EXAMPLES:
        waterline send --app crm --feature order.create --outcome error --duration-ms 5200
        waterline send --app crm --kind help --collector 127.0.0.1:4717
        waterline send --app crm --feature open --collector hub:4717 --key-file a.key
        waterline send --app crm --feature open --plain
      """)

  @OptionGroup var sender: SenderOptions

  @Option(
    help: ArgumentHelp("use, focus, help or interruption; use unless told.", valueName: "kind"),
    completion: .list(EventKind.allCases.map(\.name)))
  var kind: EventKind?

  @Option(
    help: ArgumentHelp("ok, error or abandoned; ok unless told.", valueName: "outcome"),
    completion: .list(EventOutcome.allCases.map(\.name)))
  var outcome: EventOutcome?

  @Option(help: ArgumentHelp("How long it took.", valueName: "ms"))
  var durationMs: UInt32?

  @Option(
    help: ArgumentHelp("When it began: RFC 3339, or milliseconds since 1970; else now.", valueName: "time"))
  var time: String?

  @Option(help: ArgumentHelp("Why it was interrupted or failed.", valueName: "text"))
  var cause: String?

  @Option(help: ArgumentHelp("Seconds to wait for the acknowledgement.", valueName: "seconds"))
  var timeout: Double = 5

  @Flag(help: "Send one JSON line and ask for no acknowledgement, as to a program that takes only these.")
  var plain = false

  func validate() throws {
    guard timeout > 0, timeout <= 3_600 else {
      throw ValidationError("--timeout takes seconds up to 3600, not \(timeout)")
    }
    if plain && sender.key.keyFile != nil {
      throw ValidationError("--plain sends no envelope, and so has no use for a key")
    }
    if kind ?? .use == .use && sender.feature == nil { throw ValidationError("a use needs --feature") }
    if let time, Self.milliseconds(time) == nil {
      throw ValidationError("--time '\(time)' is neither RFC 3339 nor milliseconds since 1970")
    }
  }

  private static func milliseconds(_ text: String) -> Int64? {
    Int64(text) ?? TimestampParser.milliseconds(text)
  }

  func run() throws {
    let moment = time.flatMap(Self.milliseconds) ?? Clock.nowMilliseconds()
    var event = sender.event(kind: kind ?? .use, timeMilliseconds: moment)
    event.outcome = outcome ?? .ok
    event.durationMilliseconds = durationMs
    event.cause = cause
    if plain {
      try sender.plainTarget.sendPlain(event)
    } else {
      try sender.target().deliver(event, timeoutMilliseconds: Int64(timeout * 1_000))
    }
  }
}

extension EventKind: ExpressibleByArgument {
  public init?(argument: String) {
    guard let kind = EventKind.allCases.first(where: { $0.name == argument }) else { return nil }
    self = kind
  }

  public static var allValueStrings: [String] { [] }
}

extension EventOutcome: ExpressibleByArgument {
  public init?(argument: String) {
    guard let outcome = EventOutcome.allCases.first(where: { $0.name == argument }) else { return nil }
    self = outcome
  }

  public static var allValueStrings: [String] { [] }
}
