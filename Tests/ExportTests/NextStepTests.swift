import Testing
import UsageModel

@testable import Export

struct NextStepTests {
  private struct Case {
    var lost: Int64 = 1_000
    var slow: Int64? = 0
    var failed: Int64 = 5
    var eroded: Int64 = 10
    var reach = 0.2
    var score: ReportValue = .number(10)
    var silent: ReportValue = .number(0.5)
    var silentTime: Int64 = 500
    var words: String
  }

  @Test func rulesDecideByFactors() {
    let cases = [
      Case(slow: 400, words: "fix it"),
      Case(slow: 500, words: "fix it"),
      Case(slow: 501, words: "train people"),
      Case(slow: 900, reach: 0.5, words: "simplify it"),
      Case(slow: 900, reach: 0.49, words: "train people"),
      Case(slow: 900, reach: 0.9, silent: .number(0.9), words: "simplify it; go and ask"),
      Case(slow: 900, reach: 0.9, silent: .number(1), silentTime: 499, words: "simplify it"),
      Case(slow: 100, silent: .number(0.89), words: "fix it"),
      Case(slow: 100, silent: .number(0.95), words: "fix it; go and ask"),
      Case(slow: 100, silent: .null, words: "fix it"),
      Case(slow: 100, score: .null, words: "keep watching"),
      Case(slow: nil, failed: 5, eroded: 10, words: "fix it"),
      Case(slow: nil, failed: 4, eroded: 10, words: "train people"),
    ]
    for item in cases {
      let bottlenecks = SamplePart.make(
        "bottlenecks",
        columns: [
          "app", "feature", "attempts", "failed", "eroded", "people", "people_affected", "lost_ms", "reach",
          "score",
        ],
        rows: [
          [
            .text("crm"), .text("open"), .integer(50), .integer(item.failed), .integer(item.eroded),
            .integer(20),
            .integer(4), .integer(item.lost), .number(item.reach), item.score,
          ]
        ])
      let friction = SamplePart.make(
        "friction", columns: ["app", "feature", "silent", "silent_ms", "slow_ms"],
        rows: item.slow.map {
          [[.text("crm"), .text("open"), item.silent, .integer(item.silentTime), .integer($0)]]
        } ?? [])
      let advice = Advice(bottlenecks, row: 0, friction: friction)
      #expect(advice.words == item.words)
      #expect(!advice.reason.plainText.isEmpty)
    }
  }
}
