import Foundation
import GRDB
import Glibc
import Ingest
import WireFormat

/// The state of one run of a ``Sender``: the connection, what is under way, and when what is due.
///
/// Whoever drives it calls ``turn(_:)``, waits for ``awaited`` or ``millisecondsUntilDue``, and begins again.
package struct SenderRun: ~Copyable {
  private struct Flight {
    var attempts = 0
    var due: Int64
  }

  private let spool: Spool
  private let address: String
  private let identity: SenderIdentity
  private let pace: Sender.Pace
  package private(set) var counts = Sender.Counts()
  private var random = SystemRandomNumberGenerator()

  private var connection: DeliverySocket?
  private var failedConnects = 0
  /// Neither connecting nor sending before this moment.
  private var notBefore: Int64
  private var flights: [UInt64: Flight] = [:]
  private var highestTaken: UInt64 = 0
  private var window: Int
  private var packets: Range<UInt64> = 0..<0
  private var isSocketFull = false
  /// Nil until it has answered or failed to.
  private var isAnswering: Bool?
  /// When the first packet went out to which, and to all after it, nothing has come back.
  private var unansweredSince: Int64?

  /// Packet numbers that are set aside with one write of the spool.
  private static let packetsReserved: UInt64 = 1_024

  package init(spool: Spool, address: String, identity: SenderIdentity, pace: Sender.Pace) {
    self.spool = spool
    self.address = address
    self.identity = identity
    self.pace = pace
    window = pace.firstWindow
    notBefore = Self.now() + Int64.random(in: 0...max(0, pace.firstSpreadMilliseconds))
  }

  /// Milliseconds that only go forward.
  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  mutating func pause(milliseconds: Int64) { notBefore = max(notBefore, Self.now() + milliseconds) }

  /// What poll(2) should wait for besides time.
  package var awaited: (Int32, Int16)? {
    guard let connection else { return nil }
    let isWriting = isSocketFull || connection.hasOutgoing
    return (connection.descriptor, Int16(POLLIN) | (isWriting ? Int16(POLLOUT) : 0))
  }

  /// When something is due; nil when only news matter.
  package var millisecondsUntilDue: Int64? {
    guard let next = mayGo.compactMap({ flights[$0]?.due }).min() else { return nil }
    if isSocketFull && connection != nil { return 1_000 }
    let due = max(next, notBefore)
    let silence = unansweredSince.map { $0 + pace.silenceMilliseconds + 1 } ?? due
    return min(due, silence) - Self.now()
  }

  // MARK: One turn

  /// Takes answers, then sends what is due.
  ///
  /// - Throws: `DatabaseError` of the spool.
  package mutating func turn(_ onEvent: (SenderEvent) -> Void) throws {
    try takeAnswers(onEvent)
    noticeSilence(onEvent)
    try takeBatches()
    let now = Self.now()
    guard now >= notBefore, !flights.isEmpty, connect(onEvent) else { return }
    isSocketFull = false
    if connection?.hasOutgoing == true, !flush(onEvent) { return }
    for number in mayGo where (flights[number]?.due ?? .max) <= now {
      guard try send(number, onEvent) else { break }
    }
  }

  /// Batches that may be under way now, the oldest first.
  ///
  /// Until the collector has answered, one batch asks whether it is there: ten thousand agents that wait for one
  /// collector send it ten thousand packets, not a window each.
  private var mayGo: ArraySlice<UInt64> { flights.keys.sorted().prefix(isAnswering == true ? window : 1) }

  /// Takes a collector that has not answered for long for gone: the next connection looks its name up anew,
  /// and leaves from the address that this machine has then.
  private mutating func noticeSilence(_ onEvent: (SenderEvent) -> Void) {
    guard let since = unansweredSince, Self.now() - since > pace.silenceMilliseconds else { return }
    disconnected("no answer from \(address)", onEvent)
  }

  /// Fills the window from the spool.
  ///
  /// A batch goes out in the order of its number, so whatever an answer may speak of is noted here.
  private mutating func takeBatches() throws {
    let room = window - flights.count
    guard room > 0 else { return }
    for number in try spool.batchNumbers(after: highestTaken, limit: room) {
      flights[number] = Flight(due: Self.now())
      highestTaken = number
    }
    spool.noteSending(upTo: highestTaken)
  }

  // MARK: Connection

  private mutating func connect(_ onEvent: (SenderEvent) -> Void) -> Bool {
    if connection != nil { return true }
    do {
      connection = try DeliverySocket(address)
      return true
    } catch {
      disconnected("\(error)", onEvent)
      return false
    }
  }

  private mutating func disconnected(_ reason: String, _ onEvent: (SenderEvent) -> Void) {
    connection = nil
    isSocketFull = false
    window = pace.firstWindow
    unansweredSince = nil
    notBefore = Self.now() + pace.reconnect.delay(attempt: failedConnects, using: &random)
    failedConnects += 1
    for number in flights.keys { flights[number]?.due = notBefore }
    if isAnswering != false { onEvent(.away(reason)) }
    isAnswering = false
  }

  private mutating func flush(_ onEvent: (SenderEvent) -> Void) -> Bool {
    switch connection?.flush() {
    case .sent?: return true
    case .gone(let code)?: disconnected(String(cString: strerror(code)), onEvent)
    case .full?: isSocketFull = true
    case nil: break
    }
    return false
  }

  // MARK: Sending

  /// Sends one batch; false when the socket takes no more.
  private mutating func send(_ number: UInt64, _ onEvent: (SenderEvent) -> Void) throws -> Bool {
    guard let (payload, oldest) = try spool.payload(of: number) else {
      flights[number] = nil
      return true
    }
    if packets.isEmpty { packets = try spool.reservePacketNumbers(Self.packetsReserved) }
    guard let connection else { return false }
    if connection.isStream && connection.hasOutgoing { return false }
    let packetNumber = packets.lowerBound
    let packet = identity.packet(
      batch: number, payload: payload, oldestBatch: oldest, spoolID: spool.id, packetNumber: packetNumber,
      nowMilliseconds: Clock.nowMilliseconds())
    switch connection.send(packet) {
    case .full:
      isSocketFull = true
      return false
    case .gone(let code):
      // A refused datagram is a lost one; on Unix sockets the next connection may find the collector again.
      packets = packetNumber + 1..<packets.upperBound
      disconnected(String(cString: strerror(code)), onEvent)
      return false
    case .sent: break
    }
    packets = packetNumber + 1..<packets.upperBound
    counts.packets += 1
    if unansweredSince == nil { unansweredSince = Self.now() }
    let attempts = flights[number]?.attempts ?? 0
    if attempts > 0 { counts.resent += 1 }
    flights[number] = Flight(
      attempts: attempts + 1, due: Self.now() + pace.resend.delay(attempt: attempts, using: &random))
    return true
  }

  // MARK: Answers

  private mutating func takeAnswers(_ onEvent: (SenderEvent) -> Void) throws {
    guard let connection else { return }
    guard let received = connection.receive() else {
      return disconnected("the connection was closed", onEvent)
    }
    var acknowledgements: [Acknowledgement] = []
    var allowed = window
    for bytes in received {
      guard let answer = identity.answer(bytes, spoolID: spool.id), isPlausible(answer) else {
        counts.ignoredAnswers += 1
        continue
      }
      failedConnects = 0
      unansweredSince = nil
      if isAnswering != true { onEvent(.answering) }
      isAnswering = true
      switch answer.kind {
      case .stored(let acknowledgement):
        acknowledgements.append(acknowledgement)
        allowed = min(pace.windowMax, max(1, Int(acknowledgement.window)))
        hold(Int64(acknowledgement.delayMilliseconds))
      case .busy(let delay):
        counts.busyAnswers += 1
        hold(Int64(delay))
        for (number, flight) in flights { flights[number]?.due = max(flight.due, notBefore) }
      }
    }
    guard !acknowledgements.isEmpty else { return }
    try spool.acknowledge(acknowledgements)
    var count = 0
    for number in flights.keys where acknowledgements.contains(where: { $0.contains(number) }) {
      flights[number] = nil
      count += 1
    }
    counts.acknowledgedBatches += count
    window = min(allowed, window + count)
  }

  /// Waits as asked, and up to half as long again, so that many senders spread; at most an hour.
  private mutating func hold(_ milliseconds: Int64) {
    guard milliseconds > 0 else { return }
    let bounded = min(milliseconds, 3_600_000)
    pause(milliseconds: bounded + Int64.random(in: 0...bounded / 2, using: &random))
  }

  /// Whether the answer is to a packet that was sent, and speaks only of batches that were.
  private func isPlausible(_ answer: DeliveryAnswer) -> Bool {
    guard answer.packet > 0, answer.packet < packets.lowerBound else { return false }
    guard case .stored(let acknowledgement) = answer.kind else { return true }
    let highest = max(acknowledgement.cumulative, acknowledgement.ranges.last?.upperBound ?? 0)
    return spool.mayHaveSent(highest)
  }
}

extension SpoolError {
  /// SQLite's own words, without statements and arguments, which may name people.
  package static func reason(of error: any Error) -> String {
    guard let error = error as? DatabaseError else { return "\(error)" }
    return error.message ?? "SQLite error \(error.resultCode.rawValue)"
  }
}
