import Synchronization
import Testing

@testable import Aggregation

struct TransitionWaitsTests {
  /// Several workers' waits, put together, are those that were added; long ones too.
  @Test(arguments: 0..<20)
  func everyWaitIsHandedOutOnce(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let transitionCount = Int.random(in: 1...40, using: &random)
    var counts = [Int](repeating: 0, count: transitionCount)
    var expected = [[Int64]](repeating: [], count: transitionCount)
    var all = TransitionWaits()
    for worker in 0..<3 {
      // Each worker has numbers of its own.
      let numbers = worker == 0 ? Array(0..<transitionCount) : (0..<transitionCount).shuffled(using: &random)
      var waits = TransitionWaits()
      for _ in 0..<Int.random(in: 0...200_000, using: &random) {
        let own = Int.random(in: 0..<transitionCount, using: &random)
        let wait =
          Int.random(in: 0..<1_000, using: &random) == 0
          ? Int64.random(in: 0...Int64.max, using: &random) : Int64.random(in: 0...9_000_000, using: &random)
        waits.append(transition: own, milliseconds: wait)
        counts[numbers[own]] += 1
        expected[numbers[own]].append(wait)
      }
      all.absorb(waits, numbers: numbers)
    }
    let found = Mutex([[Int64]](repeating: [], count: transitionCount))
    all.forEachTransition(counts: counts) { transition, waits in
      found.withLock { $0[transition] += Array(waits) }
    }
    #expect(found.withLock { $0.map { $0.sorted() } } == expected.map { $0.sorted() })
  }

  @Test func nothingIsHandedOutOfNothing() {
    TransitionWaits().forEachTransition(counts: []) { _, _ in Issue.record("there is no transition") }
  }
}
