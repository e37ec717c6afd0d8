import Testing
import UsageModel

@testable import Aggregation

struct FeatureCellTests {
  @Test func codesFollowTheModel() {
    #expect(EventCode.focus == EventKind.focus.rawValue)
    #expect(EventCode.help == EventKind.help.rawValue)
    #expect(EventCode.interruption == EventKind.interruption.rawValue)
    #expect(EventCode.use == EventKind.use.rawValue)
    #expect(EventCode.outcomeOk == EventOutcome.ok.rawValue)
  }

  /// The cell of one person and feature, evaluated directly.
  private func slowCell(_ person: Int32, _ events: [PlainEvent], best: Int64?) -> FeatureCell {
    var cell = FeatureCell(person: person)
    let uses = events.filter(\.isUse)
    let durations = events.filter(\.isOkUse).compactMap(\.duration).sorted()
    func sum(_ kind: EventKind) -> Int64 { events.filter { $0.kind == kind }.map(\.time).reduce(0, +) }
    cell.attempts = Int64(uses.count)
    cell.failed = Int64(uses.count(where: \.isFailedUse))
    cell.attemptMilliseconds = sum(.use)
    cell.failedMilliseconds = uses.filter(\.isFailedUse).map(\.time).reduce(0, +)
    cell.timedOk = Int64(durations.count)
    cell.focusMilliseconds = sum(.focus)
    cell.helpMilliseconds = sum(.help)
    cell.interruptionMilliseconds = sum(.interruption)
    if durations.count >= 5 { cell.medianMilliseconds = durations[(durations.count + 1) / 2 - 1] }
    cell.eroded = cell.failed
    guard let best else { return cell }
    cell.eroded += Int64(durations.count { $0 > 2 * best })
    if let median = cell.medianMilliseconds {
      let excess = durations.map { max(0, $0 - best) }.reduce(0, +)
      cell.slowMilliseconds = min(cell.timedOk * max(0, median - best), excess)
    } else {
      cell.isUnjudged = !durations.isEmpty
    }
    return cell
  }

  @Test(arguments: 0..<60)
  func cellsEqualADirectEvaluation(seed: UInt64) throws {
    let world = RandomEvents(seed: seed, count: 400)
    let best: Int64? = seed % 3 == 0 ? nil : 1_000
    var found: [Int: [FeatureCell]] = [:]
    world.columns.forEachFeature(
      keys: RandomEvents.keys, bounds: RandomEvents.bounds,
      benchmark: { _, medians in
        Benchmark(milliseconds: best, kind: .target, peerCount: medians.count)
      }, body: { found[$0.rank] = $0.cells.sorted { $0.person < $1.person } })
    #expect(try packedCells(world, best: best) == found)
    let inWindow = world.counted.filter(RandomEvents.isInWindow)
    let ranks = Dictionary(grouping: inWindow) { Int($0.rank) }
    #expect(Set(found.keys) == Set(ranks.keys))
    for (rank, events) in ranks {
      let people = Dictionary(grouping: events, by: \.person).sorted { $0.key < $1.key }
      #expect(found[rank] == people.map { slowCell($0.key, $0.value, best: best) })
    }
  }

  /// The cells as packed events give them to three workers.
  private func packedCells(_ world: RandomEvents, best: Int64?) throws -> [Int: [FeatureCell]] {
    var tallies = [[Int: [FeatureCell]]](repeating: [:], count: 3)
    try PackedEvents(world.events, contents: [], .window).measureFeatures(
      keys: RandomEvents.keys,
      benchmark: { _, medians in
        Benchmark(milliseconds: best, kind: .target, peerCount: medians.count)
      }, into: &tallies, add: { $0[$1.rank] = $1.cells.sorted { $0.person < $1.person } })
    return tallies.reduce(into: [:]) { $0.merge($1) { cells, _ in cells } }
  }

  @Test func talliesOfSeveralWorkersAddUp() throws {
    let world = RandomEvents(seed: 4, count: 900)
    let groups: [Int32] = [0, 1, 0, -1, 1]
    for level in [ErosionTally.Level.all, .app] {
      func tally() -> ErosionTally {
        ErosionTally(
          keys: RandomEvents.keys, groupOfPerson: groups, groupCount: 2, level: level,
          isSelected: [true, true], peopleKept: 5)
      }
      let benchmark = { @Sendable (_: Int, medians: inout [Int64]) in
        Benchmark(milliseconds: 1_000, kind: .target, peerCount: medians.count)
      }
      var alone = tally()
      world.columns.forEachFeature(
        keys: RandomEvents.keys, bounds: RandomEvents.bounds, benchmark: benchmark, body: { alone.add($0) })
      alone.finish()
      var parts = [tally(), tally()]
      try PackedEvents(world.events, contents: [], .window).measureFeatures(
        keys: RandomEvents.keys, benchmark: benchmark, into: &parts, add: { $0.add($1) })
      var together = parts[0]
      together.absorb(parts[1])
      together.finish()
      #expect(together.chosenFaceMilliseconds == alone.chosenFaceMilliseconds)
      func facts(_ tally: ErosionTally) -> Set<[Int64]> {
        Set(
          tally.rows.map {
            [
              Int64($0.group), Int64($0.app ?? -1), $0.faceMilliseconds, $0.lost.milliseconds, $0.unjudged,
              Int64($0.people.count),
            ]
          })
      }
      #expect(facts(together) == facts(alone))
      #expect(
        Set(together.rows.map(\.faceTimeKind.rawValue)) == Set(alone.rows.map(\.faceTimeKind.rawValue)))
    }
  }

  @Test func affectedFromAFifthOfTheAttempts() {
    var cell = FeatureCell(person: 0)
    #expect(!cell.isAffected)
    cell.attempts = 11
    cell.eroded = 2
    #expect(!cell.isAffected)
    cell.attempts = 10
    #expect(cell.isAffected)
  }

  @Test func longestDurationsDoNotOverflow() {
    let longest = Int64(UInt32.max)
    let events = (0..<20).map { number in
      PlainEvent(
        user: 1, feature: 2, person: 0, rank: 1, kind: .use, outcome: .ok,
        start: RandomEvents.bounds.span.lowerBound + Int64(number), duration: longest)
    }
    EventColumns(events).forEachFeature(
      keys: RandomEvents.keys, bounds: RandomEvents.bounds,
      benchmark: { _, _ in Benchmark(milliseconds: 1, kind: .target, peerCount: 0) },
      body: { feature in
        #expect(feature.cells[0].slowMilliseconds == 20 * (longest - 1))
        #expect(feature.cells[0].eroded == 20)
      })
  }
}

struct BenchmarkTests {
  @Test func tenPeersSetIt() {
    var medians = (1...10).map { Int64($0 * 100) }.reversed() as [Int64]
    let benchmark = Benchmark(peerMedians: &medians, targetMilliseconds: 7)
    #expect(benchmark == Benchmark(milliseconds: 300, kind: .peers, peerCount: 10))
  }

  @Test func ninePeersLeaveItToTheCatalog() {
    var medians = [Int64](repeating: 100, count: 9)
    #expect(Benchmark(peerMedians: &medians, targetMilliseconds: 7).kind == .target)
    #expect(Benchmark(peerMedians: &medians, targetMilliseconds: 0).milliseconds == nil)
    #expect(Benchmark(peerMedians: &medians, targetMilliseconds: nil).kind == .none)
  }

  @Test func zeroFromPeersIsNoneAndNotTheTarget() {
    var medians = [Int64](repeating: 0, count: 10)
    let benchmark = Benchmark(peerMedians: &medians, targetMilliseconds: 7)
    #expect(benchmark.milliseconds == nil)
    #expect(benchmark.kind == .none)
  }
}
