import WireFormat

/// Which rows of a batch go where, in order of arrival.
struct BatchRows {
  /// Rows that may be stored, if they are not stored already.
  private(set) var admitted: ArraySlice<UInt32> = []
  /// Rows that are to be stored.
  var kept: [UInt32] = []
  /// Rows whose number is stored already.
  var duplicates: [DuplicateRow] = []
  /// Rows whose number would open a gap too many.
  var gapless: [UInt32] = []

  private static let all = Array(0..<UInt32(EventBatch.eventsMax))

  mutating func admitAll(_ count: Int) { admitted = Self.all[..<count] }

  mutating func admitNone() { admitted = [] }

  mutating func admit(_ row: Int) { admitted.append(UInt32(truncatingIfNeeded: row)) }

  /// Forgets what became of the batch before.
  mutating func start() {
    kept.removeAll(keepingCapacity: true)
    duplicates.removeAll(keepingCapacity: true)
    gapless.removeAll(keepingCapacity: true)
  }
}
