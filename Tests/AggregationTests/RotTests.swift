import Testing
import UsageModel

@testable import Aggregation

struct RotTests {
  private func day(_ text: String) throws -> Int64 { Int64(try #require(CivilDay(text)).number) }

  private func days(_ texts: [String]) throws -> [UseCalendar.Day] {
    try texts.sorted().map { UseCalendar.Day(day: try day($0), uses: 1) }
  }

  @Test func trivialNeedsFewPeopleAndLittleTime() {
    #expect(Rot.isTrivial(users: 0, expected: 10, milliseconds: 0, appMilliseconds: 5_000) == true)
    #expect(Rot.isTrivial(users: 1, expected: 100, milliseconds: 0, appMilliseconds: 5_000) == false)
    #expect(Rot.isTrivial(users: 1, expected: 101, milliseconds: 4, appMilliseconds: 5_000) == true)
    #expect(Rot.isTrivial(users: 1, expected: 101, milliseconds: 5, appMilliseconds: 5_000) == false)
    #expect(Rot.isTrivial(users: 0, expected: 10, milliseconds: 0, appMilliseconds: 0) == true)
    #expect(Rot.isTrivial(users: 0, expected: 0, milliseconds: 0, appMilliseconds: 0) == nil)
  }

  @Test func obsoleteIsAFallOfEightTenths() {
    #expect(Rot.isObsolete(usersThen: 10, usersNow: 2))
    #expect(!Rot.isObsolete(usersThen: 10, usersNow: 3))
    #expect(Rot.isObsolete(usersThen: 1, usersNow: 0))
    #expect(!Rot.isObsolete(usersThen: 0, usersNow: 0))
  }

  @Test func overlapCountsSharedPeopleAndDays() {
    func use(_ person: Int32, _ days: [Int64]) -> PersonUse {
      var use = PersonUse(person: person)
      use.okDays = days
      return use
    }
    let left = [use(1, [1, 3, 5]), use(2, [1, 3])]
    let right = [use(1, [2, 4]), use(2, [2, 3]), use(7, [9])]
    let overlap = UseOverlap(left, right)
    #expect(overlap.people == 2.0 / 3)
    #expect(overlap.days == 1.0 / 9)
    #expect(overlap.isRedundant)
    #expect(!UseOverlap(left, left).isRedundant)
    #expect(UseOverlap([], []).people == nil)
    #expect(UseOverlap(left, right) == UseOverlap(right, left))
  }

  @Test(arguments: 0..<200)
  func sharesHalfAsTheSetsSay(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    func people() -> [Int32] {
      let some = Int32.random(in: 0...12, using: &random)
      return (0..<some).filter { _ in Int.random(in: 0...9, using: &random) < 7 }
    }
    let (left, right) = (people(), people())
    let shared = Set(left).intersection(right).count
    let all = Set(left).union(right).count
    #expect(UseOverlap.sharesHalf(left, right) == (all > 0 && 2 * shared >= all))
  }

  @Test func threeMonthEndsInARowAreASeason() throws {
    let texts = ["2026-01-27", "2026-03-05", "2026-02-28", "2026-04-01"]
    let season = try #require(Season.find(in: try days(texts)))
    #expect(season.boundary == .month)
    #expect(season.periods == 3)
    #expect(season.nearUses == 4)
    #expect(season.lastBoundary.description == "2026-04-01")
  }

  @Test func theSixthDayIsNotNear() throws {
    #expect(Season.find(in: try days(["2026-02-01", "2026-03-01", "2026-04-06"])) == nil)
    #expect(Season.find(in: try days(["2026-02-01", "2026-03-01", "2026-03-26"])) == nil)
    #expect(Season.find(in: try days(["2026-02-01", "2026-03-01", "2026-03-27"])) != nil)
  }

  @Test func fourOfFiveUsesMustBeNear() throws {
    let near = ["2026-02-01", "2026-03-01", "2026-04-01", "2026-04-02", "2026-04-03", "2026-04-04"]
    #expect(Season.find(in: try days(near + ["2026-04-10"])) != nil)
    #expect(Season.find(in: try days(near + ["2026-04-10", "2026-04-11"])) == nil)
  }

  @Test func quartersAndYearsHaveTheirOwnCounts() throws {
    let quarters = ["2025-12-31", "2026-04-01", "2026-06-30"]
    #expect(Season.find(in: try days(quarters))?.boundary == .quarter)
    let years = ["2024-12-30", "2026-01-03"]
    #expect(Season.find(in: try days(years))?.boundary == .year)
    #expect(Season.find(in: try days(["2024-12-30", "2027-01-03"])) == nil)
  }

  @Test func aGapBreaksTheRun() throws {
    let texts = ["2026-01-01", "2026-02-01", "2026-04-01", "2026-05-01"]
    #expect(Season.find(in: try days(texts)) == nil)
  }
}

struct MedianIntervalTests {
  @Test func ranksAreThoseOfTheSignTest() {
    // D. B. Owen, Handbook of Statistical Tables (1962): ranks for 95%.
    #expect([5, 6, 10, 20, 30, 50, 100].map { MedianInterval.rank(count: $0) } == [0, 1, 2, 6, 10, 18, 40])
  }

  @Test func fewPeopleGiveNoInterval() throws {
    let few = try #require(MedianInterval(Array(1...9)))
    let enough = try #require(MedianInterval(Array(1...10)))
    #expect(few.median == 5)
    #expect(MedianChange(from: few, to: enough).bounds == nil)
    #expect(MedianChange(from: enough, to: enough).bounds?.contains(0) == true)
  }

  @Test func aClearChangeExcludesZero() throws {
    let before = try #require(MedianInterval((0..<40).map { 1_000 + $0 * 10 }))
    let after = try #require(MedianInterval((0..<40).map { 2_000 + $0 * 10 }))
    let change = MedianChange(from: before, to: after)
    #expect(change.milliseconds == 1_000)
    #expect(try #require(change.bounds).lowerBound > 0)
  }

  /// Coverage of the true difference by the interval, over independent samples of lognormal times.
  @Test func theIntervalCoversTheDifference() throws {
    var random = SeededRandom(seed: 20_261_121)
    var covered = 0
    let rounds = 2_000
    for _ in 0..<rounds {
      func sample(_ count: Int, _ shift: Int64) throws -> MedianInterval {
        // Sums of uniforms: skewed by squaring, with the median at 36 squared.
        let values = (0..<count).map { _ -> Int64 in
          let sum = (0..<12).reduce(Int64(0)) { total, _ in total + Int64(random.next() % 7) }
          return sum * sum + shift
        }
        return try #require(MedianInterval(values))
      }
      let change = MedianChange(from: try sample(12, 0), to: try sample(25, 500))
      if change.bounds?.contains(500) == true { covered += 1 }
    }
    #expect(Double(covered) / Double(rounds) >= 0.95)
  }
}

struct AccountRhythmTests {
  private func starts(every milliseconds: Int64, count: Int) -> [Int64] {
    (0..<count).map { Int64($0) * milliseconds }
  }

  @Test func aTimerIsMachineLikeAndRoundTheClock() {
    let rhythm = AccountRhythm(starts: starts(every: 600_000, count: 1_000), rules: .utc)
    #expect(rhythm.isMachineLike)
    #expect(rhythm.isRoundTheClock)
    #expect(rhythm.hoursMax == 24)
    #expect(rhythm.pauseMedianMilliseconds == 600_000)
  }

  @Test func aWorkingDayIsNeither() {
    var random = SeededRandom(seed: 7)
    var starts: [Int64] = []
    for day in 0..<20 {
      var time = Int64(day) * CivilDay.milliseconds + 8 * 3_600_000
      for _ in 0..<60 {
        time += 10_000 + Int64(random.next() % 900_000)
        starts.append(time)
      }
    }
    let rhythm = AccountRhythm(starts: starts, rules: .utc)
    #expect(rhythm.days == 20)
    #expect(!rhythm.isMachineLike)
    #expect(!rhythm.isRoundTheClock)
  }

  @Test func burstsAndFewPausesSayNothing() {
    #expect(!AccountRhythm(starts: starts(every: 1_000, count: 500), rules: .utc).isMachineLike)
    #expect(!AccountRhythm(starts: starts(every: 60_000, count: 50), rules: .utc).isMachineLike)
    #expect(AccountRhythm(starts: starts(every: 60_000, count: 51), rules: .utc).isMachineLike)
    #expect(AccountRhythm(starts: [], rules: .utc).pauseMedianMilliseconds == nil)
  }
}
