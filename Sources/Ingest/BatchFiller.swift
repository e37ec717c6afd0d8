import CLinux
import Glibc
import UsageModel
import WireFormat

/// Fills batches from the bytes of one receiver and hands them over when full or due.
struct BatchFiller: ~Copyable {
  /// Longest time from a batch's first event to its hand-over.
  static let sealAfterMilliseconds: Int64 = 50
  /// As above, over UDP while no sender waits for an acknowledgement: a tenth of the commits under a trickle, each of
  /// which writes whole pages.
  static let sealUnansweredAfterMilliseconds: Int64 = 500
  /// Longest time spent, after the stop signal, on what sockets still hold: senders that never pause must
  /// not keep the collector from stopping.
  static let drainMillisecondsMax: Int64 = 3_000

  /// Fewer bytes than most events take in an envelope.
  private static let eventBytesLeast = 12

  private let queue: WriterQueue
  private let transport: Transport
  private var batch: EventBatch
  private var decoder = PayloadDecoder()
  private var firstEventMilliseconds: Int64?
  private var kernelDrops: Int64 = 0
  private var peers: PeerSpeakers
  private var peer: Int64?
  /// As the kernel tells it; nil where it does not.
  private var account: Int64?
  private let gate: EnvelopeGate
  private var deliveries: [(delivery: DeliveredBatch, ticket: AnswerTicket)] = []
  /// Packets were refused: the writer is to store the counts.
  private var hasRefusals = false
  private var takesPlain = true
  /// Added to the times of what is being decoded.
  private var clockOffset: Int64 = 0
  private var receiptMilliseconds: Int64 = 0
  /// Who sends what comes next; empty for who may speak for anybody.
  private var speaker: [UInt8] = []

  init(
    queue: WriterQueue, transport: Transport, peers: PeerPolicy = PeerPolicy(),
    gate: EnvelopeGate = EnvelopeGate()
  ) {
    self.gate = gate
    self.queue = queue
    self.peers = PeerSpeakers(peers)
    self.transport = transport
    batch = queue.emptyBatch()
  }

  /// Sets the moment of receipt for what follows.
  mutating func setReceipt(milliseconds: Int64) {
    if peers.refresh() { peer = nil }
    takesPlain = gate.takesPlain(transport)
    receiptMilliseconds = milliseconds
    decoder.setReceipt(milliseconds: milliseconds)
  }

  /// Says which local account sends what follows; nil where there are none, as on UDP.
  mutating func setPeer(_ userID: Int64?) {
    account = userID
    guard let userID else {
      if !speaker.isEmpty { setSpeaker([]) }
      return
    }
    if userID == peer { return }
    setSpeaker(peers.speaker(userID))
    peer = userID
  }

  private mutating func setSpeaker(_ name: [UInt8]) {
    peer = nil
    speaker = name
    batch.setSpeaker(name)
  }

  /// Milliseconds until the batch is due, 0 if it is; nil while it is empty.
  func millisecondsUntilDue(now: Int64) -> Int64? {
    if isEmpty { return nil }
    // A wall clock may be set back, and then says nothing about how long the batch has waited.
    guard let first = firstEventMilliseconds, now >= first else { return 0 }
    let patience =
      transport == .udp && deliveries.isEmpty && !hasRefusals
      ? Self.sealUnansweredAfterMilliseconds : Self.sealAfterMilliseconds
    return max(0, first + patience - now)
  }

  /// A batch that is full of strings goes over even if no event uses them: nothing else would fit any more.
  private var isEmpty: Bool {
    batch.isEmpty && !batch.isFull && kernelDrops == 0 && deliveries.isEmpty && !hasRefusals
  }

  /// Decodes one datagram: an envelope, or lines and framed batches.
  ///
  /// - Parameter route: the way back to its sender.
  mutating func add(
    datagram bytes: UnsafeRawBufferPointer, isTruncated: Bool, now: Int64,
    route: @autoclosure () -> AnswerRoute = .nowhere
  ) {
    if bytes.first == Envelope.firstByte, bytes.starts(with: Envelope.magic) {
      guard !isTruncated, Envelope.inspect(bytes) == .whole(byteCount: bytes.count) else {
        return refuse(.truncated, now: now)
      }
      return add(envelope: bytes, now: now, route: route())
    }
    if !takesPlain { return refuse(.wrongMode, now: now) }
    if isTruncated {
      batch.reject(.tooLong, bytes: bytes.bindMemory(to: UInt8.self))
    } else if bytes.isEmpty {
      batch.reject(.notJSON, bytes: bytes.bindMemory(to: UInt8.self))
    }
    var rest = isTruncated ? UnsafeRawBufferPointer(start: nil, count: 0) : bytes
    while !rest.isEmpty { addPart(&rest, isFinal: true, now: now) }
    afterAdding(now)
  }

  /// Counts a packet that cannot be taken.
  mutating func refuse(_ reason: EnvelopeRefusal, now: Int64) {
    gate.refuse(reason)
    hasRefusals = true
    afterAdding(now)
  }

  /// Decodes the batch in a whole envelope; it is acknowledged once its last event is on disk.
  mutating func add(envelope bytes: UnsafeRawBufferPointer, now: Int64, route: @autoclosure () -> AnswerRoute)
  {
    guard let admitted = gate.admit(bytes, transport, account: account, now: now, route: route()) else {
      hasRefusals = true
      return afterAdding(now)
    }
    // Whole, or not at all: what is stored in two commits could be stored in part.
    if admitted.payload.count / Self.eventBytesLeast > batch.freeCount { seal(now) }
    let peerSpeaker = speaker
    if let users = admitted.users { setSpeaker(users) }
    setClockOffset(admitted.timeOffsetMilliseconds)
    var news = decode(payload: admitted.payload)
    if news == nil && !batch.isEmpty {
      seal(now)
      news = decode(payload: admitted.payload)
    }
    var delivery = admitted.delivery
    if let news {
      delivery.unsent = news.unsent
      delivery.refused = news.refused
      deliveries.append((delivery, admitted.ticket))
    } else {
      handOver(
        LargePayload(
          bytes: admitted.payload, receiptMilliseconds: receiptMilliseconds,
          timeOffsetMilliseconds: clockOffset, speaker: speaker), (delivery, admitted.ticket), now)
    }
    if clockOffset != 0 { setClockOffset(0) }
    if speaker != peerSpeaker { setSpeaker(peerSpeaker) }
    afterAdding(now)
  }

  /// The payload is more than the batch has room for.
  private struct Overflow: Error {}

  /// Decodes a payload into the batch under way.
  ///
  /// - Returns: what it tells besides events; nil, with the batch as before, if it does not fit.
  private mutating func decode(payload: [UInt8]) -> PayloadNews? {
    let mark = batch.mark
    var news = PayloadNews()
    do {
      try payload.withUnsafeBytes { payload in
        _ = try decoder.decode(payload, into: batch, speaker: speaker, news: &news) { _ in
          throw Overflow()
        }
      }
      return news
    } catch {
      batch.rewind(to: mark)
      return nil
    }
  }

  /// Hands over a payload that does not fit an empty batch.
  private mutating func handOver(
    _ large: LargePayload, _ delivery: (delivery: DeliveredBatch, ticket: AnswerTicket), _ now: Int64
  ) {
    seal(now)
    batch = queue.exchange(
      SealedBatch(
        batch: batch, transport: transport, receivedMilliseconds: now, kernelDrops: 0,
        deliveries: [delivery], large: large))
    prepareBatch()
  }

  private mutating func setClockOffset(_ milliseconds: Int64) {
    clockOffset = milliseconds
    batch.currentClockOffset = milliseconds
    decoder.setReceipt(milliseconds: receiptMilliseconds, timeOffset: milliseconds)
  }

  /// Decodes what stands at the front of `bytes` and moves on behind it.
  ///
  /// What does not begin with the magic of a batch is taken as a line, however odd: so a stray word costs
  /// one line and not its neighbours.
  /// - Parameter isFinal: whether no more bytes will follow.
  /// - Returns: false, with nothing consumed, when more bytes are needed.
  @discardableResult
  mutating func addPart(_ bytes: inout UnsafeRawBufferPointer, isFinal: Bool, now: Int64) -> Bool {
    if bytes.first == UInt8(ascii: "{") { return takeLines(&bytes, isFinal: isFinal, now: now) }
    switch UsageBatchFrame.inspect(bytes) {
    case .batch(let range):
      add(protobufBatch: UnsafeRawBufferPointer(rebasing: bytes[range]), now: now)
      bytes = UnsafeRawBufferPointer(rebasing: bytes[range.upperBound...])
      return true
    case .incomplete where !isFinal: return false
    case .incomplete where UsageBatchFrame.hasMagic(bytes), .tooLarge:
      // The length is wrong or the rest is missing: there is no telling where the next part begins.
      batch.reject(.badBatch, bytes: bytes.bindMemory(to: UInt8.self))
      bytes = UnsafeRawBufferPointer(rebasing: bytes[bytes.endIndex...])
      return true
    case .incomplete, .badMagic: return takeLines(&bytes, isFinal: isFinal, now: now)
    }
  }

  /// Decodes lines; returns whether there were any.
  private mutating func takeLines(_ bytes: inout UnsafeRawBufferPointer, isFinal: Bool, now: Int64) -> Bool {
    if batch.isFull { seal(now) }
    let consumed = decoder.json.decodeLines(bytes.bindMemory(to: UInt8.self), isFinal: isFinal, into: batch)
    bytes = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
    afterAdding(now)
    return consumed > 0
  }

  /// Decodes one unframed protobuf batch.
  mutating func add(protobufBatch bytes: UnsafeRawBufferPointer, now: Int64) {
    let queue = queue
    let transport = transport
    let speaker = speaker
    let clockOffset = clockOffset
    batch = decoder.protobuf.decode(bytes, into: batch) { full in
      let empty = queue.exchange(
        SealedBatch(batch: full, transport: transport, receivedMilliseconds: now, kernelDrops: 0))
      empty.setSpeaker(speaker)
      empty.currentClockOffset = clockOffset
      return empty
    }
    afterAdding(now)
  }

  mutating func reject(_ reason: RejectReason, _ bytes: UnsafeRawBufferPointer, now: Int64) {
    batch.reject(reason, bytes: bytes.bindMemory(to: UInt8.self))
    afterAdding(now)
  }

  mutating func count(kernelDrops count: Int64) {
    kernelDrops += count
    if count > 0 { gate.noteDrops() }
  }

  /// Hands over whatever there is.
  mutating func seal(_ now: Int64) {
    if isEmpty { return }
    batch = queue.exchange(sealed(now))
    prepareBatch()
    deliveries = []
    hasRefusals = false
    kernelDrops = 0
    firstEventMilliseconds = nil
  }

  /// Tells a fresh batch what is common to the events that come next.
  private func prepareBatch() {
    batch.setSpeaker(speaker)
    batch.currentClockOffset = clockOffset
  }

  /// Hands over whatever there is, for the last time.
  consuming func finish(now: Int64) { queue.submit(sealed(now)) }

  private func sealed(_ now: Int64) -> SealedBatch {
    SealedBatch(
      batch: batch, transport: transport, receivedMilliseconds: now, kernelDrops: kernelDrops,
      deliveries: deliveries)
  }

  private mutating func afterAdding(_ now: Int64) {
    if firstEventMilliseconds == nil && !isEmpty { firstEventMilliseconds = now }
    if batch.isFull { seal(now) }
  }
}

/// The collector's clocks.
package enum Clock {
  /// Wall clock, milliseconds since 1970 UTC.
  package static func nowMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}
