import EventStore
import FileImport

/// What a command asks the writer to do.
package enum ControlRequest: Codable, Sendable {
  /// Events follow as data, in this form (nil: tell from the first bytes).
  case importEvents(form: String?)
  /// A roster follows as data: CSV, or SCIM list responses.
  case importRoster(merge: Bool)
  /// A catalog CSV follows as data.
  case importCatalog(merge: Bool)
  /// A tickets CSV follows as data; times without offset are of this zone. With a preset's name or the text
  /// of a mapping it is another program's export, of which `dateOrder` (an `ExportTime.DateOrder`, nil: day
  /// first) says how dates are read.
  case importTickets(
    timeZone: String, preset: String? = nil, mapping: String? = nil, dateOrder: String? = nil)
  /// An interventions or changes CSV follows as data; dates and times without offset are of this zone (nil:
  /// the organisation's). `sort` is an `Initiative.Sort`.
  case importInitiatives(sort: String, timeZone: String?)
  /// One intervention or change, as the cells of such a file.
  case addInitiative(sort: String, cells: [String: String], timeZone: String?)
  /// Sets the end of the rows of a name, or of one cohort's row.
  case endInitiative(sort: String, name: String, cohort: String?, end: String, timeZone: String?)
  case setSetting(name: String, value: String)
  case publishBenchmark(BenchmarkRecord)
  case logPurpose(login: String, command: String, purpose: String)
  /// Remembers a day, `YYYY-MM-DD`, as the last look at the alerts.
  case markAlerts(day: String)
  /// Erases a person.
  case forget(user: String, login: String, purpose: String)
  /// Moves chunks that cannot be read out of the way.
  case setAside(chunks: [Int64])
  /// Deletes rollups whose cells are wrong, so that they are counted anew.
  case recount(rollups: [Int64])
  case replayDeadLetters(DeadLetterFilter)
  case dropDeadLetters(DeadLetterFilter)
  case status

  /// Whether data frames follow the request.
  var carriesData: Bool {
    switch self {
    case .importEvents, .importRoster, .importCatalog, .importTickets, .importInitiatives: true
    case .setSetting, .publishBenchmark, .logPurpose, .status: false
    case .addInitiative, .endInitiative, .markAlerts: false
    case .forget, .setAside, .recount, .replayDeadLetters, .dropDeadLetters: false
    }
  }
}

/// What the writer answers; `progress` any number of times, then one of the others.
package enum ControlResponse: Codable, Sendable {
  /// Bytes read so far, rows done since the last one, and how many are left as far as is known.
  case progress(bytes: Int, rows: Int, rowsLeft: Int? = nil)
  case imported(ImportResult)
  case done
  case replayed(ReplayResult)
  case dropped(count: Int)
  case forgot(ForgetReceipt)
  case status(DaemonStatus)
  /// One line: what, where, what to do.
  case failed(String)
}

/// How far a request is.
package struct RequestStep: Sendable {
  /// Bytes of the input that were read so far.
  package var bytes = 0
  /// Rows done since the last step.
  package var rows = 0
  /// Rows still to do, as far as is known.
  package var rowsLeft: Int?
}

/// Why events cannot be stored, and since when.
package struct WritingFailure: Codable, Equatable, Sendable {
  package var sinceMilliseconds: Int64
  package var reason: String

  package init(sinceMilliseconds: Int64, reason: String) {
    self.sinceMilliseconds = sinceMilliseconds
    self.reason = reason
  }
}

/// How the daemon is doing, beyond what the database tells.
package struct DaemonStatus: Codable, Equatable, Sendable {
  package struct Listener: Codable, Equatable, Sendable {
    package var transport: String
    package var address: String
    package var receiveBufferBytes: Int

    package init(transport: String, address: String, receiveBufferBytes: Int) {
      self.transport = transport
      self.address = address
      self.receiveBufferBytes = receiveBufferBytes
    }
  }

  package var processID: Int32
  package var version: String
  package var startedMilliseconds: Int64
  package var listeners: [Listener]
  /// Nil while events can be stored.
  package var writingFailure: WritingFailure?

  package init(processID: Int32, version: String, startedMilliseconds: Int64, listeners: [Listener]) {
    self.processID = processID
    self.version = version
    self.startedMilliseconds = startedMilliseconds
    self.listeners = listeners
  }
}
