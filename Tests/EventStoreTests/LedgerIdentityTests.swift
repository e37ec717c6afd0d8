import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

/// The ledger in the obvious way: what became of every single number.
private struct NaiveNumbers {
  enum Fate { case stored, refused, withheld }
  var fates: [Int64: Fate] = [:]
  var duplicates: Int64 = 0

  mutating func store(_ number: Int64) {
    if fates[number] == .stored { duplicates += 1 }
    fates[number] = .stored
  }

  mutating func note(_ number: Int64, _ fate: Fate) {
    if fates[number] == nil { fates[number] = fate }
  }

  func count(_ fate: Fate) -> Int64 { Int64(fates.values.count { $0 == fate }) }

  var lost: Int64 {
    guard let low = fates.keys.min(), let high = fates.keys.max() else { return 0 }
    return Int64((low...high).count { fates[$0] == nil })
  }

  var gaps: Int64 {
    guard let low = fates.keys.min(), let high = fates.keys.max() else { return 0 }
    return Int64((low...high).count { fates[$0] == nil && fates[$0 - 1] != nil })
  }
}

struct LedgerIdentityTests {
  /// Sent is stored, refused, withheld and lost, whatever happens in whatever order.
  @Test(arguments: 0..<12 as Range<UInt64>)
  func agreesWithEveryNumbersFate(seed: UInt64) throws {
    var random = SeededRandom(seed: 71_000 + seed)
    let fixture = try StoreFixture()
    var naive = NaiveNumbers()
    let highest = Int64.random(in: 5...120, using: &random)
    for round in 0..<25 {
      let numbers = (0..<Int.random(in: 1...12, using: &random)).map { _ in
        Int64.random(in: 1...highest, using: &random)
      }
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        let batch = StoreFixture.batch([])
        let source = StoreFixture.intern("pc", batch)
        for number in numbers {
          let empty = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
          batch.reject(.time, bytes: empty, source: source, sequence: number)
          naive.note(number, .refused)
        }
        _ = try fixture.writer.commit([
          ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 1)
        ])
      case 1:
        let last = min(highest, numbers[0] + Int64.random(in: 0...20, using: &random))
        try fixture.writer.withhold(source: "pc", numbers[0]...last)
        for number in numbers[0]...last { naive.note(number, .withheld) }
      default:
        for number in numbers { naive.store(number) }
        try fixture.commit(
          numbers.map {
            UsageEvent(
              timeMilliseconds: SomeEvent.start, user: "u", app: "a", feature: "f", source: "pc",
              sequence: UInt64($0))
          })
      }
      switch Int.random(in: 0..<6, using: &random) {
      case 0: try fixture.reopen()
      case 1: fixture.writer.forget()
      default: break
      }
      guard !naive.fates.isEmpty else { continue }
      let found = try #require(
        try fixture.store.read { try StoreStatus.sources(in: $0) }.first { $0.name == "pc" })
      let place = Comment(rawValue: "seed \(seed) round \(round)")
      #expect(found.stored == naive.count(.stored), place)
      #expect(found.duplicate == naive.duplicates, place)
      #expect(found.refusedNumbers == naive.count(.refused), place)
      #expect(found.withheld == naive.count(.withheld), place)
      #expect(found.lost == naive.lost, place)
      #expect(found.gapCount == naive.gaps, place)
      #expect(found.highestSequence == naive.fates.keys.max(), place)
      #expect(try fixture.store.read { try LedgerCheck.problems(in: $0) } == [], place)
    }
  }

  @Test func findsWhatDoesNotAddUp() throws {
    let fixture = try StoreFixture()
    try fixture.commit([
      UsageEvent(timeMilliseconds: 1, user: "u", app: "a", feature: "f", source: "pc", sequence: 4)
    ])
    #expect(try fixture.store.read { try LedgerCheck.problems(in: $0) } == [])
    for (damage, repair) in [
      ("UPDATE source SET stored = 2 WHERE id <> 0", "UPDATE source SET stored = 1 WHERE id <> 0"),
      ("UPDATE source SET rejected = 1", "UPDATE source SET rejected = 0"),
      ("INSERT INTO sequence_unstored VALUES (1, 3, 9, 2)", "DELETE FROM sequence_unstored"),
      ("INSERT INTO sequence_unstored VALUES (1, 9, 8, 2)", "DELETE FROM sequence_unstored"),
      ("UPDATE source SET conflict = 1", "UPDATE source SET conflict = 0"),
    ] {
      try fixture.execute(damage)
      #expect(try fixture.store.read { try LedgerCheck.problems(in: $0) } != [], "\(damage)")
      try fixture.execute(repair)
      #expect(try fixture.store.read { try LedgerCheck.problems(in: $0) } == [], "\(damage)")
    }
  }

  /// A sender of nothing but bad events cannot fill the disk with their numbers.
  @Test func boundsRefusedNumbers() throws {
    let fixture = try StoreFixture()
    let batch = StoreFixture.batch([])
    let source = StoreFixture.intern("pc", batch)
    for number in 1...6_000 as ClosedRange<Int64> {
      let empty = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
      batch.reject(.time, bytes: empty, source: source, sequence: 2 * number)
    }
    _ = try fixture.writer.commit([ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 1)])
    let rows = try fixture.integers("SELECT count(*) FROM sequence_unstored")
    #expect(rows == [[Int64(UnstoredNumbers.rangesMax)]])
    #expect(try fixture.integers("SELECT rejected FROM source WHERE name = 'pc'") == [[6_000]])
    #expect(try fixture.store.read { try LedgerCheck.problems(in: $0) } == [])
  }

  @Test func countsLateEventsAndKernelDrops() throws {
    let fixture = try StoreFixture()
    let day = SomeEvent.day
    func event(_ sequence: UInt64, endsBefore milliseconds: Int64) -> UsageEvent {
      UsageEvent(
        timeMilliseconds: SomeEvent.start - milliseconds - 10, user: "u", app: "a", feature: "f",
        durationMilliseconds: 10, source: "pc", sequence: sequence)
    }
    let events = [event(1, endsBefore: day), event(2, endsBefore: day + 1)]
    _ = try fixture.writer.commit([
      ReceivedBatch(
        batch: StoreFixture.batch(events), transport: "udp", receivedMilliseconds: SomeEvent.start,
        kernelDrops: 7)
    ])
    try fixture.commit(
      [event(3, endsBefore: 5 * day)], transport: "import", receivedMilliseconds: SomeEvent.start)
    #expect(try fixture.integers("SELECT late FROM source WHERE name = 'pc'") == [[1]])
    let hour = SomeEvent.start / KernelDrops.hourMilliseconds * KernelDrops.hourMilliseconds
    #expect(
      try fixture.store.read { try KernelDrops.all(in: $0) } == [
        KernelDrops(hourMilliseconds: hour, transport: "udp", count: 7)
      ])
  }
}
