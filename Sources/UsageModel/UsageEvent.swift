/// What an event says happened.
///
/// Raw values follow the byte order of the names, so that comparing them orders events as
/// `docs/methods.md` section 1 asks. They are written to disk: never renumber.
package enum EventKind: UInt8, CaseIterable, Sendable {
  case focus = 0
  case help = 1
  case interruption = 2
  case use = 3

  /// The name used in JSON, CSV and SQL.
  package var name: String {
    switch self {
    case .focus: "focus"
    case .help: "help"
    case .interruption: "interruption"
    case .use: "use"
    }
  }
}

/// How a `use` ended; `error` and `abandoned` together are called *failed*.
///
/// Raw values follow the byte order of the names and are written to disk: never renumber.
package enum EventOutcome: UInt8, CaseIterable, Sendable {
  case abandoned = 0
  case error = 1
  case ok = 2

  /// The name used in JSON, CSV and SQL.
  package var name: String {
    switch self {
    case .abandoned: "abandoned"
    case .error: "error"
    case .ok: "ok"
    }
  }

  /// Whether an attempt that ended like this counts as failed.
  package var isFailure: Bool { self != .ok }
}

/// One usage event as a plain value: for senders, tests and single look-ups, never on the ingest path.
package struct UsageEvent: Equatable, Sendable {
  /// Start, in milliseconds since 1970-01-01T00:00:00Z.
  package var timeMilliseconds: Int64
  package var user: String
  package var app: String
  package var feature: String?
  package var kind: EventKind
  package var outcome: EventOutcome
  package var durationMilliseconds: UInt32?
  package var host: String?
  package var session: String?
  package var version: String?
  package var cause: String?
  /// The sender's id; present together with ``sequence``.
  package var source: String?
  /// The sender's own running count, at least 1.
  package var sequence: UInt64?
  package var attributes: [String: String]

  package init(
    timeMilliseconds: Int64, user: String, app: String, feature: String? = nil, kind: EventKind = .use,
    outcome: EventOutcome = .ok, durationMilliseconds: UInt32? = nil, host: String? = nil,
    session: String? = nil, version: String? = nil, cause: String? = nil, source: String? = nil,
    sequence: UInt64? = nil, attributes: [String: String] = [:]
  ) {
    self.timeMilliseconds = timeMilliseconds
    self.user = user
    self.app = app
    self.feature = feature
    self.kind = kind
    self.outcome = outcome
    self.durationMilliseconds = durationMilliseconds
    self.host = host
    self.session = session
    self.version = version
    self.cause = cause
    self.source = source
    self.sequence = sequence
    self.attributes = attributes
  }
}
