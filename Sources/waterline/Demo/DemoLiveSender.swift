import Glibc
import Ingest

/// Sends the demo's last days through the daemon's three sockets, a third each.
struct DemoLiveSender {
  struct Counts {
    var udp = 0
    var unixDatagram = 0
    var unixStream = 0
    var total: Int { udp + unixDatagram + unixStream }
  }

  /// Datagrams between two rests, as plain UDP has no flow control.
  private static let datagramsPerBurst = 200
  /// Length of a rest: about 100,000 datagrams a second, which a default socket buffer bears.
  private static let restMicroseconds: UInt32 = 2_000

  private let daemon: DemoDaemon

  init(_ daemon: DemoDaemon) { self.daemon = daemon }

  func send(_ feed: DemoFeed) throws -> Counts {
    let udp = try OutgoingSocket(daemon.udpAddress)
    let datagram = try OutgoingSocket(daemon.datagramPath)
    let stream = try OutgoingSocket(daemon.streamPath)
    var counts = Counts()
    try feed.forEachRemainingLine { line in
      switch counts.total % 3 {
      case 0:
        try udp.send(line)
        counts.udp += 1
        if counts.udp % Self.datagramsPerBurst == 0 { usleep(Self.restMicroseconds) }
      case 1:
        try datagram.send(line)
        counts.unixDatagram += 1
      default:
        try stream.send(line)
        counts.unixStream += 1
      }
    }
    return counts
  }
}
