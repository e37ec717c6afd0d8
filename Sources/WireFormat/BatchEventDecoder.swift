import UsageModel

/// Decodes protobuf batches straight into an ``EventBatch``.
///
/// A batch's own string table is checked and interned once per distinct string; rows then only carry
/// numbers over. Keep one decoder a thread: it owns the decoded columns.
package struct BatchEventDecoder: ~Copyable {
  private var columns = UsageBatchColumns()
  /// By string index of the wire batch: its number in the `EventBatch`, or a marker below.
  private var numbers: [UInt32] = []
  private var acceptedTimes = EventLimits.earliestTimeMilliseconds...Int64.max

  // Markers above any string number: a batch holds fewer distinct strings than this.
  private static let unseen = UInt32.max
  private static let empty = UInt32.max - 1
  private static let tooLong = UInt32.max - 2
  private static let notUTF8 = UInt32.max - 3
  private static let nul = UInt32.max - 4

  package init() {}

  /// Sets the moment of receipt, which bounds how far in the future an event may start.
  ///
  /// - Parameter timeOffset: what the batch adds to each event's time; bounds hold for the sum.
  package mutating func setReceipt(milliseconds: Int64, timeOffset: Int64 = 0) {
    acceptedTimes = EventLimits.acceptedTimes(receiptMilliseconds: milliseconds, offset: timeOffset)
  }

  /// Decodes one unframed batch.
  ///
  /// - Parameter whenFull: called when `batch` is full before the wire batch is done; returns an empty one.
  ///   Even an empty batch may fill up: rendered attributes can take more bytes than they came in.
  /// - Returns: the batch that took the last event.
  /// - Complexity: O(bytes + events + distinct strings).
  package mutating func decode(
    _ bytes: UnsafeRawBufferPointer, into batch: EventBatch, whenFull: (EventBatch) throws -> EventBatch
  ) rethrows -> EventBatch {
    do {
      try UsageBatchDecoder.decode(bytes, into: &columns)
    } catch {
      batch.reject(.badBatch, bytes: UnsafeBufferPointer(rebasing: bytes.bindMemory(to: UInt8.self)[...]))
      return batch
    }
    var batch = batch
    resetNumbers()
    if appendWhole(bytes, to: batch) { return batch }
    var attribute = 0
    for index in 0..<columns.count {
      if batch.isFull {
        batch = try whenFull(batch)
        resetNumbers()
      }
      let attributeCount = Int(columns.attributeCount[index])
      append(index, attributes: attribute..<attribute + attributeCount, bytes, to: batch)
      attribute += attributeCount
    }
    return batch
  }

  private mutating func resetNumbers() {
    numbers.removeAll(keepingCapacity: true)
    numbers.append(contentsOf: repeatElement(Self.unseen, count: max(1, columns.strings.count)))
    numbers[0] = 0
  }

  /// Appends all events, column by column, where there is room and none of them is to be refused.
  ///
  /// Strings that no event uses are interned too; nothing is stored of them.
  ///
  /// - Returns: false, and no event is appended, where it takes a look at each event.
  private mutating func appendWhole(_ bytes: UnsafeRawBufferPointer, to batch: EventBatch) -> Bool {
    // No more strings than these events can use: others would fill the batch without a trace.
    guard columns.count > 0, columns.strings.count <= 1 + 8 * columns.count,
      columns.count <= batch.freeCount, bytes.count < batch.freeStringBytes,
      columns.isWhollyAcceptable(acceptedTimes), internAll(bytes, batch)
    else { return false }
    batch.append(count: columns.count) { start in
      columns.time.copy(to: batch.time + start)
      columns.kind.copy(to: batch.kind + start)
      columns.outcome.copy(to: batch.outcome + start)
      columns.durationPlusOne.copy(to: batch.durationPlusOne + start)
      columns.sequence.copy(to: batch.sequence + start)
      numbers.withUnsafeBufferPointer { numbers in
        columns.user.copy(to: batch.user + start, numbers)
        columns.app.copy(to: batch.app + start, numbers)
        columns.feature.copy(to: batch.feature + start, numbers)
        columns.host.copy(to: batch.host + start, numbers)
        columns.session.copy(to: batch.session + start, numbers)
        columns.version.copy(to: batch.version + start, numbers)
        columns.cause.copy(to: batch.cause + start, numbers)
        columns.source.copy(to: batch.source + start, numbers)
      }
      (batch.attributes + start).update(repeating: 0, count: columns.count)
    }
    return true
  }

  /// - Returns: whether an event may have every string.
  private mutating func internAll(_ bytes: UnsafeRawBufferPointer, _ batch: EventBatch) -> Bool {
    for string in 1..<UInt32(max(1, columns.strings.count)) where intern(string, bytes, batch) >= Self.nul {
      return false
    }
    return true
  }

  @inline(__always)
  private mutating func append(
    _ index: Int, attributes: Range<Int>, _ bytes: UnsafeRawBufferPointer, to batch: EventBatch
  ) {
    var row = EventBatch.Row()
    row.time = columns.time[index]
    row.kind = columns.kind[index]
    row.outcome = columns.outcome[index]
    row.durationPlusOne = columns.durationPlusOne[index]
    row.sequence = columns.sequence[index]
    row.user = number(columns.user[index], bytes, batch)
    row.app = number(columns.app[index], bytes, batch)
    row.feature = number(columns.feature[index], bytes, batch)
    row.host = number(columns.host[index], bytes, batch)
    row.session = number(columns.session[index], bytes, batch)
    row.version = number(columns.version[index], bytes, batch)
    row.cause = number(columns.cause[index], bytes, batch)
    row.source = number(columns.source[index], bytes, batch)
    var reason = columns.rejectReason(row: index, acceptedTimes: acceptedTimes)
    if reason == nil {
      let largest = max(
        max(max(row.user, row.app), max(row.feature, row.host)),
        max(max(row.session, row.version), max(row.cause, row.source)))
      if largest >= Self.nul { reason = Self.reason(row) }
    }
    if reason == nil && !attributes.isEmpty {
      reason = addAttributes(attributes, bytes, batch, &row)
    }
    if let reason { return refuse(row, reason, index, attributes: attributes, bytes, batch) }
    batch.append(row)
  }

  /// A column's string as the batch's number, interned at its first use.
  @inline(__always)
  private mutating func number(
    _ string: UInt32, _ bytes: UnsafeRawBufferPointer, _ batch: EventBatch
  ) -> UInt32 {
    let known = numbers[Int(string)]
    return known != Self.unseen ? known : intern(string, bytes, batch)
  }

  @inline(never)
  private mutating func intern(
    _ string: UInt32, _ bytes: UnsafeRawBufferPointer, _ batch: EventBatch
  ) -> UInt32 {
    let text = text(string, bytes)
    let result: UInt32
    if text.isEmpty {
      result = Self.empty
    } else if text.count > EventLimits.stringBytesMax {
      result = Self.tooLong
    } else if !UTF8Validation.isValid(text) {
      result = Self.notUTF8
    } else if text.contains(0) {
      result = Self.nul
    } else {
      result = text.baseAddress.map { batch.strings.intern($0, text.count) } ?? Self.empty
    }
    numbers[Int(string)] = result
    return result
  }

  private func text(_ string: UInt32, _ bytes: UnsafeRawBufferPointer) -> UnsafeBufferPointer<UInt8> {
    guard string > 0, Int(string) < columns.strings.count else {
      return UnsafeBufferPointer(start: nil, count: 0)
    }
    let range = columns.strings[Int(string)]
    let slice = bytes[Int(range.offset)..<Int(range.offset) + Int(range.length)]
    return UnsafeRawBufferPointer(rebasing: slice).bindMemory(to: UInt8.self)
  }

  /// The first bad string of a row, in the order of the fields.
  private static func reason(_ row: EventBatch.Row) -> RejectReason? {
    for value in [
      row.user, row.app, row.feature, row.host, row.session, row.version, row.cause, row.source,
    ] {
      switch value {
      case empty: return .empty
      case tooLong: return .tooLong
      case notUTF8: return .notUTF8
      case nul: return .nulCharacter
      default: continue
      }
    }
    return nil
  }

  @inline(never)
  private func addAttributes(
    _ range: Range<Int>, _ bytes: UnsafeRawBufferPointer, _ batch: EventBatch, _ row: inout EventBatch.Row
  ) -> RejectReason? {
    var attributes: [(key: [UInt8], value: [UInt8])] = []
    for index in range {
      let key = text(columns.attributeKey[index], bytes)
      let value = text(columns.attributeValue[index], bytes)
      guard !key.isEmpty, key.count <= EventLimits.attributeKeyBytesMax,
        value.count <= EventLimits.attributeValueBytesMax
      else { return .attributes }
      if !UTF8Validation.isValid(key) || !UTF8Validation.isValid(value) { return .notUTF8 }
      if key.contains(0) || value.contains(0) { return .nulCharacter }
      attributes.removeAll { $0.key.elementsEqual(key) }
      attributes.append((Array(key), Array(value)))
    }
    guard attributes.count <= EventLimits.attributesMax else { return .attributes }
    let text = AttributesText.render(attributes)
    row.attributes = text.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { batch.strings.intern($0, buffer.count) } ?? 0
    }
    return nil
  }

  /// Records a refused row as a JSON line, so that a dead letter can be read and replayed like any other.
  @inline(never)
  private func refuse(
    _ row: EventBatch.Row, _ reason: RejectReason, _ index: Int, attributes: Range<Int>,
    _ bytes: UnsafeRawBufferPointer, _ batch: EventBatch
  ) {
    let source = row.source < Self.nul ? row.source : 0
    // Lines that nobody keeps are not worth writing: hostile rows may all name one text of megabytes.
    let line = batch.keepsRejects ? line(row, index, attributes: attributes, bytes) : []
    line.withUnsafeBufferPointer {
      batch.reject(reason, bytes: $0, source: source, sequence: max(0, row.sequence))
    }
  }

  /// A row as a JSON line that is read as the row was; texts over every bound are cut, still over it.
  private func line(
    _ row: EventBatch.Row, _ index: Int, attributes: Range<Int>, _ bytes: UnsafeRawBufferPointer
  ) -> [UInt8] {
    var line: [UInt8] = Array("{\"time\":\(row.time)".utf8)
    for (name, string) in [
      ("user", columns.user[index]), ("app", columns.app[index]), ("feature", columns.feature[index]),
      ("host", columns.host[index]), ("session", columns.session[index]),
      ("version", columns.version[index]), ("cause", columns.cause[index]),
      ("source", columns.source[index]),
    ] where string != 0 {
      line.append(contentsOf: Array(",\"\(name)\":".utf8))
      JSONText.appendString(text(string, bytes).prefix(EventLimits.stringBytesMax + 1), to: &line)
    }
    line += Array(",\"kind\":\"\(EventKind(rawValue: row.kind)?.name ?? "unknown")\"".utf8)
    line += Array(",\"outcome\":\"\(EventOutcome(rawValue: row.outcome)?.name ?? "unknown")\"".utf8)
    if row.durationPlusOne > 0 { line += Array(",\"duration_ms\":\(row.durationPlusOne - 1)".utf8) }
    if row.sequence != 0 { line += Array(",\"seq\":\(row.sequence)".utf8) }
    if !attributes.isEmpty { line += Array(",\"attributes\":{".utf8) }
    // One more than an event may have says all there is to say about too many.
    for (place, attribute) in attributes.prefix(EventLimits.attributesMax + 1).enumerated() {
      if place > 0 { line.append(0x2C) }
      let key = text(columns.attributeKey[attribute], bytes)
      let value = text(columns.attributeValue[attribute], bytes)
      JSONText.appendString(key.prefix(EventLimits.attributeKeyBytesMax + 1), to: &line)
      line.append(0x3A)
      JSONText.appendString(value.prefix(EventLimits.attributeValueBytesMax + 1), to: &line)
    }
    if !attributes.isEmpty { line.append(0x7D) }
    line.append(0x7D)
    return line
  }
}
