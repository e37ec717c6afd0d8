import ArgumentParser
import Control
import EventStore
import GRDB
import Report
import UsageModel

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "The daemon, the store and the ledger of what arrived and what did not.",
    discussion: """
      EXAMPLES:
        waterline status
        waterline status --watch
        waterline status --sources --purpose "whose agent loses events" --limit 0

      The ledger of a source that numbers its events: \
      highest_seq - lowest_seq + 1 = stored + refused_numbers + withheld + lost. rejected counts refused events, \
      each time that one came, with or without a number; refused_numbers those numbers under which nothing else came.

      lost: numbers between a sender's lowest and highest known one of which nothing came, those included that its \
      spool dropped (spool_dropped); first_gaps names the first five stretches of them. Numbers below the lowest are \
      not counted: a source may be older than the database. \
      kernel_drops: datagrams that the kernel dropped \
      before the daemon could read them; shown beside, as they may be the same events.
      """)

  @OptionGroup var database: DatabaseOption
  @OptionGroup var format: FormatOptions

  @Flag(help: "One row a source, those with losses first.") var sources = false

  @Flag(help: "Show it anew every two seconds until Ctrl-C.") var watch = false

  @Option(help: ArgumentHelp("Why you need sources by name; 'audit' shows it.", valueName: "text"))
  var purpose: String?

  func validate() throws {
    if sources && (purpose ?? "").isEmpty {
      throw ValidationError("--sources names people's workstations: say why with --purpose TEXT")
    }
  }

  /// Between two looks of `--watch`.
  private static let watchSeconds = 2

  func run() throws {
    if let purpose, !purpose.isEmpty { try Purpose.log(purpose, databasePath: database.path) }
    let store = try EventStore(readingAt: database.path)
    guard watch else { return sources ? format.print(try table(store)) : format.printAll(try table(store)) }
    try LiveView.run("status --watch", alternative: "leave out --watch", seconds: Self.watchSeconds) {
      var options = format.renderOptions()
      options.rowLimit = format.limit ?? 0
      return ReportRenderer.render(try table(store), as: .table, options: options)
    }
  }

  private func table(_ store: EventStore) throws -> GenericTable {
    if sources { return Self.table(try store.read { try StoreStatus.sources(in: $0) }) }
    let status = try store.read { try StoreStatus(in: $0) }
    let daemon = ControlClient(databasePath: database.path).daemonStatus()
    return Self.table(status, daemon, path: database.path)
  }

  private static func table(_ sources: [StoreStatus.Source]) -> GenericTable {
    GenericTable(
      columns: [
        "source", "stored", "duplicate", "conflict", "rejected", "rejected_by_reason", "lowest_seq",
        "highest_seq", "refused_numbers", "lost", "gaps", "first_gaps", "withheld", "late", "spool_dropped",
        "clock_offset_ms",
        "clock_offset_largest_ms", "last_received",
      ],
      rows: sources.map {
        [
          $0.name.isEmpty ? .null : .text($0.name), .integer($0.stored), .integer($0.duplicate),
          .integer($0.conflict), .integer($0.rejected), $0.rejectedByReason.map(ReportValue.text) ?? .null,
          optional($0.numbers?.lowest), optional($0.numbers?.highest),
          .integer($0.numbers?.refused ?? 0), .integer($0.lost),
          .integer($0.numbers?.gapCount ?? 0), $0.numbers?.firstGapsText.map(ReportValue.text) ?? .null,
          .integer($0.numbers?.withheld ?? 0), .integer($0.late),
          .integer($0.dropped), optional($0.clockOffsetMilliseconds),
          optional($0.largestClockOffsetMilliseconds),
          moment($0.lastReceivedMilliseconds),
        ]
      }, style: .human)
  }

  private static func table(_ status: StoreStatus, _ daemon: DaemonStatus?, path: String) -> GenericTable {
    var rows: [[ReportValue]] = []
    func add(_ name: String, _ value: ReportValue) { rows.append([.text(name), value]) }
    add("database", .text(path))
    add("daemon", .text(daemon.map(state) ?? "not running"))
    if let failure = daemon?.writingFailure {
      add("cannot_write", .text(failure.reason))
      add("cannot_write_since", moment(failure.sinceMilliseconds))
    }
    for listener in daemon?.listeners ?? [] {
      add("listening.\(listener.transport)", .text(listener.address))
    }
    add("events", .integer(status.eventCount))
    add("oldest_event", moment(status.oldestMilliseconds))
    add("newest_event", moment(status.newestMilliseconds))
    add("chunks", .integer(status.chunkCount))
    add("chunks_not_merged", .integer(status.arrivalChunkCount))
    add("chunk_bytes", .integer(status.chunkBytes))
    add("daily_cells", .integer(status.cellCount))
    add("daily_cell_bytes", .integer(status.cellBytes))
    add("pruned_events", .integer(status.pruned.eventCount))
    if status.pruned.eventCount > 0 {
      add("pruned_from", moment(status.pruned.firstMilliseconds))
      add("pruned_to", moment(status.pruned.lastMilliseconds))
      add("last_pruned", moment(status.pruned.lastPrunedMilliseconds))
    }
    add("file_bytes", .integer(status.fileBytes))
    add("sources", .integer(status.sourceCount))
    add("stored", .integer(status.stored))
    add("duplicate", .integer(status.duplicate))
    add("conflict", .integer(status.conflict))
    add("rejected", .integer(status.rejected))
    for (reason, count) in status.rejectedByReason { add("rejected.\(reason)", .integer(count)) }
    add("refused_numbers", .integer(status.refusedNumbers))
    add("lost", .integer(status.lost))
    add("spool_dropped", .integer(status.dropped))
    add("withheld", .integer(status.withheld))
    add("late", .integer(status.late))
    for (reason, count) in status.refusedPackets { add("refused_packets.\(reason)", .integer(count)) }
    add("damaged_events", .integer(status.damagedEventCount))
    add("dead_letters", .integer(status.deadLetterCount))
    for (name, value) in status.counters.sorted(by: { $0.key < $1.key }) { add(name, .integer(value)) }
    add("roster_people", .integer(status.rosterPeople))
    add("catalog_features", .integer(status.catalogFeatures))
    add("tickets", .integer(status.ticketCount))
    return GenericTable(columns: ["name", "value"], rows: rows, style: .human)
  }

  private static func optional(_ value: Int64?) -> ReportValue { value.map(ReportValue.integer) ?? .null }

  private static func state(_ daemon: DaemonStatus) -> String {
    let program = "(pid \(daemon.processID), version \(daemon.version))"
    return daemon.writingFailure == nil
      ? "running \(program)" : "running, but nothing can be stored \(program)"
  }

  private static func moment(_ milliseconds: Int64?) -> ReportValue {
    milliseconds.map { .text(TimestampText.utc($0)) } ?? .null
  }
}
