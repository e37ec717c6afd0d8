import Testing
import UsageModel

struct CivilDayTests {
  /// An obvious calendar: one day after another, as people count.
  struct SlowCalendar {
    var year = 1
    var month = 1
    var day = 1

    static func isLeap(_ year: Int) -> Bool {
      if year % 400 == 0 { return true }
      if year % 100 == 0 { return false }
      return year % 4 == 0
    }

    static func length(_ year: Int, _ month: Int) -> Int {
      [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    mutating func goOn() {
      day += 1
      if day <= Self.length(year, month) { return }
      day = 1
      month += 1
      if month <= 12 { return }
      month = 1
      year += 1
    }
  }

  /// Every day of nine thousand nine hundred and ninety-nine years, there and back.
  @Test func agreesWithTheSlowCalendar() throws {
    var calendar = SlowCalendar()
    var number = try #require(CivilDay(year: 1, month: 1, day: 1)).number
    var epoch: Int32?
    var differences = 0
    while calendar.year <= 9_999 {
      let day = CivilDay(number: number)
      let (year, month, dayOfMonth) = day.yearMonthDay
      if (year, month, dayOfMonth) != (calendar.year, calendar.month, calendar.day) { differences += 1 }
      if CivilDay(year: calendar.year, month: calendar.month, day: calendar.day) != day { differences += 1 }
      if calendar.day == 1 && calendar.month % 4 == 3 && CivilDay(day.description) != day { differences += 1 }
      if (calendar.year, calendar.month, calendar.day) == (1970, 1, 1) { epoch = number }
      calendar.goOn()
      number += 1
    }
    #expect(differences == 0)
    #expect(epoch == 0)
    #expect(CivilDay(number: number - 1).description == "9999-12-31")
  }

  /// Days before the year 1 and after 9999 cannot be written, but never trap.
  @Test func standsExtremeNumbers() {
    for number in [Int32.min, Int32.min + 1, -719_163, 2_932_897, Int32.max - 1, .max] {
      let day = CivilDay(number: number)
      let (_, month, dayOfMonth) = day.yearMonthDay
      #expect((1...12).contains(month))
      #expect((1...31).contains(dayOfMonth))
      #expect(!day.description.isEmpty)
      #expect(day.startMilliseconds == Int64(number) * 86_400_000)
    }
    #expect(CivilDay(number: .max).advanced(by: 1).number == .max)
    #expect(CivilDay(number: .min).advanced(by: -1).number == .min)
    #expect(CivilDay(number: 0).advanced(by: .max).number == .max)
    #expect(CivilDay(number: 5).advanced(by: -7).number == -2)
  }

  @Test func refusesDatesThatAreNone() {
    let none = [
      (0, 1, 1), (10_000, 1, 1), (-1, 1, 1), (2026, 0, 1), (2026, 13, 1), (2026, 1, 0), (2026, 1, 32),
      (2026, 2, 29), (1900, 2, 29), (2100, 2, 29), (2000, 2, 30), (2026, 4, 31), (2026, 1, -1),
      (.max, 1, 1), (2026, .min, 1), (2026, 1, .max),
    ]
    for (year, month, day) in none { #expect(CivilDay(year: year, month: month, day: day) == nil) }
    #expect(CivilDay(year: 2000, month: 2, day: 29) != nil)
  }

  @Test(arguments: [
    "", "2026", "2026-01", "2026-1-01", "2026-01-1", "26-01-01", "2026-01-01 ", " 2026-01-01", "2026/01/01",
    "2026-01-01T00:00:00Z", "2026-02-30", "2026-00-10", "0000-01-01", "+026-01-01", "-001-01-01",
    "20２6-01-01", "2026-01-0x", "2026-01-٠1", "２026-01-1", "2026-01-\u{0}1",
  ])
  func refusesTextsThatAreNoDate(text: String) {
    #expect(CivilDay(text) == nil)
  }

  @Test func readsItsOwnDescription() {
    for number: Int32 in [-719_162, -1, 0, 1, 59, 60, 20_454, 2_932_896] {
      #expect(CivilDay(CivilDay(number: number).description) == CivilDay(number: number))
    }
    #expect(CivilDay("2026-01-01")?.number == 20_454)
    #expect(CivilDay("x2026-01-01x".dropFirst().dropLast())?.number == 20_454)
  }

  /// Midnight belongs to the day that begins, before 1970 too.
  @Test func putsMomentsIntoDays() {
    let day: Int64 = 86_400_000
    let moments: [(Int64, Int32)] = [
      (0, 0), (1, 0), (day - 1, 0), (day, 1), (-1, -1), (-day, -1), (-day - 1, -2), (-2 * day, -2),
      (20_454 * day, 20_454), (20_454 * day - 1, 20_453), (.max, .max), (.min, .min),
    ]
    for (milliseconds, number) in moments {
      #expect(CivilDay(localMilliseconds: milliseconds).number == number)
    }
  }
}

struct WindowTests {
  @Test func holdsItsDaysAndNoMore() {
    let window = Window(from: CivilDay(number: 10), to: CivilDay(number: 12))
    #expect(window.dayCount == 2)
    #expect((8...13).filter { window.contains(CivilDay(number: $0)) } == [10, 11])
    let backwards = Window(from: CivilDay(number: 3), to: CivilDay(number: 1))
    #expect(backwards.dayCount == 0)
    #expect(!backwards.contains(CivilDay(number: 2)))
    let widest = Window(from: CivilDay(number: .min), to: CivilDay(number: .max))
    #expect(widest.dayCount == 4_294_967_295)
  }
}

struct Utf8KeyTests {
  /// Canonically equal spellings are different names with different places in the order.
  @Test func keepsSpellingsApart() {
    let composed = Utf8Key("\u{E9}")
    let decomposed = Utf8Key("e\u{301}")
    #expect(composed != decomposed)
    #expect(decomposed < composed)
    #expect(Set([composed, decomposed, Utf8Key("\u{E9}")]).count == 2)
    #expect(
      ["b", "\u{E9}", "e\u{301}", "a", ""].map(Utf8Key.init).sorted().map(\.text).map { Array($0.utf8) }
        == ["", "a", "b", "e\u{301}", "\u{E9}"].map { Array($0.utf8) })
  }

  /// Above U+FFFF the order of UTF-8 bytes is that of scalars, not of UTF-16.
  @Test func ordersByBytes() {
    #expect(Utf8Key("\u{FFFD}") < Utf8Key("\u{1F600}"))
    #expect(Utf8Key("a") < Utf8Key("aa"))
    #expect(!(Utf8Key("a") < Utf8Key("a")))
  }
}
