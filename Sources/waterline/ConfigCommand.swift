import ArgumentParser
import Foundation
import ProgramConfiguration

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check a configuration file before a program reads it.",
    discussion: """
      EXAMPLES:
        waterline config check /etc/waterline/waterlined.yaml
      """,
    subcommands: [CheckCommand.self])

  struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Say what is wrong with a configuration, line by line.",
      discussion: """
        EXAMPLES:
          waterline config check /etc/waterline/waterlined.yaml
          waterline config check my.yaml --program waterlined && systemctl reload waterlined

        Exit code 0: the program would take it; 1: it would not, and each problem stands on a line of its own.
        """)

    @Argument(help: "The file.") var file: String

    @Option(
      help: ArgumentHelp(
        "Whose file it is: \(ConfiguredProgram.names); else told from its name and keys.",
        valueName: "program"))
    var program: ConfiguredProgram?

    func run() throws {
      let keyNames = try ConfigurationFile.keyNames(path: file)
      let program = program ?? ConfiguredProgram(path: file, keyNames: keyNames)
      let read = try ConfigurationFile(path: file, keys: program.keys)
      guard read.problems.isEmpty else {
        for problem in read.problems { Output.writeError("waterline: \(problem)") }
        throw ExitCode(1)
      }
      Output.write("\(file): a good configuration of \(program.rawValue)\n")
    }
  }
}

/// A program that takes a configuration file.
enum ConfiguredProgram: String, CaseIterable, ExpressibleByArgument {
  case daemon = "waterlined"

  static var names: String { allCases.map(\.rawValue).joined(separator: " or ") }

  var keys: [ConfigurationKey] {
    switch self {
    case .daemon: DaemonConfiguration.keys
    }
  }

  /// The program a file is for: the one its name begins with, else the one that knows most of its keys.
  init(path: String, keyNames: [String]) {
    let name = URL(fileURLWithPath: path).lastPathComponent
    func knownCount(_ program: ConfiguredProgram) -> Int {
      let known = Set(program.keys.map(\.name))
      return keyNames.count { known.contains($0) }
    }
    let named = Self.allCases.first { name.hasPrefix($0.rawValue) }
    self = named ?? Self.allCases.max { knownCount($0) < knownCount($1) } ?? .daemon
  }
}
