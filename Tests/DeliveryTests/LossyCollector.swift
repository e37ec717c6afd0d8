import Foundation
import Glibc
import Ingest
import Synchronization
import UsageModel

@testable import Delivery
@testable import WireFormat

/// A directory of its own for each test, removed with it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("wl-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A small collector that loses, doubles and delays packets as told, and answers by `schemas/envelope.md`.
final class LossyCollector: Sendable {
  struct Behaviour: Sendable {
    var lossShare = 0.0
    var duplicateShare = 0.0
    /// Answers "busy" so many times before it stores anything.
    var busyCount = 0
    /// Never answers.
    var isMute = false
    var window: UInt16 = 32
  }

  struct Seen: Sendable {
    var events: [UsageEvent] = []
    var unsent: [UnsentNumbers] = []
    var batches: Set<UInt64> = []
    var packetNumbers: [UInt64] = []
    var packets = 0
  }

  private let socket: BoundSocket
  private let behaviour: Behaviour
  private let key: DeliveryKey?
  private let stop = StopSignal()
  private let state = Mutex(Seen())
  private let thread = Mutex<WorkerThread?>(nil)

  var address: String { socket.address }
  var seen: Seen { state.withLock { $0 } }

  init(address: String, key: DeliveryKey? = nil, behaviour: Behaviour = Behaviour(), seen: Seen = Seen())
    throws
  {
    socket = try address.contains("/") ? Sockets.unixDatagram(address) : Sockets.udp(address)
    self.behaviour = behaviour
    self.key = key
    state.withLock { $0 = seen }
    let started = WorkerThread(name: "collector") { [self] in run() }
    thread.withLock { $0 = started }
  }

  func close() {
    stop.signal()
    thread.withLock { $0 }?.join()
    socket.close()
  }

  private func run() {
    var random = SystemRandomNumberGenerator()
    var busyLeft = behaviour.busyCount
    var answers: UInt64 = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !stop.isSet {
      var descriptors = [
        pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      _ = poll(&descriptors, 2, -1)
      var from = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let count = withUnsafeMutablePointer(to: &from) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(socket.descriptor, &buffer, buffer.count, 0, $0, &length)
        }
      }
      guard count > 0, Double.random(in: 0..<1, using: &random) >= behaviour.lossShare else { continue }
      guard
        let (header, payload) = try? buffer[..<count].withUnsafeBytes({ try Envelope.open($0, key: key) })
      else { continue }
      let isBusy = busyLeft > 0
      if isBusy { busyLeft -= 1 } else { store(header, payload) }
      if behaviour.isMute { continue }
      let copies = Double.random(in: 0..<1, using: &random) < behaviour.duplicateShare ? 2 : 1
      for _ in 0..<copies {
        guard Double.random(in: 0..<1, using: &random) >= behaviour.lossShare else { continue }
        answers += 1
        let body = isBusy ? BusyAnswer(delayMilliseconds: 20).encoded : acknowledgement.encoded
        let answer = EnvelopeHeader(
          type: isBusy ? .busy : .acknowledgement, mode: header.mode, spoolID: header.spoolID,
          packetNumber: answers, batchNumber: header.packetNumber, oldestBatch: 0,
          sendMilliseconds: Clock.nowMilliseconds(), sender: header.sender, keyID: header.keyID)
        let bytes = body.withUnsafeBytes { Envelope.seal(answer, payload: $0, key: key) }
        _ = withUnsafePointer(to: &from) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            sendto(socket.descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT), $0, length)
          }
        }
      }
    }
  }

  private var acknowledgement: Acknowledgement {
    let batches = seen.batches
    var cumulative: UInt64 = 0
    while batches.contains(cumulative + 1) { cumulative += 1 }
    let further = batches.filter { $0 > cumulative }.sorted().prefix(Acknowledgement.rangesMax)
    return Acknowledgement(
      cumulative: cumulative, ranges: further.map { $0...$0 }, delayMilliseconds: 0,
      window: behaviour.window)
  }

  /// Keeps a batch that is new.
  private func store(_ header: EnvelopeHeader, _ payload: [UInt8]) {
    state.withLock { seen in
      seen.packets += 1
      seen.packetNumbers.append(header.packetNumber)
      guard seen.batches.insert(header.batchNumber).inserted else { return }
      let (events, unsent) = Self.decode(payload)
      seen.events += events
      seen.unsent += unsent
    }
  }

  static func decode(_ payload: [UInt8]) -> (events: [UsageEvent], unsent: [UnsentNumbers]) {
    var unsent: [UnsentNumbers] = []
    var batch = EventBatch()
    var decoder = BatchEventDecoder()
    payload.withUnsafeBytes { bytes in
      var rest = bytes
      while !rest.isEmpty {
        if let (numbers, count) = UnsentNumbers.decode(rest) {
          unsent.append(numbers)
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        } else if case .batch(let range) = UsageBatchFrame.inspect(rest) {
          batch = decoder.decode(UnsafeRawBufferPointer(rebasing: rest[range]), into: batch) { $0 }
          rest = UnsafeRawBufferPointer(rebasing: rest[range.upperBound...])
        } else {
          return
        }
      }
    }
    return ((0..<batch.count).map { batch.event(at: $0) }, unsent)
  }
}

func waitUntil(seconds: Double = 30, _ condition: () -> Bool) -> Bool {
  let limit = Date(timeIntervalSinceNow: seconds)
  while !condition() {
    if Date() > limit { return false }
    usleep(5_000)
  }
  return true
}

func event(_ number: Int, source: String? = nil, sequence: UInt64? = nil) -> UsageEvent {
  UsageEvent(
    timeMilliseconds: 1_767_225_600_000 + Int64(number), user: "ann", app: "erp",
    feature: "post.\(number % 7)",
    durationMilliseconds: UInt32(number), source: source, sequence: sequence)
}

extension Spool {
  /// Puts events, and numbers that a rule left out, on disk.
  func append(
    _ events: [UsageEvent], withheld: [(source: String, number: UInt64)] = [], nowMilliseconds: Int64
  ) throws -> Outcome {
    var addition = SpoolAddition(events: events)
    addition.unsent = withheld.map {
      DeliveredBatch.Unsent(source: $0.source, isWithheld: true, ranges: [$0.number...$0.number])
    }
    return try append(addition, nowMilliseconds: nowMilliseconds)
  }
}
