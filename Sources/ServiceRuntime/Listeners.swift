import Glibc
import Ingest
import ServiceManager

/// Where a program listens.
package struct ListenerPlan: Equatable, Sendable {
  package var udpAddress: String?
  package var unixDatagramPath: String?
  package var unixStreamPath: String?
  /// Permissions of the Unix sockets: who may send.
  package var socketMode: UInt32
  /// Whether UDP may be open to other than this machine.
  package var allowsNetwork: Bool

  package init(
    udpAddress: String? = nil, unixDatagramPath: String?, unixStreamPath: String?, socketMode: UInt32,
    allowsNetwork: Bool = false
  ) {
    self.udpAddress = udpAddress
    self.unixDatagramPath = unixDatagramPath
    self.unixStreamPath = unixStreamPath
    self.socketMode = socketMode
    self.allowsNetwork = allowsNetwork
  }
}

/// The open sockets and the threads that read them; changed as a whole when the configuration is reloaded.
package final class Listeners {
  private struct Listener {
    var transport: Transport
    var socket: BoundSocket
    var stop: StopSignal
    var thread: WorkerThread
    /// As the configuration names it, which for port 0 is not where it listens.
    var configuredAddress: String
    /// Whether the service manager opened it: it stays as it is, whatever the configuration says.
    var isActivated = false
  }

  private let queue: WriterQueue
  private let peers: PeerPolicy
  private let gate: EnvelopeGate
  private var allowsNetwork = false
  private var socketMode = Sockets.ownerOnly
  private var listeners: [Listener] = []

  package init(queue: WriterQueue, peers: PeerPolicy, gate: EnvelopeGate) {
    self.gate = gate
    self.queue = queue
    self.peers = peers
  }

  /// An open socket.
  package struct Summary: Equatable, Sendable {
    package var transport: String
    package var address: String
    package var receiveBufferBytes: Int
  }

  /// What is open.
  package var summary: [Summary] {
    listeners.map {
      Summary(
        transport: $0.transport.rawValue, address: $0.socket.address,
        receiveBufferBytes: $0.socket.receiveBufferBytes)
    }
  }

  /// What is open, as messages name it.
  package var places: String { summary.map { "\($0.transport) \($0.address)" }.joined(separator: ", ") }

  /// Starts reading sockets that the service manager opened; they take the place of configured ones.
  ///
  /// - Throws: `SocketError` if plain UDP would be open to the network.
  package func adopt(_ sockets: [ActivatedSocket], _ plan: ListenerPlan) throws {
    allowsNetwork = plan.allowsNetwork
    for activated in sockets {
      let transport: Transport =
        switch activated.kind {
        case .udp: .udp
        case .unixDatagram: .unixDatagram
        case .unixStream: .unixStream
        }
      let socket = Sockets.adopted(activated.descriptor, transport, name: activated.name)
      if transport == .udp, !allowsNetwork, !socket.isLoopback { throw Self.openToNetwork(socket) }
      listeners.append(
        start(transport, socket, configuredAddress: socket.address, isActivated: true))
    }
  }

  /// Opens what the configuration asks for and is not open, closes what it no longer asks for.
  ///
  /// - Throws: `SocketError`; the transport that could not be changed goes on at its old address.
  package func apply(_ plan: ListenerPlan) throws {
    allowsNetwork = plan.allowsNetwork
    if let udp = listeners.first(where: { $0.transport == .udp }), !allowsNetwork, !udp.socket.isLoopback {
      if udp.isActivated { throw Self.openToNetwork(udp.socket) }
      close(udp)
    }
    socketMode = mode_t(plan.socketMode)
    for listener in listeners where listener.transport != .udp && !listener.isActivated {
      chmod(listener.socket.address, socketMode)
    }
    try change(.udp, to: plan.udpAddress)
    try change(.unixDatagram, to: plan.unixDatagramPath)
    try change(.unixStream, to: plan.unixStreamPath)
  }

  private static func openToNetwork(_ socket: BoundSocket) -> SocketError {
    Sockets.openToNetwork(socket.address)
  }

  private func change(_ transport: Transport, to address: String?) throws {
    if let activated = listeners.first(where: { $0.transport == transport && $0.isActivated }) {
      if let address, address != activated.configuredAddress {
        Log.warning(
          """
          the service manager's \(transport.rawValue) socket \(activated.socket.address) is used, not \
          \(address) of the configuration
          """)
      }
      return
    }
    let old = listeners.first { $0.transport == transport }
    if old?.configuredAddress == address { return }
    guard let address else {
      if let old { close(old) }
      return
    }
    guard let old else { return listeners.append(try start(transport, address)) }
    if let fresh = try? start(transport, address) {
      close(old)
      listeners.append(fresh)
      return
    }
    // The old socket may be what stands in the way, as when only the host of an address changes.
    close(old)
    do {
      listeners.append(try start(transport, address))
    } catch {
      if let again = try? start(transport, old.socket.address) { listeners.append(again) }
      throw error
    }
  }

  /// Stops all, after taking what the sockets still hold.
  package func closeAll() {
    for listener in listeners { listener.stop.signal() }
    for listener in listeners {
      listener.thread.join()
      listener.socket.close()
    }
    listeners.removeAll()
  }

  private func close(_ listener: Listener) {
    listener.stop.signal()
    listener.thread.join()
    listener.socket.close()
    listeners.removeAll { $0.transport == listener.transport }
  }

  private func start(_ transport: Transport, _ address: String) throws -> Listener {
    let socket =
      switch transport {
      case .udp: try Sockets.udp(address, allowsNetwork: allowsNetwork)
      case .unixDatagram: try Sockets.unixDatagram(address, mode: socketMode)
      case .unixStream: try Sockets.unixStream(address, mode: socketMode)
      }
    return start(transport, socket, configuredAddress: address, isActivated: false)
  }

  private func start(
    _ transport: Transport, _ socket: BoundSocket, configuredAddress: String, isActivated: Bool
  ) -> Listener {
    let stop = StopSignal()
    let queue = queue
    let thread: WorkerThread
    switch transport {
    case .udp, .unixDatagram:
      warnIfLow(socket, transport)
      let receiver = DatagramReceiver(
        socket: socket, transport: transport, queue: queue, stop: stop, peers: peers, gate: gate)
      thread = WorkerThread(name: "wl-\(transport.shortName)") { receiver.run() }
    case .unixStream:
      let receiver = StreamReceiver(socket: socket, queue: queue, stop: stop, peers: peers, gate: gate)
      thread = WorkerThread(name: "wl-\(transport.shortName)") { receiver.run() }
    }
    return Listener(
      transport: transport, socket: socket, stop: stop, thread: thread,
      configuredAddress: configuredAddress, isActivated: isActivated)
  }

  private func warnIfLow(_ socket: BoundSocket, _ transport: Transport) {
    guard socket.receiveBufferBytes < Sockets.receiveBufferBytesLow else { return }
    Log.warning(
      """
      the \(transport.rawValue) socket's buffer is only \(socket.receiveBufferBytes >> 10) KiB: bursts may be \
      lost; raise the host's limit with 'sysctl -w net.core.rmem_max=\(Sockets.receiveBufferBytesWanted)'
      """, .smallReceiveBuffer)
  }
}
