import ArgumentParser
import EventStore
import Foundation
import Glibc
import UsageModel

/// The command line of `waterline`.
///
/// Every command says its name: ArgumentParser would make it from the type's, which took a millisecond at each start.
@main
struct WaterlineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "waterline",
    abstract: "Ask what people get done with their software, and what it costs them.",
    discussion: """
      EXAMPLES:
        waterline demo                                  a made-up organisation, end to end
        waterline import roster people.csv              who works here
        waterline coverage --by department              who has adopted what
        waterline bottlenecks --window 28d              where time is lost
        waterline erosion --by app --format json        how much time is lost, for a program

      --db FILE may stand before or after the command; else $WATERLINE_DB counts, else the installed \
      daemon's database. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some input was rejected.
      """,
    version: ProductVersion.text,
    groupedSubcommands: [
      CommandGroup(name: "Reports", subcommands: reports),
      CommandGroup(
        name: "Data",
        subcommands: [
          ImportCommand.self, InterventionCommand.self, ChangeCommand.self, SendCommand.self,
          ExecCommand.self, ShellCommand.self, DeliverCommand.self,
        ]),
      CommandGroup(
        name: "Administration",
        subcommands: [
          StatusCommand.self, TopCommand.self, ConfigCommand.self, SettingsCommand.self, SQLCommand.self,
          AuditCommand.self, DoctorCommand.self, BackupCommand.self, ForgetCommand.self,
          DeadLettersCommand.self,
          DemoCommand.self,
        ]),
    ])

  private static let reports: [any ParsableCommand.Type] = [
    CoverageCommand.self, GapsCommand.self, BenchmarkCommand.self, BottlenecksCommand.self,
    ErosionCommand.self, StrikeoutsCommand.self, FlowCommand.self,
    ImpactCommand.self, ChangesCommand.self, SupportCommand.self, RotCommand.self, AlertsCommand.self,
    ExportCommand.self,
  ]

  static func main() {
    umask(0o027)
    var arguments = Array(CommandLine.arguments.dropFirst())
    DatabaseOption.takeLeading(from: &arguments)
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch {
      Termination.end(with: error)
    }
  }
}

/// How the program ends.
enum Termination {
  static let wrongUsage: Int32 = 2
  /// Done, but some input was rejected.
  static let partlyRejected: Int32 = 3

  /// Prints one line (or the help that was asked for) and leaves with the code for this error.
  static func end(with error: any Error) -> Never {
    if let code = error as? ExitCode { Glibc.exit(code.rawValue) }
    if let usage = error as? UsageError { fail("\(usage)", Self.wrongUsage) }
    switch WaterlineCommand.exitCode(for: error) {
    case .success: WaterlineCommand.exit(withError: error)
    case .validationFailure: fail(WaterlineCommand.fullMessage(for: error), Self.wrongUsage, isWhole: true)
    default: fail(StoreError.line(for: error), 1)
    }
  }

  private static func fail(_ text: String, _ code: Int32, isWhole: Bool = false) -> Never {
    Output.writeError(isWhole ? text : "waterline: \(text)")
    Glibc.exit(code)
  }
}

/// Wrong usage that only shows once options are put together; exit code 2.
struct UsageError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
