import Testing

@testable import Ingest

/// What senders are allowed together never exceeds what the collector takes.
@Suite struct AnswerPaceTests {
  private func pace(senders: Int, at now: Int64 = 1_000_000) -> AnswerPace {
    var pace = AnswerPace()
    pace.advance(to: now)
    for _ in 0..<senders { pace.noteSender() }
    return pace
  }

  @Test func aFewGoAtFullSpeed() {
    for senders in [0, 1, 10, 63] {
      #expect(pace(senders: senders).answer == (32, 0))
    }
  }

  @Test(arguments: [64, 100, 1_000, 2_048, 5_000, 10_000, 25_000])
  func manyShareABufferAndASecond(senders: Int) {
    let answer = pace(senders: senders).answer
    #expect(answer.window >= 1 && answer.delayMilliseconds <= 5_000)
    #expect(Int(answer.window) * senders <= max(AnswerPace.batchesAtOnce, senders))
    // Each sends its window, and then waits.
    let perSecond = senders * Int(answer.window) * 1_000 / max(1, Int(answer.delayMilliseconds))
    #expect(perSecond <= AnswerPace.batchesPerSecondMax + 1_000)
  }

  @Test func thoseOfThePeriodBeforeCount() {
    var pace = pace(senders: 10_000)
    let before = pace.period
    pace.advance(to: 1_000_000 + AnswerPace.periodMilliseconds)
    #expect(pace.period == before + 1)
    #expect(pace.answer == (1, 2_000))
    pace.advance(to: 1_000_000 + 2 * AnswerPace.periodMilliseconds)
    #expect(pace.answer == (32, 0), "nobody was heard for a period")
    // After a long silence nothing is known, and a clock that is set back does no harm.
    pace.noteSender()
    pace.advance(to: 90_000_000)
    pace.advance(to: 5)
    #expect(pace.answer == (32, 0))
  }

  @Test func dropsSlowAllDownAndWearOff() {
    var pace = pace(senders: 1_000)
    let calm = pace.answer.delayMilliseconds
    var now: Int64 = 1_000_000
    for _ in 0..<2 {
      now += 1_000
      pace.noteDrops(at: now)
      pace.noteDrops(at: now + 1)
    }
    #expect(pace.answer.delayMilliseconds == 4 * calm)
    for _ in 0..<60 {
      now += 1_000
      pace.noteDrops(at: now)
    }
    #expect(pace.answer.delayMilliseconds == 2_000, "never slower than the least rate")
    for _ in 0..<60 {
      now += 1_000
      let period = pace.period
      pace.advance(to: now)
      if pace.period != period { for _ in 0..<1_000 { pace.noteSender() } }
    }
    #expect(pace.answer.delayMilliseconds == calm)
  }
}
