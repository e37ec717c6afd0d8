import UsageModel

/// Why an event cannot be written into a batch.
package enum BatchEncodeError: Error, Equatable {
  /// It would not fit in an empty batch either.
  case tooLarge
  /// A time or number that the columns' differences can't carry (beyond ±2^62, or seq over 2^63 - 1).
  case outOfRange
}

/// Collects events into a framed protobuf batch (`schemas/usage.proto`).
///
/// It writes what it is given and judges nothing: limits of events are the receiver's to check.
///
///     var encoder = UsageBatchEncoder()
///     for event in events where try !encoder.append(event) {
///       send(encoder.finish())
///       _ = try encoder.append(event)
///     }
///     if !encoder.isEmpty { send(encoder.finish()) }
package struct UsageBatchEncoder {
  /// Most events, and most bytes with the frame, of a batch.
  private let eventsMax: Int
  private let bytesMax: Int

  package private(set) var count = 0
  private var baseTime: Int64 = 0
  private var lastTime: Int64 = 0
  private var lastSequence: Int64 = 0
  private var strings = StringColumn()
  private var columns = ContiguousArray(repeating: VarintColumn(), count: Column.allCases.count)

  /// Bytes of one event's numbers at most: 13 varints of ten bytes.
  private static let numberBytesMax = 130
  /// Bytes of the frame, `count`, the base and the heads of all columns at most.
  private static let overheadBytesMax = 256

  private enum Column: Int, CaseIterable {
    case timeDelta, user, app, feature, kind, outcome, durationPlusOne, host, session, version, cause, source
    case sequenceDelta, attributeCount, attributeKey, attributeValue

    /// The field number in `schemas/usage.proto`.
    var fieldNumber: UInt64 { UInt64(rawValue) + 4 }
  }

  /// - Parameters:
  ///   - eventsMax: at most ``UsageBatchColumns/eventsMax``.
  ///   - bytesMax: of the whole frame; for datagrams, what the socket takes.
  package init(
    eventsMax: Int = UsageBatchColumns.eventsMax,
    bytesMax: Int = UsageBatchFrame.headerBytes + UsageBatchFrame.batchBytesMax
  ) {
    self.eventsMax = min(eventsMax, UsageBatchColumns.eventsMax)
    self.bytesMax = min(bytesMax, UsageBatchFrame.headerBytes + UsageBatchFrame.batchBytesMax)
  }

  package var isEmpty: Bool { count == 0 }

  /// Adds an event.
  ///
  /// - Returns: false, and nothing is added, when the batch is full: finish it first.
  package mutating func append(_ event: UsageEvent) throws(BatchEncodeError) -> Bool {
    guard event.timeMilliseconds.magnitude <= 1 << 62, event.sequence ?? 0 <= UInt64(Int64.max) else {
      throw .outOfRange
    }
    let size = Self.byteCountMax(of: event)
    guard count < eventsMax, byteCountMax + size <= bytesMax, hasRoomForStrings(of: event) else {
      if isEmpty { throw .tooLarge }
      return false
    }
    appendValues(of: event)
    count += 1
    return true
  }

  /// The framed batch; the encoder is empty afterwards.
  package mutating func finish() -> [UInt8] {
    var batch: [UInt8] = []
    Self.appendScalar(1, UInt64(count), to: &batch)
    Self.appendScalar(2, ZigZag.encode(baseTime), to: &batch)
    if count > 0 { strings.append(to: &batch) }
    for column in Column.allCases {
      let isRequired = column == .timeDelta
      columns[column.rawValue].append(fieldNumber: column.fieldNumber, evenIfZero: isRequired, to: &batch)
    }
    var frame: [UInt8] = []
    frame.reserveCapacity(UsageBatchFrame.headerBytes + batch.count)
    UsageBatchFrame.appendHeader(batchByteCount: batch.count, to: &frame)
    frame += batch
    self = UsageBatchEncoder(eventsMax: eventsMax, bytesMax: bytesMax)
    return frame
  }

  /// Events as one frame after another.
  package static func encode(
    _ events: some Sequence<UsageEvent>, eventsPerBatch: Int = UsageBatchColumns.eventsMax
  ) throws(BatchEncodeError) -> [UInt8] {
    var encoder = UsageBatchEncoder(eventsMax: eventsPerBatch)
    var bytes: [UInt8] = []
    for event in events where try !encoder.append(event) {
      bytes += encoder.finish()
      _ = try encoder.append(event)
    }
    if !encoder.isEmpty { bytes += encoder.finish() }
    return bytes
  }

  private mutating func appendValues(of event: UsageEvent) {
    if count == 0 {
      baseTime = event.timeMilliseconds
      lastTime = baseTime
    }
    append(ZigZag.encode(event.timeMilliseconds - lastTime), to: .timeDelta)
    lastTime = event.timeMilliseconds
    append(strings.index(of: event.user), to: .user)
    append(strings.index(of: event.app), to: .app)
    append(strings.index(of: event.feature), to: .feature)
    append(WireNames.number(of: event.kind), to: .kind)
    append(WireNames.number(of: event.outcome), to: .outcome)
    append(event.durationMilliseconds.map { UInt64($0) + 1 } ?? 0, to: .durationPlusOne)
    append(strings.index(of: event.host), to: .host)
    append(strings.index(of: event.session), to: .session)
    append(strings.index(of: event.version), to: .version)
    append(strings.index(of: event.cause), to: .cause)
    append(strings.index(of: event.source), to: .source)
    let sequence = Int64(clamping: event.sequence ?? 0)
    append(ZigZag.encode(sequence - lastSequence), to: .sequenceDelta)
    lastSequence = sequence
    appendAttributes(event.attributes)
  }

  private mutating func appendAttributes(_ attributes: [String: String]) {
    append(UInt64(attributes.count), to: .attributeCount)
    guard !attributes.isEmpty else { return }
    for (key, value) in attributes.sorted(by: { $0.key.precedesByBytes($1.key) }) {
      append(strings.index(of: key), to: .attributeKey)
      append(strings.index(of: value), to: .attributeValue)
    }
  }

  private mutating func append(_ value: UInt64, to column: Column) { columns[column.rawValue].append(value) }

  // MARK: Size

  /// An upper bound of the frame's size so far.
  private var byteCountMax: Int {
    columns.reduce(Self.overheadBytesMax + strings.byteCountMax) { $0 + $1.bytes.count }
  }

  private func hasRoomForStrings(of event: UsageEvent) -> Bool {
    strings.count + 8 + 2 * event.attributes.count <= UsageBatchColumns.stringsMax
      && columns[Column.attributeKey.rawValue].count + event.attributes.count
        <= UsageBatchColumns.attributesMax
  }

  /// An upper bound of what an event adds: as if none of its texts were known yet.
  private static func byteCountMax(of event: UsageEvent) -> Int {
    let optional = [event.feature, event.host, event.session, event.version, event.cause, event.source]
    var texts = event.user.utf8.count + event.app.utf8.count
    for text in optional { texts += text?.utf8.count ?? 0 }
    for (key, value) in event.attributes { texts += key.utf8.count + value.utf8.count }
    let textCount = 8 + 2 * event.attributes.count
    return texts + textCount * StringColumn.headBytesMax + numberBytesMax + 10 * event.attributes.count
  }

  private static func appendScalar(_ fieldNumber: UInt64, _ value: UInt64, to bytes: inout [UInt8]) {
    guard value != 0 else { return }
    Varint.append(fieldNumber << 3, to: &bytes)
    Varint.append(value, to: &bytes)
  }
}

/// A packed column under construction.
private struct VarintColumn {
  private(set) var bytes: [UInt8] = []
  private(set) var count = 0
  private var isZero = true

  mutating func append(_ value: UInt64) {
    Varint.append(value, to: &bytes)
    count += 1
    if value != 0 { isZero = false }
  }

  /// Appends the field, unless it says 0 everywhere.
  func append(fieldNumber: UInt64, evenIfZero isRequired: Bool, to output: inout [UInt8]) {
    guard count > 0, isRequired || !isZero else { return }
    Varint.append(fieldNumber << 3 | 2, to: &output)
    Varint.append(UInt64(bytes.count), to: &output)
    output += bytes
  }
}

/// The string table under construction.
private struct StringColumn {
  /// Tag and length of one text at most.
  static let headBytesMax = 6

  private var indexes: [Utf8Key: UInt64] = [:]
  private var bytes: [UInt8] = [0x1A, 0]

  var count: Int { indexes.count + 1 }
  var byteCountMax: Int { bytes.count }

  /// The index of a text, 0 for none; an empty text gets an index of its own.
  mutating func index(of text: String?) -> UInt64 {
    guard let text else { return 0 }
    let key = Utf8Key(text)
    if let known = indexes[key] { return known }
    let index = UInt64(count)
    indexes[key] = index
    bytes.append(0x1A)
    Varint.append(UInt64(text.utf8.count), to: &bytes)
    bytes += text.utf8
    return index
  }

  func append(to output: inout [UInt8]) { output += bytes }
}

/// Base-128 integers.
enum Varint {
  static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
