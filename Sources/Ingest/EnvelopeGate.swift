import Glibc
import Synchronization
import UsageModel
import WireFormat

/// Lets envelopes in: checks mode, key, moment and packet number, knows which batches are stored, and answers.
///
/// Shared by the receivers, which ask it for each envelope, and the writer, which tells it what is on disk.
package final class EnvelopeGate: Sendable {
  /// Spools read at the start.
  package static let spoolsKeptMax = 200_000
  /// Gaps between a spool's stored batches; senders have far fewer batches under way.
  private static let rangesMax = 1_024
  /// Kinds of refusal counted until the next commit.
  private static let refusalsMax = 10_000
  private static let busyMilliseconds: UInt32 = 2_000

  /// What an envelope needs to pass.
  package struct Rules: Sendable {
    /// The least that UDP senders must do; Unix sockets know their peers and take any.
    package var networkMode: DeliveryMode
    package var keys: [String: DeliveryKey]
    /// A clock that differs by more is corrected.
    package var clockOffsetLimitMilliseconds: Int64

    package init(
      networkMode: DeliveryMode = .none, keys: [String: DeliveryKey] = [:],
      clockOffsetLimitMilliseconds: Int64 = 60_000
    ) {
      self.networkMode = networkMode
      self.keys = keys
      self.clockOffsetLimitMilliseconds = clockOffsetLimitMilliseconds
    }
  }

  /// A batch that was let in.
  struct Admitted {
    var delivery: DeliveredBatch
    var ticket: AnswerTicket
    var payload: [UInt8]
    /// Added to each event's time.
    var timeOffsetMilliseconds: Int64
    /// Whom the key's owner may speak for, NUL between, empty for anybody; nil without a key.
    var users: [UInt8]?
  }

  private struct Spool {
    var state: SpoolState
    /// Handed to the writer, not yet on disk.
    var underWay: Set<UInt64> = []
    var lastUse: UInt64 = 0
    /// Of ``AnswerPace``, when it was answered last.
    var answeredPeriod: UInt64 = 0
  }

  private struct State {
    var rules = Rules()
    var spools: [SpoolName: Spool] = [:]
    var spoolsOfSender: [String: Set<UInt64>] = [:]
    var plainCount = 0
    var refusals: [PacketRefusal: Int64] = [:]
    var pace = AnswerPace()
    var uses: UInt64 = 0
    /// Count of answers; from the clock, so that it also grows over restarts.
    var answerCount = UInt64(max(0, Clock.nowMilliseconds())) << 16
  }

  private let state = Mutex(State())
  private let isBusy = Atomic<Bool>(false)

  package init(rules: Rules = Rules(), spools: [SpoolName: SpoolState] = [:]) {
    state.withLock { state in
      state.rules = rules
      for (name, known) in spools { Self.remember(name, Spool(state: known), &state) }
    }
  }

  package func setRules(_ rules: Rules) { state.withLock { $0.rules = rules } }

  /// The least that plain bytes, without an envelope, need on a transport.
  func takesPlain(_ transport: Transport) -> Bool {
    transport != .udp || state.withLock { $0.rules.networkMode == .none }
  }

  /// While the writer cannot write, batches are turned away, to be sent again.
  package func setBusy(_ value: Bool) { isBusy.store(value, ordering: .relaxed) }

  /// The kernel dropped packets.
  func noteDrops() { state.withLock { $0.pace.noteDrops(at: Clock.nowMilliseconds()) } }

  /// Counts a packet that was refused before it could be looked at.
  func refuse(_ reason: EnvelopeRefusal) { state.withLock { Self.count(reason, sender: "", &$0) } }

  /// Refused packets since the last time, to be stored.
  package func takeRefusals() -> [PacketRefusal: Int64] {
    state.withLock { state in
      defer { state.refusals.removeAll() }
      return state.refusals
    }
  }

  // MARK: In

  /// Looks at a whole envelope.
  ///
  /// - Parameter account: the local account that sends it, where the kernel tells.
  /// - Returns: nil if there is nothing to store: refused and counted, or known and answered.
  func admit(
    _ bytes: UnsafeRawBufferPointer, _ transport: Transport, account: Int64?, now: Int64,
    route: @autoclosure () -> AnswerRoute
  ) -> Admitted? {
    let rules = state.withLock { $0.rules }
    var sender = ""
    do throws(EnvelopeRefusal) {
      let (claimed, _) = try EnvelopeHeader.parse(bytes)
      guard claimed.type == .batch, transport != .udp || claimed.mode >= rules.networkMode else {
        throw .wrongMode
      }
      var key: DeliveryKey?
      if claimed.mode != .none {
        key = rules.keys[claimed.keyID]
        if key == nil { throw .unknownKey }
      }
      let (header, payload) = try Envelope.open(bytes, key: key)
      if let key {
        sender = key.sender
        guard key.sender == header.sender else { throw .wrongSender }
        try key.check(atMilliseconds: now)
      }
      guard header.batchNumber > 0, header.batchNumber < UInt64(Int64.max), header.sendMilliseconds >= 0,
        header.oldestBatch <= header.batchNumber
      else { throw .malformed }
      guard header.sendMilliseconds <= now + EventLimits.futureToleranceMilliseconds else { throw .future }
      let name =
        key == nil
        ? SpoolName(unproven: header.sender, account: account, spool: header.spoolID)
        : SpoolName(sender: header.sender, spool: header.spoolID)
      let offset = now - header.sendMilliseconds
      let ticket = AnswerTicket(header: header, key: key, route: route(), spool: name)
      guard let window = try enter(name, header, ticket) else { return nil }
      return Admitted(
        delivery: DeliveredBatch(
          spool: name, batch: header.batchNumber, oldestBatch: header.oldestBatch, window: window,
          clockOffsetMilliseconds: offset),
        ticket: ticket, payload: payload,
        timeOffsetMilliseconds: abs(offset) > rules.clockOffsetLimitMilliseconds ? offset : 0,
        users: key.map(Self.speaker))
    } catch {
      state.withLock { Self.count(error, sender: sender, &$0) }
      return nil
    }
  }

  /// A key that names nobody speaks for nobody.
  private static func speaker(_ key: DeliveryKey) -> [UInt8] {
    guard let users = key.users else { return [] }
    return users.isEmpty ? [0] : Array(users.sorted().joined(separator: "\0").utf8)
  }

  /// Takes the packet number; returns the window if the batch is to be stored, nil if it is dealt with.
  private func enter(
    _ name: SpoolName, _ header: EnvelopeHeader, _ ticket: AnswerTicket
  ) throws(EnvelopeRefusal) -> PacketWindow? {
    enum Outcome {
      case fresh(PacketWindow)
      case replayed, known, waiting, busy
    }
    let outcome = state.withLock { state -> Outcome in
      state.uses += 1
      var spool = state.spools[name] ?? Spool(state: SpoolState())
      spool.lastUse = state.uses
      guard spool.state.window.insert(header.packetNumber) else { return .replayed }
      defer { Self.remember(name, spool, &state) }
      if spool.state.delivered.contains(header.batchNumber) { return .known }
      if spool.underWay.contains(header.batchNumber) { return .waiting }
      if isBusy.load(ordering: .relaxed) || spool.state.delivered.ranges.count >= Self.rangesMax {
        return .busy
      }
      spool.underWay.insert(header.batchNumber)
      return .fresh(spool.state.window)
    }
    switch outcome {
    case .fresh(let window): return window
    case .replayed: throw .replayed
    case .known: acknowledge(ticket)
    case .busy:
      answer(ticket, .busy, BusyAnswer(delayMilliseconds: Self.busyMilliseconds).encoded)
    case .waiting: break
    }
    return nil
  }

  private static func count(_ reason: EnvelopeRefusal, sender: String, _ state: inout State) {
    let full = state.refusals.count >= refusalsMax
    state.refusals[PacketRefusal(sender: full ? "" : sender, reason: reason.rawValue), default: 0] += 1
  }

  private static func remember(_ name: SpoolName, _ spool: Spool, _ state: inout State) {
    let isNew = state.spools.updateValue(spool, forKey: name) == nil
    guard isNew else { return }
    if name.isUnproven {
      state.plainCount += 1
      if state.plainCount > SpoolState.plainMax { forgetPlain(&state) }
    } else {
      state.spoolsOfSender[name.sender, default: []].insert(name.spool)
      let spools = state.spoolsOfSender[name.sender] ?? []
      guard spools.count > SpoolState.perSenderMax else { return }
      let oldest = spools.filter { $0 != name.spool }.min {
        state.spools[SpoolName(sender: name.sender, spool: $0)]?.lastUse ?? 0
          < state.spools[SpoolName(sender: name.sender, spool: $1)]?.lastUse ?? 0
      }
      guard let oldest else { return }
      state.spools[SpoolName(sender: name.sender, spool: oldest)] = nil
      state.spoolsOfSender[name.sender]?.remove(oldest)
    }
  }

  /// Forgets the half of the plain spools that was silent longest.
  private static func forgetPlain(_ state: inout State) {
    let plain = state.spools.filter { $0.key.isUnproven }.sorted {
      $0.value.lastUse < $1.value.lastUse
    }
    for (name, _) in plain.prefix(SpoolState.plainMax / 2) { state.spools[name] = nil }
    state.plainCount -= min(plain.count, SpoolState.plainMax / 2)
  }

  // MARK: Out

  /// Writer: these batches are on disk; says so to their senders.
  package func committed(_ batches: [(delivery: DeliveredBatch, ticket: AnswerTicket)]) {
    guard !batches.isEmpty else { return }
    state.withLock { state in
      state.pace.advance(to: Clock.nowMilliseconds())
      for (delivery, _) in batches {
        var spool = state.spools[delivery.spool] ?? Spool(state: SpoolState())
        spool.underWay.remove(delivery.batch)
        spool.state.delivered.insert(delivery.batch...delivery.batch)
        if delivery.oldestBatch > 1 { spool.state.delivered.insert(1...delivery.oldestBatch - 1) }
        if spool.answeredPeriod != state.pace.period {
          spool.answeredPeriod = state.pace.period
          state.pace.noteSender()
        }
        Self.remember(delivery.spool, spool, &state)
      }
    }
    // One answer a spool says it all; the last packet's way back is the freshest.
    var last: [SpoolName: AnswerTicket] = [:]
    for (delivery, ticket) in batches { last[delivery.spool] = ticket }
    for ticket in last.values { acknowledge(ticket) }
  }

  private func acknowledge(_ ticket: AnswerTicket) {
    let (known, pace) = state.withLock { ($0.spools[ticket.spool]?.state.delivered, $0.pace.answer) }
    let delivered = known ?? NumberRanges()
    let cumulative = delivered.cumulative
    let acknowledgement = Acknowledgement(
      cumulative: cumulative,
      ranges: Array(
        (cumulative > 0 ? delivered.ranges.dropFirst() : delivered.ranges[...]).prefix(
          Acknowledgement.rangesMax)),
      delayMilliseconds: pace.delayMilliseconds, window: pace.window)
    answer(ticket, .acknowledgement, acknowledgement.encoded)
  }

  private func answer(_ ticket: AnswerTicket, _ type: EnvelopeType, _ payload: [UInt8]) {
    let number = state.withLock { state in
      state.answerCount += 1
      return state.answerCount
    }
    var header = ticket.header
    header.type = type
    header.batchNumber = header.packetNumber
    header.packetNumber = number
    header.oldestBatch = 0
    header.sendMilliseconds = Clock.nowMilliseconds()
    ticket.route.send(payload.withUnsafeBytes { Envelope.seal(header, payload: $0, key: ticket.key) })
  }
}

/// What is needed to answer a packet later.
package struct AnswerTicket: Sendable {
  let header: EnvelopeHeader
  let key: DeliveryKey?
  let route: AnswerRoute
  let spool: SpoolName

  package init(
    header: EnvelopeHeader, key: DeliveryKey? = nil, route: AnswerRoute = .nowhere, spool: SpoolName
  ) {
    self.header = header
    self.key = key
    self.route = route
    self.spool = spool
  }
}
