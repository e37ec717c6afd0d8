import ArgumentParser
import Foundation
import Glibc
import ProgramConfiguration
import ServiceManager
import ServiceRuntime
import UsageModel

/// The command line of `waterline-agent`.
@main
struct WaterlineAgentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "waterline-agent",
    abstract: "Take usage events on this machine, keep them on disk, and deliver them until acknowledged.",
    discussion: """
      Applications send to Unix sockets in $XDG_RUNTIME_DIR/waterline-agent (root: /run/waterline-agent). What \
      they sent waits in a spool, $XDG_STATE_HOME/waterline/spool.db (root: /var/lib/waterline-agent), until the \
      collector has it on disk. Naming any socket opens only those named. Flags win over the environment \
      (WATERLINE_COLLECTOR, WATERLINE_SPOOL, …), which wins over the file, which can also hold rules of what \
      is left out or hashed.

      EXAMPLES:
        waterline-agent --collector 127.0.0.1:4717
        waterline-agent --collector usage.example.org:4717 --key-id pc-17 --key-file /etc/waterline/pc-17.key
        waterline-agent --collector /run/waterline/stream.sock --spool /var/tmp/spool.db
        waterline-agent --config /etc/waterline/waterline-agent.yaml

      SIGTERM puts what was received into the spool and stops; SIGHUP reads the configuration again.
      """,
    version: ProductVersion.text)

  @Option(name: .customLong("config"), help: ArgumentHelp("YAML configuration.", valueName: "file"))
  var configurationPath: String?

  @Option(
    help: ArgumentHelp("Where to deliver: UDP, or a collector's Unix socket.", valueName: "host:port|path"))
  var collector: String?

  @Option(help: ArgumentHelp("What keeps events until they are delivered.", valueName: "file"))
  var spool: String?

  @Option(help: ArgumentHelp("Listen on a Unix datagram socket.", valueName: "path"))
  var unixDatagram: String?

  @Option(help: ArgumentHelp("Listen on a Unix stream socket.", valueName: "path"))
  var unixStream: String?

  @Option(help: ArgumentHelp("The key's name; else its file's.", valueName: "id"))
  var keyID: String?

  @Option(help: ArgumentHelp("The key that this agent shares with the collector.", valueName: "file"))
  var keyFile: String?

  @Option(help: ArgumentHelp("none, sign or encrypt; encrypt if there is a key.", valueName: "mode"))
  var mode: String?

  @Option(help: ArgumentHelp("error, warning, notice, info or debug.", valueName: "level"))
  var logLevel: String?

  func run() throws {
    umask(0o077)
    do {
      let activated = try ActivatedSocket.takeAll()
      let agent = try Agent(activatedSockets: activated) { try loadConfiguration(activated) }
      try agent.run()
    } catch {
      Log.error("\(error)", .cannotStart)
      throw ExitCode(1)
    }
  }

  private func loadConfiguration(_ activated: [ActivatedSocket]) throws -> AgentConfiguration {
    let variables = ProcessInfo.processInfo.environment
    let flags = [
      "collector": collector, "spool": spool, "unix_datagram": unixDatagram, "unix_stream": unixStream,
      "key_id": keyID, "key_file": keyFile, "mode": mode, "log_level": logLevel,
    ]
    return try AgentConfiguration(
      layers: try ConfigurationLayer.all(
        flags: flags, variables: variables, file: configurationPath, of: AgentConfiguration.keys),
      places: DefaultPlaces.Agent(environment: variables, userID: geteuid()),
      hasActivatedSockets: !activated.isEmpty,
      credentialsPath: variables["CREDENTIALS_DIRECTORY"].flatMap { $0.isEmpty ? nil : $0 })
  }

  static func main() { ServiceMain.run(Self.self) }
}
