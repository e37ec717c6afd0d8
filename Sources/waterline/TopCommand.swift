import ArgumentParser
import Control
import EventStore
import Foundation
import Ingest
import Report
import UsageModel
import UsageQuery

struct TopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Live view: events a second, losses, busiest and most painful features.",
    discussion: """
      EXAMPLES:
        waterline top
        waterline top --window 7d --app crm
        waterline top --once

      Ctrl-C ends it. Features are those of the window, 28 days unless told; groups under five people are \
      left out.
      """)

  @OptionGroup var selection: SelectionOptions

  @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "seconds"))
  var interval: Int = 2

  @Flag(help: "Print one page, after one interval, and end; for jobs and pipes.") var once = false

  func validate() throws {
    guard (1...3_600).contains(interval) else {
      throw ValidationError("--interval takes 1 to 3600 seconds, not \(interval)")
    }
  }

  func run() throws {
    let store = try EventStore(readingAt: selection.database.path)
    var before = try TopSnapshot(store)
    var features = try TopFeatures(selection)
    if once {
      Thread.sleep(forTimeInterval: TimeInterval(interval))
      let now = try TopSnapshot(store)
      return Output.write(TopPage.text(before, now, features, rowsMax: 20))
    }
    try LiveView.run("top", alternative: "use --once", seconds: interval) {
      let now = try TopSnapshot(store)
      defer { before = now }
      if features.isOld(now.milliseconds) { features = try TopFeatures(selection) }
      return TopPage.text(before, now, features, rowsMax: max(2, (Output.terminalRows - 12) / 2))
    }
  }
}

/// The store's counters at one moment.
struct TopSnapshot {
  var milliseconds: Int64
  var status: StoreStatus

  init(_ store: EventStore) throws {
    milliseconds = Clock.nowMilliseconds()
    status = try store.read { try StoreStatus(in: $0) }
  }
}

/// The features of the window, from the report `bottlenecks`: it leaves small groups out.
struct TopFeatures {
  /// Reading a window takes longer than reading counters.
  private static let ageMilliseconds: Int64 = 15_000

  private let readMilliseconds: Int64
  private let document: ReportDocument

  init(_ selection: SelectionOptions) throws {
    readMilliseconds = Clock.nowMilliseconds()
    document = try selection.evaluate { try UsageReports.bottlenecks($1, $2) }
  }

  func isOld(_ now: Int64) -> Bool { abs(now - readMilliseconds) >= Self.ageMilliseconds }

  var window: String { "\(document.window.from) → \(document.window.to)" }

  /// The rows with the highest value in a column, as a table of a few columns.
  func table(_ title: String, by column: String, rowsMax: Int) -> GenericTable {
    let columns = ["app", "feature", "attempts", "failed", "people_affected", "lost_ms"]
    let places = columns.compactMap { document.columns.firstIndex(of: $0) }
    guard places.count == columns.count, let key = document.columns.firstIndex(of: column) else {
      return GenericTable(title: title, columns: [], rows: [])
    }
    let rows = document.rows.sorted { Self.amount($0[key]) > Self.amount($1[key]) }.prefix(rowsMax)
    return GenericTable(
      title: title, columns: columns, rows: rows.map { row in places.map { row[$0] } }, style: .human)
  }

  private static func amount(_ value: ReportValue) -> Double {
    switch value {
    case .integer(let count): Double(count)
    case .number(let number): number
    default: 0
    }
  }
}

/// Puts the page of `top` together.
enum TopPage {
  static func text(
    _ before: TopSnapshot, _ now: TopSnapshot, _ features: TopFeatures, rowsMax: Int
  ) -> String {
    let options = RenderOptions(
      terminalColumns: Output.terminalColumns, rowLimit: 0, usesColor: Output.usesColor)
    let tables = [
      features.table("Most time lost, \(features.window)", by: "lost_ms", rowsMax: rowsMax),
      features.table("Busiest, by attempts", by: "attempts", rowsMax: rowsMax),
    ]
    let head = lines(before, now).map { line in
      options.terminalColumns.map { DisplayWidth.truncate(line, to: $0) } ?? line
    }
    return head.joined(separator: "\n") + "\n\n"
      + tables.map { ReportRenderer.render($0, as: .table, options: options) }.joined(separator: "\n")
  }

  private static func lines(_ before: TopSnapshot, _ now: TopSnapshot) -> [String] {
    let seconds = max(0.001, Double(now.milliseconds - before.milliseconds) / 1_000)
    func rate(_ count: (StoreStatus) -> Int64) -> String {
      let change = max(0, count(now.status) - count(before.status))
      return HumanNumber.fixed(Double(change) / seconds, decimals: 1)
    }
    func drops(_ status: StoreStatus) -> Int64 {
      status.counters.filter { $0.key.hasPrefix("kernel_drops.") }.reduce(0) { $0 + $1.value }
    }
    let transports = Transport.allCases.map { transport in
      "\(transport.rawValue) \(rate { $0.counters["stored.\(transport.rawValue)"] ?? 0 })/s"
    }
    let age = now.status.newestMilliseconds.map {
      "newest event \(HumanNumber.duration(milliseconds: max(0, now.milliseconds - $0))) ago"
    }
    let status = now.status
    return [
      "waterline top · \(TimestampText.utc(now.milliseconds)) · \(HumanNumber.count(status.eventCount)) events"
        + (age.map { " · \($0)" } ?? ""),
      "stored \(rate { $0.stored })/s · \(transports.joined(separator: " · "))",
      "lost \(HumanNumber.count(status.lost)) · refused \(HumanNumber.count(status.rejected))"
        + " (\(rate { $0.rejected })/s) · duplicate \(HumanNumber.count(status.duplicate))"
        + " · dropped by the kernel \(HumanNumber.count(drops(status))) (\(rate(drops))/s)",
      "waiting to be merged \(HumanNumber.count(status.arrivalChunkCount)) of "
        + "\(HumanNumber.count(status.chunkCount)) chunks · database \(status.fileBytes >> 20) MiB",
    ]
  }
}
