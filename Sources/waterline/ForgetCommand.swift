import ArgumentParser
import Control
import EventStore
import Foundation
import Glibc
import Report
import UsageModel

struct ForgetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forget", abstract: "Erase a person, with a receipt. It cannot be undone.",
    discussion: """
      USER is a roster user, one of their aliases, or a name as events carry it; all names of the person go: \
      from events, daily cells, tickets, dead letters, the purpose log, roster and free pages. What comes \
      again under one of the names is refused and counted as 'forgotten'. The receipt says what was removed \
      and what cannot be reached from here.

      EXAMPLES:
        waterline forget ann.smith --purpose "request 2026-17"
        waterline forget ann.smith --purpose "request 2026-17" --yes --format json
      """)

  @Argument(help: ArgumentHelp("Whom to forget.", valueName: "user")) var user: String
  @Option(help: ArgumentHelp("Why; 'audit' shows it, without the name.", valueName: "text"))
  var purpose: String?
  @Flag(help: "Do not ask on the terminal.") var yes = false
  @OptionGroup var database: DatabaseOption
  @OptionGroup var format: FormatOptions

  func validate() throws {
    if user.isEmpty { throw ValidationError("name the person to forget") }
    if (purpose ?? "").isEmpty { throw ValidationError("say why with --purpose TEXT; 'audit' shows it") }
  }

  func run() throws {
    let path = database.path
    guard FileManager.default.fileExists(atPath: path) else { throw StoreError.absent(path: path) }
    if !yes { try confirm() }
    let line = ProgressLine()
    defer { line.finish() }
    let progress = RequestProgress(line, rowTitle: "forgetting")
    let request = ControlRequest.forget(user: user, login: Purpose.login, purpose: purpose ?? "")
    let response = try ControlClient(databasePath: path).run(request, progress: progress.take)
    line.finish()
    guard case .forgot(let receipt) = response else { return }
    print(receipt)
  }

  private func confirm() throws {
    guard isatty(STDIN_FILENO) == 1 else {
      throw UsageError("forgetting cannot be undone: add --yes where nobody can be asked")
    }
    Output.writeRaw("Erase \(SafeText.escaping(user)) for good? Type yes: ")
    guard readLine() == "yes" else { throw StoreError.invalid("nothing was erased") }
  }

  private func print(_ receipt: ForgetReceipt) {
    if receipt.isEmpty { Output.writeError("nothing of that name was stored; it is refused from now on") }
    format.printAll(
      GenericTable(
        columns: ["place", "what", "count"],
        rows: receipt.items.map { [.text($0.place), .text($0.what), .integer(Int64($0.count))] },
        asides: [
          GenericTable.Aside(
            name: "not_reached", title: "Not reached from here", items: receipt.notReached)
        ],
        warnings: receipt.warnings))
  }
}
