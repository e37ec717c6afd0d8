import ArgumentParser
import EventStore
import GRDB
import Report
import UsageModel

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Who looked at names or small groups, when and why.",
    discussion: """
      EXAMPLES:
        waterline audit
        waterline audit --format csv --limit 0
      """)

  @OptionGroup var database: DatabaseOption
  @OptionGroup var format: FormatOptions

  func run() throws {
    let entries = try EventStore(readingAt: database.path).read { try PurposeLog.all(in: $0) }
    format.print(
      GenericTable(
        columns: ["time", "login", "purpose", "command"],
        rows: entries.map {
          [
            .text(TimestampText.utc($0.timeMilliseconds)), .text($0.login), .text($0.purpose),
            .text($0.command),
          ]
        }))
  }
}
