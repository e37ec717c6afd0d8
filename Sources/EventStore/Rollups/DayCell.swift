import ColumnChunk

/// What one user did with one feature on one civil day, by the source that told of it; all sums are exact.
///
/// Names are the store's numbers, before aliases: roster, catalog and aliases may change without touching cells.
package struct DayCell: Equatable, Sendable {
  package var feature: UInt32
  /// Civil day, days since 1970-01-01.
  package var day: Int32
  package var user: UInt32
  /// 0 for events without a source.
  package var source: UInt32
  /// Events of all kinds.
  package var eventCount: Int64 = 0
  package var useCount: Int64 = 0
  package var okCount: Int64 = 0
  /// Durations of all uses.
  package var useMilliseconds: Int64 = 0
  /// Durations of failed uses.
  package var failedMilliseconds: Int64 = 0
  package var focusMilliseconds: Int64 = 0
  package var helpCount: Int64 = 0
  package var helpMilliseconds: Int64 = 0
  package var interruptionCount: Int64 = 0
  package var interruptionMilliseconds: Int64 = 0
  /// Start of the first ok use; 0 without one.
  package var firstOk: Int64 = 0

  package init(feature: UInt32, day: Int32, user: UInt32, source: UInt32) {
    self.feature = feature
    self.day = day
    self.user = user
    self.source = source
  }

  func hasSameKey(as other: DayCell) -> Bool {
    feature == other.feature && day == other.day && user == other.user && source == other.source
  }

  /// Adds what another cell of the same key counts.
  mutating func add(_ other: DayCell) {
    eventCount &+= other.eventCount
    useCount &+= other.useCount
    okCount &+= other.okCount
    useMilliseconds &+= other.useMilliseconds
    failedMilliseconds &+= other.failedMilliseconds
    focusMilliseconds &+= other.focusMilliseconds
    helpCount &+= other.helpCount
    helpMilliseconds &+= other.helpMilliseconds
    interruptionCount &+= other.interruptionCount
    interruptionMilliseconds &+= other.interruptionMilliseconds
    if other.firstOk != 0 { firstOk = firstOk == 0 ? other.firstOk : min(firstOk, other.firstOk) }
  }

  /// The stored number of a column of cells.
  static func value(of column: ChunkColumn) -> (DayCell) -> Int64 {
    switch column {
    case .feature: { Int64($0.feature) }
    case .day: { Int64($0.day) }
    case .user: { Int64($0.user) }
    case .source: { Int64($0.source) }
    case .eventCount: { $0.eventCount }
    case .useCount: { $0.useCount }
    case .okCount: { $0.okCount }
    case .useMilliseconds: { $0.useMilliseconds }
    case .failedMilliseconds: { $0.failedMilliseconds }
    case .focusMilliseconds: { $0.focusMilliseconds }
    case .helpCount: { $0.helpCount }
    case .helpMilliseconds: { $0.helpMilliseconds }
    case .interruptionCount: { $0.interruptionCount }
    case .interruptionMilliseconds: { $0.interruptionMilliseconds }
    case .firstOk: { $0.firstOk }
    default: { _ in preconditionFailure("BUG: \(column) is no column of cells") }
    }
  }

  /// Takes a stored number back.
  mutating func set(_ column: ChunkColumn, _ value: Int64) {
    switch column {
    case .feature: feature = UInt32(truncatingIfNeeded: value)
    case .day: day = Int32(truncatingIfNeeded: value)
    case .user: user = UInt32(truncatingIfNeeded: value)
    case .source: source = UInt32(truncatingIfNeeded: value)
    case .eventCount: eventCount = value
    case .useCount: useCount = value
    case .okCount: okCount = value
    case .useMilliseconds: useMilliseconds = value
    case .failedMilliseconds: failedMilliseconds = value
    case .focusMilliseconds: focusMilliseconds = value
    case .helpCount: helpCount = value
    case .helpMilliseconds: helpMilliseconds = value
    case .interruptionCount: interruptionCount = value
    case .interruptionMilliseconds: interruptionMilliseconds = value
    case .firstOk: firstOk = value
    default: preconditionFailure("BUG: \(column) is no column of cells")
    }
  }
}
