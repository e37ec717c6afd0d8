import Foundation
import UsageModel
import Yams

/// What the daemon is told: flags win over environment, which wins over the file, which wins over defaults.
struct Configuration: Equatable {
  var databasePath: String
  var udpAddress: String?
  var unixDatagramPath: String?
  var unixStreamPath: String?
  var logLevel: String

  /// Settings as one place gives them; nil where it is silent.
  struct Layer: Equatable {
    var databasePath: String?
    var udpAddress: String?
    var unixDatagramPath: String?
    var unixStreamPath: String?
    var mode: String?
    var logLevel: String?

    /// The layers on top of each other, the first one winning.
    static func merged(_ layers: [Layer]) -> Layer {
      func first(_ field: KeyPath<Layer, String?>) -> String? {
        layers.lazy.compactMap { $0[keyPath: field] }.first
      }
      return Layer(
        databasePath: first(\.databasePath), udpAddress: first(\.udpAddress),
        unixDatagramPath: first(\.unixDatagramPath), unixStreamPath: first(\.unixStreamPath),
        mode: first(\.mode), logLevel: first(\.logLevel))
    }
  }

  /// Loopback only: plain UDP is not signed, so it must not be open to a network by default.
  static let defaultUDPAddress = "127.0.0.1:4717"

  /// Puts the layers together and fills in defaults.
  ///
  /// When no socket is named anywhere, all three are opened at their default places; else only those named.
  init(layers: [Layer], places: DefaultPlaces) throws {
    let merged = Layer.merged(layers)
    guard (merged.mode ?? "none") == "none" else {
      throw ConfigurationError(
        "mode '\(merged.mode ?? "")' is not available in this version: only 'none', for local sockets, is")
    }
    databasePath = merged.databasePath ?? places.databasePath
    let namesNoSocket =
      merged.udpAddress == nil && merged.unixDatagramPath == nil && merged.unixStreamPath == nil
    udpAddress = merged.udpAddress ?? (namesNoSocket ? Self.defaultUDPAddress : nil)
    unixDatagramPath =
      merged.unixDatagramPath ?? (namesNoSocket ? places.runtimeDirectory + "/datagram.sock" : nil)
    unixStreamPath = merged.unixStreamPath ?? (namesNoSocket ? places.runtimeDirectory + "/stream.sock" : nil)
    logLevel = merged.logLevel ?? "info"
    guard Log.Level(name: logLevel) != nil else {
      throw ConfigurationError(
        "log_level '\(logLevel)' is none of \(Log.Level.allCases.map(\.name).joined(separator: ", "))")
    }
  }
}

extension Configuration.Layer {
  /// The variables `WATERLINE_DB`, `WATERLINE_UDP` and so on.
  static func environment(_ variables: [String: String]) -> Configuration.Layer {
    Configuration.Layer(
      databasePath: variables["WATERLINE_DB"], udpAddress: variables["WATERLINE_UDP"],
      unixDatagramPath: variables["WATERLINE_UNIX_DATAGRAM"],
      unixStreamPath: variables["WATERLINE_UNIX_STREAM"], mode: variables["WATERLINE_MODE"],
      logLevel: variables["WATERLINE_LOG_LEVEL"])
  }

  /// Largest configuration file read.
  private static let fileBytesMax = 1 << 20

  /// Reads a YAML file; unknown keys and values that are no text are errors, as a typo must not pass.
  static func file(_ path: String) throws -> Configuration.Layer {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ConfigurationError("cannot read the configuration \(path): does it exist, and may you read it?")
    }
    guard data.count <= fileBytesMax, let text = String(data: data, encoding: .utf8) else {
      throw ConfigurationError("the configuration \(path) is not UTF-8 text of at most 1 MiB")
    }
    return try parse(text, path: path)
  }

  static func parse(_ text: String, path: String) throws -> Configuration.Layer {
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch {
      throw ConfigurationError("the configuration \(path) is not YAML: \(error)")
    }
    var layer = Configuration.Layer()
    guard let node, node.null == nil else { return layer }
    guard let mapping = node.mapping else {
      throw ConfigurationError("the configuration \(path) is no list of 'key: value' lines")
    }
    for (key, value) in mapping {
      let line = key.mark.map { "\(path):\($0.line)" } ?? path
      guard let name = key.string, let field = fields[name] else {
        throw ConfigurationError(
          "\(line): unknown key '\(key.string ?? "?")'; known are \(fields.keys.sorted().joined(separator: ", "))"
        )
      }
      guard let text = value.scalar?.string, !text.isEmpty else {
        throw ConfigurationError("\(line): '\(name)' needs a text")
      }
      layer[keyPath: field] = text
    }
    return layer
  }

  private static var fields: [String: WritableKeyPath<Configuration.Layer, String?>] {
    [
      "db": \.databasePath, "udp": \.udpAddress, "unix_datagram": \.unixDatagramPath,
      "unix_stream": \.unixStreamPath, "mode": \.mode, "log_level": \.logLevel,
    ]
  }
}

/// A configuration that cannot be used; one line, with what to do.
struct ConfigurationError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
