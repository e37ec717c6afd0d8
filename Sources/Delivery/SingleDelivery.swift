import CSodium
import Glibc
import Ingest
import UsageModel
import WireFormat

/// Delivers one batch that is in memory only and waits for its acknowledgement: for programs that live for a
/// single event.
///
/// Each delivery is a spool of its own, with one batch. Whoever goes on with it later, as another process, says
/// the same spool and a higher packet number, and nothing is stored twice.
package struct SingleDelivery {
  /// Before the batch is sent again.
  private static let resend = Backoff(
    floorMilliseconds: 250, baseMilliseconds: 250, capMilliseconds: 4_000)
  /// Before connecting again to who was there before.
  private static let reconnectMilliseconds: Int64 = 100

  package let address: String
  package let spoolID: UInt64
  package let payload: [UInt8]
  /// The number of the next packet.
  package private(set) var nextPacket: UInt64
  private let identity: SenderIdentity
  private var socket: DeliverySocket?

  /// - Parameters:
  ///   - spoolID: nil for a new one.
  ///   - nextPacket: above those that were sent.
  package init(
    payload: [UInt8], to address: String, as identity: SenderIdentity, spoolID: UInt64? = nil,
    nextPacket: UInt64 = 1
  ) {
    var fresh: UInt64 = 0
    randombytes_buf(&fresh, 8)
    self.payload = payload
    self.address = address
    self.identity = identity
    self.spoolID = spoolID ?? fresh
    self.nextPacket = nextPacket
  }

  /// Events as the payload of one batch.
  ///
  /// - Throws: `BatchEncodeError` if they do not fit.
  package static func payload(of event: UsageEvent) throws(BatchEncodeError) -> [UInt8] {
    var encoder = UsageBatchEncoder(bytesMax: SpoolLimits.payloadBytesCeiling)
    _ = try encoder.append(event)
    return encoder.finish()
  }

  /// Connects.
  ///
  /// - Throws: `SocketError` when nobody is there.
  package mutating func connect() throws { socket = try DeliverySocket(address) }

  /// Sends the batch once, as far as that goes without waiting; whether it was taken.
  ///
  /// - Throws: `SocketError` when nobody is there.
  package mutating func handOver() throws -> Bool {
    if socket == nil { try connect() }
    guard let socket else { return false }
    let packet = identity.packet(
      batch: 1, payload: payload, oldestBatch: 1, spoolID: spoolID, packetNumber: nextPacket,
      nowMilliseconds: Clock.nowMilliseconds())
    nextPacket += 1
    let isTaken = socket.send(packet) == .sent && !socket.hasOutgoing
    return isTaken
  }

  /// Sends until the batch is acknowledged; somebody who was there and is gone may come back.
  ///
  /// - Throws: `SocketError` if no acknowledgement came in time.
  package mutating func deliver(timeoutMilliseconds: Int64) throws {
    var random = SystemRandomNumberGenerator()
    let end = Self.now() + timeoutMilliseconds
    var attempts = 0
    var wasBusy = false
    while true {
      let isConnected = socket != nil || reconnected()
      if isConnected {
        switch try? handOver() {
        case true?: break
        default: socket = nil
        }
      }
      let wait =
        socket == nil ? Self.reconnectMilliseconds : Self.resend.delay(attempt: attempts, using: &random)
      attempts += 1
      let due = min(end, Self.now() + wait)
      switch awaitAnswer(until: due) {
      case .stored?: return
      case .busy(let delay)?:
        wasBusy = true
        pause(until: min(end, Self.now() + Int64(delay)))
      case nil: break
      }
      guard Self.now() < end else { throw failure(timeoutMilliseconds, wasBusy: wasBusy) }
    }
  }

  private func failure(_ timeoutMilliseconds: Int64, wasBusy: Bool) -> SocketError {
    if wasBusy {
      return SocketError("\(address) answers that it cannot write now: make room on its disk")
    }
    let seconds = String(Double(timeoutMilliseconds) / 1_000)
    let question =
      identity.key.map { "that knows \($0)? It counts what it refuses in the status" }
      ?? "that takes envelopes in mode none? --key-file names a key, --plain asks for nothing"
    return SocketError(
      "no acknowledgement from \(address) within \(seconds) s, so the event may be lost: does a collector or "
        + "agent listen there \(question)")
  }

  private mutating func reconnected() -> Bool {
    socket = try? DeliverySocket(address)
    return socket != nil
  }

  /// Waits for the answer to this batch; nil when none came in time or the connection broke.
  private mutating func awaitAnswer(until due: Int64) -> DeliveryAnswer.Kind? {
    while let socket {
      if socket.hasOutgoing, case .gone = socket.flush() {
        self.socket = nil
        break
      }
      let left = due - Self.now()
      guard left > 0 else { return nil }
      var descriptor = pollfd(
        fd: socket.descriptor, events: Int16(POLLIN) | (socket.hasOutgoing ? Int16(POLLOUT) : 0), revents: 0)
      _ = poll(&descriptor, 1, Int32(clamping: left))
      guard let received = socket.receive() else {
        self.socket = nil
        break
      }
      for bytes in received {
        guard let answer = identity.answer(bytes, spoolID: spoolID), answer.packet < nextPacket else {
          continue
        }
        if case .stored(let acknowledgement) = answer.kind, !acknowledgement.contains(1) { continue }
        return answer.kind
      }
    }
    pause(until: due)
    return nil
  }

  private func pause(until moment: Int64) {
    let left = moment - Self.now()
    if left > 0 { _ = poll(nil, 0, Int32(clamping: left)) }
  }

  /// Milliseconds that only go forward.
  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}
