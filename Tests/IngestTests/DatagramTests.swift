import Foundation
import Glibc
import Testing
import UsageModel
import WireFormat

@testable import Ingest

/// Datagrams over both kinds of socket.
@Suite(.timeLimit(.minutes(1)))
struct DatagramTests {
  /// Runs one test over UDP and over a Unix socket; what is sent before the stop must come out.
  private func onBoth(_ send: (Client) throws -> Void, _ check: (Collector.Collected) -> Void) throws {
    do {
      let collector = Collector()
      let socket = try Sockets.udp("127.0.0.1:0")
      collector.receive(socket, as: .udp)
      collector.startWriting()
      try send(try Client.udp(socket))
      let collected = collector.finish()
      check(collected)
      #expect(collected.transports == [.udp])
    }
    let directory = try TemporaryDirectory()
    let collector = Collector()
    let socket = try Sockets.unixDatagram(directory.path + "/d")
    collector.receive(socket, as: .unixDatagram)
    collector.startWriting()
    try send(try Client.unixDatagram(socket.address))
    let collected = collector.finish()
    check(collected)
    #expect(collected.transports == [.unixDatagram])
  }

  @Test func takesEveryForm() throws {
    try onBoth { client in
      try client.send(Sample.line(0))
      try client.send(Sample.line(1) + "\n")
      try client.send(Sample.lines(2...4))
      try client.send(try Sample.frame(5...7))
      try client.send(try Sample.frame(8...8) + Sample.frame(9...10))
      try client.send(Array(Sample.lines(11...12).utf8) + Sample.frame(13...14) + Array(Sample.line(15).utf8))
      try client.send(try Sample.frame(16...16) + Array(Sample.lines(17...17).utf8))
      try client.send("\r\n  \n" + Sample.lines(18...18))
    } _: { collected in
      #expect(collected.events == (0...18).map(Sample.event))
      #expect(collected.reasons == [])
    }
  }

  /// A bad part costs itself; what cannot be told apart behind it, the rest of its datagram at most.
  @Test func badPartsLeaveGoodOnes() throws {
    try onBoth { client in
      try client.send(Sample.lines(0...0) + "garbage\n{\"time\":0}\n" + Sample.lines(1...1))
      try client.send("What?\n" + Sample.lines(2...2) + "W\nWL\nWLB\nWLB2\n" + Sample.lines(3...3))
      try client.send([0xFF, 0xFE, 0x00, 0x0A] + Array(Sample.lines(4...4).utf8))
      var malformed = try Sample.frame(0...0)
      malformed[8] = 0xFF
      try client.send(malformed + Sample.frame(5...5))
      try client.send(try Sample.frame(6...6) + Sample.frame(0...0).dropLast())
      try client.send(Array(Sample.lines(7...7).utf8) + Array("WLB1".utf8) + [255, 255, 255, 255, 1, 2, 3])
      try client.send("WLB1")
      try client.send("W")
      try client.send(Sample.line(8))
    } _: { collected in
      #expect(collected.events == (0...8).map(Sample.event))
      #expect(
        collected.reasons
          == [
            .notJSON, .missingUser, .notJSON, .notJSON, .notJSON, .notJSON, .notJSON, .notJSON, .badBatch,
            .badBatch, .badBatch,
            .badBatch, .notJSON,
          ].map { $0 == .missingUser ? .time : $0 })
    }
  }

  @Test func countsAnEmptyDatagram() throws {
    try onBoth { client in
      try client.send([])
      try client.send(Sample.line(0))
      try client.send([])
    } _: { collected in
      #expect(collected.events == [Sample.event(0)])
      #expect(collected.reasons == [.notJSON, .notJSON])
      #expect(collected.rejectedBytes == [[], []])
    }
  }

  /// The longest datagram that UDP carries: 65,507 bytes.
  @Test func takesTheLongestDatagram() throws {
    try onBoth { client in
      let lines = Sample.lines(0..<600)
      let full = lines + String(repeating: " ", count: 65_507 - lines.utf8.count)
      #expect(full.utf8.count == 65_507)
      try client.send(full)
      let start = String(Sample.line(600).dropLast()) + #","x":""#
      try client.send(start + String(repeating: "x", count: 65_507 - start.utf8.count - 2) + "\"}")
      try client.send([UInt8](repeating: 0x5B, count: 65_507))
      try client.send([UInt8](repeating: 0x22, count: 65_507))
    } _: { collected in
      #expect(collected.events == (0...600).map(Sample.event))
      #expect(collected.reasons == [.tooDeep, .notJSON])
    }
  }

  /// Unix sockets carry longer ones; what does not fit is refused as a whole, never cut.
  @Test func refusesLongerDatagrams() throws {
    let directory = try TemporaryDirectory()
    let collector = Collector()
    let socket = try Sockets.unixDatagram(directory.path + "/d")
    collector.receive(socket, as: .unixDatagram)
    collector.startWriting()
    let client = try Client.unixDatagram(socket.address)
    let lines = Array(Sample.lines(0..<1_000).utf8)
    try client.send(Array(lines.prefix(65_536)))
    try client.send(lines)
    try client.send(Sample.line(1))
    let collected = collector.finish()
    #expect(lines.count > 65_536)
    let whole = lines.prefix(65_536).count { $0 == 0x0A }
    #expect(collected.events == ((0..<whole) + [1]).map(Sample.event))
    #expect(collected.reasons == [.notJSON, .tooLong])
    #expect(collected.rejectedBytes.last?.count == 4_096)
  }

  /// A single event is handed over though nothing follows it.
  @Test func doesNotKeepEventsWaiting() throws {
    let collector = Collector()
    let socket = try Sockets.udp("127.0.0.1:0")
    collector.receive(socket, as: .udp)
    collector.startWriting()
    let client = try Client.udp(socket)
    for number in 0..<3 {
      let start = ContinuousClock.now
      try client.send(Sample.line(number))
      collector.wait(forCount: number + 1)
      #expect(collector.soFar.events.count == number + 1)
      #expect(ContinuousClock.now - start < .seconds(2))
    }
    #expect(collector.finish().batchCount >= 3)
  }

  @Test func severalSendersAndReceivers() throws {
    let directory = try TemporaryDirectory()
    let collector = Collector()
    let udp = try Sockets.udp("127.0.0.1:0")
    let unix = try Sockets.unixDatagram(directory.path + "/d")
    let stream = try Sockets.unixStream(directory.path + "/s")
    collector.receive(udp, as: .udp)
    collector.receive(unix, as: .unixDatagram)
    collector.receiveStream(stream)
    collector.startWriting()
    let streamClient = try Client.unixStream(stream.address)
    for number in 0..<300 {
      switch number % 3 {
      case 0: try Client.udp(udp).send(Sample.line(number))
      case 1: try Client.unixDatagram(unix.address).send(Sample.line(number))
      default: try streamClient.send(Sample.line(number) + "\n")
      }
    }
    let collected = collector.finish()
    #expect(collected.events.compactMap(\.sequence).sorted() == (1...300).map { UInt64($0) })
    #expect(collected.transports == [.udp, .unixDatagram, .unixStream])
  }

  /// What arrived before the stop is taken, though nobody had begun to receive.
  @Test func stopTakesWhatTheSocketHolds() throws {
    let collector = Collector()
    let socket = try Sockets.udp("127.0.0.1:0")
    let client = try Client.udp(socket)
    for number in 0..<200 { try client.send(Sample.line(number)) }
    collector.stop.signal()
    collector.receive(socket, as: .udp)
    #expect(collector.finish().events == (0..<200).map(Sample.event))
  }

  /// A sender who never pauses cannot keep the collector from stopping.
  @Test func stopsUnderAFlood() throws {
    let directory = try TemporaryDirectory()
    let collector = Collector()
    let unix = try Sockets.unixDatagram(directory.path + "/d")
    let stream = try Sockets.unixStream(directory.path + "/s")
    collector.receive(unix, as: .unixDatagram)
    collector.receiveStream(stream)
    collector.startWriting()
    let senders = try (0..<3).map { index in
      let client = try index == 0 ? Client.unixStream(stream.address) : Client.unixDatagram(unix.address)
      // A sender that blocks for good would block the test.
      var patience = timeval(tv_sec: 1, tv_usec: 0)
      setsockopt(client.descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
      let text = [UInt8]("x\n".utf8) + [UInt8](repeating: 0x20, count: 2_000) + [0x0A]
      return WorkerThread(name: "flood") {
        let end = ContinuousClock.now + .seconds(12)
        while ContinuousClock.now < end, (try? client.send(text)) != nil {}
      }
    }
    usleep(200_000)
    let start = ContinuousClock.now
    let collected = collector.finish()
    #expect(ContinuousClock.now - start < .seconds(8))
    #expect(!collected.reasons.isEmpty)
    withExtendedLifetime((unix, stream)) {}
    for sender in senders { sender.join() }
  }

  /// Every datagram is received or counted as dropped.
  @Test func countsWhatTheKernelDropped() throws {
    let collector = Collector()
    let socket = try Sockets.udp("127.0.0.1:0")
    let client = try Client.udp(socket)
    let padding = String(repeating: " ", count: 1_200)
    var sent = 0
    for number in 0..<30_000 {
      try client.send(Sample.line(number) + padding)
      sent += 1
    }
    collector.receive(socket, as: .udp)
    collector.startWriting()
    let collected = collector.finish()
    #expect(collected.events.count + Int(collected.kernelDrops) == sent)
    #expect(collected.kernelDrops > 0)
  }
}

/// When a batch is due.
struct BatchFillerTests {
  private func add(_ text: String, _ filler: inout BatchFiller, now: Int64) {
    Array(text.utf8).withUnsafeBytes { filler.add(datagram: $0, isTruncated: false, now: now) }
  }

  @Test(arguments: [Transport.unixDatagram, .unixStream])
  func isDueFiftyMillisecondsAfterItsFirstEvent(transport: Transport) {
    var filler = BatchFiller(queue: WriterQueue(), transport: transport)
    #expect(filler.millisecondsUntilDue(now: 1_000) == nil)
    add(Sample.line(0), &filler, now: 1_000)
    #expect(filler.millisecondsUntilDue(now: 1_000) == 50)
    #expect(filler.millisecondsUntilDue(now: 1_030) == 20)
    add(Sample.line(1), &filler, now: 1_030)
    #expect(filler.millisecondsUntilDue(now: 1_049) == 1)
    #expect(filler.millisecondsUntilDue(now: 1_050) == 0)
    #expect(filler.millisecondsUntilDue(now: 9_000) == 0)
    filler.seal(1_050)
    #expect(filler.millisecondsUntilDue(now: 1_051) == nil)
  }

  /// Over UDP nobody waits for an answer; a refused envelope is told to the writer as soon as ever.
  @Test func waitsLongerWhereNobodyWaitsForAnAnswer() {
    var filler = BatchFiller(queue: WriterQueue(), transport: .udp)
    add(Sample.line(0), &filler, now: 1_000)
    #expect(filler.millisecondsUntilDue(now: 1_000) == 500)
    #expect(filler.millisecondsUntilDue(now: 1_499) == 1)
    #expect(filler.millisecondsUntilDue(now: 1_500) == 0)
    filler.refuse(.truncated, now: 1_020)
    #expect(filler.millisecondsUntilDue(now: 1_020) == 30)
    #expect(filler.millisecondsUntilDue(now: 1_050) == 0)
  }

  /// A clock that is set back must not hold events until it has caught up.
  @Test func isDueWhenTheClockWasSetBack() {
    var filler = BatchFiller(queue: WriterQueue(), transport: .udp)
    add(Sample.line(0), &filler, now: 10_000_000)
    #expect(filler.millisecondsUntilDue(now: 9_999_000) == 0)
    #expect(filler.millisecondsUntilDue(now: 0) == 0)
  }

  @Test func dropsAloneAreWorthABatch() {
    let queue = WriterQueue()
    var filler = BatchFiller(queue: queue, transport: .udp)
    filler.count(kernelDrops: 3)
    #expect(filler.millisecondsUntilDue(now: 5) == 0)
    filler.seal(5)
    filler.count(kernelDrops: 4)
    filler.finish(now: 6)
    let work = queue.take(timeout: 0)
    #expect(work.batches.map(\.kernelDrops) == [3, 4])
    #expect(work.batches.map(\.receivedMilliseconds) == [5, 6])
  }

  /// A full batch goes at once, and nothing around it is lost.
  @Test func sealsFullBatches() throws {
    let queue = WriterQueue()
    var filler = BatchFiller(queue: queue, transport: .udp)
    let frame = try UsageBatchEncoder.encode((0..<33_000).map(Sample.event))
    frame.withUnsafeBytes { filler.add(datagram: $0, isTruncated: false, now: 1) }
    frame.withUnsafeBytes { filler.add(datagram: $0, isTruncated: false, now: 2) }
    add(Sample.lines(33_000..<33_100), &filler, now: 3)
    filler.finish(now: 4)
    let batches = queue.take(timeout: 0).batches.map(\.batch)
    #expect(batches.map(\.count) == [65_536, 564])
    let sequences = batches.flatMap { batch in (0..<batch.count).map { batch.sequence[$0] } }
    #expect(sequences == Array(1...33_000) + Array(1...33_000) + Array(33_001...33_100))
  }
}
