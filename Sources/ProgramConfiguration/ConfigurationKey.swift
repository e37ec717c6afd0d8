import UsageModel

/// One thing that can be set in a program's configuration.
///
/// The key `unix_stream` of the file is the variable `WATERLINE_UNIX_STREAM` and the flag `--unix-stream`.
package struct ConfigurationKey: Sendable {
  /// As the file has it.
  package var name: String
  /// What stands between the values of a list in one text; nil for a single value.
  package var separator: Character?
  /// What is wrong with a value, as a sentence's end (`'x' is none of …`); nil when it will do.
  package var problem: @Sendable (_ value: String) -> String?

  package init(
    _ name: String, separator: Character? = nil,
    problem: @escaping @Sendable (_ value: String) -> String? = { _ in nil }
  ) {
    self.name = name
    self.separator = separator
    self.problem = problem
  }

  /// Whether the file may give several values.
  package var isList: Bool { separator != nil }

  /// The values in a text, without white space around them.
  package func values(in text: String) -> [String] {
    guard let separator else { return [text] }
    return text.split(separator: separator).map(Self.trimmed).filter { !$0.isEmpty }
  }

  private static func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0 == " " || $0 == "\t" }
    let end = start.lastIndex { $0 != " " && $0 != "\t" }
    return end.map { String(start[...$0]) } ?? ""
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

  /// A key whose value is a whole number.
  package static func number(_ name: String, _ range: ClosedRange<Int64>, of unit: String) -> ConfigurationKey
  {
    ConfigurationKey(name) { value in
      Int64(value).map { range.contains($0) } == true
        ? nil : "'\(value)' is no number of \(unit) from \(range.lowerBound) to \(range.upperBound)"
    }
  }

  /// Permissions of sockets: reading and writing only, the owner's included.
  package static let socketMode = ConfigurationKey("socket_mode") { value in
    socketMode(value) == nil ? "'\(value)' is no mode such as 0600, 0660 or 0666" : nil
  }

  /// Permissions in octal digits; nil for others than reading and writing, or without the owner's.
  static func socketMode(_ text: String) -> UInt32? {
    guard text.utf8.count <= 4, let mode = UInt32(text, radix: 8), mode & 0o600 == 0o600, mode & ~0o666 == 0
    else { return nil }
    return mode
  }

  /// Accounts that may speak for others.
  package static let relays = ConfigurationKey("relays", separator: ",")

  /// A key that is `true` or `false`.
  package static func boolean(_ name: String) -> ConfigurationKey { choice(name, ["true", "false"]) }
}
