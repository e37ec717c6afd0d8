import UsageModel

/// The second pass over a batch: columns are held against `count` and the string table, differences
/// become values.
extension UsageBatchColumns {
  mutating func complete(count: Int, baseTime: Int64) throws(BatchDecodeError) {
    guard time.count == count else {
      throw .columnLength(name: "time_delta_ms", expected: count, actual: time.count)
    }
    try Self.align(&user, "user", count, fill: 0)
    try Self.align(&app, "app", count, fill: 0)
    try Self.align(&feature, "feature", count, fill: 0)
    try Self.align(&kind, "kind", count, fill: EventKind.use.rawValue)
    try Self.align(&outcome, "outcome", count, fill: EventOutcome.ok.rawValue)
    try Self.align(&durationPlusOne, "duration_plus_one", count, fill: 0)
    try Self.align(&host, "host", count, fill: 0)
    try Self.align(&session, "session", count, fill: 0)
    try Self.align(&version, "version", count, fill: 0)
    try Self.align(&cause, "cause", count, fill: 0)
    try Self.align(&source, "source", count, fill: 0)
    try Self.align(&sequence, "seq_delta", count, fill: 0)
    try Self.align(&attributeCount, "attribute_count", count, fill: 0)
    try Self.accumulate(&time, from: baseTime, "time_delta_ms")
    try Self.accumulate(&sequence, from: 0, "seq_delta")
    try checkAttributeColumns()
    try checkStringIndexes()
    self.count = count
  }

  /// Makes a column that was left out say `value` everywhere.
  private static func align<Value: BitwiseCopyable>(
    _ column: inout Column<Value>, _ name: StaticString, _ count: Int, fill value: Value
  ) throws(BatchDecodeError) {
    if column.count == count { return }
    guard column.count == 0 else {
      throw .columnLength(name: name.description, expected: count, actual: column.count)
    }
    column.fill(value, count: count)
  }

  private static func accumulate(
    _ column: inout Column<Int64>, from start: Int64, _ name: StaticString
  ) throws(BatchDecodeError) {
    var value = start
    for row in 0..<column.count {
      let (sum, overflow) = value.addingReportingOverflow(column.values[row])
      if overflow { throw .overflow(column: name.description, row: row) }
      column.values[row] = sum
      value = sum
    }
  }

  private func checkAttributeColumns() throws(BatchDecodeError) {
    var expected = 0
    for row in 0..<attributeCount.count { expected &+= Int(attributeCount.values[row]) }
    guard attributeKey.count == expected else {
      throw .columnLength(name: "attribute_key", expected: expected, actual: attributeKey.count)
    }
    guard attributeValue.count == expected else {
      throw .columnLength(name: "attribute_value", expected: expected, actual: attributeValue.count)
    }
  }

  private func checkStringIndexes() throws(BatchDecodeError) {
    if let reserved = strings.first, reserved.length > 0 { throw .reservedString }
    try check(user, "user")
    try check(app, "app")
    try check(feature, "feature")
    try check(host, "host")
    try check(session, "session")
    try check(version, "version")
    try check(cause, "cause")
    try check(source, "source")
    try check(attributeKey, "attribute_key")
    try check(attributeValue, "attribute_value")
  }

  /// Every index of a column lies in the table; index 0 always does.
  private func check(_ column: borrowing Column<UInt32>, _ name: StaticString) throws(BatchDecodeError) {
    let stringCount = max(1, strings.count)
    // Signs say it of several rows at once, where a largest number takes one after the other.
    let last = Int32(truncatingIfNeeded: stringCount - 1)
    var signs: Int32 = 0
    for row in 0..<column.count {
      let index = Int32(bitPattern: column.values[row])
      signs |= index | (last &- index)
    }
    guard signs < 0 else { return }
    for row in 0..<column.count where column.values[row] >= UInt32(stringCount) {
      throw .stringIndex(
        column: name.description, row: row, index: column.values[row], stringCount: stringCount)
    }
  }
}
