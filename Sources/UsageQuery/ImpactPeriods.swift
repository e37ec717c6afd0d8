import Aggregation
import UsageModel

/// Whole ISO weeks (Monday to Sunday) of the organisation's zone.
struct WeekRange: Equatable {
  /// Monday of the first week.
  let first: CivilDay
  let count: Int

  /// The Monday on or before a day.
  static func monday(of day: CivilDay) -> CivilDay {
    // 1970-01-01 was a Thursday.
    let weekday = (Int(day.number) + 3) % 7
    return day.advanced(by: -(weekday < 0 ? weekday + 7 : weekday))
  }

  /// The weeks that lie in a window as a whole.
  init(in window: Window) {
    let monday = Self.monday(of: window.from)
    first = monday == window.from ? monday : monday.advanced(by: 7)
    count = max(0, (Int(window.to.number) - Int(first.number)) / 7)
  }

  var window: Window { Window(from: first, to: first.advanced(by: 7 * count)) }

  /// Monday of a week, by its place; places outside the range are weeks outside it.
  func monday(ofWeek week: Int) -> CivilDay { first.advanced(by: 7 * week) }

  /// The place of the week that begins on a Monday; may lie outside the range.
  func week(of monday: CivilDay) -> Int { (Int(monday.number) - Int(first.number)) / 7 }

  func window(ofWeek week: Int) -> Window {
    Window(from: monday(ofWeek: week), to: monday(ofWeek: week + 1))
  }
}

/// When a start takes effect in weeks.
struct WeeklyStart: Equatable {
  /// Monday of g, the first week that begins on or after the start.
  let firstMonday: CivilDay
  /// Whether the week before was partly treated, and is dropped.
  let isWeekBeforePartial: Bool

  init(startMilliseconds: Int64, zone: ZoneRules) {
    let day = zone.day(of: startMilliseconds)
    let monday = WeekRange.monday(of: day)
    let mondayStart = WindowBounds(
      window: Window(from: monday, to: monday.advanced(by: 1)), rules: zone
    ).span.lowerBound
    isWeekBeforePartial = startMilliseconds > mondayStart
    firstMonday = isWeekBeforePartial ? monday.advanced(by: 7) : monday
  }
}
