import ArgumentParser
import Foundation
import ProgramConfiguration
import Report
import UsageModel

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
          waterline config check /etc/waterline/waterlined.yaml --format json

        Exit code 0: the program would take it; 1: it would not, and each problem stands on a line of its own. What \
        lies outside of the file is not looked at: keys, addresses that others use, hosts' names, permissions.
        """)

    @Argument(help: "The file.", completion: .file()) var file: String

    @Option(
      help: ArgumentHelp(
        "Whose file it is: \(ConfiguredProgram.names); else told from its name and keys.",
        valueName: "program"))
    var program: ConfiguredProgram?

    @Option(
      help: ArgumentHelp(
        "The problems as table, json, ndjson, csv or markdown; else in words.", valueName: "format"))
    var format: OutputFormat?

    func run() throws {
      let keyNames = try ConfigurationFile.keyNames(path: file)
      let program = program ?? ConfiguredProgram(path: file, keyNames: keyNames)
      let problems = program.problems(of: try ConfigurationFile(path: file, keys: program.keys), path: file)
      if let format {
        let table = GenericTable(
          columns: ["file", "line", "problem"], rows: problems.map { Self.row($0.description, file: file) })
        let options = RenderOptions(
          terminalColumns: Output.terminalColumns, rowLimit: 0, usesColor: Output.usesColor)
        Output.write(ReportRenderer.render(table, as: format, options: options))
      } else {
        for problem in problems { Output.writeError("waterline: \(problem)") }
        if problems.isEmpty { Output.write("\(file): a good configuration of \(program.rawValue)\n") }
      }
      if !problems.isEmpty { throw ExitCode(1) }
    }

    /// `FILE:3: what is wrong` in its parts; null for the line where the file as a whole is meant.
    private static func row(_ text: String, file: String) -> [ReportValue] {
      guard text.hasPrefix(file + ":") else { return [.text(file), .null, .text(text)] }
      let rest = text.dropFirst(file.count + 1)
      let digits = rest.prefix(while: \.isNumber)
      let line = rest.dropFirst(digits.count).hasPrefix(": ") ? Int64(digits) : nil
      let problem = line == nil ? rest : rest.dropFirst(digits.count + 1)
      return [
        .text(file), line.map(ReportValue.integer) ?? .null,
        .text(problem.trimmingCharacters(in: .whitespaces)),
      ]
    }
  }
}

/// A program that takes a configuration file.
enum ConfiguredProgram: String, CaseIterable, ExpressibleByArgument {
  case daemon = "waterlined"
  case agent = "waterline-agent"

  static var names: String { allCases.map(\.rawValue).joined(separator: " or ") }

  var keys: [ConfigurationKey] {
    switch self {
    case .daemon: DaemonConfiguration.keys
    case .agent: AgentConfiguration.keys
    }
  }

  /// What is wrong with single values, or else with what they say together.
  func problems(of file: ConfigurationFile, path: String) -> [ConfigurationError] {
    if !file.problems.isEmpty { return file.problems }
    return switch self {
    case .daemon: DaemonConfiguration.problemsTogether(in: file.layer)
    case .agent: AgentConfiguration.problemsTogether(in: file.layer, path: path)
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
