import Foundation
import Glibc
import Testing
import WireFormat

@testable import Ingest

struct SocketTests {
  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "none"
  }

  private func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// The file that a process leaves behind when it is killed.
  private func leaveStaleSocket(_ path: String, _ type: __socket_type) throws {
    let descriptor = socket(AF_UNIX, Int32(type.rawValue), 0)
    var address = try UnixAddress(path)
    #expect(address.bind(descriptor) == 0)
    close(descriptor)
    #expect(exists(path))
  }

  @Test func replacesStaleSockets() throws {
    let directory = try TemporaryDirectory()
    for type in [SOCK_DGRAM, SOCK_STREAM] {
      let path = directory.path + "/stale\(type.rawValue)"
      try leaveStaleSocket(path, type)
      let datagram = try Sockets.unixDatagram(path)
      _ = try Client.unixDatagram(path)
      _ = consume datagram
      try leaveStaleSocket(path, type)
      let stream = try Sockets.unixStream(path)
      _ = try Client.unixStream(path)
      _ = consume stream
    }
  }

  @Test func refusesLiveSockets() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/live"
    for isStream in [true, false] {
      let first = isStream ? try Sockets.unixStream(path) : try Sockets.unixDatagram(path)
      #expect(message { _ = try Sockets.unixStream(path) }.contains("another process listens"))
      #expect(message { _ = try Sockets.unixDatagram(path) }.contains("another process listens"))
      #expect(message { _ = try Sockets.unixStream(path) }.contains(path))
      // The one who was there first still hears.
      _ = try Client.unix(path, isStream ? SOCK_STREAM : SOCK_DGRAM)
      _ = consume first
      #expect(!exists(path))
    }
  }

  /// Whatever is no socket stays, and is named.
  @Test func leavesOtherFilesAlone() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/notes.txt"
    try "precious".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(message { _ = try Sockets.unixStream(path) }.contains("not a socket"))
    #expect(message { _ = try Sockets.unixDatagram(path) }.contains("not a socket"))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    #expect(message { _ = try Sockets.unixStream(directory.path) }.contains("not a socket"))
    let link = directory.path + "/link"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    #expect(message { _ = try Sockets.unixStream(link) } != "none")
    #expect(exists(link))
    let missing = message { _ = try Sockets.unixStream(directory.path + "/no/such/socket") }
    #expect(missing.contains("No such file"))
  }

  /// `sun_path` holds 108 bytes; people's directories are longer.
  @Test(arguments: [0, 20, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 80, 150])
  func takesLongPaths(extra: Int) throws {
    let directory = try TemporaryDirectory(nameBytes: extra)
    let path = directory.path + "/socket"
    try leaveStaleSocket(path, SOCK_STREAM)
    do {
      let stream = try Sockets.unixStream(path)
      #expect(exists(path))
      _ = try Client.unixStream(path)
      #expect(message { _ = try Sockets.unixStream(path) }.contains("another process listens"))
      #expect(stream.address == path)
    }
    #expect(!exists(path))
    let datagram = try Sockets.unixDatagram(path)
    _ = try Client.unixDatagram(path)
    _ = consume datagram
    #expect(!exists(path))
    #expect(Set(try FileManager.default.contentsOfDirectory(atPath: directory.path)) == [])
  }

  @Test func refusesLongNames() throws {
    let directory = try TemporaryDirectory()
    let name = String(repeating: "n", count: 120)
    #expect(message { _ = try Sockets.unixStream(directory.path + "/" + name) }.contains("too long"))
    #expect(message { _ = try Sockets.unixStream(name) }.contains("too long"))
    let deep = directory.path + "/" + String(repeating: "no/", count: 60) + "socket"
    #expect(message { _ = try Sockets.unixStream(deep) }.contains("No such file"))
  }

  @Test(arguments: [
    "", "127.0.0.1", "127.0.0.1:", ":4717", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "[]:1",
  ])
  func refusesWhatIsNoAddress(address: String) {
    #expect(message { _ = try Sockets.udp(address) }.contains("'\(address)'"))
  }

  @Test func namesWhyUDPFailed() throws {
    let first = try Sockets.udp("127.0.0.1:0")
    #expect(first.address.hasPrefix("127.0.0.1:"))
    #expect(!first.address.hasSuffix(":0"))
    #expect(first.receiveBufferBytes > 0)
    let text = message { _ = try Sockets.udp(first.address) }
    #expect(text.contains(first.address))
    #expect(text.contains("in use"))
    #expect(message { _ = try Sockets.udp("no.such.host.invalid:1") }.contains("no.such.host.invalid"))
    #expect(message { _ = try Sockets.udp("192.0.2.1:0") }.contains("192.0.2.1"))
  }

  @Test func takesVersionSixAddresses() throws {
    guard let socket = try? Sockets.udp("[::1]:0") else { return }
    #expect(socket.address.hasPrefix("[::1]:"))
    #expect(!socket.address.hasSuffix(":0"))
  }
}

struct WriterQueueTests {
  private func sealed(_ batch: EventBatch, _ number: Int64) -> SealedBatch {
    SealedBatch(batch: batch, transport: .udp, receivedMilliseconds: number, kernelDrops: 0)
  }

  @Test func handsOutInOrder() {
    let queue = WriterQueue()
    for number in 1...5 { queue.submit(sealed(queue.emptyBatch(), Int64(number))) }
    #expect(queue.take(timeout: 0).batches.map(\.receivedMilliseconds) == [1, 2, 3, 4, 5])
    #expect(queue.take(timeout: 0).batches.isEmpty)
  }

  /// Sixteen batches and no more; the seventeenth waits for one to come back.
  @Test(.timeLimit(.minutes(1)))
  func boundsBatches() {
    let queue = WriterQueue()
    let batches = (0..<WriterQueue.batchesMax).map { _ in queue.emptyBatch() }
    #expect(Set(batches.map(ObjectIdentifier.init)).count == WriterQueue.batchesMax)
    let state = Flag()
    let thread = WorkerThread(name: "waits") {
      let batch = queue.emptyBatch()
      #expect(batch.isEmpty)
      state.set()
    }
    usleep(50_000)
    #expect(!state.isSet)
    queue.recycle([sealed(batches[3], 0)])
    thread.join()
    #expect(state.isSet)
  }

  @Test func runsJobsBetweenCommits() {
    let queue = WriterQueue()
    let state = Flag()
    #expect(queue.post { state.set() })
    let work = queue.take(timeout: 0)
    #expect(work.jobs.count == 1)
    for job in work.jobs { job() }
    #expect(state.isSet)
    #expect(queue.take(timeout: 0).jobs.isEmpty)
  }

  @Test func handsOutWhatIsLeftWhenClosed() {
    let queue = WriterQueue()
    queue.submit(sealed(queue.emptyBatch(), 1))
    #expect(queue.post {})
    queue.close()
    #expect(!queue.post {})
    let work = queue.take(timeout: 10)
    #expect(work.batches.count == 1)
    #expect(work.jobs.count == 1)
    #expect(work.isClosed)
    #expect(queue.take(timeout: 10).isClosed)
  }

  @Test func waitsNoLongerThanTold() {
    let start = ContinuousClock.now
    let work = WriterQueue().take(timeout: 0.05)
    #expect(work.batches.isEmpty && work.jobs.isEmpty && !work.isClosed)
    #expect(ContinuousClock.now - start > .milliseconds(40))
  }

  private final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    func set() { lock.withLock { value = true } }
    var isSet: Bool { lock.withLock { value } }
  }
}
