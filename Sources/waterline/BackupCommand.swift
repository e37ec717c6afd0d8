import ArgumentParser
import EventStore
import Report
import UsageModel

struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy the database to a file while it is in use, and check the copy.",
    discussion: """
      The file appears under its name only when it is whole and checked. It holds names and the keys of \
      pseudonyms: it is readable for you only. To restore it, stop the daemon and put it in the database's \
      place; then run 'waterline doctor'.

      EXAMPLES:
        waterline backup /backup/waterline-monday.db
        waterline backup /backup/waterline.db --replace
      """)

  @Argument(help: ArgumentHelp("Where the copy goes.", valueName: "file"), completion: .file())
  var file: String
  @Flag(help: "Replace an older backup of that name.") var replace = false
  @OptionGroup var database: DatabaseOption
  @OptionGroup var format: FormatOptions

  func run() throws {
    let line = ProgressLine()
    defer { line.finish() }
    let result = try StoreBackup.copy(database.path, to: file, replaces: replace) { step in
      switch step {
      case .copying(let done, let total): line.show("copying", .bytes, done: done, of: total)
      case .checking(let done, let total):
        line.show("checking", .things("chunks"), done: Int64(done), of: Int64(total))
      }
    }
    line.finish()
    format.print(
      GenericTable(
        columns: ["file", "bytes", "events", "damaged_events"],
        rows: [
          [
            .text(file), .integer(result.byteCount), .integer(result.eventCount),
            .integer(result.damagedEventCount),
          ]
        ]))
    if result.damagedEventCount > 0 {
      Output.writeError(
        "warning: \(result.damagedEventCount) more events are set aside as damaged, here and in the copy: an older "
          + "backup may have them")
    }
  }
}
