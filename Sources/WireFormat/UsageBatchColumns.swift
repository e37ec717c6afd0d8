import UsageModel

/// One decoded protobuf batch (`schemas/usage.proto`), as columns over the bytes it came in.
///
/// It is scratch space: keep one a thread and decode into it again and again. Texts are not copied;
/// they are valid as long as the batch's bytes. Every column of events has ``count`` values, columns
/// that the batch left out included.
package struct UsageBatchColumns: ~Copyable {
  /// Most events in a batch: what one ``EventBatch`` holds.
  package static let eventsMax = 65_536
  /// Most attributes in a batch: sixteen for every event.
  package static let attributesMax = eventsMax * EventLimits.attributesMax
  /// Most texts in a batch, the reserved one included: bounds the table at 8 MiB under hostile senders.
  package static let stringsMax = 1 << 20
  /// What ``kind`` and ``outcome`` hold for a number that this version doesn't know.
  package static let unknownName: UInt8 = 255

  /// Where a text lies in the batch's bytes.
  package struct TextRange: Equatable, Sendable {
    package var offset: UInt32
    package var length: UInt32
  }

  /// A column's values; memory that no batch touched is never paid for.
  package struct Column<Value: BitwiseCopyable>: ~Copyable {
    let values: UnsafeMutablePointer<Value>
    let capacity: Int
    package internal(set) var count = 0

    init(capacity: Int) {
      values = .allocate(capacity: capacity)
      self.capacity = capacity
    }

    deinit { values.deallocate() }

    @inline(__always)
    package subscript(row: Int) -> Value {
      assert(row >= 0 && row < count)
      return values[row]
    }

    func copy(to destination: UnsafeMutablePointer<Value>) { destination.update(from: values, count: count) }

    /// Fills the column with one value.
    mutating func fill(_ value: Value, count: Int) {
      values.update(repeating: value, count: count)
      self.count = count
    }
  }

  /// Number of events.
  package internal(set) var count = 0
  /// Texts by index; 0 is reserved.
  package internal(set) var strings: [TextRange] = []

  /// Start, in milliseconds since 1970 UTC; any value, see ``rejectReason(row:acceptedTimes:)``.
  package internal(set) var time = Column<Int64>(capacity: eventsMax)
  package internal(set) var user = Column<UInt32>(capacity: eventsMax)
  package internal(set) var app = Column<UInt32>(capacity: eventsMax)
  package internal(set) var feature = Column<UInt32>(capacity: eventsMax)
  /// Raw values of ``EventKind``, or ``unknownName``.
  package internal(set) var kind = Column<UInt8>(capacity: eventsMax)
  /// Raw values of ``EventOutcome``, or ``unknownName``.
  package internal(set) var outcome = Column<UInt8>(capacity: eventsMax)
  /// Milliseconds plus one, 0 absent; any value that is not negative.
  package internal(set) var durationPlusOne = Column<Int64>(capacity: eventsMax)
  package internal(set) var host = Column<UInt32>(capacity: eventsMax)
  package internal(set) var session = Column<UInt32>(capacity: eventsMax)
  package internal(set) var version = Column<UInt32>(capacity: eventsMax)
  package internal(set) var cause = Column<UInt32>(capacity: eventsMax)
  package internal(set) var source = Column<UInt32>(capacity: eventsMax)
  /// 0 absent; any value.
  package internal(set) var sequence = Column<Int64>(capacity: eventsMax)
  /// How many of the attributes, in order, belong to each event.
  package internal(set) var attributeCount = Column<UInt32>(capacity: eventsMax)
  package internal(set) var attributeKey = Column<UInt32>(capacity: attributesMax)
  /// Index 0 is the empty text.
  package internal(set) var attributeValue = Column<UInt32>(capacity: attributesMax)

  package init() {}

  /// Why an event is refused, as far as its numbers tell; its texts are still to be checked.
  ///
  /// The reasons come in the order in which the JSON form promises them: each field by itself, then
  /// what is missing, then `seq` without `source`.
  @inline(__always)
  package func rejectReason(row: Int, acceptedTimes: ClosedRange<Int64>) -> RejectReason? {
    if !acceptedTimes.contains(time[row]) { return .time }
    if kind[row] == Self.unknownName { return .kind }
    if outcome[row] == Self.unknownName { return .outcome }
    if durationPlusOne[row] > EventLimits.durationMillisecondsMax + 1 { return .duration }
    if sequence[row] < 0 { return .sequence }
    if user[row] == 0 { return .missingUser }
    if app[row] == 0 { return .missingApp }
    if feature[row] == 0 && kind[row] == EventKind.use.rawValue { return .missingFeature }
    if (source[row] == 0) != (sequence[row] == 0) { return .sequence }
    if attributeCount[row] > UInt32(EventLimits.attributesMax) { return .attributes }
    return nil
  }

  /// Whether no event is refused for its numbers, and none has attributes; false where that is not sure.
  ///
  /// Says of all events what ``rejectReason(row:acceptedTimes:)`` says of one, a column at a time and without branches:
  /// a sum of bits is negative if one of its parts is.
  package func isWhollyAcceptable(_ acceptedTimes: ClosedRange<Int64>) -> Bool {
    guard attributeKey.count == 0, acceptedTimes.lowerBound >= 0 else { return false }
    var signs: Int64 = 0
    for row in 0..<count {
      let time = time.values[row]
      signs |= time | (time &- acceptedTimes.lowerBound) | (acceptedTimes.upperBound &- time)
    }
    for row in 0..<count {
      signs |= sequence.values[row] | (EventLimits.durationMillisecondsMax + 1 &- durationPlusOne.values[row])
    }
    var isMissing: UInt8 = 0
    for row in 0..<count {
      isMissing |= user.values[row] == 0 || app.values[row] == 0 ? 1 : 0
      isMissing |= (source.values[row] == 0) != (sequence.values[row] == 0) ? 1 : 0
    }
    var name: UInt8 = 0
    for row in 0..<count { name = max(name, max(kind.values[row], outcome.values[row])) }
    for row in 0..<count {
      isMissing |= feature.values[row] == 0 && kind.values[row] == EventKind.use.rawValue ? 1 : 0
    }
    return signs >= 0 && isMissing == 0 && name != Self.unknownName
  }

  /// Forgets the batch, keeps the memory.
  mutating func removeAll() {
    count = 0
    strings.removeAll(keepingCapacity: true)
    time.count = 0
    user.count = 0
    app.count = 0
    feature.count = 0
    kind.count = 0
    outcome.count = 0
    durationPlusOne.count = 0
    host.count = 0
    session.count = 0
    version.count = 0
    cause.count = 0
    source.count = 0
    sequence.count = 0
    attributeCount.count = 0
    attributeKey.count = 0
    attributeValue.count = 0
  }
}

extension UsageBatchColumns.Column where Value == UInt32 {
  /// Copies what `numbers` says for each index; every index must be one of its.
  func copy(to destination: UnsafeMutablePointer<UInt32>, _ numbers: UnsafeBufferPointer<UInt32>) {
    for row in 0..<count { destination[row] = numbers[Int(values[row])] }
  }
}
