import CLinux
import Glibc

/// Receives datagrams of one socket on a thread of its own.
package final class DatagramReceiver: Sendable {
  /// Datagrams taken with one system call.
  private static let slotsPerCall: UInt32 = 64
  /// Largest datagram taken: UDP cannot carry more than 65,507 bytes.
  private static let slotBytes: UInt32 = 65_536

  private let socket: BoundSocket
  private let transport: Transport
  private let queue: WriterQueue
  private let stop: StopSignal
  private let peers: PeerPolicy
  private let gate: EnvelopeGate

  package init(
    socket: BoundSocket, transport: Transport, queue: WriterQueue, stop: StopSignal,
    peers: PeerPolicy = PeerPolicy(), gate: EnvelopeGate = EnvelopeGate()
  ) {
    self.gate = gate
    self.socket = socket
    self.transport = transport
    self.queue = queue
    self.stop = stop
    self.peers = peers
  }

  /// Receives until the stop signal, then takes what the socket still holds.
  package func run() {
    guard let ring = wl_datagram_ring_create(Self.slotsPerCall, Self.slotBytes) else { return }
    defer { wl_datagram_ring_destroy(ring) }
    var filler = BatchFiller(queue: queue, transport: transport, peers: peers, gate: gate)
    var dropCount = socket.inheritedDropCount
    var drainEnd: Int64?
    while true {
      // Looked at before receiving: what had come when the signal was given is then taken.
      let isStopping = stop.isSet
      let now = Clock.nowMilliseconds()
      filler.setReceipt(milliseconds: now)
      let count = wl_datagram_ring_receive(ring, socket.descriptor)
      for index in 0..<max(0, count) {
        let bytes = UnsafeRawBufferPointer(
          start: wl_datagram_ring_bytes(ring, index), count: Int(wl_datagram_ring_length(ring, index)))
        filler.setPeer(transport == .unixDatagram ? wl_datagram_ring_user(ring, index) : nil)
        filler.add(
          datagram: bytes, isTruncated: wl_datagram_ring_is_truncated(ring, index), now: now,
          route: route(ring, index))
      }
      // A datagram tells what was dropped before it; what came last may have been dropped, so ask when idle.
      let drops = count > 0 ? wl_datagram_ring_drop_count(ring) : socket.dropCount ?? dropCount
      // The kernel's counter wraps at 32 bits; so does the difference, which is negative for an old count.
      let change = Int32(bitPattern: drops &- dropCount)
      if change > 0 {
        filler.count(kernelDrops: Int64(change))
        dropCount = drops
      }
      if filler.millisecondsUntilDue(now: now) == 0 { filler.seal(now) }
      if isStopping {
        let end = drainEnd ?? now + BatchFiller.drainMillisecondsMax
        if count <= 0 || now >= end { break }
        drainEnd = end
      } else if count <= 0 {
        wait(filler.millisecondsUntilDue(now: now))
      }
    }
    filler.finish(now: Clock.nowMilliseconds())
  }

  /// The way back to the sender of a datagram; a Unix socket without a name has none.
  private func route(_ ring: OpaquePointer, _ index: Int32) -> AnswerRoute {
    var length: socklen_t = 0
    guard let address = wl_datagram_ring_address(ring, index, &length),
      Int(length) > MemoryLayout<sa_family_t>.size, Int(length) <= MemoryLayout<sockaddr_storage>.size
    else { return .nowhere }
    return .datagram(
      socket, address: Array(UnsafeRawBufferPointer(start: address, count: Int(length))))
  }

  /// Waits for a datagram, the batch's due time, or the stop signal.
  private func wait(_ milliseconds: Int64?) {
    var descriptors = [
      pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&descriptors, 2, milliseconds.map { Int32($0) } ?? -1)
  }
}
