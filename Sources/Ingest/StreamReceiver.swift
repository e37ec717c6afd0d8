import CLinux
import Glibc
import UsageModel
import WireFormat

/// Receives from all connections of one Unix stream socket on a thread of its own.
package final class StreamReceiver: Sendable {
  /// Connections at once; further ones wait in the kernel's queue.
  package static let connectionsMax = 16_384
  /// Bytes of unfinished lines and batches kept over all connections; who would exceed it is disconnected.
  package static let pendingBytesMax = 256 << 20
  /// Read from one connection at a time, so that a busy one cannot starve the others.
  private static let readBytes = 256 << 10
  private static let eventsPerCall = 128
  /// How long to wait before asking again for connections when the process had no descriptor left.
  private static let retryMilliseconds: Int64 = 1_000

  private let socket: BoundSocket
  private let queue: WriterQueue
  private let stop: StopSignal
  private let connectionsMax: Int
  private let peers: PeerPolicy
  private let gate: EnvelopeGate

  package init(
    socket: BoundSocket, queue: WriterQueue, stop: StopSignal, connectionsMax: Int = connectionsMax,
    peers: PeerPolicy = PeerPolicy(), gate: EnvelopeGate = EnvelopeGate()
  ) {
    self.gate = gate
    self.socket = socket
    self.queue = queue
    self.stop = stop
    self.connectionsMax = connectionsMax
    self.peers = peers
  }

  /// Receives until the stop signal, then takes what the connections still hold.
  package func run() {
    let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { return }
    defer { close(epoll) }
    watch(epoll, socket.descriptor)
    watch(epoll, stop.descriptor)
    var connections = StreamConnections(
      filler: BatchFiller(queue: queue, transport: .unixStream, peers: peers, gate: gate))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.readBytes, alignment: 16)
    defer { buffer.deallocate() }
    var events = [epoll_event](repeating: epoll_event(), count: Self.eventsPerCall)
    var isListening = true
    var drainEnd: Int64?
    while true {
      // Looked at before receiving: what had come when the signal was given is then taken.
      let isStopping = stop.isSet
      let due = connections.millisecondsUntilDue(now: Clock.nowMilliseconds())
      let wait = isListening ? due : min(due ?? Self.retryMilliseconds, Self.retryMilliseconds)
      let count = epoll_wait(
        epoll, &events, Int32(events.count), isStopping ? 0 : wait.map { Int32($0) } ?? -1)
      let receipt = Clock.nowMilliseconds()
      connections.setReceipt(milliseconds: receipt)
      let connectionCount = connections.count
      var hasProgress = false
      for event in events.prefix(Int(max(0, count))) {
        let descriptor = event.data.fd
        if descriptor == stop.descriptor { continue }
        if descriptor == socket.descriptor {
          let before = connections.count
          isListening = accept(epoll, &connections)
          hasProgress = hasProgress || connections.count > before
        } else if connections.read(descriptor, into: buffer, now: receipt) {
          hasProgress = true
        }
      }
      if connections.millisecondsUntilDue(now: receipt) == 0 { connections.seal(receipt) }
      if !isListening && (connections.count < connectionCount || count == 0) {
        watch(epoll, socket.descriptor)
        isListening = true
        hasProgress = true
      }
      if isStopping {
        let end = drainEnd ?? receipt + BatchFiller.drainMillisecondsMax
        if !hasProgress || receipt >= end { break }
        drainEnd = end
      }
    }
    connections.finish(now: Clock.nowMilliseconds())
  }

  private func watch(_ epoll: Int32, _ descriptor: Int32) {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.fd = descriptor
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
  }

  /// Accepts what waits, as far as the limits allow.
  ///
  /// - Returns: false, and the socket is no longer watched, when connections have to wait for a place or a
  ///   descriptor: epoll would report them over and over.
  private func accept(_ epoll: Int32, _ connections: inout StreamConnections) -> Bool {
    // Asked each time, as the limit may be changed from outside; the rest is for the database and commands.
    let limit = min(connectionsMax, DescriptorLimit.available)
    while connections.count < limit {
      let descriptor = wl_accept(socket.descriptor)
      if descriptor == -EAGAIN { return true }
      if descriptor == -ECONNABORTED || descriptor == -EINTR { continue }
      guard descriptor >= 0 else { break }
      connections.add(descriptor)
      watch(epoll, descriptor)
    }
    epoll_ctl(epoll, EPOLL_CTL_DEL, socket.descriptor, nil)
    return false
  }
}

/// The open connections of a stream socket and what each has not finished sending.
private struct StreamConnections: ~Copyable {
  private struct Connection {
    /// Bytes of an unfinished line or batch.
    var pending: [UInt8] = []
    /// Inside a line that was refused as too long: skip to its end.
    var isSkippingLine = false
    /// Account at the other end; negative when the kernel does not tell.
    var userID: Int64 = -1
    /// Closes the connection, and answers on it as long as it is open.
    var answers: StreamAnswers
  }

  private var connections: [Int32: Connection] = [:]
  private var pendingBytes = 0
  private var filler: BatchFiller

  init(filler: consuming BatchFiller) { self.filler = filler }

  var count: Int { connections.count }

  func millisecondsUntilDue(now: Int64) -> Int64? { filler.millisecondsUntilDue(now: now) }

  mutating func setReceipt(milliseconds: Int64) { filler.setReceipt(milliseconds: milliseconds) }

  mutating func seal(_ now: Int64) { filler.seal(now) }

  mutating func add(_ descriptor: Int32) {
    connections[descriptor] = Connection(
      userID: wl_peer_user(descriptor), answers: StreamAnswers(descriptor))
  }

  /// Reads once from a connection; returns whether there was anything, its end included.
  mutating func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, now: Int64) -> Bool {
    let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
    if count > 0 {
      let isSound = take(descriptor, UnsafeRawBufferPointer(rebasing: buffer[..<count]), now: now)
      if !isSound { end(descriptor, now: now) }
      return true
    }
    guard count == 0 || (errno != EAGAIN && errno != EINTR) else { return false }
    end(descriptor, now: now)
    return true
  }

  /// Closes everything; unfinished last lines count as lines.
  consuming func finish(now: Int64) {
    for descriptor in connections.keys { end(descriptor, now: now) }
    filler.finish(now: now)
  }

  private mutating func end(_ descriptor: Int32, now: Int64) {
    guard var connection = connections.removeValue(forKey: descriptor) else {
      close(descriptor)
      return
    }
    connection.answers.close()
    pendingBytes -= connection.pending.count
    filler.setPeer(connection.userID)
    connection.pending.withUnsafeBytes { bytes in
      var rest = connection.isSkippingLine ? UnsafeRawBufferPointer(start: nil, count: 0) : bytes
      while !rest.isEmpty {
        if rest.starts(with: Envelope.magic) { return filler.refuse(.truncated, now: now) }
        filler.addPart(&rest, isFinal: true, now: now)
      }
    }
    connection.pending = []
  }

  /// Decodes what came and keeps what is unfinished; false when the connection must end.
  private mutating func take(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, now: Int64) -> Bool {
    guard var connection = connections.removeValue(forKey: descriptor) else { return false }
    pendingBytes -= connection.pending.count
    filler.setPeer(connection.userID)
    let isSound: Bool
    if connection.pending.isEmpty {
      var rest = bytes
      isSound = decode(&rest, &connection, now: now)
      connection.pending = Array(rest)
    } else {
      // In place: a batch of megabytes that comes in small pieces must not be copied with each.
      var joined = connection.pending
      connection.pending = []
      joined.append(contentsOf: bytes)
      var restCount = 0
      isSound = joined.withUnsafeBytes { all in
        var rest = all
        defer { restCount = rest.count }
        return decode(&rest, &connection, now: now)
      }
      joined.removeFirst(joined.count - restCount)
      connection.pending = joined
    }
    pendingBytes += connection.pending.count
    connections[descriptor] = connection
    return isSound && pendingBytes <= StreamReceiver.pendingBytesMax
  }

  /// Decodes whole lines and batches off the front of `bytes`; false when the connection must end.
  private mutating func decode(
    _ bytes: inout UnsafeRawBufferPointer, _ connection: inout Connection, now: Int64
  ) -> Bool {
    while !bytes.isEmpty {
      if connection.isSkippingLine {
        let feed = bytes.firstIndex(of: 0x0A)
        bytes = UnsafeRawBufferPointer(rebasing: bytes[(feed.map { $0 + 1 } ?? bytes.endIndex)...])
        connection.isSkippingLine = feed == nil
      } else if bytes.starts(with: Envelope.magic) {
        switch Envelope.inspect(bytes) {
        case .whole(let byteCount):
          filler.add(
            envelope: UnsafeRawBufferPointer(rebasing: bytes[..<byteCount]), now: now,
            route: .stream(connection.answers))
          bytes = UnsafeRawBufferPointer(rebasing: bytes[byteCount...])
        case .incomplete: return true
        case .badMagic, .badLength:
          // There is no next frame to find.
          filler.refuse(.malformed, now: now)
          bytes = UnsafeRawBufferPointer(rebasing: bytes[bytes.endIndex...])
          return false
        }
      } else if case .tooLarge = UsageBatchFrame.inspect(bytes) {
        // A length beyond every bound: there is no next frame to find, so refuse and hang up.
        filler.reject(.badBatch, bytes, now: now)
        bytes = UnsafeRawBufferPointer(rebasing: bytes[bytes.endIndex...])
        return false
      } else if !filler.addPart(&bytes, isFinal: false, now: now) {
        guard bytes.count > JSONEventDecoder.lineBytesMax, !UsageBatchFrame.hasMagic(bytes) else {
          return true
        }
        filler.reject(.tooLong, bytes, now: now)
        connection.isSkippingLine = true
      }
    }
    return true
  }
}
