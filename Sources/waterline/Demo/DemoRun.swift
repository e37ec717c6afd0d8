import Control
import DemoOrganisation
import EventStore
import FileImport
import Foundation
import GRDB
import Glibc
import Ingest
import Report
import UsageModel
import UsageQuery

/// One demo from the plan to the reports.
struct DemoRun {
  /// A day with fewer events than this is no working day, and too quiet to be sent live.
  private static let liveEventsMin = 500

  let directory: String
  let seed: UInt64
  let people: Int
  let events: Int
  let lastDay: CivilDay
  let isQuiet: Bool

  func run() throws {
    let started = Clock.nowMilliseconds()
    let plan = DemoPlan(seed: seed, people: people, events: events, lastDay: Int(lastDay.number))
    try write(plan.plantedJSON(), to: "planted.json")
    say("planted what is to be found: \(directory)/planted.json")
    let daemon = try DemoDaemon(directory: directory)
    let client = ControlClient(databasePath: daemon.databasePath)
    try importFile(plan.rosterCSV(), .importRoster(merge: false), client)
    try importFile(plan.catalogCSV(), .importCatalog(merge: false), client)
    let tickets = try feedEvents(plan, daemon, client)
    try importFile(plan.ticketsCSV(tickets), .importTickets(timeZone: "UTC"), client)
    try daemon.stop()
    let seconds = Double(Clock.nowMilliseconds() - started) / 1_000
    say(
      "\(HumanNumber.count(Int64(plan.eventCount))) events of \(people) people in \(HumanNumber.fixed(seconds, decimals: 1)) s"
    )
    if !isQuiet { try showReports(daemon.databasePath) }
  }

  private func say(_ text: String) {
    if !isQuiet { Output.writeError("demo: \(text)") }
  }

  private func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: directory).appendingPathComponent(name), options: .atomic)
  }

  private func importFile(_ bytes: [UInt8], _ request: ControlRequest, _ client: ControlClient) throws {
    var offset = 0
    let input = ByteInput { buffer in
      let count = min(buffer.count, bytes.count - offset)
      buffer.copyBytes(from: bytes[offset..<offset + count])
      offset += count
      return count
    }
    guard case .imported(let result) = try client.run(request, input: input), result.rejectedCount == 0 else {
      throw ImportError("BUG: the demo's own file was not taken whole")
    }
  }

  // MARK: Events

  /// Loads all days but the last working one, sends from that one on live, and waits until all is stored.
  private func feedEvents(
    _ plan: DemoPlan, _ daemon: DemoDaemon, _ client: ControlClient
  ) throws -> [DemoTicket] {
    let feed = DemoFeed(plan: plan)
    let live = feed.firstLiveDay(eventsMin: Self.liveEventsMin)
    let line = ProgressLine(isWanted: !isQuiet)
    let progress = RequestProgress(line, reading: "loading events", rowTitle: "sorting")
    let response = try client.run(
      .importEvents(form: "ndjson"), input: feed.input(untilDay: live), progress: progress.take)
    line.finish()
    guard case .imported(let loaded) = response else { return [] }
    say("loaded \(HumanNumber.count(Int64(loaded.accepted))) events")
    let sent = try DemoLiveSender(daemon).send(feed)
    try waitUntilStored(loaded.accepted + sent.total, daemon.databasePath)
    say(
      "sent \(HumanNumber.count(Int64(sent.udp))) live over UDP, \(HumanNumber.count(Int64(sent.unixDatagram))) "
        + "over Unix datagrams, \(HumanNumber.count(Int64(sent.unixStream))) over a Unix stream")
    return feed.tickets
  }

  private func waitUntilStored(_ count: Int, _ path: String) throws {
    let store = try EventStore(readingAt: path)
    let limit = Clock.nowMilliseconds() + 10_000
    while Clock.nowMilliseconds() < limit {
      let status = try store.read { try StoreStatus(in: $0) }
      if status.stored + status.rejected + status.duplicate >= Int64(count) { return }
      usleep(20_000)
    }
    Output.writeError("warning: some of the live events were lost on the way; 'waterline status' counts them")
  }

  // MARK: Reports

  private func showReports(_ path: String) throws {
    let options = RenderOptions(
      terminalColumns: Output.terminalColumns, rowLimit: 10, usesColor: Output.usesColor)
    let store = try EventStore(readingAt: path)
    try store.read { database in
      let data = StoreUsageData(database)
      let now = Clock.nowMilliseconds()
      func show(
        _ title: String, by groups: [GroupDimension] = [],
        _ report: (StoreUsageData, QueryOptions) throws -> ReportDocument
      ) throws {
        let document = try report(data, QueryOptions(nowMilliseconds: now, groupBy: groups))
        Output.write("\n\(title)\n" + ReportRenderer.render(document, as: .table, options: options))
      }
      try show("Who has adopted what is expected of them?", by: [.department]) {
        try UsageReports.coverage($0, $1)
      }
      try show("Where is time lost?") { try UsageReports.bottlenecks($0, $1) }
      try show("How much application time is lost, and to what?", by: [.app]) {
        try UsageReports.erosion($0, $1)
      }
      try show("Who fails again and again, and does anyone hear of it?") {
        try UsageReports.strikeouts($0, $1)
      }
    }
    Output.write(
      """

      Go on asking:
        export WATERLINE_DB=\(path)
        waterline gaps --by department,feature --limit 10
        waterline flow --limit 10
        waterline status
        waterline sql "SELECT kind, count(*) AS events FROM event GROUP BY kind"

      """)
  }
}
