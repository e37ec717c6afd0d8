import Testing

@testable import Aggregation

struct BottleneckTests {
  private func bottleneck(_ cells: [FeatureCell]) -> Bottleneck {
    var tally = BottleneckTally(
      groupOfPerson: [Int32](repeating: 0, count: cells.count), groupCount: 1, peopleKept: 5)
    let benchmark = Benchmark(milliseconds: 100, kind: .peers, peerCount: 10)
    tally.add(FeatureCells(rank: 3, benchmark: benchmark, cells: cells))
    return tally.rows[0]
  }

  private func cells(_ count: Int, time: Int64 = 1_000) -> [FeatureCell] {
    (0..<count).map { person in
      var cell = FeatureCell(person: Int32(person))
      cell.attempts = 10
      cell.failed = 1
      cell.eroded = person % 2 == 0 ? 2 : 1
      cell.attemptMilliseconds = time
      cell.failedMilliseconds = time / 10
      cell.slowMilliseconds = time / 10
      return cell
    }
  }

  @Test func scoreIsTheGeometricMeanOfItsFactors() throws {
    let row = bottleneck(cells(10))
    #expect(row.frequency == 0.15)
    #expect(row.reach == 0.5)
    #expect(row.severity == 0.2)
    let score = try #require(row.score)
    #expect(abs(score * score * score / 1e6 - 0.15 * 0.5 * 0.2) < 1e-12)
  }

  @Test func ninePeopleGetNoScore() {
    #expect(bottleneck(cells(9)).score == nil)
    #expect(bottleneck(cells(9)).severity == 0.2)
  }

  @Test func withoutTimeThereIsNoSeverityAndNoScore() {
    let row = bottleneck(cells(12, time: 0))
    #expect(row.severity == nil)
    #expect(row.score == nil)
  }
}
