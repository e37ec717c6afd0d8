import Aggregation
import EventStore
import UsageModel

extension QueryOptions {
  /// What was asked for, as a text that differs whenever it does; the present moment is no part of it.
  package var identity: String {
    let filters = filters.map { "\($0.attribute.rawValue)=\($0.value.utf8.count):\($0.value)" }
    func text(_ value: String?) -> String { value.map { "\($0.utf8.count):\($0)" } ?? "-" }
    return [
      "\(window)", zone.name, text(app), text(feature), filters.joined(separator: ","),
      groupBy.map(\.rawValue).joined(separator: ","), "\(minimumGroupSize)", "\(namesAllowed)",
      "\(benchmark)",
    ].joined(separator: "|")
  }
}

extension StoreUsageData {
  /// Whether nothing had to be left out as unreadable.
  package var isWhole: Bool { unreadable.isEmpty && unreadableRollups.isEmpty }

  /// All that the store, and the zone's rules, put into an answer about the window.
  ///
  /// All chunks count: an episode, or a session, may go on after a window's end.
  package func answerInputs(of window: Window, _ zone: ZoneRules) throws -> [UInt8] {
    let span = WindowBounds(window: window, rules: zone).span
    // The rules reach as far as events do; only those near the window cut its days.
    let near = zone.transitions.filter {
      span.lowerBound - Self.nearMilliseconds...span.upperBound + Self.nearMilliseconds
        ~= $0.startMilliseconds
    }
    let offsets = near.map { "\($0.startMilliseconds):\($0.offsetMilliseconds)" }
    let rules = "\(zone.offsetMilliseconds(at: span.lowerBound)) \(offsets.joined(separator: ","))|"
    return Array(rules.utf8)
      + (try AnswerInputs.bytes(
        hours: span.lowerBound / 3_600_000 - 1...span.upperBound / 3_600_000 + 1, in: database))
  }

  /// Two days: no zone is further from UTC.
  private static let nearMilliseconds = 2 * CivilDay.milliseconds
}
