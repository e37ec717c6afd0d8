import Testing

@testable import DemoOrganisation

struct DeterminismTests {
  @Test func sameSeedGivesSameBytes() {
    #expect(hash(allBytes(SmallOrganisation(seed: 1))) == hash(allBytes(SmallOrganisation.shared)))
  }

  @Test func otherSeedGivesOtherBytes() {
    #expect(hash(allBytes(SmallOrganisation(seed: 2))) != hash(allBytes(SmallOrganisation.shared)))
  }

  /// The first numbers of the reference implementation, `splitmix64.c`, from the state 1234567.
  @Test func generatorEqualsReference() {
    var random = SplitMix64(seed: 1_234_567)
    let drawn = (0..<5).map { _ in random.next() }
    #expect(
      drawn == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
      ])
  }

  @Test(arguments: [
    (-10.0, 0.000_976_562_5), (0.0, 1.0), (0.5, 1.414_213_562_373), (12.25, 4_870.992_343_051),
  ])
  func powerOfTwoEqualsKnownValues(exponent: Double, expected: Double) {
    #expect(abs(powerOfTwo(exponent) / expected - 1) < 1e-6)
  }

  @Test func normalHasItsMeanAndSpread() {
    var random = SplitMix64(seed: 3)
    let drawn = (0..<20_000).map { _ in random.normal() }
    let mean = drawn.reduce(0, +) / 20_000
    let variance = drawn.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 20_000
    #expect(abs(mean) < 0.03)
    #expect(abs(variance - 1) < 0.04)
  }

  @Test(arguments: [
    (0, "1970-01-01"), (11_016, "2000-02-29"), (20_777, "2026-11-20"), (47_540, "2100-02-28"),
  ])
  func datesEqualKnownOnes(day: Int, expected: String) {
    #expect(dateText(day) == expected)
  }

  @Test func timesAreWrittenWithMilliseconds() {
    #expect(timeText(1_795_166_130_250) == "2026-11-20T09:15:30.250Z")
  }
}
