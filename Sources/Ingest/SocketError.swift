import Glibc

/// Why a socket could not be opened; one line, with what to do.
package struct SocketError: Error, CustomStringConvertible, Sendable {
  package var description: String

  package init(_ description: String) { self.description = description }

  /// The C library's words for `errno`, captured by the caller at once.
  static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
