/// The bounds that every event must keep, whichever way it comes (see `schemas/event.schema.json`).
package enum EventLimits {
  /// Longest string field, in UTF-8 bytes: names of people, apps and features fit; documents don't.
  package static let stringBytesMax = 256
  /// Most attributes an event may carry.
  package static let attributesMax = 16
  /// Longest attribute key, in UTF-8 bytes.
  package static let attributeKeyBytesMax = 64
  /// Longest attribute value, in UTF-8 bytes.
  package static let attributeValueBytesMax = 1_024
  /// Longest duration: about 49.7 days, what 32 bits of milliseconds hold.
  package static let durationMillisecondsMax = Int64(UInt32.max)
  /// Earliest start: 1980-01-01T00:00:00Z.
  ///
  /// Seconds sent as milliseconds fall before it and are refused.
  package static let earliestTimeMilliseconds: Int64 = 315_532_800_000
  /// How far ahead of its receipt an event may start: one day, for clocks set to a wrong zone.
  package static let futureToleranceMilliseconds: Int64 = 24 * 3_600_000

  /// The times that events may state: with the offset added they lie between 1980 and a day after receipt.
  package static func acceptedTimes(receiptMilliseconds: Int64, offset: Int64) -> ClosedRange<Int64> {
    let earliest = earliestTimeMilliseconds - offset
    return earliest...max(earliest, receiptMilliseconds + futureToleranceMilliseconds - offset)
  }
}
