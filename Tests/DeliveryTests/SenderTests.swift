import Foundation
import Ingest
import Synchronization
import Testing
import UsageModel

@testable import Delivery
@testable import WireFormat

@Suite(.serialized) struct SenderTests {
  private let directory: TemporaryDirectory
  private let key = DeliveryKey(id: "k", secret: Array(1...32), sender: "pc")

  init() throws { directory = try TemporaryDirectory() }

  private var pace: Sender.Pace {
    var pace = Sender.Pace()
    pace.resend = Backoff(floorMilliseconds: 20, baseMilliseconds: 10, capMilliseconds: 200)
    pace.reconnect = Backoff(floorMilliseconds: 5, baseMilliseconds: 10, capMilliseconds: 100)
    pace.firstSpreadMilliseconds = 0
    return pace
  }

  private func identity(_ mode: DeliveryMode) -> SenderIdentity {
    SenderIdentity(sender: "pc", mode: mode, key: mode == .none ? nil : key)
  }

  /// Runs a sender while `body` does something.
  private func sending(
    _ spool: Spool, to address: String, as mode: DeliveryMode = .none, _ body: (Sender) throws -> Void
  ) rethrows {
    let stop = StopSignal()
    let sender = Sender(
      spool: spool, address: address, identity: identity(mode), pace: pace, stop: stop)
    let thread = WorkerThread(name: "sender") { sender.run() }
    defer {
      stop.signal()
      thread.join()
    }
    try body(sender)
  }

  private func isEmpty(_ spool: Spool) -> Bool { (try? spool.summary().batchCount) == 0 }

  private func fill(_ spool: Spool, _ count: Int) throws {
    _ = try spool.append((1...count).map { event($0) }, nowMilliseconds: 0)
  }

  @Test(arguments: DeliveryMode.allCases) func deliversThroughLossAndDuplicates(_ mode: DeliveryMode) throws {
    var behaviour = LossyCollector.Behaviour()
    behaviour.lossShare = 0.3
    behaviour.duplicateShare = 0.1
    let collector = try LossyCollector(
      address: "127.0.0.1:0", key: mode == .none ? nil : key, behaviour: behaviour)
    defer { collector.close() }
    let spool = try Spool(path: directory.path + "/spool", sender: "pc")
    try fill(spool, 3_000)
    sending(spool, to: collector.address, as: mode) { sender in
      #expect(waitUntil { isEmpty(spool) })
      #expect(waitUntil { sender.counts.resent > 0 })
    }
    let seen = collector.seen
    #expect(seen.events.compactMap(\.sequence).sorted() == (1...3_000).map { UInt64($0) })
    #expect(Set(seen.packetNumbers).count == seen.packetNumbers.count, "a number for each packet")
  }

  @Test func deliversOverAUnixDatagramSocket() throws {
    let collector = try LossyCollector(address: directory.path + "/collector.sock")
    defer { collector.close() }
    let spool = try Spool(path: directory.path + "/spool", sender: "pc")
    try sending(spool, to: collector.address) { sender in
      try fill(spool, 100)
      sender.wake()
      #expect(waitUntil { isEmpty(spool) })
    }
    #expect(collector.seen.events.count == 100)
  }

  @Test func goesOnAfterRestartsOfEitherSide() throws {
    let path = directory.path + "/collector.sock"
    let spoolPath = directory.path + "/spool"
    var seen = LossyCollector.Seen()
    for turn in 0..<4 {
      let spool = try Spool(path: spoolPath, sender: "pc")
      defer { try? spool.close() }
      try fill(spool, 500)
      try sending(spool, to: path) { sender in
        if turn == 0 {
          // Nobody there: everything is kept.
          usleep(200_000)
          #expect(sender.counts.packets == 0)
          return
        }
        let collector = try LossyCollector(address: path, seen: seen)
        defer { collector.close() }
        #expect(waitUntil { turn == 3 ? isEmpty(spool) : collector.seen.batches.count > seen.batches.count })
        collector.close()
        seen = collector.seen
      }
    }
    #expect(seen.events.compactMap(\.sequence).sorted() == (1...2_000).map { UInt64($0) })
    #expect(Set(seen.packetNumbers).count == seen.packetNumbers.count)
  }

  @Test func waitsWhileTheCollectorIsBusy() throws {
    var behaviour = LossyCollector.Behaviour()
    behaviour.busyCount = 5
    behaviour.window = 1
    let collector = try LossyCollector(address: "127.0.0.1:0", behaviour: behaviour)
    defer { collector.close() }
    let spool = try Spool(path: directory.path + "/spool", sender: "pc")
    try fill(spool, 200)
    sending(spool, to: collector.address) { sender in
      #expect(waitUntil { isEmpty(spool) })
      #expect(sender.counts.busyAnswers == 5)
    }
    #expect(collector.seen.events.count == 200)
  }

  @Test func keepsEverythingWithoutAnswers() throws {
    var behaviour = LossyCollector.Behaviour()
    behaviour.isMute = true
    let collector = try LossyCollector(address: "127.0.0.1:0", behaviour: behaviour)
    defer { collector.close() }
    let spool = try Spool(path: directory.path + "/spool", sender: "pc")
    try fill(spool, 200)
    let before = try spool.summary()
    sending(spool, to: collector.address) { sender in
      #expect(waitUntil { sender.counts.resent > 3 })
    }
    #expect(try spool.summary() == before)
    // Not more than the window is under way, however much waits.
    #expect(collector.seen.batches.count <= pace.firstWindow)
  }

  @Test func believesNoForgedAnswer() throws {
    let me = identity(.sign)
    let spoolID: UInt64 = 7
    func sealed(
      _ type: EnvelopeType, sender: String = "pc", spool: UInt64 = 7, key: DeliveryKey?, payload: [UInt8]
    ) -> [UInt8] {
      let header = EnvelopeHeader(
        type: type, mode: key == nil ? .none : .sign, spoolID: spool, packetNumber: 1, batchNumber: 3,
        oldestBatch: 0, sendMilliseconds: 0, sender: sender, keyID: key?.id ?? "")
      return payload.withUnsafeBytes { Envelope.seal(header, payload: $0, key: key) }
    }
    let payload = Acknowledgement(cumulative: 9, ranges: [], delayMilliseconds: 0, window: 1).encoded
    let forger = DeliveryKey(id: "k", secret: Array(2...33), sender: "pc")
    #expect(me.answer(sealed(.acknowledgement, key: key, payload: payload), spoolID: spoolID)?.packet == 3)
    #expect(me.answer(sealed(.acknowledgement, key: nil, payload: payload), spoolID: spoolID) == nil)
    #expect(me.answer(sealed(.acknowledgement, key: forger, payload: payload), spoolID: spoolID) == nil)
    #expect(
      me.answer(sealed(.acknowledgement, sender: "x", key: key, payload: payload), spoolID: spoolID) == nil)
    #expect(
      me.answer(sealed(.acknowledgement, spool: 8, key: key, payload: payload), spoolID: spoolID) == nil)
    #expect(me.answer(sealed(.batch, key: key, payload: payload), spoolID: spoolID) == nil)
    #expect(me.answer(sealed(.busy, key: key, payload: payload), spoolID: spoolID) == nil)
  }

  /// A collector that acknowledges more than was sent is not believed, or unsent events would be deleted.
  @Test func ignoresAcknowledgementsOfWhatWasNotSent() throws {
    var seen = LossyCollector.Seen()
    seen.batches = Set(1...1_000)
    let collector = try LossyCollector(address: "127.0.0.1:0", seen: seen)
    defer { collector.close() }
    let spool = try Spool(path: directory.path + "/spool", sender: "pc")
    try fill(spool, 2_000)
    let before = try spool.summary()
    sending(spool, to: collector.address) { sender in
      #expect(waitUntil { sender.counts.ignoredAnswers > 3 })
    }
    #expect(try spool.summary() == before)
  }

  @Test func oneEventIsDeliveredThroughLoss() throws {
    var behaviour = LossyCollector.Behaviour()
    behaviour.lossShare = 0.4
    behaviour.duplicateShare = 0.2
    behaviour.busyCount = 1
    let collector = try LossyCollector(address: "127.0.0.1:0", behaviour: behaviour)
    defer { collector.close() }
    let payload = try SingleDelivery.payload(of: event(1))
    var delivery = SingleDelivery(payload: payload, to: collector.address, as: identity(.none))
    try delivery.deliver(timeoutMilliseconds: 60_000)
    // Another process goes on with it: still stored once.
    var again = SingleDelivery(
      payload: payload, to: collector.address, as: identity(.none), spoolID: delivery.spoolID,
      nextPacket: delivery.nextPacket)
    try again.deliver(timeoutMilliseconds: 60_000)
    #expect(collector.seen.events == [event(1)])
    #expect(Set(collector.seen.packetNumbers).count == collector.seen.packetNumbers.count)
  }

  @Test func oneEventThatNobodyTakesFails() throws {
    var behaviour = LossyCollector.Behaviour()
    behaviour.isMute = true
    let collector = try LossyCollector(address: "127.0.0.1:0", behaviour: behaviour)
    defer { collector.close() }
    var delivery = SingleDelivery(
      payload: try SingleDelivery.payload(of: event(1)), to: collector.address, as: identity(.none))
    let error = #expect(throws: SocketError.self) { try delivery.deliver(timeoutMilliseconds: 300) }
    #expect(error?.description.contains("no acknowledgement") == true)
    var nobody = SingleDelivery(
      payload: [], to: directory.path + "/no.sock", as: identity(.none))
    #expect(throws: SocketError.self) { try nobody.connect() }
  }

  /// A collector that falls silent is looked for anew, with one batch and not a window of them.
  @Test func silenceMakesItConnectAnewAndAskWithOneBatch() throws {
    var behaviour = LossyCollector.Behaviour()
    behaviour.isMute = true
    let collector = try LossyCollector(address: "127.0.0.1:0", behaviour: behaviour)
    defer { collector.close() }
    let spool = try Spool(path: directory.path + "/spool", sender: "pc")
    try fill(spool, 2_000)
    let stop = StopSignal()
    var quick = pace
    quick.silenceMilliseconds = 50
    let away = Mutex(0)
    let sender = Sender(
      spool: spool, address: collector.address, identity: identity(.none), pace: quick, stop: stop
    ) { if case .away = $0 { away.withLock { $0 += 1 } } }
    let thread = WorkerThread(name: "sender") { sender.run() }
    #expect(waitUntil { sender.counts.resent > 5 && away.withLock { $0 } > 0 })
    stop.signal()
    thread.join()
    #expect(away.withLock { $0 } == 1, "told once, not with each attempt")
    #expect(collector.seen.batches == [1])
  }
}
