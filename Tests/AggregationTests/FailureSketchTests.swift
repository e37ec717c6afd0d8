import Testing
import UsageModel

@testable import Aggregation

/// The sketch may count too much, never too little.
struct FailureSketchTests {
  /// Whether an attempt of the person with the feature would be listed.
  private func isFull(_ sketch: FailureSketch, person: Int32, rank: Int32) -> Bool {
    var listed: [UInt32] = []
    [person].withUnsafeBufferPointer {
      sketch.listRows(
        0..<1,
        of: DecodedChunk([
          PlainEvent(user: 0, feature: 0, person: person, rank: rank, kind: .use, outcome: .ok, start: 0)
        ]),
        rank: rank, personOfUser: $0, withAttempts: true, into: &listed)
    }
    return listed == [0]
  }

  private func failure(_ person: UInt32, _ feature: UInt32, start: Int64 = 0, duration: Int64? = nil)
    -> PlainEvent
  {
    PlainEvent(
      user: person + 1, feature: feature, person: Int32(person), rank: Int32(feature) - 1, kind: .use,
      outcome: .error, start: start, duration: duration)
  }

  @Test(arguments: 0..<4, 0..<4) func twoSketchesAddUp(left: Int, right: Int) {
    var sketch = FailureSketch(rowCount: 0)
    var other = sketch
    sketch.add(DecodedChunk(Array(repeating: failure(1, 2), count: left)))
    other.add(DecodedChunk(Array(repeating: failure(1, 2), count: right)))
    // The neighbours' counters stay what they are.
    other.add(DecodedChunk([failure(0, 2), failure(2, 2)]))
    sketch.add(other)
    #expect(isFull(sketch, person: 1, rank: 1) == (left + right >= 3))
    #expect(!isFull(sketch, person: 0, rank: 1) && !isFull(sketch, person: 2, rank: 1))
    sketch.add(DecodedChunk([failure(1, 2)]))
    #expect(isFull(sketch, person: 1, rank: 1) == (left + right >= 2))
  }

  @Test(arguments: 0..<20) func itIsFullForWhoeverFailedThreeTimes(seed: UInt64) {
    let world = RandomEvents(seed: seed, count: 400)
    var sketch = FailureSketch(rowCount: 400)
    sketch.add(DecodedChunk(world.events))
    let failures = Dictionary(grouping: world.counted.filter(\.isFailedUse)) { [$0.rank, $0.person] }
    for rank in Int32(0)..<5 {
      for person in Int32(0)..<5 {
        let count = failures[[rank, person]]?.count ?? 0
        // So few people and features share no counter.
        #expect(isFull(sketch, person: person, rank: rank) == (count >= 3))
      }
    }
  }

  @Test func peopleWhoShareACounterAreReadTooOften() {
    var random = SeededRandom(seed: 7)
    var sketch = FailureSketch(rowCount: 0)
    var counts: [Int32: Int] = [:]
    for _ in 0..<20 {
      // A thousand counters for many more people: rows of a chunk name users, and each is a person here.
      let people = (0..<300).map { _ in UInt32.random(in: 0..<20_000, using: &random) }
      let identity = (Int32(-1)..<20_000).map { $0 }
      let chunk = DecodedChunk(people.map { failure($0, 1) })
      identity.withUnsafeBufferPointer { identity in
        [Int32(-1), 0].withUnsafeBufferPointer { ranks in
          sketch.add(chunk, personOfUser: identity, rankOfFeature: ranks, isKept: nil, end: nil)
        }
      }
      for person in people { counts[Int32(person), default: 0] += 1 }
    }
    let full = (Int32(0)..<20_000).filter { isFull(sketch, person: $0, rank: 0) }
    let failed = counts.filter { $0.value >= 3 }.keys
    #expect(!failed.isEmpty && failed.allSatisfy(Set(full).contains))
    #expect(full.count > failed.count)
  }

  @Test func anAttemptThatReachesTheEndCountsAsMany() {
    let half = StrikeOuts.episodePauseMilliseconds
    for (duration, counts) in [(nil, false), (9, false), (10, true), (Int64(UInt32.max), true)]
      as [(Int64?, Bool)]
    {
      var sketch = FailureSketch(rowCount: 0)
      sketch.add(DecodedChunk([failure(0, 2, start: 100, duration: duration)]), end: half + 110)
      #expect(isFull(sketch, person: 0, rank: 1) == counts)
    }
  }
}
