/// A configuration that cannot be used; one line, with what to do.
package struct ConfigurationError: Error, CustomStringConvertible, Sendable {
  package var description: String

  package init(_ description: String) { self.description = description }
}
