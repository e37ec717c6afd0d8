import EventStore
import UsageModel

/// Turns a zone of the system's time zone database into the plain rules that kernels use.
package enum TimeZoneLoading {
  /// The rules of a zone over a stretch of time and a little beyond it.
  ///
  /// The offset is sampled once a day, and each change found to the second; two changes within a day that
  /// cancel out are not seen, and no zone has had them.
  ///
  /// - Parameters:
  ///   - name: IANA name such as `Europe/Oslo`; `UTC` needs no database.
  ///   - range: moments in milliseconds since 1970 UTC.
  /// - Throws: `QueryError.unknownTimeZone`.
  /// - Complexity: O(days of the range).
  package static func zoneRules(
    named name: String, covering range: ClosedRange<Int64>
  ) throws(QueryError) -> ZoneRules {
    guard let rules = ZoneLoading.rules(named: name, covering: range) else { throw .unknownTimeZone(name) }
    return rules
  }

  /// The rules of a zone over everything stored, the present, and the window.
  ///
  /// - Throws: `QueryError.unknownTimeZone`, and whatever reading the store throws.
  package static func zoneRules(
    named name: String, for data: some UsageData, nowMilliseconds: Int64, window: WindowChoice = .standard
  ) throws -> ZoneRules {
    var moments = [nowMilliseconds]
    if let bounds = try data.eventBounds() { moments += [bounds.lowerBound, bounds.upperBound] }
    switch window {
    case .days(let days): moments += [days.from.startMilliseconds, days.to.startMilliseconds]
    case .last(let dayCount):
      // The window may begin before the oldest event does.
      moments += moments.map { $0 - Int64(dayCount) * CivilDay.milliseconds }
    }
    let range = (moments.min() ?? nowMilliseconds)...(moments.max() ?? nowMilliseconds)
    return try zoneRules(named: name, covering: range)
  }
}
