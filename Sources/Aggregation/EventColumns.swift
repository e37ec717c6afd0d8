/// Events as parallel columns: the form in which kernels read them.
///
/// Identifiers are the store's own numbers; `0` means absent in `source`, `sequence`, `session` and
/// `version`.
/// A column that was not asked for is empty. Rows stand in no particular order, though rows that come
/// from merged day chunks stand by (feature, user, time) within each day.
package struct EventColumns: Sendable {
  /// The columns that a reader may ask for.
  package struct Selection: OptionSet, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let user = Selection(rawValue: 1 << 0)
    package static let feature = Selection(rawValue: 1 << 1)
    package static let kind = Selection(rawValue: 1 << 2)
    package static let outcome = Selection(rawValue: 1 << 3)
    package static let start = Selection(rawValue: 1 << 4)
    package static let duration = Selection(rawValue: 1 << 5)
    package static let source = Selection(rawValue: 1 << 6)
    package static let sequence = Selection(rawValue: 1 << 7)
    package static let session = Selection(rawValue: 1 << 8)
    package static let version = Selection(rawValue: 1 << 9)
  }

  /// Marks a duration that the event did not carry.
  package static let absentDuration: Int64 = -1

  package var rowCount = 0
  /// Store's number of the event's `user`, before aliases are resolved.
  package var user: [UInt32] = []
  /// Store's number of the (app, feature) pair; a pair may lack the feature.
  package var feature: [UInt32] = []
  /// Raw values of `EventKind`.
  package var kind: [UInt8] = []
  /// Raw values of `EventOutcome`.
  package var outcome: [UInt8] = []
  /// Milliseconds since 1970 UTC.
  package var start: [Int64] = []
  /// Milliseconds, or ``absentDuration``.
  package var duration: [Int64] = []
  package var source: [UInt32] = []
  package var sequence: [Int64] = []
  /// Number of the session's text within this load: equal numbers, equal texts; no order.
  package var session: [UInt32] = []
  /// Store's number of the application's version among the labels; 0 is absent.
  package var version: [UInt32] = []

  package init() {}

  /// Whether all numbers of the loaded columns are indices of tables with so many entries.
  ///
  /// Kernels look numbers up without a check; columns from outside are checked once, here.
  ///
  /// - Complexity: O(rows).
  package func isConsistent(userCount: Int, featureCount: Int, sourceCount: Int) -> Bool {
    func isWithin(_ column: [UInt32], _ limit: Int) -> Bool {
      var largest: UInt32 = 0
      for number in column { largest = max(largest, number) }
      return column.isEmpty || Int(largest) < limit
    }
    let counts = [
      user.count, feature.count, kind.count, outcome.count, start.count, duration.count, source.count,
      sequence.count, session.count, version.count,
    ]
    return counts.allSatisfy { $0 == 0 || $0 == rowCount }
      && isWithin(user, userCount) && isWithin(feature, featureCount) && isWithin(source, sourceCount)
  }
}

/// A stretch of numbers that a source sent and nobody received.
package struct SequenceGap: Equatable, Sendable {
  package var source: UInt32
  /// Start of the last event received before the gap, by number; milliseconds since 1970 UTC.
  package var edgeBeforeMilliseconds: Int64
  /// Start of the first event received after the gap, by number.
  package var edgeAfterMilliseconds: Int64
  /// How many numbers are missing.
  package var missingCount: Int64

  package init(
    source: UInt32, edgeBeforeMilliseconds: Int64, edgeAfterMilliseconds: Int64, missingCount: Int64
  ) {
    self.source = source
    self.edgeBeforeMilliseconds = edgeBeforeMilliseconds
    self.edgeAfterMilliseconds = edgeAfterMilliseconds
    self.missingCount = missingCount
  }

  /// The closed interval between the two edges; numbers may run against time.
  package var span: ClosedRange<Int64> {
    min(edgeBeforeMilliseconds, edgeAfterMilliseconds)...max(edgeBeforeMilliseconds, edgeAfterMilliseconds)
  }
}
