import Testing
import UsageModel

@testable import Aggregation

struct ErosionTests {
  private static let groups: [Int32] = [0, 1, 0, -1, 1]

  private func tally(_ world: RandomEvents, level: ErosionTally.Level, isSelected: [Bool]) -> ErosionTally {
    var tally = ErosionTally(
      keys: RandomEvents.keys, groupOfPerson: Self.groups, groupCount: 2, level: level,
      isSelected: isSelected, peopleKept: 5)
    world.columns.forEachFeature(
      keys: RandomEvents.keys, bounds: RandomEvents.bounds,
      benchmark: { _, _ in Benchmark(milliseconds: 1_000, kind: .target, peerCount: 0) },
      body: { tally.add($0) })
    tally.finish()
    return tally
  }

  private func faceTime(_ events: [PlainEvent]) -> Int64 {
    let focus = events.filter { $0.kind == .focus }.map(\.time).reduce(0, +)
    return max(focus, events.filter { $0.kind != .focus }.map(\.time).reduce(0, +))
  }

  @Test(arguments: 0..<40)
  func faceTimeIsThatOfPeopleAndApplications(seed: UInt64) {
    let world = RandomEvents(seed: seed, count: 300)
    let inWindow = world.counted.filter(RandomEvents.isInWindow)
    func face(_ person: Int32, _ app: Int32) -> Int64 {
      faceTime(inWindow.filter { $0.person == person && RandomEvents.keys.appOfRank[Int($0.rank)] == app })
    }
    let byApp = tally(world, level: .app, isSelected: [true, true])
    for row in byApp.rows {
      let people = Self.groups.indices.filter { Self.groups[$0] == row.group }.map { Int32($0) }
      let app = Int32(row.app ?? -1)
      #expect(row.faceMilliseconds == people.map { face($0, app) }.reduce(0, +))
      #expect(row.lost.milliseconds <= row.faceMilliseconds)
    }
    let all = tally(world, level: .all, isSelected: [true, true])
    let chosen = Self.groups.indices.filter { Self.groups[$0] >= 0 }.map { Int32($0) }
    let total = chosen.map { face($0, 0) + face($0, 1) }.reduce(0, +)
    #expect(all.chosenFaceMilliseconds == total)
    #expect(all.rows.map(\.faceMilliseconds).reduce(0, +) == total)
    #expect(
      all.rows.map(\.lost.milliseconds).reduce(0, +) == byApp.rows.map(\.lost.milliseconds).reduce(0, +))
    let one = tally(world, level: .all, isSelected: [false, true])
    #expect(one.chosenFaceMilliseconds == total)
    #expect(one.rows.map(\.faceMilliseconds).reduce(0, +) == chosen.map { face($0, 1) }.reduce(0, +))
  }

  @Test func kindsOfFaceTime() {
    func event(_ user: UInt32, _ kind: EventKind, _ duration: Int64) -> PlainEvent {
      PlainEvent(
        user: user, feature: kind == .use ? 2 : 1, person: Int32(user) - 1, rank: kind == .use ? 1 : 0,
        kind: kind, outcome: .ok, start: RandomEvents.bounds.span.lowerBound, duration: duration)
    }
    func kind(_ events: [PlainEvent]) -> FaceTimeKind? {
      var world = RandomEvents(seed: 0, count: 0)
      world.events = events
      return tally(world, level: .all, isSelected: [true, true]).rows.first { $0.group == 0 }?.faceTimeKind
    }
    #expect(kind([event(1, .focus, 2), event(1, .use, 1)]) == .measured)
    #expect(kind([event(1, .focus, 1), event(1, .use, 1)]) == .estimated)
    #expect(kind([event(1, .focus, 2), event(3, .use, 1)]) == .mixed)
    #expect(kind([event(1, .use, 0)]) == .estimated)
  }
}

struct RatioIntervalTests {
  private func interval(_ pairs: [(Int64, Int64)]) -> RatioInterval {
    var interval = RatioInterval()
    for pair in pairs { interval.add(numerator: pair.0, denominator: pair.1) }
    return interval
  }

  @Test func tenEqualPeopleSuffice() {
    #expect(interval(Array(repeating: (1, 7), count: 10)).isSufficient)
    #expect(!interval(Array(repeating: (1, 7), count: 9)).isSufficient)
  }

  @Test func limitIsExactForLongTimes() {
    // Sums whose squares need more than 64 bits, and differ from the limit by one part in 10^15.
    let long: Int64 = 1_000_000_000_000_000
    #expect(interval(Array(repeating: (1, long), count: 10)).isSufficient)
    #expect(!interval(Array(repeating: (1, long), count: 9) + [(1, long - 1)]).isSufficient)
    #expect(!interval([]).isSufficient)
  }

  @Test func anErrorNeedsTimeOfTwoPeople() throws {
    #expect(interval([(1, 7)]).standardError == nil)
    #expect(interval([(1, 7), (0, 0)]).standardError == nil)
    // R = 1/2, without the one 1, without the other 0: √(1/2 × (1/4 + 1/4)).
    let error = try #require(interval([(0, 2), (2, 2)]).standardError)
    #expect(abs(error - 0.5) < 1e-12)
  }

  @Test func equalsTheFormulas() throws {
    let pairs: [(Int64, Int64)] = (1...14).map { ($0 % 5, 10 + $0) }
    let bounds = try #require(interval(pairs).bounds)
    let x = pairs.map { Double($0.0) }
    let y = pairs.map { Double($0.1) }
    let sumX = x.reduce(0, +)
    let sumY = y.reduce(0, +)
    let ratio = sumX / sumY
    let squares = zip(x, y).map { ((sumX - $0) / (sumY - $1) - ratio) * ((sumX - $0) / (sumY - $1) - ratio) }
    let error = (13.0 / 14.0 * squares.reduce(0, +)).squareRoot()
    let degrees = sumY * sumY / y.map { $0 * $0 }.reduce(0, +) - 1
    let t = RatioInterval.quantileOfStudent(degrees: degrees)
    #expect(abs(bounds.low - max(0, ratio - t * error)) < 1e-12)
    #expect(abs(bounds.high - min(1, ratio + t * error)) < 1e-12)
  }

  /// Tables of Student's t: 2.2622 for 9, 2.0452 for 29 degrees of freedom.
  @Test func studentIsCloseFromNineDegrees() {
    #expect(abs(RatioInterval.quantileOfStudent(degrees: 9) - 2.2622) < 0.005)
    #expect(abs(RatioInterval.quantileOfStudent(degrees: 29) - 2.0452) < 0.001)
  }
}
