import ArgumentParser
import Delivery
import Foundation
import Glibc
import Ingest
import UsageModel

/// Where events go and who they are from.
struct SenderOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where to: HOST:PORT (UDP) or a Unix socket; else $WATERLINE_COLLECTOR, else the agent's or collector's.",
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

  @OptionGroup var key: KeyOptions

  /// An event as far as these options say.
  func event(kind: EventKind, timeMilliseconds: Int64) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: timeMilliseconds,
      user: user ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "uid\(getuid())",
      app: app, feature: feature, kind: kind, host: LocalHost.name, session: session,
      version: appVersion)
  }

  /// Where to send, as nobody in particular and without an envelope.
  var plainTarget: EventTarget {
    EventTarget(addresses: addresses, identity: SenderIdentity(sender: LocalHost.name))
  }

  /// Where to send, and as whom.
  ///
  /// - Throws: `SocketError` naming the key that cannot be used.
  func target() throws -> EventTarget {
    let environment = ProcessInfo.processInfo.environment
    return EventTarget(
      addresses: addresses, identity: try key.identity(for: addresses, environment: environment),
      key: try key.named(for: addresses, environment: environment))
  }

  /// Where to send, the first one that is there.
  private var addresses: [String] {
    let environment = ProcessInfo.processInfo.environment
    if let address = collector ?? environment["WATERLINE_COLLECTOR"] { return [address] }
    return EventTarget.usualAddresses(environment: environment, userID: geteuid())
  }
}
