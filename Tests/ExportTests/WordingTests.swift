import Testing
import UsageModel

@testable import Export

struct WordingTests {
  @Test func hoursAreShort() {
    let cases: [(Int64, String)] = [
      (0, "0.0 h"), (900, "900 ms"), (359_999, "6m 00s"), (360_000, "0.1 h"), (3_600_000, "1.0 h"),
      (359_640_000, "99.9 h"), (360_000_000, "100 h"), (4_447_800_000, "1,236 h"),
    ]
    for (milliseconds, text) in cases { #expect(Wording.hoursText(.integer(milliseconds)) == text) }
  }

  @Test func daysAreThoseOfTheWindow() throws {
    let cases = [
      ("2026-03-02", "2026-03-30", "2 Mar – 29 Mar 2026"), ("2026-03-02", "2026-03-03", "2 Mar 2026"),
      ("2025-12-22", "2026-01-01", "22 Dec – 31 Dec 2025"),
      ("2025-12-22", "2026-01-02", "22 Dec 2025 – 1 Jan 2026"),
    ]
    for (from, to, text) in cases {
      let window = Window(from: try #require(CivilDay(from)), to: try #require(CivilDay(to)))
      #expect(Wording.days(window) == text)
    }
  }

  @Test func rowsThatAreNotThereAreNull() {
    let part = SamplePart.make(columns: ["lost_ms"], rows: [])
    #expect(part.figure("lost_ms") == Figure(text: "–", value: .null, source: "sample.rows[0].lost_ms"))
    #expect(part.figure("lost_ms").inHours.text == "–")
    #expect(part.totalFigure("people").value == .null)
  }

  @Test func sourcesAreNamedOnce() {
    let part = SamplePart.make(
      columns: ["a", "b"], rows: [[.integer(1), .integer(2)], [.integer(3), .integer(4)]])
    let figures = [
      part.figure("a", row: 0), part.figure("b", row: 1), part.figure("a", row: 0), part.totalFigure("t"),
    ]
    let section = PageSection(
      identifier: "s", title: "t", blocks: figures.map { .paragraph("\($0)") })
    #expect(PageSources.text(section) == "Sources: sample (totals t; rows 0, 1 of a, b)")
    let table = PageSection(
      identifier: "s", title: "t",
      blocks: [.table(PageTable("c", of: part, [("a", "a")])), .paragraph("\(figures[0])")])
    #expect(PageSources.text(table) == "Sources: sample (rows)")
  }
}
