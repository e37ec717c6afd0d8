/// A date of the proleptic Gregorian calendar.
///
/// From days since 1970-01-01, after H. Hinnant, "chrono-compatible low-level date algorithms"
/// (`civil_from_days`).
struct CivilDate: Equatable, Sendable {
  var year: Int
  /// 1 … 12.
  var month: Int
  /// 1 … 31.
  var day: Int

  /// - Parameter daysSince1970: 0 or later.
  init(daysSince1970: Int) {
    let shifted = daysSince1970 + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}

/// Whether a day, counted from 1970-01-01 (a Thursday), is a Saturday or Sunday.
func isWeekend(daysSince1970: Int) -> Bool {
  (daysSince1970 + 3) % 7 >= 5
}

/// The length of a day in UTC, the zone the demo organisation lives in.
let millisecondsPerDay: Int64 = 86_400_000
