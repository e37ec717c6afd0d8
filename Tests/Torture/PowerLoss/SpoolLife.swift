import Delivery
import UsageModel
import WireFormat

/// One agent's spool from its making on, through several power cuts.
final class SpoolLife: Life {
  /// What a spool must hold, kept the obvious way.
  private struct Model: Equatable {
    /// One text an event or a number that will not come; sorted when compared.
    var contents: [String] = []
    var nextSequence: UInt64 = 1
    var openFocus: [OpenFocus] = []
    var owners: [String] = []
    var delivered: [UInt64: NumberRanges] = [:]
  }

  private let path: String
  private var random: SeededRandom
  private var spool: Spool?
  private var source = ""
  private var id: UInt64?
  private var model = Model()
  /// What the spool must hold, should what was under way at the cut have come through.
  private var candidate: Model?
  /// No packet number up to here may be given again.
  private var packetsGiven: UInt64 = 0
  private var eventCount: Int64 = 0

  init(directory: String, seed: UInt64) {
    path = directory + "/spool.db"
    random = SeededRandom(seed: seed)
  }

  var sizeText: String { "\(model.contents.count) events and numbers" }

  func workUntilTheCut() throws {
    try open()
    while true { try step() }
  }

  func letGo() { spool = nil }

  func check() throws {
    try open()
    let found = try read()
    if found == sorted(model) {
      candidate = nil
    } else if let candidate, found == sorted(candidate) {
      model = candidate
      self.candidate = nil
    } else {
      let lost = Set(model.contents).subtracting(found.contents).sorted().prefix(3)
      let more = Set(found.contents).subtracting(model.contents).sorted().prefix(3)
      throw Finding(
        "the spool is neither as before nor as after the last change: \(model.contents.count) expected, "
          + "\(found.contents.count) found; lost \(lost), more \(more)")
    }
    let packets = try opened().reservePacketNumbers(3)
    guard packets.lowerBound > packetsGiven else {
      throw Finding("packet \(packets.lowerBound) was given before")
    }
    packetsGiven = packets.upperBound - 1
    letGo()
  }

  private func open() throws {
    let spool = try Spool(path: path, sender: "pc")
    // Until something was acknowledged, a spool that is gone with the directory's entry may be made anew.
    if let id, id != spool.id {
      guard model == Model() else { throw Finding("another spool, though the old one held something") }
    }
    (id, source) = (spool.id, spool.source)
    self.spool = spool
  }

  private func opened() throws -> Spool {
    guard let spool else { throw Finding("no spool") }
    return spool
  }

  private func sorted(_ model: Model) -> Model {
    var result = model
    result.contents.sort()
    result.owners.sort()
    return result
  }

  /// All that the spool says, but for the next number, which shows with the next event.
  private func read() throws -> Model {
    let spool = try opened()
    var found = Model()
    for number in try spool.batchNumbers(after: 0, limit: .max) {
      guard let (payload, _) = try spool.payload(of: number) else {
        throw Finding("batch \(number) is empty")
      }
      found.contents += try Self.contents(payload)
    }
    let memory = try spool.memory()
    found.openFocus = memory.openFocus
    found.owners = memory.owners.map(\.source)
    for (name, state) in memory.senders { found.delivered[name.spool] = state.delivered }
    found.nextSequence = model.nextSequence
    if let candidate, sorted(candidate).contents == found.contents.sorted() {
      found.nextSequence = candidate.nextSequence
    }
    return sorted(found)
  }

  private static func contents(_ payload: [UInt8]) throws -> [String] {
    var result: [String] = []
    let batch = EventBatch()
    var decoder = BatchEventDecoder()
    try payload.withUnsafeBytes { bytes in
      var rest = bytes
      while !rest.isEmpty {
        if let (numbers, count) = UnsentNumbers.decode(rest) {
          result += numbers.ranges.map { "\(numbers.kind) \(numbers.source) \($0)" }
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        } else if let (events, count) = RefusedEvents.decode(rest) {
          result += events.ranges.map { "refused \(events.source ?? "") \($0)" }
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        } else if case .batch(let range) = UsageBatchFrame.inspect(rest) {
          _ = decoder.decode(UnsafeRawBufferPointer(rebasing: rest[range]), into: batch) { $0 }
          rest = UnsafeRawBufferPointer(rebasing: rest[range.upperBound...])
        } else {
          throw Finding("a payload that cannot be read")
        }
      }
    }
    return result + (0..<batch.count).map { text(batch.event(at: $0)) }
  }

  private static func text(_ event: UsageEvent) -> String {
    "\(event.source ?? "") \(event.sequence ?? 0) \(event.timeMilliseconds)"
  }

  private func step() throws {
    switch Int.random(in: 0..<20, using: &random) {
    case 0:
      letGo()
      try open()
    case 1, 2: packetsGiven = try opened().reservePacketNumbers(5).upperBound - 1
    case 3...8: try acknowledge()
    default: try append()
    }
  }

  private func append() throws {
    var next = model
    var addition = SpoolAddition()
    for _ in 0..<Int.random(in: 0...([2, 30, 200].randomElement(using: &random) ?? 2), using: &random) {
      eventCount += 1
      var event = UsageEvent(
        timeMilliseconds: 1_767_225_600_000 + eventCount, user: "user\(eventCount % 40)", app: "erp",
        feature: "f")
      if Int.random(in: 0..<4, using: &random) == 0 {
        (event.source, event.sequence) = ("app", UInt64(eventCount))
      }
      addition.events.append(event)
      if event.source == nil {
        (event.source, event.sequence) = (source, next.nextSequence)
        next.nextSequence += 1
      }
      next.contents.append(Self.text(event))
    }
    if Bool.random(using: &random) {
      eventCount += 2
      let number = UInt64(eventCount)
      addition.unsent = [.init(source: "app", isWithheld: true, ranges: [number...number])]
      next.contents.append("withheld app \(number...number)")
    }
    if Bool.random(using: &random) {
      eventCount += 2
      let number = UInt64(eventCount)
      addition.refused = [.init(reason: .time, source: "app", count: 1, ranges: [number...number])]
      next.contents.append("refused app \(number...number)")
    }
    if Bool.random(using: &random) { add(delivery: &addition, to: &next) }
    if Bool.random(using: &random) {
      let focus = UsageEvent(
        timeMilliseconds: 1_767_225_600_000 + eventCount, user: "ann", app: "erp", kind: .focus)
      next.openFocus = [OpenFocus(event: focus, extendedMilliseconds: eventCount)]
      addition.openFocus = next.openFocus
    }
    if Int.random(in: 0..<5, using: &random) == 0 {
      next.owners.append("source \(eventCount)-\(next.owners.count)")
      addition.owners = [SourceOwner(source: next.owners[next.owners.count - 1], login: "ann")]
    }
    if addition.isEmpty { return }
    candidate = next
    _ = try opened().append(addition, nowMilliseconds: 1_767_225_600_000)
    model = next
    candidate = nil
  }

  /// A local sender's batch that is dealt with by the addition.
  private func add(delivery addition: inout SpoolAddition, to next: inout Model) {
    let spool = UInt64.random(in: 1...3, using: &random)
    let batch = UInt64.random(in: 1...50, using: &random)
    addition.deliveries = [
      DeliveredBatch(
        spool: SpoolName(sender: "~app", spool: spool), batch: batch, oldestBatch: 1, window: PacketWindow(),
        clockOffsetMilliseconds: 0)
    ]
    next.delivered[spool, default: NumberRanges()].insert(batch...batch)
  }

  private func acknowledge() throws {
    let spool = try opened()
    let numbers = try spool.batchNumbers(after: 0, limit: .max)
    guard let first = numbers.first, let last = numbers.last else { return }
    let cumulative = UInt64.random(in: first - 1...last, using: &random)
    var ranges: [ClosedRange<UInt64>] = []
    if cumulative + 2 <= last {
      let low = UInt64.random(in: cumulative + 2...last, using: &random)
      ranges = [low...UInt64.random(in: low...last, using: &random)]
    }
    let answer = Acknowledgement(cumulative: cumulative, ranges: ranges, delayMilliseconds: 0, window: 1)
    var next = model
    var gone: Set<String> = []
    for number in numbers where answer.contains(number) {
      gone.formUnion(try spool.payload(of: number).map { try Self.contents($0.payload) } ?? [])
    }
    next.contents.removeAll { gone.contains($0) }
    candidate = next
    try spool.acknowledge([answer])
    model = next
    candidate = nil
  }
}
