import Foundation
import Glibc
import Testing
import UsageModel
import WireFormat

@testable import Ingest

@Suite(.timeLimit(.minutes(1)))
struct StreamTests {
  private func withStream(
    connectionsMax: Int = StreamReceiver.connectionsMax, _ body: (Collector, String) throws -> Void
  ) throws -> Collector.Collected {
    let directory = try TemporaryDirectory()
    let collector = Collector()
    let socket = try Sockets.unixStream(directory.path + "/s")
    collector.receiveStream(socket, connectionsMax: connectionsMax)
    collector.startWriting()
    try body(collector, socket.address)
    return collector.finish()
  }

  /// Lines, batches and nonsense in one connection, cut in two at every place.
  @Test func everyCutGivesTheSame() throws {
    let bytes =
      Array((Sample.lines(0...1) + "garbage\r\n\nWas?\n").utf8) + (try Sample.frame(2...3))
      + Array(Sample.lines(4...4).utf8) + (try Sample.frame(5...5)) + (try Sample.frame(6...6))
      + Array(("WLB\n" + Sample.line(7)).utf8)
    let collected = try withStream { _, path in
      for cut in 0...bytes.count {
        let client = try Client.unixStream(path)
        try client.send(Array(bytes[..<cut]))
        client.waitUntilRead()
        try client.send(Array(bytes[cut...]))
      }
    }
    let count = bytes.count + 1
    var counts: [UInt64: Int] = [:]
    for event in collected.events { counts[event.sequence ?? 0, default: 0] += 1 }
    #expect(counts == Dictionary(uniqueKeysWithValues: (1...8).map { (UInt64($0), count) }))
    #expect(collected.reasons.count == 3 * count)
    #expect(collected.reasons.allSatisfy { $0 == .notJSON })
  }

  @Test func byteByByte() throws {
    let bytes = Array(Sample.lines(0...0).utf8) + (try Sample.frame(1...2)) + Array(Sample.line(3).utf8)
    let collected = try withStream { _, path in
      let client = try Client.unixStream(path)
      for byte in bytes {
        try client.send([byte])
        client.waitUntilRead()
      }
    }
    #expect(collected.events == (0...3).map(Sample.event))
    #expect(collected.reasons == [])
  }

  /// Too long for any buffer: refused once, skipped to its end, the connection lives on.
  @Test(arguments: [65_537, 70_000, 262_144, 600_000])
  func skipsLongLines(byteCount: Int) throws {
    let long = [UInt8](repeating: 0x78, count: byteCount)
    let collected = try withStream { collector, path in
      let client = try Client.unixStream(path)
      try client.send(Array(Sample.lines(0...0).utf8) + long)
      client.waitUntilRead()
      try client.send(
        long + [0x0A] + Array(Sample.lines(1...1).utf8) + long + [0x0A] + Array(Sample.lines(2...2).utf8))
      client.waitUntilRead()
      try client.send(Sample.lines(3...3))
      collector.wait(forCount: 6)
    }
    #expect(collected.events == (0...3).map(Sample.event))
    #expect(collected.reasons == [.tooLong, .tooLong])
  }

  @Test func takesTheLongestLine() throws {
    let start = String(Sample.line(0).dropLast()) + #","x":""#
    let line = start + String(repeating: "y", count: 65_536 - start.utf8.count - 2) + "\"}"
    let collected = try withStream { _, path in
      let client = try Client.unixStream(path)
      try client.send(String(line.prefix(40_000)))
      client.waitUntilRead()
      try client.send(line.dropFirst(40_000) + "\n" + Sample.lines(1...1))
    }
    #expect(collected.events == [Sample.event(0), Sample.event(1)])
    #expect(collected.reasons == [])
  }

  @Test func takesALargeBatch() throws {
    let frame = try UsageBatchEncoder.encode((0..<20_000).map(Sample.event))
    #expect(frame.count > 60_000)
    let collected = try withStream { _, path in
      let client = try Client.unixStream(path)
      try client.send(frame + Array(Sample.lines(20_000...20_000).utf8))
    }
    #expect(collected.events.compactMap(\.sequence) == (1...20_001).map { UInt64($0) })
  }

  /// A length beyond every bound: refused once, and the connection ends, as nobody knows where the next
  /// part begins; other connections go on.
  @Test func hangsUpOnALengthBeyondBounds() throws {
    let collected = try withStream { collector, path in
      let other = try Client.unixStream(path)
      try other.send(String(Sample.line(1).prefix(20)))
      let client = try Client.unixStream(path)
      try client.send(
        Array(Sample.lines(0...0).utf8) + Array("WLB1".utf8) + [1, 0, 0, 1] + Array(Sample.lines(9...9).utf8))
      #expect(client.waitForEnd())
      try other.send(Sample.line(1).dropFirst(20) + "\n")
      collector.wait(forCount: 3)
    }
    #expect(collected.events == [Sample.event(0), Sample.event(1)])
    #expect(collected.reasons == [.badBatch])
  }

  @Test func malformedBatchesCostThemselves() throws {
    var malformed = try Sample.frame(9...9)
    malformed[8] = 0xFF
    let bytes = (try Sample.frame(0...0)) + malformed + (try Sample.frame(1...1)) + malformed
    let collected = try withStream { _, path in try Client.unixStream(path).send(bytes) }
    #expect(collected.events == [Sample.event(0), Sample.event(1)])
    #expect(collected.reasons == [.badBatch, .badBatch])
  }

  /// What a connection leaves unfinished is a line if it is one, else refused.
  @Test func endsOfConnections() throws {
    let collected = try withStream { collector, path in
      for (index, text) in [
        Array(Sample.line(0).utf8), Array(Sample.line(1).utf8.dropLast()), Array("WLB".utf8),
        Array("WLB1".utf8),
        (try Sample.frame(9...9)).dropLast(), [], Array(" \n ".utf8), Array(Sample.lines(2...2).utf8),
      ].enumerated() {
        let client = try Client.unixStream(path)
        try client.send(Array(text))
        if index.isMultiple(of: 2) { client.waitUntilRead() }
      }
      collector.wait(forCount: 6)
    }
    #expect(Set(collected.events.compactMap(\.sequence)) == [1, 3])
    #expect(collected.reasons.filter { $0 == .notJSON }.count == 2)
    #expect(collected.reasons.filter { $0 == .badBatch }.count == 2)
    #expect(collected.reasons.count == 4)
  }

  @Test func severalConnectionsAtOnce() throws {
    let collected = try withStream { _, path in
      let clients = try (0..<40).map { _ in try Client.unixStream(path) }
      for round in 0..<10 {
        for (index, client) in clients.enumerated() {
          let line = Array((Sample.line(round * 40 + index) + "\n").utf8)
          let cut = (round * 7 + index) % line.count
          try client.send(Array(line[..<cut]))
          if index % 5 == 0 { client.waitUntilRead() }
          try client.send(Array(line[cut...]))
        }
      }
    }
    #expect(collected.events.compactMap(\.sequence).sorted() == (1...400).map { UInt64($0) })
    #expect(collected.reasons == [])
  }

  /// Connections that wait to be accepted, hundreds of them, some closed already: all is taken.
  @Test func stopTakesWhatConnectionsHold() throws {
    let directory = try TemporaryDirectory()
    let collector = Collector()
    let socket = try Sockets.unixStream(directory.path + "/s")
    var open: [Client] = []
    for _ in 0..<200 { _ = try Client.unixStream(socket.address) }
    for number in 0..<150 {
      let client = try Client.unixStream(socket.address)
      try client.send(Sample.line(number) + (number % 2 == 0 ? "\n" : ""))
      if number % 3 == 0 { open.append(client) }
    }
    collector.stop.signal()
    collector.receiveStream(socket)
    collector.startWriting()
    let collected = collector.finish()
    #expect(collected.events.compactMap(\.sequence).sorted() == (1...150).map { UInt64($0) })
    #expect(collected.reasons == [])
    #expect(open.count == 50)
  }

  /// At the limit further connections wait their turn, and waiting costs no processor time.
  @Test func boundsConnections() throws {
    let collected = try withStream(connectionsMax: 3) { collector, path in
      var clients = try (0..<8).map { _ in try Client.unixStream(path) }
      for (number, client) in clients.enumerated() { try client.send(Sample.line(number) + "\n") }
      collector.wait(forCount: 3)
      let before = Self.processorSeconds()
      usleep(300_000)
      #expect(collector.soFar.events.count == 3)
      #expect(Self.processorSeconds() - before < 0.2 || Self.isCrowded)
      while !clients.isEmpty { clients.removeFirst() }
      collector.wait(forCount: 8)
    }
    #expect(collected.events.compactMap(\.sequence).sorted() == (1...8).map { UInt64($0) })
  }

  /// Other tests run in this process at the same time; alone, the time used is the receiver's.
  private static let isCrowded = ProcessInfo.processInfo.environment["WATERLINE_TEST_ALONE"] == nil

  private static func processorSeconds() -> Double {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  /// With no writer, senders wait rather than lose; memory stays within its batches.
  @Test func pressureReachesTheSenders() throws {
    let directory = try TemporaryDirectory()
    let collector = Collector()
    let socket = try Sockets.unixStream(directory.path + "/s")
    // All batches but two are under way elsewhere.
    let held = (2..<WriterQueue.batchesMax).map { _ in collector.queue.emptyBatch() }
    collector.receiveStream(socket)
    let client = try Client.unixStream(socket.address)
    var patience = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(client.descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    // Nothing but refusals: 65,536 of them fill a batch.
    let text = Array(String(repeating: "x\n", count: 65_536).utf8)
    var sent = 0
    var isBlocked = false
    while !isBlocked && sent < 60 * text.count {
      let count = text.withUnsafeBytes {
        send(client.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 { sent += count } else { isBlocked = true }
    }
    #expect(isBlocked)
    #expect(sent >= 2 * text.count)
    collector.queue.recycle(
      held.map { SealedBatch(batch: $0, transport: .unixStream, receivedMilliseconds: 0, kernelDrops: 0) })
    collector.startWriting()
    let collected = collector.finish()
    // A sender cut off between "x" and its line feed has sent a line all the same.
    #expect(collected.reasons.count == (sent + 1) / 2)
  }
}
