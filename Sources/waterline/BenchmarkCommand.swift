import ArgumentParser
import Control
import EventStore
import Foundation
import GRDB
import Ingest
import Report
import UsageModel
import UsageQuery

struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark", abstract: "Best-practice times and adoption benchmarks.",
    discussion: """
      EXAMPLES:
        waterline benchmark
        waterline benchmark publish 2026-q1 --from 2026-01-01 --to 2026-04-01
      """,
    subcommands: [Show.self, Publish.self, List.self, Compare.self], defaultSubcommand: Show.self)

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "The benchmarks of the window.",
      discussion: """
        EXAMPLES:
          waterline benchmark show --app crm
        """)

    @OptionGroup var options: ReportOptions

    func run() throws {
      try options.run("benchmark", keepsAnswer: true) { try UsageReports.benchmark($0, $1) }
    }
  }

  struct Publish: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "publish", abstract: "Freeze the window's benchmarks under a name.",
      discussion: """
        EXAMPLES:
          waterline benchmark publish 2026-q1 --from 2026-01-01 --to 2026-04-01
          waterline bottlenecks --benchmark 2026-q1
        """)

    @Argument(help: "Name of the set; 'self' is taken.")
    var name: String

    @OptionGroup var options: ReportOptions

    func validate() throws {
      if name == "self" || name.isEmpty { throw ValidationError("choose a name other than 'self'") }
    }

    func run() throws {
      let set = try options.evaluate { try UsageReports.benchmarkSet(named: name, $0, $1) }
      let record = set.record(publishedMilliseconds: Clock.nowMilliseconds())
      _ = try ControlClient(databasePath: options.database.path).run(.publishBenchmark(record))
      options.format.print(
        GenericTable(
          columns: ["name", "from", "to", "timezone", "features"],
          rows: [
            [
              .text(record.name), .text(record.fromDay), .text(record.toDay), .text(record.timeZone),
              .integer(Int64(record.rows.count)),
            ]
          ]))
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "What was published.",
      discussion: """
        EXAMPLES:
          waterline benchmark list
        """)

    @OptionGroup var database: DatabaseOption
    @OptionGroup var format: FormatOptions

    func run() throws {
      let sets = try EventStore(readingAt: database.path).read { try BenchmarkStore.all(in: $0) }
      format.print(
        GenericTable(
          columns: ["name", "from", "to", "timezone", "published", "features"],
          rows: sets.map {
            [
              .text($0.name), .text($0.fromDay), .text($0.toDay), .text($0.timeZone),
              .text(TimestampText.utc($0.publishedMilliseconds)), .integer(Int64($0.rows.count)),
            ]
          }))
    }
  }
}
