import CLinux
import Glibc

/// Receives datagrams of one socket on a thread of its own.
package final class DatagramReceiver: Sendable {
  /// Datagrams taken with one system call.
  private static let slotsPerCall: UInt32 = 64
  /// Largest datagram taken: UDP cannot carry more than 65,507 bytes.
  private static let slotBytes: UInt32 = 65_536
  /// As many datagrams between two waits, or in 50 ms, are a burst, in which the next is not waited for but
  /// gathered with others.
  ///
  /// Waking up for a datagram costs more than receiving it. At the thousand a second that 50 in 50 ms are,
  /// gathering is as good as waiting; beyond, it is better.
  private static let burstDatagrams = 32
  fileprivate static let busyDatagrams = 50
  /// Datagrams worth waking up for: a wake-up then costs less than a fiftieth of receiving them.
  fileprivate static let gatheredDatagrams = 256
  /// Receive buffer for each millisecond that datagrams gather: twice what the fastest sender on one machine fills
  /// (540 datagrams of 1,400 bytes, which take 2,304 each in the kernel), so that a sudden one finds room.
  private static let bufferBytesPerMillisecond = 2_500_000

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
    var drops = DropCounter(socket)
    var drainEnd: Int64?
    var sinceLastWait = 0
    var pace = Pace()
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
      if count > 0 {
        sinceLastWait += Int(count)
        pace.add(Int(count), now: now)
        filler.count(kernelDrops: drops.changeAfterDatagram(wl_datagram_ring_drop_count(ring)))
      } else if isStopping || sinceLastWait == 0 {
        filler.count(kernelDrops: drops.changeWhenQuiet())
      }
      if filler.millisecondsUntilDue(now: now) == 0 { filler.seal(now) }
      if isStopping {
        let end = drainEnd ?? now + BatchFiller.drainMillisecondsMax
        if count <= 0 || now >= end { break }
        drainEnd = end
      } else if count <= 0 || (gathersBursts && count < Int32(Self.slotsPerCall)) {
        // Fewer than there was room for: nothing waits any more, without asking again.
        let isBurst = sinceLastWait >= Self.burstDatagrams || (pace.isBusy && sinceLastWait > 0)
        if isBurst && gathersBursts {
          wait(min(pace.gatherMilliseconds, gatherMillisecondsMax), alsoForDatagrams: false)
        } else {
          let due = filler.millisecondsUntilDue(now: now)
          wait(drops.isQuiet ? due : due ?? BatchFiller.sealAfterMilliseconds)
        }
        sinceLastWait = 0
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

  /// Whether the kernel can hold a burst meanwhile: on Unix sockets it holds up the sender after a few.
  private var gathersBursts: Bool {
    transport == .udp && socket.receiveBufferBytes >= Sockets.receiveBufferBytesLow
  }

  /// How long datagrams may gather.
  private var gatherMillisecondsMax: Int64 {
    Int64(max(1, socket.receiveBufferBytes / Self.bufferBytesPerMillisecond))
  }

  /// Waits for the stop signal, a datagram, or so many milliseconds; nil for ever.
  private func wait(_ milliseconds: Int64?, alsoForDatagrams: Bool = true) {
    var descriptors = [
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&descriptors, alsoForDatagrams ? 2 : 1, milliseconds.map { Int32($0) } ?? -1)
  }
}

/// Whether datagrams have been coming fast.
private struct Pace {
  private var start: Int64 = 0
  private var count = 0
  private(set) var isBusy = false
  /// In which as many come as are worth a wake-up; 1 at least.
  private(set) var gatherMilliseconds: Int64 = 1

  mutating func add(_ datagrams: Int, now: Int64) {
    count += datagrams
    let elapsed = now - start
    // A clock that was set back begins anew.
    guard elapsed < 0 || elapsed >= BatchFiller.sealAfterMilliseconds else { return }
    isBusy = elapsed < 2 * BatchFiller.sealAfterMilliseconds && count >= DatagramReceiver.busyDatagrams
    gatherMilliseconds = max(1, elapsed * Int64(DatagramReceiver.gatheredDatagrams) / Int64(max(1, count)))
    start = now
    count = 0
  }
}

/// How many datagrams the kernel dropped at a socket since the last time.
private struct DropCounter {
  private let socket: BoundSocket
  private var count: UInt32
  /// Whether nothing came since the kernel was asked.
  private(set) var isQuiet = false

  init(_ socket: BoundSocket) {
    self.socket = socket
    count = socket.inheritedDropCount
  }

  /// A datagram tells what was dropped before it.
  mutating func changeAfterDatagram(_ total: UInt32) -> Int64 {
    isQuiet = false
    return change(to: total)
  }

  /// Those that came last may have been dropped, which no datagram tells.
  mutating func changeWhenQuiet() -> Int64 {
    if isQuiet { return 0 }
    isQuiet = true
    return change(to: socket.dropCount ?? count)
  }

  private mutating func change(to total: UInt32) -> Int64 {
    // The kernel's counter wraps at 32 bits; so does the difference, which is negative for an old count.
    let change = Int32(bitPattern: total &- count)
    guard change > 0 else { return 0 }
    count = total
    return Int64(change)
  }
}
