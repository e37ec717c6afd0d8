import UsageModel

/// The days that are looked at, and the days before that they may be compared with.
struct AlertSpans: Equatable {
  let tested: Window
  /// The same weekdays, nearest first; all of them near the end of a month, or none, as the tested days.
  let comparable: [Window]

  /// Longer looks are cut to their last four weeks.
  static let dayCountMax = 28
  /// More comparable spans than this add little.
  static let comparableMax = 12
  /// How far back comparable spans are looked for.
  static let reachDays = 53 * 7
  /// Days at the start and at the end of a month in which the month's work may gather.
  private static let monthEdgeDays = 3

  /// - Parameter firstDay: of history; spans before it are not comparable.
  init(tested: Window, firstDay: CivilDay) {
    let from = max(tested.from, tested.to.advanced(by: -Self.dayCountMax))
    let tested = Window(from: from, to: tested.to)
    let step = Self.step(tested)
    var found: [Window] = []
    var back = step
    while back <= Self.reachDays, found.count < Self.comparableMax {
      let span = Window(from: tested.from.advanced(by: -back), to: tested.to.advanced(by: -back))
      if span.from < firstDay { break }
      if Self.touchesMonthEdge(span) == Self.touchesMonthEdge(tested) { found.append(span) }
      back += step
    }
    self.tested = tested
    comparable = found
  }

  /// Whole weeks that hold the span: from one span to the next.
  static func step(_ span: Window) -> Int { (span.dayCount + 6) / 7 * 7 }

  /// Whether one of the days is among the first or last three of its month.
  static func touchesMonthEdge(_ span: Window) -> Bool {
    (0..<span.dayCount).contains { offset in
      let day = span.from.advanced(by: offset)
      return day.yearMonthDay.day <= monthEdgeDays
        || day.advanced(by: monthEdgeDays).yearMonthDay.day <= monthEdgeDays
    }
  }
}

/// What the alerts watch.
enum AlertMetric: String, CaseIterable {
  /// Lost time among face time.
  case erosion
  /// Strike-outs for each 1,000 attempts.
  case strikeouts
  /// Expected features used ok on days on which their people were there; fewer is worse.
  case coverage
  /// Sources not heard from among those usually heard from.
  case silence
  /// Days without any event up to the last look's end.
  case collection
}
