/// The columns of event chunks and of daily cells.
///
/// Raw values are written to disk: append, never renumber. Events have numbers under 32, cells those from 32 on;
/// cells share `user`, `feature` and `source` with events.
package enum ChunkColumn: UInt8, CaseIterable, Sendable {
  /// Start, milliseconds since 1970 UTC.
  case time = 1
  /// Number in the table `user_name`.
  case user = 2
  /// Number in the table `feature_name`.
  case feature = 3
  /// `EventKind.rawValue`.
  case kind = 4
  /// `EventOutcome.rawValue`.
  case outcome = 5
  /// Milliseconds plus one; 0 absent.
  case durationPlusOne = 6
  /// Number in the table `label`; 0 absent. Likewise `version` and `cause`.
  case host = 7
  /// Text; empty absent.
  case session = 8
  case version = 9
  case cause = 10
  /// Number in the table `source`; 0 absent.
  case source = 11
  /// The sender's running number; 0 absent.
  case sequence = 12
  /// JSON object as text; empty absent.
  case attributes = 13
  /// Milliseconds that were added to the time the sender stated; 0 none.
  case clockOffset = 14

  /// Civil day, days since 1970-01-01.
  case day = 32
  /// Events of all kinds.
  case eventCount = 33
  /// Events of kind `use`.
  case useCount = 34
  /// Uses whose outcome is `ok`.
  case okCount = 35
  /// Durations of all uses, in milliseconds.
  case useMilliseconds = 36
  /// Durations of failed uses, in milliseconds.
  case failedMilliseconds = 37
  case focusMilliseconds = 38
  case helpCount = 39
  case helpMilliseconds = 40
  case interruptionCount = 41
  case interruptionMilliseconds = 42
  /// Start of the first ok use, milliseconds since 1970 UTC; 0 none.
  case firstOk = 43

  /// The columns of events.
  package static let allCases: [ChunkColumn] = [
    .time, .user, .feature, .kind, .outcome, .durationPlusOne, .host, .session, .version, .cause, .source,
    .sequence, .attributes, .clockOffset,
  ]

  /// The columns of daily cells.
  package static let cellCases: [ChunkColumn] = [
    .feature, .day, .user, .source, .eventCount, .useCount, .okCount, .useMilliseconds, .failedMilliseconds,
    .focusMilliseconds, .helpCount, .helpMilliseconds, .interruptionCount, .interruptionMilliseconds,
    .firstOk,
  ]

  /// Whether the column holds texts rather than integers.
  package var isText: Bool { self == .session || self == .attributes }
}
