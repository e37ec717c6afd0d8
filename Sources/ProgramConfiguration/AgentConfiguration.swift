import UsageModel
import WireFormat

/// What the agent is told: flags win over environment, which wins over the file, which wins over defaults.
package struct AgentConfiguration: Equatable, Sendable {
  /// `HOST:PORT` for UDP, or the path of a Unix socket.
  package var collector: String
  package var spoolPath: String
  package var unixDatagramPath: String?
  package var unixStreamPath: String?
  /// Permissions of the sockets: who may send.
  package var socketMode: UInt32
  /// Accounts, by login or number, that may speak for others.
  package var relays: [String]
  package var mode: DeliveryMode
  package var keyID: String?
  package var keyPath: String?
  /// How the collector knows this agent, in mode none; nil is the host's name.
  ///
  /// In other modes the key says it.
  package var sender: String?
  package var spoolBytesMax: Int64
  package var spoolAgeMillisecondsMax: Int64
  /// Between heartbeats that are joined; 0 joins none.
  package var mergeGapMilliseconds: Int64
  package var rules: [MinimisationRule]
  /// Key of the rules that hash.
  package var hashKeyPath: String?
  package var logLevel: LogLevel

  /// Everything that can be set, in the order of `docs/agent.md`.
  package static let keys: [ConfigurationKey] = [
    ConfigurationKey("collector", problem: problemOfCollector),
    ConfigurationKey("spool"),
    ConfigurationKey("unix_datagram"),
    ConfigurationKey("unix_stream"),
    .choice("mode", DeliveryMode.allCases.map(\.name)),
    ConfigurationKey("key_id") { value in
      DeliveryKey.isValidID(value) ? nil : "'\(value)' has other characters than A-Z a-z 0-9 . _ -"
    },
    ConfigurationKey("key_file"),
    ConfigurationKey("sender") { value in
      value.utf8.count <= senderBytesMax ? nil : "is longer than \(senderBytesMax) bytes"
    },
    .socketMode,
    .relays,
    .number("spool_megabytes", 1...1_048_576, of: "megabytes"),
    .number("spool_days", 1...3_650, of: "days"),
    .number("merge_focus_gap", 0...900, of: "seconds"),
    rulesKey,
    ConfigurationKey("hash_key_file"),
    .choice("log_level", LogLevel.names),
  ]

  /// Longest name of a sender: the spool's source has 17 bytes more.
  private static let senderBytesMax = 200
  /// Heartbeats come every few seconds; a longer pause is one.
  private static let mergeGapSecondsDefault: Int64 = 10
  private static let spoolMegabytesDefault: Int64 = 64
  private static let spoolDaysDefault: Int64 = 90
  /// Rules are looked at for each event.
  private static let rulesMax = 1_000

  private static let rulesKey = ConfigurationKey("rules", separator: "\n") { text in
    let lines = text.split(separator: "\n")
    if lines.count > rulesMax { return "are more than \(rulesMax)" }
    for line in lines {
      do throws(MinimisationRuleError) {
        _ = try MinimisationRule(String(line))
      } catch {
        return "'\(line)' \(error)"
      }
    }
    return nil
  }

  @Sendable private static func problemOfCollector(_ text: String) -> String? {
    if text.contains("/") { return nil }
    do {
      _ = try HostAndPort(text)
      return nil
    } catch {
      return "\(error), and no path of a socket"
    }
  }

  /// What does not go together in a file, though each value makes sense.
  ///
  /// The collector may be named elsewhere, and a key may be a credential of the service manager's.
  package static func problemsTogether(in file: ConfigurationLayer, path: String) -> [ConfigurationError] {
    do {
      var elsewhere = ConfigurationLayer()
      try elsewhere.set(ConfigurationKey("collector"), DaemonConfiguration.defaultUDPAddress, place: "")
      _ = try AgentConfiguration(
        layers: [file, elsewhere], places: DefaultPlaces.Agent(environment: [:], userID: 0),
        credentialsPath: "credentials")
      return []
    } catch {
      return [ConfigurationError("\(path): \(error)")]
    }
  }

  /// Puts the layers together and fills in defaults.
  ///
  /// When no socket is named anywhere, both are opened at their default places; else only those named.
  ///
  /// - Parameters:
  ///   - hasActivatedSockets: whether the service manager opened sockets, which counts as naming.
  ///   - credentialsPath: where the service manager put keys: `agent.key` there is the key, if a mode asks for
  ///     one and no file is named.
  /// - Throws: what is missing, or does not go together.
  package init(
    layers: [ConfigurationLayer], places: DefaultPlaces.Agent, hasActivatedSockets: Bool = false,
    credentialsPath: String? = nil
  ) throws(ConfigurationError) {
    let merged = ConfigurationLayer.merged(layers)
    func number(_ name: String, or standard: Int64) -> Int64 {
      merged[name].flatMap { Int64($0.text) } ?? standard
    }
    guard let collector = merged["collector"]?.text else {
      throw ConfigurationError(
        "no collector: name it with --collector HOST:PORT, or the path of its Unix socket")
    }
    self.collector = collector
    spoolPath = merged["spool"]?.text ?? places.spoolPath
    unixDatagramPath = merged["unix_datagram"]?.text
    unixStreamPath = merged["unix_stream"]?.text
    if unixDatagramPath == nil && unixStreamPath == nil && !hasActivatedSockets {
      unixDatagramPath = places.runtimeDirectory + "/datagram.sock"
      unixStreamPath = places.runtimeDirectory + "/stream.sock"
    }
    socketMode = merged["socket_mode"].flatMap { ConfigurationKey.socketMode($0.text) } ?? 0o600
    relays = merged["relays"].map { ConfigurationKey.relays.values(in: $0.text) } ?? []
    keyID = merged["key_id"]?.text
    let chosenMode = merged["mode"].flatMap { DeliveryMode(name: $0.text) }
    let needsKey = chosenMode.map { $0 != .none } ?? false
    keyPath = merged["key_file"]?.text ?? (needsKey ? credentialsPath.map { $0 + "/agent.key" } : nil)
    mode = chosenMode ?? (keyPath == nil ? .none : .encrypt)
    sender = merged["sender"]?.text
    spoolBytesMax = number("spool_megabytes", or: Self.spoolMegabytesDefault) << 20
    spoolAgeMillisecondsMax = number("spool_days", or: Self.spoolDaysDefault) * 86_400_000
    mergeGapMilliseconds = number("merge_focus_gap", or: Self.mergeGapSecondsDefault) * 1_000
    rules = try Self.rules(merged["rules"]?.text ?? "")
    hashKeyPath = merged["hash_key_file"]?.text
    logLevel = merged["log_level"].flatMap { LogLevel(name: $0.text) } ?? .info
    try check()
  }

  private static func rules(_ text: String) throws(ConfigurationError) -> [MinimisationRule] {
    var rules: [MinimisationRule] = []
    for line in rulesKey.values(in: text) {
      do throws(MinimisationRuleError) {
        rules.append(try MinimisationRule(line))
      } catch {
        throw ConfigurationError("rules '\(line)' \(error)")
      }
    }
    return rules
  }

  private func check() throws(ConfigurationError) {
    if mode != .none && keyPath == nil {
      throw ConfigurationError("mode \(mode.name) needs a key: name it with --key-id ID --key-file FILE")
    }
    if mode == .none && keyPath != nil {
      throw ConfigurationError("a key is of no use in mode none: choose --mode sign or encrypt")
    }
    if let keyID, keyPath == nil {
      throw ConfigurationError(
        "the key \(keyID) has no file: name it with --key-file FILE, or leave out --key-id")
    }
    let hashes = rules.contains { if case .hash = $0.action { true } else { false } }
    if hashes && hashKeyPath == nil {
      throw ConfigurationError("rules that hash need a key: name its file with hash_key_file")
    }
    for path in [unixDatagramPath, unixStreamPath] where path == collector {
      throw ConfigurationError("the collector \(collector) is the agent's own socket: name the collector's")
    }
  }
}
