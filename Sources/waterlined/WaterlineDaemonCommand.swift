import ArgumentParser
import EventStore
import Foundation
import Glibc
import ProgramConfiguration
import ServiceManager
import ServiceRuntime
import UsageModel

/// The command line of `waterlined`.
@main
struct WaterlineDaemonCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "waterlined",
    abstract: "Collect usage events over UDP and Unix sockets into a SQLite database.",
    discussion: """
      Without options everything goes to your own places: the database to \
      $XDG_STATE_HOME/waterline/waterline.db (root: /var/lib/waterline), sockets to \
      $XDG_RUNTIME_DIR/waterline (root: /run/waterline), UDP to 127.0.0.1:4717. Naming any socket opens \
      only those named. Flags win over the environment (WATERLINE_DB, WATERLINE_UDP, \
      WATERLINE_UNIX_DATAGRAM, WATERLINE_UNIX_STREAM, WATERLINE_LOG_LEVEL), which wins over the file.

      EXAMPLES:
        waterlined
        waterlined --db /srv/usage.db --udp 127.0.0.1:4717
        waterlined --config /etc/waterline/waterlined.yaml

      SIGTERM stores what was received and stops; SIGHUP reads the configuration again.
      """,
    version: ProductVersion.text)

  @Option(name: .customLong("config"), help: ArgumentHelp("YAML configuration.", valueName: "file"))
  var configurationPath: String?

  @Option(help: ArgumentHelp("The database to write.", valueName: "file"))
  var db: String?

  @Option(help: ArgumentHelp("Listen for UDP datagrams; port 0 takes a free one.", valueName: "host:port"))
  var udp: String?

  @Option(help: ArgumentHelp("Listen on a Unix datagram socket.", valueName: "path"))
  var unixDatagram: String?

  @Option(help: ArgumentHelp("Listen on a Unix stream socket.", valueName: "path"))
  var unixStream: String?

  @Option(help: ArgumentHelp("How UDP senders prove who they are: none, sign or encrypt.", valueName: "mode"))
  var mode: String?

  @Option(
    name: .customLong("keys"),
    help: ArgumentHelp("Directory of the senders' keys, ID.key each.", valueName: "directory"))
  var keysPath: String?

  @Option(help: ArgumentHelp("error, warning, notice, info or debug.", valueName: "level"))
  var logLevel: String?

  func run() throws {
    umask(0o027)
    do {
      let activated = try ActivatedSocket.takeAll()
      let daemon = try Daemon(activatedSockets: activated) {
        try loadConfiguration(activated)
      }
      try daemon.run()
    } catch {
      Log.error("\(StoreError.reason(of: error))", .cannotStart)
      throw ExitCode(1)
    }
  }

  private func loadConfiguration(_ activated: [ActivatedSocket]) throws -> DaemonConfiguration {
    let variables = ProcessInfo.processInfo.environment
    let flags = [
      "db": db, "udp": udp, "unix_datagram": unixDatagram, "unix_stream": unixStream, "mode": mode,
      "keys": keysPath, "log_level": logLevel,
    ]
    return try DaemonConfiguration(
      layers: try ConfigurationLayer.all(
        flags: flags, variables: variables, file: configurationPath, of: DaemonConfiguration.keys),
      places: DefaultPlaces(environment: variables, userID: geteuid()),
      hasActivatedSockets: !activated.isEmpty)
  }

  static func main() { ServiceMain.run(Self.self) }
}
