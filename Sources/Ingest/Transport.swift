/// The ways in; raw values name counters and dead letters.
package enum Transport: String, CaseIterable, Sendable {
  case udp
  case unixDatagram = "unix-datagram"
  case unixStream = "unix-stream"
}
