import UsageModel

/// What the daemon is told: flags win over environment, which wins over the file, which wins over defaults.
package struct DaemonConfiguration: Equatable, Sendable {
  package var databasePath: String
  package var udpAddress: String?
  package var unixDatagramPath: String?
  package var unixStreamPath: String?
  package var logLevel: LogLevel

  /// Everything that can be set, in the order of `docs/configuration.md`.
  package static let keys: [ConfigurationKey] = [
    ConfigurationKey("db"),
    .hostAndPort("udp"),
    ConfigurationKey("unix_datagram"),
    ConfigurationKey("unix_stream"),
    .choice("mode", ["none"]),
    .choice("log_level", LogLevel.names),
  ]

  /// Loopback only: plain UDP is not signed, so it must not be open to a network by default.
  package static let defaultUDPAddress = "127.0.0.1:4717"

  /// Puts the layers together and fills in defaults.
  ///
  /// When no socket is named anywhere, all three are opened at their default places; else only those named.
  ///
  /// - Parameter hasActivatedSockets: whether the service manager opened sockets, which counts as naming.
  package init(
    layers: [ConfigurationLayer], places: DefaultPlaces, hasActivatedSockets: Bool = false
  ) throws(ConfigurationError) {
    let merged = ConfigurationLayer.merged(layers)
    databasePath = merged["db"]?.text ?? places.databasePath
    udpAddress = merged["udp"]?.text
    unixDatagramPath = merged["unix_datagram"]?.text
    unixStreamPath = merged["unix_stream"]?.text
    if udpAddress == nil && unixDatagramPath == nil && unixStreamPath == nil && !hasActivatedSockets {
      udpAddress = Self.defaultUDPAddress
      unixDatagramPath = places.runtimeDirectory + "/datagram.sock"
      unixStreamPath = places.runtimeDirectory + "/stream.sock"
    }
    logLevel = merged["log_level"].flatMap { LogLevel(name: $0.text) } ?? .info
  }
}
