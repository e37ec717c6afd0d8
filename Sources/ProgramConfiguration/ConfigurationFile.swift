import Foundation
import Yams

/// A configuration file: YAML, one `key: value` a line.
///
/// What is unknown or makes no sense is an error, since a typing error must not pass for a setting.
package struct ConfigurationFile: Sendable {
  /// Largest file read: settings are a page, and the file is held whole.
  private static let fileBytesMax = 1 << 20

  /// What the file says, as far as it makes sense.
  package private(set) var layer = ConfigurationLayer()
  /// What does not make sense, one line each, with its place.
  package private(set) var problems: [ConfigurationError] = []

  /// What a file says.
  ///
  /// - Throws: the first problem.
  package static func layer(_ path: String, of keys: [ConfigurationKey]) throws -> ConfigurationLayer {
    let file = try ConfigurationFile(path: path, keys: keys)
    if let problem = file.problems.first { throw problem }
    return file.layer
  }

  /// Reads a file, going on after problems.
  ///
  /// - Throws: `ConfigurationError` if there is no such file.
  package init(path: String, keys: [ConfigurationKey]) throws {
    self.init(text: try Self.text(path), path: path, keys: keys)
  }

  /// The keys a file uses, in its order, known or not; empty if it is no YAML mapping.
  package static func keyNames(path: String) throws -> [String] {
    let node = try? Yams.compose(yaml: try text(path))
    return node?.mapping?.keys.compactMap(\.string) ?? []
  }

  /// Reads a text that was taken from `path`.
  package init(text: String, path: String, keys: [ConfigurationKey]) {
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch {
      problems.append(Self.error(error, path))
      return
    }
    guard let node, node.null == nil else { return }
    guard let mapping = node.mapping else {
      problems.append(ConfigurationError("\(path): the file is no list of 'key: value' lines"))
      return
    }
    for (key, value) in mapping {
      do {
        try take(key, value, place: key.mark.map { "\(path):\($0.line)" } ?? path, keys)
      } catch {
        problems.append(error)
      }
    }
  }

  private mutating func take(
    _ node: Node, _ value: Node, place: String, _ keys: [ConfigurationKey]
  ) throws(ConfigurationError) {
    guard let key = keys.first(where: { $0.name == node.string }) else {
      let known = keys.map(\.name).sorted().joined(separator: ", ")
      throw ConfigurationError("\(place): unknown key '\(node.string ?? "?")'; known are \(known)")
    }
    var parts: [String]?
    if key.isList, let sequence = value.sequence {
      let texts = sequence.compactMap { $0.scalar?.string }
      parts = texts.count == sequence.count ? texts : nil
    } else {
      parts = value.scalar.map { [$0.string] }
    }
    guard let parts, !parts.isEmpty, parts.allSatisfy({ !$0.isEmpty }) else {
      throw ConfigurationError(
        "\(place): '\(key.name)' needs a text\(key.isList ? " or a list of texts" : "")")
    }
    try layer.set(key, parts.joined(separator: key.separator.map(String.init) ?? ""), place: place)
  }

  private static func text(_ path: String) throws(ConfigurationError) -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ConfigurationError("cannot read the configuration \(path): does it exist, and may you read it?")
    }
    guard data.count <= fileBytesMax, let text = String(data: data, encoding: .utf8) else {
      throw ConfigurationError("the configuration \(path) is not UTF-8 text of at most 1 MiB")
    }
    return text
  }

  private static func error(_ error: any Error, _ path: String) -> ConfigurationError {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return ConfigurationError("\(path):\(mark.line): this is no YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, _):
      // Keys that are no texts come in any order.
      let names = duplicates.sorted().joined(separator: ", ")
      return ConfigurationError("\(path): set more than once: \(names)")
    default:
      let text = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
      return ConfigurationError("\(path): this is no YAML: \(text)")
    }
  }
}
