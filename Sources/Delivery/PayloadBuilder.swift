import UsageModel
import WireFormat

/// A range of a source's numbers, with what becomes of them.
struct NumberRange: Equatable {
  /// Kinds as the spool's tables have them.
  enum Kind: Int64 {
    /// An event, or what became of one that was refused.
    case event = 0
    case withheld = 1
    case dropped = 2
  }

  var kind: Kind
  var source: String
  var first: UInt64
  var last: UInt64

  static func ranges(of unsent: DeliveredBatch.Unsent) -> [NumberRange] {
    unsent.ranges.map {
      NumberRange(
        kind: unsent.isWithheld ? .withheld : .dropped, source: unsent.source, first: $0.lowerBound,
        last: $0.upperBound)
    }
  }
}

/// One batch's payload and the numbers in it.
struct BuiltPayload {
  var bytes: [UInt8] = []
  var ranges: [NumberRange] = []

  var isEmpty: Bool { bytes.isEmpty }

  /// Adds numbers, extending the range before where they follow it.
  mutating func note(_ range: NumberRange) {
    if let last = ranges.last, last.kind == range.kind, last.source == range.source,
      last.last < UInt64.max, last.last + 1 == range.first
    {
      ranges[ranges.count - 1].last = range.last
    } else {
      ranges.append(range)
    }
  }
}

/// Cuts events and numbers that will not come into payloads of bounded size.
struct PayloadBuilder {
  private let bytesMax: Int
  private var encoder: UsageBatchEncoder
  private var current = BuiltPayload()
  private(set) var payloads: [BuiltPayload] = []

  init(bytesMax: Int) {
    self.bytesMax = bytesMax
    encoder = UsageBatchEncoder(bytesMax: bytesMax)
  }

  /// - Throws: `BatchEncodeError` for an event that no batch can carry.
  mutating func add(_ event: UsageEvent) throws(BatchEncodeError) {
    do {
      if try !encoder.append(event) {
        seal()
        _ = try encoder.append(event)
      }
    } catch .tooLarge {
      seal()
      var large = UsageBatchEncoder(bytesMax: SpoolLimits.payloadBytesCeiling)
      _ = try large.append(event)
      note(event)
      current.bytes = large.finish()
      payloads.append(current)
      current = BuiltPayload()
      return
    }
    note(event)
  }

  private mutating func note(_ event: UsageEvent) {
    guard let source = event.source, let number = event.sequence else { return }
    current.note(NumberRange(kind: .event, source: source, first: number, last: number))
  }

  /// Closes the batch under way.
  mutating func seal() {
    guard !encoder.isEmpty else { return }
    current.bytes = encoder.finish()
    payloads.append(current)
    current = BuiltPayload()
  }

  /// What telling a range takes, in a frame of its own.
  static func byteCountMax(of range: NumberRange) -> Int { 28 + range.source.utf8.count }

  /// Adds batches that tell numbers which will not come; seals the batch under way.
  ///
  /// A source one byte longer than the frame can name is left out: its numbers show as lost.
  mutating func add(unsent ranges: [NumberRange]) {
    seal()
    var rest = ranges.filter { $0.source.utf8.count <= UnsentNumbers.sourceBytesMax }[...]
    while let first = rest.first {
      // A frame has 12 bytes and its source besides 16 a range.
      let room = (bytesMax - 12 - first.source.utf8.count) / 16
      let count = max(1, min(room, UnsentNumbers.rangesMax))
      let group = rest.prefix(count).prefix { $0.kind == first.kind && $0.source == first.source }
      rest = rest.dropFirst(group.count)
      let numbers = UnsentNumbers(
        kind: first.kind == .withheld ? .withheld : .dropped, source: first.source,
        ranges: group.map { $0.first...$0.last })
      payloads.append(BuiltPayload(bytes: numbers.encoded, ranges: Array(group)))
    }
  }

  /// Adds batches that tell of refused events; seals the batch under way.
  mutating func add(refused: [DeliveredBatch.Refused]) {
    seal()
    var payload = BuiltPayload()
    for frame in refused.flatMap(Self.frames(of:)) {
      let bytes = frame.encoded
      if !payload.isEmpty && payload.bytes.count + bytes.count > bytesMax {
        payloads.append(payload)
        payload = BuiltPayload()
      }
      payload.bytes += bytes
      for range in frame.ranges {
        payload.note(
          NumberRange(
            kind: .event, source: frame.source ?? "", first: range.lowerBound, last: range.upperBound))
      }
    }
    if !payload.isEmpty { payloads.append(payload) }
  }

  /// Ranges of one frame: it then fits a payload of the usual size, whatever its source.
  private static let refusedRangesMax = 48

  /// One entry as frames, each within its limits.
  private static func frames(of refused: DeliveredBatch.Refused) -> [RefusedEvents] {
    let isNamed = refused.source.map { $0.utf8.count <= RefusedEvents.sourceBytesMax } ?? false
    var ranges = isNamed ? refused.ranges.flatMap(pieces(of:))[...] : []
    var left = refused.count
    var frames: [RefusedEvents] = []
    while left > 0 {
      var numbers = 0
      let group = ranges.prefix(refusedRangesMax).prefix { range in
        numbers += range.count
        return numbers <= UInt16.max
      }
      ranges = ranges.dropFirst(group.count)
      let count = ranges.isEmpty ? min(left, Int(UInt16.max)) : group.reduce(0) { $0 + $1.count }
      frames.append(
        RefusedEvents(
          reason: refused.reason, source: isNamed ? refused.source : nil, count: UInt16(count),
          ranges: Array(group)))
      left -= count
    }
    return frames
  }

  /// A range as ranges of no more numbers than a frame may count.
  private static func pieces(of range: ClosedRange<UInt64>) -> [ClosedRange<UInt64>] {
    stride(from: range.lowerBound, through: range.upperBound, by: Int(UInt16.max)).map {
      $0...min(range.upperBound, $0 + UInt64(UInt16.max) - 1)
    }
  }
}
