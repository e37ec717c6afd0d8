/// A day of the proleptic Gregorian calendar, counted from 1970-01-01 (day 0).
package struct CivilDay: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Days since 1970-01-01; negative before.
  package var number: Int32

  package init(number: Int32) { self.number = number }

  /// The day of year, month (1...12) and day (1...31) of the Gregorian calendar.
  ///
  /// Source: H. Hinnant, "chrono-compatible low-level date algorithms" (days_from_civil).
  /// - Returns: nil when the date does not exist (30 February) or the year is outside 1...9999.
  package init?(year: Int, month: Int, day: Int) {
    guard (1...9_999).contains(year), (1...12).contains(month),
      day >= 1, day <= Self.length(ofMonth: month, year: year)
    else { return nil }
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    number = Int32(era * 146_097 + dayOfEra - 719_468)
  }

  /// Reads `YYYY-MM-DD`, exactly ten ASCII characters.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count == 10, bytes[4] == 0x2D, bytes[7] == 0x2D else { return nil }
    func decimal(_ range: Range<Int>) -> Int? {
      var value = 0
      for byte in bytes[range] {
        guard (0x30...0x39).contains(byte) else { return nil }
        value = value * 10 + Int(byte - 0x30)
      }
      return value
    }
    guard let year = decimal(0..<4), let month = decimal(5..<7), let day = decimal(8..<10) else { return nil }
    self.init(year: year, month: month, day: day)
  }

  /// The day that holds a moment given in milliseconds since 1970 of local (or UTC) time.
  package init(localMilliseconds: Int64) {
    var quotient = localMilliseconds / CivilDay.milliseconds
    if localMilliseconds % CivilDay.milliseconds < 0 { quotient -= 1 }
    number = Int32(clamping: quotient)
  }

  /// Length of a civil day without clock changes.
  package static let milliseconds: Int64 = 86_400_000

  /// Milliseconds since 1970 of this day's midnight, in the same clock as the day.
  package var startMilliseconds: Int64 { Int64(number) * CivilDay.milliseconds }

  package static func < (left: CivilDay, right: CivilDay) -> Bool { left.number < right.number }

  /// The day so many days later; the first or last one there is when it would lie beyond.
  package func advanced(by days: Int) -> CivilDay {
    CivilDay(number: Int32(clamping: Int(number) + Int(Int32(clamping: days))))
  }

  /// Year, month (1...12) and day of month (1...31); Hinnant's civil_from_days.
  package var yearMonthDay: (year: Int, month: Int, day: Int) {
    let shifted = Int(number) + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  /// `YYYY-MM-DD`.
  package var description: String {
    let (year, month, day) = yearMonthDay
    func padded(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }

  private static func length(ofMonth month: Int, year: Int) -> Int {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}
