import Testing
import UsageModel

@testable import Export

struct SpokenSummaryTests {
  private static let fillers: [Prose] = [
    "Our plan names the most costly steps first.", "Every number has its source.",
    "Nobody is named, and small groups are left out.",
  ]

  @Test func fillsUpAndStopsInTime() {
    for count in 34...75 {
      let core = Prose(pieces: [.words(Array(repeating: "word", count: count - 1).joined(separator: " "))])
      let fillers = Self.fillers + Array(repeating: "Three more words.", count: 12)
      let summary = SpokenSummary.compose([core, "End."], fillers: fillers)
      #expect(SpokenSummary.words.contains(SpokenSummary.wordCount(summary)), "\(count) words")
      #expect(summary.plainText.hasSuffix("End."))
    }
  }

  @Test func namesAreShort() {
    #expect(SpokenSummary.name("one two  three\tfour five six") == "one two three four")
    #expect(SpokenSummary.name("") == "")
  }
}
