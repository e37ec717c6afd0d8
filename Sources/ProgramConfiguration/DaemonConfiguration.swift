import UsageModel
import WireFormat

/// What the daemon is told: flags win over environment, which wins over the file, which wins over defaults.
package struct DaemonConfiguration: Equatable, Sendable {
  package var databasePath: String
  package var udpAddress: String?
  package var unixDatagramPath: String?
  package var unixStreamPath: String?
  /// Permissions of the Unix sockets: who may send.
  package var socketMode: UInt32
  /// Accounts, by login or number, that may speak for others at the Unix sockets.
  package var relays: [String]
  /// The least that UDP senders must do to prove who they are.
  package var mode: DeliveryMode
  /// Directory of the senders' keys.
  package var keysPath: String?
  /// Whether UDP in mode none may be open to a network.
  package var allowsPlainNetwork: Bool
  /// A sender's clock that is off by more is corrected.
  package var clockOffsetLimitMilliseconds: Int64
  /// How far tables grow that senders fill with what they choose.
  package var storeLimits: StoreLimits
  package var logLevel: LogLevel
  /// File for the node exporter's textfile collector.
  package var metricsFile: String?
  /// Path of a Unix socket, or `HOST:PORT` of this host, that answers Prometheus.
  package var metricsAddress: String?

  /// The keys of ``storeLimits``, which can be lowered only: more was never tried.
  private static let limitKeys: [(name: String, limit: any WritableKeyPath<StoreLimits, Int64> & Sendable)] =
    [
      ("users_max", \.usersMax), ("features_max", \.featuresMax), ("labels_max", \.labelsMax),
      ("sources_max", \.sourcesMax), ("ranges_max", \.rangesMax),
    ]

  /// Everything that can be set, in the order of `docs/configuration.md`.
  package static let keys: [ConfigurationKey] =
    [
      ConfigurationKey("db"),
      .hostAndPort("udp"),
      ConfigurationKey("unix_datagram"),
      ConfigurationKey("unix_stream"),
      .choice("mode", DeliveryMode.allCases.map(\.name)),
      ConfigurationKey("keys"),
      .boolean("allow_plain_udp_from_network"),
      .number("clock_offset_limit", 1...86_400, of: "seconds"),
      .socketMode,
      .relays,
      .choice("log_level", LogLevel.names),
      ConfigurationKey("metrics_file"),
      ConfigurationKey("metrics_listen", problem: problemOfMetricsAddress),
    ]
    + limitKeys.map { .number($0.name, 1...StoreLimits()[keyPath: $0.limit], of: "rows") }

  /// Metrics are given out without asking who wants them: to a Unix socket or this host only.
  @Sendable private static func problemOfMetricsAddress(_ text: String) -> String? {
    if text.hasPrefix("/") { return nil }
    do {
      let address = try HostAndPort(text)
      return address.isLoopback
        ? nil : "'\(text)' is not of this host alone: use 127.0.0.1:\(address.port) or a path"
    } catch {
      return "\(error), and no path"
    }
  }

  /// Loopback only: plain UDP is not signed, so it must not be open to a network by default.
  package static let defaultUDPAddress = "127.0.0.1:4717"

  /// What does not go together in a file, though each value makes sense.
  ///
  /// A host's name may be anyone's: only addresses are looked at.
  package static func problemsTogether(in file: ConfigurationLayer) -> [ConfigurationError] {
    guard let udp = file["udp"], let address = try? HostAndPort(udp.text), address.isNumeric,
      !address.isLoopback, (file["mode"]?.text ?? DeliveryMode.none.name) == DeliveryMode.none.name,
      file["allow_plain_udp_from_network"]?.text != "true"
    else { return [] }
    return [
      ConfigurationError(
        """
        \(udp.place): udp '\(udp.text)' is open to a network, and mode none lets anyone speak for anyone: choose \
        mode sign or encrypt, a loopback address, or allow_plain_udp_from_network: true
        """)
    ]
  }

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
    mode = merged["mode"].flatMap { DeliveryMode(name: $0.text) } ?? .none
    keysPath = merged["keys"]?.text
    allowsPlainNetwork = merged["allow_plain_udp_from_network"]?.text == "true"
    clockOffsetLimitMilliseconds =
      (merged["clock_offset_limit"].flatMap { Int64($0.text) } ?? 60) * 1_000
    socketMode = merged["socket_mode"].flatMap { ConfigurationKey.socketMode($0.text) } ?? 0o600
    relays = merged["relays"].map { ConfigurationKey.relays.values(in: $0.text) } ?? []
    metricsFile = merged["metrics_file"]?.text
    metricsAddress = merged["metrics_listen"]?.text
    storeLimits = StoreLimits()
    for (name, limit) in Self.limitKeys {
      if let value = merged[name].flatMap({ Int64($0.text) }) { storeLimits[keyPath: limit] = value }
    }
    logLevel = merged["log_level"].flatMap { LogLevel(name: $0.text) } ?? .info
  }
}
