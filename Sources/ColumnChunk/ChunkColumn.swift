/// The columns of an event chunk.
///
/// Raw values are written to disk: append, never renumber.
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

  /// Whether the column holds texts rather than integers.
  package var isText: Bool { self == .session || self == .attributes }
}
