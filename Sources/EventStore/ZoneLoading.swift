import Foundation
import GRDB
import UsageModel

/// Turns a zone of the system's time zone database into plain rules.
package enum ZoneLoading {
  /// Two days: no zone is further from UTC, and windows reach to whole days.
  private static let marginMilliseconds: Int64 = 2 * CivilDay.milliseconds
  /// Where the organisation's zone is kept; absent is UTC.
  package static let settingName = "organisation.timezone"

  /// The rules of a zone over a stretch of time and a little beyond it; nil when the system knows no such zone.
  ///
  /// The offset is sampled once a day, and each change found to the second; two changes within a day that
  /// cancel out are not seen, and no zone has had them.
  ///
  /// - Parameters:
  ///   - name: IANA name such as `Europe/Oslo`; `UTC` needs no database.
  ///   - range: moments in milliseconds since 1970 UTC.
  /// - Complexity: O(days of the range).
  package static func rules(named name: String, covering range: ClosedRange<Int64>) -> ZoneRules? {
    if ["UTC", "Etc/UTC", "Etc/UCT", "Z"].contains(name) {
      return ZoneRules(name: name, initialOffsetMilliseconds: 0, transitions: [])
    }
    guard let zone = TimeZone(identifier: name) else { return nil }
    func offset(_ second: Int64) -> Int64 {
      Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second))))
    }
    let first = (range.lowerBound - marginMilliseconds) / 1_000
    let last = (range.upperBound + marginMilliseconds) / 1_000
    let initial = offset(first)
    var transitions: [ZoneRules.Transition] = []
    var known = (second: first, offset: initial)
    while known.second < last {
      let next = min(last, known.second + 86_400)
      let nextOffset = offset(next)
      if nextOffset != known.offset {
        let change = firstSecond(after: known.second, upTo: next) { offset($0) != known.offset }
        transitions.append(
          ZoneRules.Transition(startMilliseconds: change * 1_000, offsetMilliseconds: nextOffset * 1_000))
      }
      known = (next, nextOffset)
    }
    return ZoneRules(name: name, initialOffsetMilliseconds: initial * 1_000, transitions: transitions)
  }

  /// The organisation's zone over everything that is stored in chunks; nil when the system does not know it, or
  /// nothing is stored.
  static func organisationRules(_ chunks: [ChunkRow], in database: Database) throws -> ZoneRules? {
    guard let first = chunks.map(\.timeMinimumMilliseconds).min(),
      let last = chunks.map(\.timeMaximumMilliseconds).max()
    else { return nil }
    let name = try SettingStore.get(settingName, in: database) ?? "UTC"
    return rules(named: name, covering: first...max(first, last))
  }

  /// The first second in (`low`, `high`] for which `isAfter` holds; it holds for `high` and not for `low`.
  private static func firstSecond(after low: Int64, upTo high: Int64, _ isAfter: (Int64) -> Bool) -> Int64 {
    var low = low
    var high = high
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if isAfter(middle) { high = middle } else { low = middle }
    }
    return high
  }
}
