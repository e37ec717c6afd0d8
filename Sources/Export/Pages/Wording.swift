import Report
import UsageModel

/// Days and hours as pages write them.
enum Wording {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// `2 Mar`.
  static func short(_ day: CivilDay) -> String {
    let (_, month, number) = day.yearMonthDay
    return "\(number) \(months[month - 1])"
  }

  /// `2 Mar 2026`.
  static func long(_ day: CivilDay) -> String { "\(short(day)) \(day.yearMonthDay.year)" }

  /// First and last day of a window: `2 Mar – 29 Mar 2026`.
  static func days(_ window: Window) -> String {
    let last = window.to.advanced(by: -1)
    if window.dayCount <= 1 { return long(last) }
    let isOneYear = window.from.yearMonthDay.year == last.yearMonthDay.year
    return "\(isOneYear ? short(window.from) : long(window.from)) – \(long(last))"
  }

  /// Below the title of a page.
  static func subtitle(_ document: ReportDocument) -> String {
    let days = document.window.dayCount
    let whom =
      document.population == "roster" ? "people of the roster" : "people seen, as there is no roster"
    return
      "\(Self.days(document.window)) (\(days) \(days == 1 ? "day" : "days"), \(document.timeZoneName)), \(whom)"
  }

  /// Milliseconds as hours, for drawing.
  static func hours(_ value: ReportValue) -> Double { max(0, value.amount ?? 0) / 3_600_000 }

  /// `1,234 h`, also below 100 hours: `12.3 h`; under a tenth of an hour in smaller units.
  static func hoursText(_ value: ReportValue) -> String {
    let milliseconds = value.amount ?? 0
    if milliseconds > 0, milliseconds < 360_000 {
      return HumanNumber.duration(milliseconds: Int64(clamping: milliseconds))
    }
    let hours = milliseconds / 3_600_000
    return HumanNumber.fixed(hours, decimals: abs(hours) < 100 ? 1 : 0) + " h"
  }

  /// What one hour or ticket costs: cents only where there are any.
  static func rate(_ value: ReportValue) -> String {
    let amount = value.amount ?? 0
    return HumanNumber.fixed(amount, decimals: amount == amount.rounded() ? 0 : 2)
  }

  /// Amounts of money, without cents.
  static func money(_ value: ReportValue) -> String {
    HumanNumber.fixed(value.amount ?? 0, decimals: 0)
  }
}

extension Figure {
  /// A time in hours.
  var inHours: Figure { worded(Wording.hoursText) }
}
