/// Moments as text.
package enum TimestampText {
  /// RFC 3339 in UTC to the second: `2026-01-31T07:15:00Z`.
  package static func utc(_ milliseconds: Int64) -> String {
    let day = CivilDay(localMilliseconds: milliseconds)
    let second = (milliseconds - day.startMilliseconds) / 1_000
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(day)T\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
  }
}
