import Testing
import UsageModel

struct ZoneRulesTests {
  private static let hour: Int64 = 3_600_000
  private static let day: Int64 = 86_400_000

  /// Central European Time of 2026: forward on 29 March, back on 25 October, both at 01:00 UTC.
  private static let berlin = ZoneRules(
    name: "Europe/Berlin", initialOffsetMilliseconds: hour,
    transitions: [
      ZoneRules.Transition(startMilliseconds: utc(2026, 3, 29, 1), offsetMilliseconds: 2 * hour),
      ZoneRules.Transition(startMilliseconds: utc(2026, 10, 25, 1), offsetMilliseconds: hour),
    ])

  private static func utc(_ year: Int, _ month: Int, _ dayOfMonth: Int, _ hours: Int64) -> Int64 {
    let day = CivilDay(year: year, month: month, day: dayOfMonth) ?? CivilDay(number: 0)
    return day.startMilliseconds + hours * hour
  }

  @Test func knowsTheOffsetOfAMoment() {
    let spring = Self.utc(2026, 3, 29, 1)
    #expect(Self.berlin.offsetMilliseconds(at: spring - 1) == Self.hour)
    #expect(Self.berlin.offsetMilliseconds(at: spring) == 2 * Self.hour)
    let autumn = Self.utc(2026, 10, 25, 1)
    #expect(Self.berlin.offsetMilliseconds(at: autumn - 1) == 2 * Self.hour)
    #expect(Self.berlin.offsetMilliseconds(at: autumn) == Self.hour)
    #expect(ZoneRules.utc.offsetMilliseconds(at: .min) == 0)
    #expect(ZoneRules.utc.offsetMilliseconds(at: .max) == 0)
  }

  @Test func cutsDaysAtLocalMidnight() {
    let midnight = Self.utc(2026, 6, 1, -2)
    #expect(Self.berlin.day(of: midnight).description == "2026-06-01")
    #expect(Self.berlin.day(of: midnight - 1).description == "2026-05-31")
    let winter = Self.utc(2026, 12, 1, -1)
    #expect(Self.berlin.day(of: winter).description == "2026-12-01")
    #expect(Self.berlin.day(of: winter - 1).description == "2026-11-30")
  }

  /// RFC 5545, section 3.3.5: the first of two, and the offset before the gap.
  @Test func readsLocalClocks() {
    let half = Self.hour / 2
    // 02:30 on the day clocks go forward does not exist: it is 03:30.
    #expect(
      Self.berlin.utcMilliseconds(local: Self.utc(2026, 3, 29, 2) + half) == Self.utc(2026, 3, 29, 1) + half)
    #expect(Self.berlin.utcMilliseconds(local: Self.utc(2026, 3, 29, 2)) == Self.utc(2026, 3, 29, 1))
    #expect(Self.berlin.utcMilliseconds(local: Self.utc(2026, 3, 29, 3)) == Self.utc(2026, 3, 29, 1))
    #expect(Self.berlin.utcMilliseconds(local: Self.utc(2026, 3, 29, 2) - 1) == Self.utc(2026, 3, 29, 1) - 1)
    // 02:30 on the day clocks go back comes twice: the first counts.
    #expect(
      Self.berlin.utcMilliseconds(local: Self.utc(2026, 10, 25, 2) + half) == Self.utc(2026, 10, 25, 0) + half
    )
    #expect(Self.berlin.utcMilliseconds(local: Self.utc(2026, 10, 25, 3)) == Self.utc(2026, 10, 25, 2))
    #expect(Self.berlin.utcMilliseconds(local: Self.utc(2026, 7, 1, 12)) == Self.utc(2026, 7, 1, 10))
  }

  /// Samoa left out 30 December 2011 whole: from -10 to +14 hours at 10:00 UTC.
  @Test func readsLocalClocksOverALostDay() {
    let change = Self.utc(2011, 12, 30, 10)
    let samoa = ZoneRules(
      name: "Pacific/Apia", initialOffsetMilliseconds: -10 * Self.hour,
      transitions: [ZoneRules.Transition(startMilliseconds: change, offsetMilliseconds: 14 * Self.hour)])
    #expect(samoa.utcMilliseconds(local: Self.utc(2011, 12, 30, 0)) == change)
    #expect(samoa.utcMilliseconds(local: Self.utc(2011, 12, 30, 23)) == change + 23 * Self.hour)
    #expect(samoa.utcMilliseconds(local: Self.utc(2011, 12, 31, 0)) == change)
    #expect(samoa.utcMilliseconds(local: Self.utc(2011, 12, 29, 23)) == change - Self.hour)
    #expect(samoa.day(of: change - 1).description == "2011-12-29")
    #expect(samoa.day(of: change).description == "2011-12-31")
  }

  /// Random zones, changes at least three days apart, against a look at every transition.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func agreesWithALookAtEveryTransition(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let offsets: [Int64] = [-12, -10, -1, 0, 1, 2, 14].map { $0 * Self.hour } + [20_700_000, 1_172_000]
    var start: Int64 = -9 * Self.day
    let transitions = (0..<Int.random(in: 0...12, using: &random)).map { _ in
      start += Int64.random(in: 3 * Self.day...40 * Self.day, using: &random)
      return ZoneRules.Transition(
        startMilliseconds: start, offsetMilliseconds: offsets.randomElement(using: &random) ?? 0)
    }
    let rules = ZoneRules(
      name: "Random", initialOffsetMilliseconds: offsets.randomElement(using: &random) ?? 0,
      transitions: transitions)
    var differences = 0
    var probes = (0..<2_000).map { _ in
      Int64.random(in: -20 * Self.day...start + 20 * Self.day, using: &random)
    }
    for transition in transitions {
      for offset in offsets + [0, 1, -1] { probes.append(transition.startMilliseconds + offset) }
    }
    for probe in probes {
      if rules.offsetMilliseconds(at: probe) != Self.slowOffset(rules, probe) { differences += 1 }
      if rules.utcMilliseconds(local: probe) != Self.slowMoment(rules, local: probe) { differences += 1 }
      let day = CivilDay(localMilliseconds: probe + Self.slowOffset(rules, probe))
      if rules.day(of: probe) != day { differences += 1 }
    }
    #expect(differences == 0, "seed \(seed)")
  }

  private static func slowOffset(_ rules: ZoneRules, _ moment: Int64) -> Int64 {
    var offset = rules.initialOffsetMilliseconds
    for transition in rules.transitions where transition.startMilliseconds <= moment {
      offset = transition.offsetMilliseconds
    }
    return offset
  }

  /// The first moment whose clock shows `local`; in a gap, with the offset before it.
  private static func slowMoment(_ rules: ZoneRules, local: Int64) -> Int64 {
    var from = Int64.min
    var offset = rules.initialOffsetMilliseconds
    for transition in rules.transitions {
      let moment = local - offset
      if moment >= from && moment < transition.startMilliseconds { return moment }
      // Behind the end of this stretch, before the begin of the next: nobody's clock showed it.
      if moment >= transition.startMilliseconds
        && local - transition.offsetMilliseconds < transition.startMilliseconds
      {
        return moment
      }
      from = transition.startMilliseconds
      offset = transition.offsetMilliseconds
    }
    return local - offset
  }
}

/// SplitMix64: the same numbers on every machine for a seed.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
