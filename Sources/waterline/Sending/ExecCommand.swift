import ArgumentParser
import Foundation
import Ingest
import UsageModel

struct ExecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Run a command as one use: its duration, its exit status as outcome.",
    discussion: """
      Leaves with the command's own exit status, and as soon as it: a process in the background waits for the \
      acknowledgement. An event that cannot be sent is only a warning. A command interrupted with Ctrl-C is \
      abandoned; SIGTERM and SIGHUP are passed on to it.

      EXAMPLES:
        waterline exec --app backup --feature nightly -- rsync -a /data /backup
      """)

  @OptionGroup var sender: SenderOptions

  @Argument(parsing: .postTerminator, help: "The command and its arguments, behind --.")
  var command: [String]

  func validate() throws {
    if command.isEmpty { throw ValidationError("name the command behind --") }
    if sender.feature == nil { throw ValidationError("a use needs --feature") }
  }

  func run() throws {
    let started = Clock.nowMilliseconds()
    let status = try ChildProcess.run(command)
    var event = sender.event(kind: .use, timeMilliseconds: started)
    event.outcome = status == 0 ? .ok : status == ChildProcess.interrupted ? .abandoned : .error
    event.durationMilliseconds = UInt32(clamping: Clock.nowMilliseconds() - started)
    do {
      try sender.target().deliverInBackground(event)
    } catch {
      Output.writeError("waterline: the command ran, but its event was not sent: \(error)")
    }
    throw ExitCode(status)
  }
}
