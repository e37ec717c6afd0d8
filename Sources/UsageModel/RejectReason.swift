/// Why an event was refused: the name stands in dead letters, counters and `import` results.
///
/// Raw values are stored and documented (`docs/architecture.md`): add, never rename.
package enum RejectReason: String, CaseIterable, Error, Sendable {
  /// The line is not one JSON value followed by the end of the line.
  case notJSON = "not_json"
  /// The line is JSON but not an object.
  case notObject = "not_object"
  /// Bytes that are not UTF-8, or an escaped surrogate without its partner.
  case notUTF8 = "not_utf8"
  /// Nested deeper than ``JSONLimits`` allows; only ignored fields may nest at all.
  case tooDeep = "too_deep"
  case missingTime = "missing_time"
  case missingUser = "missing_user"
  case missingApp = "missing_app"
  /// A `use` without a feature.
  case missingFeature = "missing_feature"
  /// A known field with a value of another JSON type.
  case wrongType = "wrong_type"
  /// A string over ``EventLimits/stringBytesMax``, or a line or datagram over its transport's bound.
  case tooLong = "too_long"
  /// An empty string in a known field.
  case empty = "empty"
  /// A string with a NUL character, which neither SQL shells nor C programs can show.
  case nulCharacter = "nul_character"
  /// Not RFC 3339, before 1980 (seconds sent as milliseconds?) or more than a day ahead of receipt.
  case time = "time"
  case kind = "kind"
  case outcome = "outcome"
  /// Not an integer in 0 ... 2^32 - 1.
  case duration = "duration"
  /// Not an integer in 1 ... 2^63 - 1, or `source` and `seq` not together.
  case sequence = "seq"
  /// `attributes` is not an object of at most 16 strings within their bounds.
  case attributes = "attributes"
  /// A CSV record with a broken quote or another number of cells than the header.
  case csv = "csv"
  /// A protobuf batch that cannot be read; the whole batch is refused.
  case badBatch = "bad_batch"
  /// About someone who was forgotten; its bytes are not kept.
  case forgotten = "forgotten"
  /// A local sender spoke for someone else, or used the numbers of someone else's source.
  case notYours = "not_yours"
  /// A new name where the store holds as many as it may (`StoreLimits`); events with known names are taken.
  case tooManyNames = "too_many_names"
  /// Its number would leave a gap where the store knows of as many as it may (`StoreLimits`).
  case tooManyGaps = "too_many_gaps"
}

/// Bounds of the JSON reader.
package enum JSONLimits {
  /// Deepest nesting inside an ignored field; a hostile sender may nest 64 KiB of brackets.
  package static let depthMax = 32
}
