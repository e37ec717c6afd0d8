import Report
import Testing

struct HumanNumberTests {
  @Test(arguments: [
    (0, "0 ms"), (286, "286 ms"), (999, "999 ms"), (1_000, "1.0 s"), (3_449, "3.4 s"), (3_450, "3.5 s"),
    (59_949, "59.9 s"), (59_950, "1m 00s"), (725_000, "12m 05s"), (3_599_499, "59m 59s"),
    (3_599_500, "1h 00m"), (3_720_000, "1h 02m"), (359_969_999, "99h 59m"), (359_970_000, "100 h"),
    (4_442_400_000_000, "1,234,000 h"), (-1_500, "-1.5 s"), (Int64.max, "2,562,047,788,015 h"),
    (Int64.min, "-2,562,047,788,015 h"),
  ])
  func duration(milliseconds: Int64, text: String) {
    #expect(HumanNumber.duration(milliseconds: milliseconds) == text)
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (9_999, "9,999"), (10_000, "10,000"), (1_234_567, "1,234,567"),
    (-10_000, "-10,000"),
    (Int64.min, "-9,223,372,036,854,775,808"),
  ])
  func count(value: Int64, text: String) { #expect(HumanNumber.count(value) == text) }

  @Test(arguments: [
    (0, "0.0%"), (1, "100.0%"), (0.1234, "12.3%"), (0.00004, "0.0%"), (0.9999, "100.0%"), (-0.05, "-5.0%"),
    (.nan, "–%"),
  ])
  func share(value: Double, text: String) { #expect(HumanNumber.share(value) == text) }

  @Test(arguments: [
    (0, "0"), (0.5, "0.50"), (3.14159, "3.14"), (42.26, "42.3"), (1_234.5, "1,235"), (0.00123, "0.0012"),
    (1e-9, "1e-09"), (1e300, "1e+300"), (.infinity, "–"), (.nan, "–"), (-3.14159, "-3.14"),
  ])
  func plain(value: Double, text: String) { #expect(HumanNumber.plain(value) == text) }
}
