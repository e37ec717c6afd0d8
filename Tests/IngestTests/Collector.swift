import Foundation
import Glibc
import Synchronization
import UsageModel
import WireFormat

@testable import Ingest

/// A directory of its own for each test, removed with it.
final class TemporaryDirectory: Sendable {
  let path: String

  init(nameBytes: Int = 0) throws {
    let name = "wl-\(UUID().uuidString.prefix(8))" + String(repeating: "d", count: nameBytes)
    path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Receivers with a writer behind them that keeps all it gets.
final class Collector: Sendable {
  /// What came out at the far end, in order.
  struct Collected: Sendable {
    var events: [UsageEvent] = []
    var reasons: [RejectReason] = []
    var rejectedBytes: [[UInt8]] = []
    var transports: Set<Transport> = []
    var kernelDrops: Int64 = 0
    var batchCount = 0
  }

  let queue = WriterQueue()
  let stop = StopSignal()
  private let collected = Mutex(Collected())
  private let receivers = Mutex<[WorkerThread]>([])
  private let writer = Mutex<WorkerThread?>(nil)

  func receive(_ socket: BoundSocket, as transport: Transport) {
    let receiver = DatagramReceiver(socket: socket, transport: transport, queue: queue, stop: stop)
    let thread = WorkerThread(name: "receive") { receiver.run() }
    receivers.withLock { $0.append(thread) }
  }

  func receiveStream(_ socket: BoundSocket, connectionsMax: Int = StreamReceiver.connectionsMax) {
    let receiver = StreamReceiver(socket: socket, queue: queue, stop: stop, connectionsMax: connectionsMax)
    let thread = WorkerThread(name: "stream") { receiver.run() }
    receivers.withLock { $0.append(thread) }
  }

  func startWriting() {
    let thread = WorkerThread(name: "write") { [self] in
      while true {
        let work = queue.take(timeout: 1)
        for sealed in work.batches { keep(sealed) }
        for job in work.jobs { job() }
        queue.recycle(work.batches)
        if work.isClosed && work.batches.isEmpty { return }
      }
    }
    writer.withLock { $0 = thread }
  }

  private func keep(_ sealed: SealedBatch) {
    let batch = sealed.batch
    collected.withLock { all in
      all.events += (0..<batch.count).map { batch.event(at: $0) }
      all.reasons += batch.rejects.map(\.reason)
      all.rejectedBytes += batch.rejects.map { $0.bytes ?? [] }
      all.transports.insert(sealed.transport)
      all.kernelDrops += sealed.kernelDrops
      all.batchCount += 1
    }
  }

  var soFar: Collected { collected.withLock { $0 } }

  /// Waits until so many events and refusals have come out, for a few seconds at most.
  func wait(forCount count: Int, seconds: Double = 10) {
    let limit = Date(timeIntervalSinceNow: seconds)
    while Date() < limit {
      let now = soFar
      if now.events.count + now.reasons.count >= count { return }
      usleep(2_000)
    }
  }

  /// Stops as the daemon does, and returns everything.
  func finish() -> Collected {
    stop.signal()
    for thread in receivers.withLock({ $0 }) { thread.join() }
    queue.close()
    if writer.withLock({ $0 == nil }) { startWriting() }
    writer.withLock { $0 }?.join()
    return soFar
  }
}

/// The sending side, on plain system calls.
final class Client: Sendable {
  let descriptor: Int32

  struct Failure: Error {
    var call: String
    var code: Int32
  }

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  static func udp(_ socket: BoundSocket) throws -> Client {
    let port = UInt16(socket.address.split(separator: ":").last ?? "") ?? 0
    let client = Client(Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(client.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw Failure(call: "connect", code: errno) }
    return client
  }

  static func unix(_ path: String, _ type: __socket_type) throws -> Client {
    let client = Client(Glibc.socket(AF_UNIX, Int32(type.rawValue), 0))
    var address = try UnixAddress(path)
    guard address.connect(client.descriptor) == 0 else { throw Failure(call: "connect", code: errno) }
    return client
  }

  static func unixDatagram(_ path: String) throws -> Client { try unix(path, SOCK_DGRAM) }

  static func unixStream(_ path: String) throws -> Client { try unix(path, SOCK_STREAM) }

  /// Sends one datagram, or all of the bytes of a stream.
  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    repeat {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count >= 0 else { throw Failure(call: "send", code: errno) }
      rest = rest.dropFirst(count)
    } while !rest.isEmpty
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Waits until the other side has read everything.
  func waitUntilRead() {
    var left: Int32 = 1
    for _ in 0..<5_000 where left > 0 {
      _ = ioctl(descriptor, UInt(TIOCOUTQ), &left)
      if left > 0 { usleep(200) }
    }
  }

  func shutDownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Waits for the other side to hang up.
  func waitForEnd(milliseconds: Int32 = 5_000) -> Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&poller, 1, milliseconds) == 1 else { return false }
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT))
    return count == 0 || (count < 0 && errno == ECONNRESET)
  }
}

/// Events by number.
enum Sample {
  static func event(_ number: Int) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: 1_767_225_600_000 + Int64(number), user: "u", app: "a", feature: "f", source: "s",
      sequence: UInt64(number + 1))
  }

  static func line(_ number: Int) -> String {
    let time = event(number).timeMilliseconds
    return #"{"time":\#(time),"user":"u","app":"a","feature":"f","source":"s","seq":\#(number + 1)}"#
  }

  static func lines(_ numbers: some Sequence<Int>) -> String { numbers.map { line($0) + "\n" }.joined() }

  static func frame(_ numbers: some Sequence<Int>) throws -> [UInt8] {
    try UsageBatchEncoder.encode(numbers.map(event))
  }
}
