/// The ways in; raw values name counters and dead letters.
package enum Transport: String, CaseIterable, Sendable {
  case udp
  case unixDatagram = "unix-datagram"
  case unixStream = "unix-stream"

  /// For thread names, of which the kernel shows 15 bytes.
  package var shortName: String {
    switch self {
    case .udp: "udp"
    case .unixDatagram: "datagram"
    case .unixStream: "stream"
    }
  }
}
