/// Settings as one place gives them: the command line, the environment or a file.
package struct ConfigurationLayer: Equatable, Sendable {
  /// A value, checked, and where it stands, for messages.
  package struct Value: Equatable, Sendable {
    package var text: String
    /// `--udp`, `$WATERLINE_UDP` or `/etc/waterline/waterlined.yaml:3`.
    package var place: String
  }

  private var values: [String: Value] = [:]

  package init() {}

  package subscript(name: String) -> Value? { values[name] }

  /// Takes a value.
  ///
  /// - Throws: what is wrong with it, and where.
  package mutating func set(_ key: ConfigurationKey, _ text: String, place: String) throws(ConfigurationError)
  {
    if let problem = key.problem(text) { throw ConfigurationError("\(place): \(key.name) \(problem)") }
    values[key.name] = Value(text: text, place: place)
  }

  /// The layers on top of each other, the first one winning.
  package static func merged(_ layers: [ConfigurationLayer]) -> ConfigurationLayer {
    var result = ConfigurationLayer()
    for layer in layers { result.values.merge(layer.values) { stronger, _ in stronger } }
    return result
  }

  /// Flags, environment and file, from strongest to weakest.
  ///
  /// - Parameter file: as a flag names it; else the variable `WATERLINE_CONFIG` counts.
  package static func all(
    flags: [String: String?], variables: [String: String], file: String?, of keys: [ConfigurationKey]
  ) throws(ConfigurationError) -> [ConfigurationLayer] {
    var layers = [try Self.flags(flags, of: keys), try environment(variables, of: keys)]
    if let path = file ?? variables["WATERLINE_CONFIG"] {
      do {
        layers.append(try ConfigurationFile.layer(path, of: keys))
      } catch let error as ConfigurationError {
        throw error
      } catch {
        throw ConfigurationError("cannot read the configuration \(path): \(error)")
      }
    }
    return layers
  }

  /// What flags say, by the key they stand for; nil where a flag was not given.
  package static func flags(
    _ given: [String: String?], of keys: [ConfigurationKey]
  ) throws(ConfigurationError) -> ConfigurationLayer {
    var layer = ConfigurationLayer()
    for key in keys {
      if let text = given[key.name] ?? nil { try layer.set(key, text, place: key.flag) }
    }
    return layer
  }

  /// What the environment says: `WATERLINE_DB`, `WATERLINE_UDP` and so on.
  package static func environment(
    _ variables: [String: String], of keys: [ConfigurationKey]
  ) throws(ConfigurationError) -> ConfigurationLayer {
    var layer = ConfigurationLayer()
    for key in keys {
      if let text = variables[key.variable] { try layer.set(key, text, place: "$" + key.variable) }
    }
    return layer
  }
}
