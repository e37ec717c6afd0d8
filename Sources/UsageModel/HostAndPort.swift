/// A host and a port as people write them: `127.0.0.1:4717`, `collector.example.org:4717`, `[::1]:4717`.
package struct HostAndPort: Equatable, Sendable {
  /// Name or address, without the brackets of IPv6.
  package var host: String
  package var port: UInt16

  /// Whether it names this host alone, as far as it can be seen from the text.
  package var isLoopback: Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.") || host.hasPrefix("::ffff:127.")
  }

  /// Whether it is a number and no name that would have to be looked up.
  package var isNumeric: Bool {
    host.contains(":") || host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }
  }

  package init(_ text: String) throws(HostAndPortError) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
      throw HostAndPortError("'\(text)' is no HOST:PORT, such as 127.0.0.1:4717 or [::1]:4717")
    }
    var host = String(text[..<colon])
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    if isBracketed { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else {
      throw HostAndPortError("'\(text)' names no host: use 127.0.0.1:\(port)")
    }
    guard isBracketed || !host.contains(":") else {
      throw HostAndPortError("'\(text)' needs brackets around its IPv6 address: [\(host)]:\(port)")
    }
    self.host = host
    self.port = port
  }
}

/// Why a text is no host and port; one line, with what to write.
package struct HostAndPortError: Error, CustomStringConvertible, Sendable {
  package var description: String

  init(_ description: String) { self.description = description }
}
