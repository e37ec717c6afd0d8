import Report
import Testing

struct ProgressTextTests {
  private static func line(
    _ unit: ProgressText.Unit, _ done: Int64, of total: Int64?, after milliseconds: Int64, columns: Int = 200
  ) -> String {
    ProgressText(title: "sorting", unit: unit, done: done, total: total, elapsedMilliseconds: milliseconds)
      .line(columns: columns)
  }

  @Test func showsRateAndTimeLeft() {
    #expect(
      Self.line(.bytes, 25_000_000, of: 100_000_000, after: 2_000)
        == "sorting: ██████░░░░░░░░░░░░░░░░░░ 25.0%, 12.5 MB/s, 6.0 s left")
    #expect(
      Self.line(.things("events"), 3_000, of: 4_000, after: 1_500)
        == "sorting: ██████████████████░░░░░░ 75.0%, 2,000 events/s, 500 ms left")
  }

  @Test(arguments: [
    // Nothing is promised of what is not known.
    (Int64(0), Int64(0) as Int64?, Int64(0), "sorting: 0 events"), (5, nil, 100, "sorting: 5 events"),
    (1_200, nil, 2_000, "sorting: 1,200 events, 600 events/s"),
    (0, 10, 5_000, "sorting: ░░░░░░░░░░░░░░░░░░░░░░░░ 0.0%"),
    // More than was thought, or a clock that went back.
    (20, 10, 1_000, "sorting: ████████████████████████ 100.0%, 20.0 events/s, 0 ms left"),
    (10, 10, -5, "sorting: ████████████████████████ 100.0%"), (-3, nil, 0, "sorting: 0 events"),
  ])
  func staysSane(done: Int64, total: Int64?, milliseconds: Int64, text: String) {
    #expect(Self.line(.things("events"), done, of: total, after: milliseconds) == text)
  }

  @Test func fitsTheTerminal() {
    for columns in 0...80 {
      let text = Self.line(.bytes, 7, of: 100, after: 1_000, columns: columns)
      #expect(DisplayWidth.of(text) <= columns)
    }
  }
}
