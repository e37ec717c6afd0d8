import UsageModel

/// One thing that can be set in a program's configuration.
///
/// The key `unix_stream` of the file is the variable `WATERLINE_UNIX_STREAM` and the flag `--unix-stream`.
package struct ConfigurationKey: Sendable {
  /// As the file has it.
  package var name: String
  /// Whether the file may give several values; in one text they are separated by commas.
  package var isList: Bool
  /// What is wrong with a value, as a sentence's end (`'x' is none of …`); nil when it will do.
  package var problem: @Sendable (_ value: String) -> String?

  package init(
    _ name: String, isList: Bool = false,
    problem: @escaping @Sendable (_ value: String) -> String? = { _ in nil }
  ) {
    self.name = name
    self.isList = isList
    self.problem = problem
  }

  /// The key in the environment.
  package var variable: String { "WATERLINE_" + name.uppercased() }

  /// The key on the command line.
  package var flag: String { "--" + name.replacing("_", with: "-") }

  /// A key whose value is one of a few words.
  package static func choice(_ name: String, _ words: [String]) -> ConfigurationKey {
    ConfigurationKey(name) { value in
      words.contains(value) ? nil : "'\(value)' is none of \(words.joined(separator: ", "))"
    }
  }

  /// A key whose value is `HOST:PORT`.
  package static func hostAndPort(_ name: String) -> ConfigurationKey {
    ConfigurationKey(name) { value in
      do {
        _ = try HostAndPort(value)
        return nil
      } catch {
        return "\(error)"
      }
    }
  }

  /// A key that is `true` or `false`.
  package static func boolean(_ name: String) -> ConfigurationKey { choice(name, ["true", "false"]) }
}
