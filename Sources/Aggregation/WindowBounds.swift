import UsageModel

/// A window of civil days as moments.
///
/// In almost every zone a window is one stretch of time. Where clocks were set back over a midnight, the
/// first minutes of the next day come before the last of this one; then ``isExact`` is false and each
/// moment must be asked for its day.
package struct WindowBounds: Sendable {
  package let window: Window
  package let rules: ZoneRules
  /// The shortest stretch that holds every moment of the window, in milliseconds since 1970 UTC.
  package let span: Range<Int64>
  /// The first moment from which no moment lies on a day before the window.
  package let historyEnd: Int64
  /// Whether every moment of ``span`` is in the window and every earlier one before it.
  package let isExact: Bool

  package init(window: Window, rules: ZoneRules) {
    self.window = window
    self.rules = rules
    let from = window.from.startMilliseconds
    let to = window.to.startMilliseconds
    let segments = Self.segments(of: rules)
    let lower = segments.compactMap { $0.first(atOrAfterLocal: from) }.min() ?? from
    let upper = max(lower, segments.compactMap { $0.end(beforeLocal: to) }.max() ?? to)
    span = lower..<upper
    historyEnd = segments.compactMap { $0.end(beforeLocal: from) }.max() ?? lower
    isExact =
      historyEnd == lower
      && (segments.compactMap { $0.first(atOrAfterLocal: to) }.min() ?? upper) >= upper
  }

  /// Milliseconds far outside any event, yet safe to add offsets to.
  private static let farAway: Int64 = 1 << 60

  /// A stretch of time with one offset.
  private struct Segment {
    var start: Int64
    var end: Int64
    var offset: Int64

    /// The first moment whose local time is at or after the given one.
    func first(atOrAfterLocal local: Int64) -> Int64? {
      let moment = max(start, local - offset)
      return moment < end ? moment : nil
    }

    /// The end of the moments whose local time is before the given one.
    func end(beforeLocal local: Int64) -> Int64? {
      let moment = min(end, local - offset)
      return moment > start ? moment : nil
    }
  }

  private static func segments(of rules: ZoneRules) -> [Segment] {
    var segments: [Segment] = []
    var start = -farAway
    var offset = rules.initialOffsetMilliseconds
    for transition in rules.transitions {
      segments.append(Segment(start: start, end: transition.startMilliseconds, offset: offset))
      start = transition.startMilliseconds
      offset = transition.offsetMilliseconds
    }
    segments.append(Segment(start: start, end: farAway, offset: offset))
    return segments
  }
}

/// Finds civil days of moments, remembering the stretch with one offset that it was in last.
package struct DayCursor {
  /// A constant of this module, so that the division below becomes a multiplication.
  private static let dayMilliseconds: Int64 = 86_400_000

  private let rules: ZoneRules
  private var segmentStart: Int64 = 1
  private var segmentEnd: Int64 = 0
  private var offset: Int64 = 0

  package init(rules: ZoneRules) { self.rules = rules }

  /// Days since 1970-01-01 of the civil day that holds the moment.
  @inline(__always)
  package mutating func day(of moment: Int64) -> Int64 {
    if moment < segmentStart || moment >= segmentEnd { seek(moment) }
    let local = moment &+ offset
    let quotient = local / Self.dayMilliseconds
    return quotient &* Self.dayMilliseconds > local ? quotient &- 1 : quotient
  }

  @inline(never)
  private mutating func seek(_ moment: Int64) {
    var next = 0
    while next < rules.transitions.count, rules.transitions[next].startMilliseconds <= moment { next += 1 }
    segmentStart = next == 0 ? Int64.min : rules.transitions[next - 1].startMilliseconds
    segmentEnd = next == rules.transitions.count ? Int64.max : rules.transitions[next].startMilliseconds
    offset =
      next == 0 ? rules.initialOffsetMilliseconds : rules.transitions[next - 1].offsetMilliseconds
  }
}

/// Tells whether moments lie in a window, or before it.
package struct WindowTest {
  private let span: Range<Int64>
  private let historyEnd: Int64
  private let isExact: Bool
  private let fromDay: Int64
  private let toDay: Int64
  private var cursor: DayCursor

  package init(_ bounds: WindowBounds) {
    span = bounds.span
    historyEnd = bounds.historyEnd
    isExact = bounds.isExact
    fromDay = Int64(bounds.window.from.number)
    toDay = Int64(bounds.window.to.number)
    cursor = DayCursor(rules: bounds.rules)
  }

  @inline(__always)
  package mutating func contains(_ moment: Int64) -> Bool {
    guard moment >= span.lowerBound, moment < span.upperBound else { return false }
    return isExact || containsDay(of: moment)
  }

  @inline(__always)
  package mutating func isBefore(_ moment: Int64) -> Bool {
    guard moment < historyEnd else { return false }
    return isExact || cursor.day(of: moment) < fromDay
  }

  @inline(never)
  private mutating func containsDay(of moment: Int64) -> Bool {
    let day = cursor.day(of: moment)
    return day >= fromDay && day < toDay
  }
}
