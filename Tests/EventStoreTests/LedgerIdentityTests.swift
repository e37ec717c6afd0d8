import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

/// The ledger in the obvious way: what became of every single number.
private struct NaiveNumbers {
  enum Fate { case stored, refused, withheld, dropped }
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

  var span: ClosedRange<Int64> { (fates.keys.min() ?? 1)...(fates.keys.max() ?? 1) }

  func isLost(_ number: Int64) -> Bool {
    span.contains(number) && (fates[number] == nil || fates[number] == .dropped)
  }

  var lost: Int64 { Int64(span.count(where: isLost)) }

  /// Up to and without the first number of each stretch of lost ones.
  var gaps: [Int64] { span.filter { isLost($0) && !isLost($0 - 1) } }
}

struct LedgerIdentityTests {
  /// Sent is stored, refused, withheld and lost, whatever happens in whatever order.
  @Test(arguments: 0..<12 as Range<UInt64>)
  func agreesWithEveryNumbersFate(seed: UInt64) throws {
    var random = SeededRandom(seed: 71_000 + seed)
    let fixture = try StoreFixture()
    var naive = NaiveNumbers()
    let highest = Int64.random(in: 5...120, using: &random)
    var (dropped, rejected): (Int64, Int64) = (0, 0)
    for round in 0..<25 {
      let numbers = (0..<Int.random(in: 1...12, using: &random)).map { _ in
        Int64.random(in: 1...highest, using: &random)
      }
      switch Int.random(in: 0..<5, using: &random) {
      case 0:
        let batch = StoreFixture.batch([])
        let source = StoreFixture.intern("pc", batch)
        for number in numbers {
          let empty = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
          batch.reject(.time, bytes: empty, source: source, sequence: number)
          naive.note(number, .refused)
          rejected += 1
        }
        _ = try fixture.writer.commit([
          ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 1)
        ])
      case 1:
        let last = min(highest, numbers[0] + Int64.random(in: 0...20, using: &random))
        try fixture.writer.withhold(source: "pc", numbers[0]...last)
        for number in numbers[0]...last { naive.note(number, .withheld) }
      case 2:
        let last = min(highest, numbers[0] + Int64.random(in: 0...20, using: &random))
        try fixture.drop(source: "pc", numbers[0]...last)
        for number in numbers[0]...last { naive.note(number, .dropped) }
        dropped += last - numbers[0] + 1
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
      let account = try #require(found.numbers)
      #expect(account.stored == naive.count(.stored), place)
      #expect(account.refused == naive.count(.refused), place)
      #expect(account.withheld == naive.count(.withheld), place)
      #expect(account.lost == naive.lost, place)
      #expect(account.gapCount == naive.gaps.count, place)
      #expect(account.firstGaps.map(\.lowerBound) == Array(naive.gaps.prefix(5)), place)
      #expect(account.lowest == naive.span.lowerBound && account.highest == naive.span.upperBound, place)
      #expect(found.dropped == dropped && found.rejected == rejected, place)
      let parts = found.stored + account.refused + account.withheld + account.lost
      #expect(account.highest - account.lowest + 1 == parts, place)
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
      ("UPDATE source SET tail_first = 3 WHERE id = 1", "UPDATE source SET tail_first = 4 WHERE id = 1"),
      ("UPDATE source SET tail_last = NULL WHERE id = 1", "UPDATE source SET tail_last = 4 WHERE id = 1"),
      (
        "INSERT INTO sequence_unstored VALUES (1, -9223372036854775808, 9223372036854775807, 3)",
        "DELETE FROM sequence_unstored"
      ),
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

  /// Refusals are counted each time; the account is of numbers.
  @Test func aRefusedNumberThatComesAgainIsOneNumber() throws {
    let fixture = try StoreFixture()
    func refuse(_ numbers: Int64...) throws {
      let batch = StoreFixture.batch([])
      let source = StoreFixture.intern("pc", batch)
      for number in numbers {
        batch.reject(
          .time, bytes: UnsafeBufferPointer(start: nil, count: 0), source: source, sequence: number)
      }
      _ = try fixture.writer.commit([ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 5)])
    }
    try fixture.commit([1, 3].map { numbered($0) })
    try refuse(2, 2, 4)
    try fixture.writer.withhold(source: "pc", 4...6)
    try refuse(5)
    try fixture.commit([2].map { numbered($0) })
    try refuse(3)
    let (sources, status, problems) = try fixture.store.read {
      (try StoreStatus.sources(in: $0), try StoreStatus(in: $0), try LedgerCheck.problems(in: $0))
    }
    let found = try #require(sources.first { $0.name == "pc" })
    let numbers = try #require(found.numbers)
    #expect(found.stored == 3 && numbers.refused == 1 && numbers.withheld == 2 && numbers.lost == 0)
    #expect(numbers.highest == 6 && found.rejected == 5 && found.rejectedByReason == "time 5")
    #expect(status.refusedNumbers == 1 && status.rejected == 5 && problems.isEmpty)
  }

  /// What a sender says of numbers before its first event, or after its last, is in the account.
  @Test(
    arguments: [
      (dropped: 1...980, stored: 981...1500, lost: 980, gaps: "1-980"),
      (dropped: 2...20, stored: 1...1, lost: 19, gaps: "2-20"),
      (dropped: 5...6, stored: 1...1, lost: 5, gaps: "2-6"),
      (dropped: 1...2, stored: 9...9, lost: 8, gaps: "1-8"),
      (dropped: 7...Int64.max, stored: 1...6, lost: Int64.max - 6, gaps: "7-9223372036854775807"),
    ] as [(ClosedRange<Int64>, ClosedRange<Int64>, Int64, String)])
  func droppedNumbersAreLost(
    dropped: ClosedRange<Int64>, stored: ClosedRange<Int64>, lost: Int64, gaps: String
  ) throws {
    let fixture = try StoreFixture()
    try fixture.commit(stored.map { numbered($0) })
    try fixture.drop(source: "pc", dropped)
    let (sources, status, problems) = try fixture.store.read {
      (try StoreStatus.sources(in: $0), try StoreStatus(in: $0), try LedgerCheck.problems(in: $0))
    }
    let found = try #require(sources.first { $0.name == "pc" }?.numbers)
    #expect(found.lost == lost && found.firstGapsText == gaps && found.gapCount == 1)
    #expect(found.lowest == min(dropped.lowerBound, stored.lowerBound))
    #expect(found.highest == max(dropped.upperBound, stored.upperBound))
    #expect(status.lost == lost && problems.isEmpty)
    // No gap of reports: it lies between two numbers that were received.
    let hasGap = stored.lowerBound > 1 && stored.upperBound < dropped.lowerBound
    #expect(try fixture.store.read { try MissingNumbers.all(in: $0) }.isEmpty == !hasGap)
  }

  /// A batch whose acknowledgement got lost may be stored and said to be dropped.
  @Test func aDroppedNumberThatCameIsStored() throws {
    let fixture = try StoreFixture()
    try fixture.drop(source: "pc", 2...5)
    try fixture.commit([1, 3, 6].map { numbered($0) })
    try fixture.drop(source: "pc", 3...3)
    let found = try #require(
      try fixture.store.read { try StoreStatus.sources(in: $0) }.first { $0.name == "pc" })
    #expect(found.stored == 3 && found.lost == 3 && found.numbers?.firstGapsText == "2, 4-5")
    #expect(found.dropped == 5, "as the sender says")
    #expect(
      try fixture.integers("SELECT first, last, kind FROM sequence_unstored") == [[2, 2, 3], [4, 5, 3]])
    let missing = try fixture.store.read { try MissingNumbers.all(in: $0) }
    #expect(missing.map(\.count) == [1, 2])
  }

  /// Beyond the bound of ranges nothing is noted, and all counted.
  @Test func countsDroppedNumbersBeyondTheBound() throws {
    let fixture = try StoreFixture()
    let count = Int64(UnstoredNumbers.rangesMax) + 10
    try fixture.drop(source: "pc", ranges: (1...count).map { 3 * $0...3 * $0 + 1 })
    #expect(try fixture.integers("SELECT dropped FROM source WHERE name = 'pc'") == [[2 * count]])
    #expect(
      try fixture.integers("SELECT count(*) FROM sequence_unstored") == [[Int64(UnstoredNumbers.rangesMax)]])
    let status = try fixture.store.read { try StoreStatus(in: $0) }
    #expect(status.dropped == 2 * count)
  }

  private func numbered(_ number: Int64) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: SomeEvent.start, user: "u", app: "a", feature: "f", source: "pc",
      sequence: UInt64(number))
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
