import Glibc
import Testing

@testable import WireFormat

struct TimestampParserTests {
  /// The C library's calendar.
  private static func milliseconds(
    _ year: Int, _ month: Int, _ day: Int, _ hour: Int, _ minute: Int, _ second: Int
  ) -> Int64 {
    var time = tm()
    time.tm_year = Int32(year - 1_900)
    time.tm_mon = Int32(month - 1)
    time.tm_mday = Int32(day)
    time.tm_hour = Int32(hour)
    time.tm_min = Int32(minute)
    time.tm_sec = Int32(second)
    return Int64(timegm(&time)) * 1_000
  }

  private static func digits(_ value: Int, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }

  @Test func agreesWithTheCLibrary() {
    var random = SeededRandom(seed: 31)
    for _ in 0..<20_000 {
      let year = Int.random(in: Bool.random(using: &random) ? 1...9_999 : 1_970...2_040, using: &random)
      let month = Int.random(in: 1...12, using: &random)
      let day = Int.random(in: 1...28, using: &random)
      let (hour, minute) = (Int.random(in: 0...23, using: &random), Int.random(in: 0...59, using: &random))
      let second = Int.random(in: 0...59, using: &random)
      var expected = Self.milliseconds(year, month, day, hour, minute, second)
      var text = "\(Self.digits(year, 4))-\(Self.digits(month, 2))-\(Self.digits(day, 2))"
      text += ["T", "t", " "].randomElement(using: &random) ?? "T"
      text += "\(Self.digits(hour, 2)):\(Self.digits(minute, 2)):\(Self.digits(second, 2))"
      if Bool.random(using: &random) {
        let count = Int.random(in: 1...12, using: &random)
        let fraction = (0..<count).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
        text += "." + fraction
        expected += Int64((fraction + "00").prefix(3)) ?? 0
      }
      if Bool.random(using: &random) {
        text += Bool.random(using: &random) ? "Z" : "z"
      } else {
        let (hours, minutes) = (
          Int.random(in: 0...23, using: &random), Int.random(in: 0...59, using: &random)
        )
        let isEast = Bool.random(using: &random)
        text += "\(isEast ? "+" : "-")\(Self.digits(hours, 2)):\(Self.digits(minutes, 2))"
        expected -= Int64(hours * 60 + minutes) * 60_000 * (isEast ? 1 : -1)
      }
      let parsed = TimestampParser.milliseconds(text)
      if parsed != expected { #expect(parsed == expected, "\(text)") }
    }
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999Z", -1),
      ("2026-01-31T08:15:00.250+01:00", 1_769_843_700_250),
      ("2024-02-29T23:59:59.9999999Z", 1_709_251_199_999), ("2026-01-01T00:00:00-00:00", 1_767_225_600_000),
      ("2016-12-31T23:59:60Z", 1_483_228_800_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
      ("9999-12-31T23:59:59.999Z", 253_402_300_799_999), ("2026-01-01 00:00:00z", 1_767_225_600_000),
      ("2026-01-01T00:00:00.5Z", 1_767_225_600_500), ("2026-01-01T00:00:00.05Z", 1_767_225_600_050),
    ] as [(String, Int64)])
  func reads(text: String, milliseconds: Int64) {
    #expect(TimestampParser.milliseconds(text) == milliseconds)
  }

  @Test(arguments: [
    "", "Z", "2026", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01",
    "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+01:60",
    "2026-01-01T00:00:00+01:00Z", "2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00Z ", " 2026-01-01T00:00:00Z",
    "2026-01-01T24:00:00Z", "2026-01-01T23:60:00Z", "2026-01-01T23:59:61Z", "2026-00-01T00:00:00Z",
    "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-02-29T00:00:00Z", "2026-1-01T00:00:00Z0",
    "0000-01-01T00:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00.5",
    "2026-01-01T00:00:00.5x", "2026-01-01X00:00:00Z", "2026/01/01T00:00:00Z", "+026-01-01T00:00:00Z",
    "20260101T000000Z", "2026-W01-1T00:00:00Z", "２026-01-01T00:00:00Z", "2026-01-01T00:00:00−01:00",
    "2026-01-01T00:00:00.\u{0}Z", "1767225600000", "1767225600000.000000000", "2026-01-01T00:00:00+01:0a",
    "2026-01-01T00:00:00.0000000000000000000000000000000000000000000000000000000000Z",
  ])
  func refuses(text: String) {
    #expect(TimestampParser.milliseconds(text) == nil)
  }

  /// One byte changed, dropped or doubled: nothing is read that is not written as RFC 3339 says.
  @Test func takesNothingElse() {
    var random = SeededRandom(seed: 32)
    let shape =
      #/[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})/#
    let seeds = ["2026-01-31T08:15:00.250+01:00", "2026-12-31T23:59:59Z", "1999-11-30 00:00:00.1-23:59"]
    for _ in 0..<20_000 {
      var bytes = Array((seeds.randomElement(using: &random) ?? "").utf8)
      let index = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<3, using: &random) {
      case 0: bytes[index] = UInt8.random(in: 0...127, using: &random)
      case 1: bytes.remove(at: index)
      default: bytes.insert(bytes[index], at: index)
      }
      let parsed = EventDecoding.withExactMemory(bytes) { TimestampParser.milliseconds($0) }
      if parsed == nil { continue }
      let text = String(decoding: bytes, as: UTF8.self)
      if text.wholeMatch(of: shape) == nil { Issue.record("read \(text)") }
    }
  }
}
