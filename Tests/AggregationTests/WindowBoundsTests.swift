import Testing
import UsageModel

@testable import Aggregation

struct WindowBoundsTests {
  private let day = CivilDay.milliseconds

  @Test func utcWindowIsOneStretch() {
    let bounds = WindowBounds(
      window: Window(from: CivilDay(number: 10), to: CivilDay(number: 12)), rules: .utc)
    #expect(bounds.span == 10 * day..<12 * day)
    #expect(bounds.historyEnd == 10 * day)
    #expect(bounds.isExact)
  }

  @Test func clockChangesInsideMakeDaysLongerOrShorter() {
    let bounds = RandomEvents.bounds
    #expect(bounds.isExact)
    #expect(bounds.span.lowerBound == 2 * day - 3_600_000)
    let spring = WindowBounds(
      window: Window(from: CivilDay(number: 3), to: CivilDay(number: 4)), rules: RandomEvents.rules)
    #expect(spring.span.count == 23 * 3_600_000)
    let autumn = WindowBounds(
      window: Window(from: CivilDay(number: 6), to: CivilDay(number: 7)), rules: RandomEvents.rules)
    #expect(autumn.span.count == 25 * 3_600_000)
  }

  /// Newfoundland until 2011: at 00:01 clocks went back to 23:01 of the day before.
  @Test func clocksSetBackOverMidnightAreToldMomentByMoment() {
    let change = 5 * day + 60_000
    let rules = ZoneRules(
      name: "Test/Back", initialOffsetMilliseconds: 0,
      transitions: [.init(startMilliseconds: change, offsetMilliseconds: -3_600_000)])
    let bounds = WindowBounds(
      window: Window(from: CivilDay(number: 5), to: CivilDay(number: 6)), rules: rules)
    #expect(!bounds.isExact)
    #expect(bounds.span == 5 * day..<6 * day + 3_600_000)
    #expect(bounds.historyEnd == 5 * day + 3_600_000)
    var test = WindowTest(bounds)
    #expect(test.contains(5 * day) && test.contains(change - 1))
    #expect(!test.contains(change) && test.isBefore(change))
    #expect(!test.contains(5 * day + 3_600_000 - 1) && test.contains(5 * day + 3_600_000))
    #expect(!test.isBefore(5 * day) && test.isBefore(5 * day - 1))
  }

  @Test(arguments: 0..<50)
  func cursorAgreesWithTheRules(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var start: Int64 = -20 * day
    let transitions = (0..<6).map { _ in
      start += Int64.random(in: 1...(10 * day), using: &random)
      let offset = Int64.random(in: -48...56, using: &random) * 900_000
      return ZoneRules.Transition(startMilliseconds: start, offsetMilliseconds: offset)
    }
    let rules = ZoneRules(name: "Test/Random", initialOffsetMilliseconds: 0, transitions: transitions)
    var cursor = DayCursor(rules: rules)
    let from = Int32.random(in: -15...25, using: &random)
    let window = Window(from: CivilDay(number: from), to: CivilDay(number: from + 5))
    let bounds = WindowBounds(window: window, rules: rules)
    var test = WindowTest(bounds)
    for _ in 0..<500 {
      let moment = Int64.random(in: (-30 * day)...(60 * day), using: &random)
      let expected = rules.day(of: moment)
      #expect(cursor.day(of: moment) == Int64(expected.number))
      #expect(test.contains(moment) == window.contains(expected))
      #expect(test.isBefore(moment) == (expected < window.from))
    }
  }
}
