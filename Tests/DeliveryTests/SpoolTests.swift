import Foundation
import GRDB
import Testing
import UsageModel

@testable import Delivery
@testable import WireFormat

private let day: Int64 = 86_400_000
private let now: Int64 = 1_767_225_600_000

@Suite struct SpoolTests {
  private let directory: TemporaryDirectory
  private var path: String { directory.path + "/spool.db" }

  init() throws { directory = try TemporaryDirectory() }

  private func limits(bytes: Int64 = 64 << 20, age: Int64 = 90 * day, payload: Int = 1_200) -> SpoolLimits {
    var limits = SpoolLimits()
    limits.bytesMax = bytes
    limits.ageMillisecondsMax = age
    limits.payloadBytesMax = payload
    return limits
  }

  private func contents(_ spool: Spool) throws -> (events: [UsageEvent], unsent: [UnsentNumbers]) {
    var all: (events: [UsageEvent], unsent: [UnsentNumbers]) = ([], [])
    for number in try spool.batchNumbers(after: 0, limit: 1_000_000) {
      let part = LossyCollector.decode(try #require(try spool.payload(of: number)).payload)
      all.events += part.events
      all.unsent += part.unsent
    }
    return all
  }

  @Test func numbersEventsAndKeepsTheirOwnNumbers() throws {
    let spool = try Spool(path: path, sender: "pc")
    _ = try spool.append(
      [event(1), event(2, source: "app", sequence: 70), event(3)], nowMilliseconds: now)
    let events = try contents(spool).events
    #expect(events.map(\.source) == [spool.source, "app", spool.source])
    #expect(events.map(\.sequence) == [1, 70, 2])
    #expect(events.map(\.durationMilliseconds) == [1, 2, 3])
  }

  @Test func goesOnWhereItWasWhenOpenedAgain() throws {
    var packets: [Range<UInt64>] = []
    var ids: Set<UInt64> = []
    for turn in 0..<3 {
      let spool = try Spool(path: path, sender: "pc", limits: limits())
      ids.insert(spool.id)
      #expect(spool.mayHaveSent(UInt64(turn)) && !spool.mayHaveSent(UInt64(turn) + 1))
      _ = try spool.append([event(turn)], nowMilliseconds: now)
      packets.append(try spool.reservePacketNumbers(10))
      try spool.close()
    }
    #expect(packets == [1..<11, 11..<21, 21..<31])
    #expect(ids.count == 1)
    let spool = try Spool(path: path, sender: "pc")
    #expect(try contents(spool).events.map(\.sequence) == [1, 2, 3])
    #expect(try spool.batchNumbers(after: 0, limit: 9) == [1, 2, 3])
  }

  @Test func aNewSpoolHasAnotherSource() throws {
    let one = try Spool(path: path, sender: "pc")
    let other = try Spool(path: path + "2", sender: "pc")
    #expect(one.id != other.id && one.source != other.source)
    #expect(one.source.utf8.count == 19 && one.source.hasPrefix("pc:"))
  }

  @Test func cutsBatchesThatFitAPacket() throws {
    let spool = try Spool(path: path, sender: "pc")
    let outcome = try spool.append((1...500).map { event($0) }, nowMilliseconds: now)
    #expect(outcome.batchCount > 3)
    for number in try spool.batchNumbers(after: 0, limit: 1_000) {
      #expect(try #require(try spool.payload(of: number)).payload.count <= 1_200)
    }
    #expect(try contents(spool).events.map(\.sequence) == (1...500).map { UInt64($0) })
  }

  @Test func anEventLargerThanAPacketHasABatchOfItsOwn() throws {
    let spool = try Spool(path: path, sender: "pc")
    var large = event(2)
    for index in 0..<16 { large.attributes["key\(index)"] = String(repeating: "x", count: 1_024) }
    let outcome = try spool.append([event(1), large, event(3)], nowMilliseconds: now)
    #expect(outcome == Spool.Outcome(batchCount: 3, droppedEvents: 0, refusedEvents: 0))
    let events = try contents(spool).events
    #expect(events.map(\.sequence) == [1, 2, 3] && events[1].attributes == large.attributes)
  }

  @Test func acknowledgedBatchesGo() throws {
    let spool = try Spool(path: path, sender: "pc")
    for number in 1...10 { _ = try spool.append([event(number)], nowMilliseconds: now) }
    try spool.acknowledge([
      Acknowledgement(cumulative: 3, ranges: [5...6, 9...9], delayMilliseconds: 0, window: 1)
    ])
    #expect(try spool.batchNumbers(after: 0, limit: 99) == [4, 7, 8, 10])
    #expect(try spool.payload(of: 5) == nil)
    #expect(try #require(try spool.payload(of: 7)).oldestBatch == 4)
    #expect(try spool.summary().batchCount == 4)
  }

  @Test func tellsWithheldNumbersAsRanges() throws {
    let spool = try Spool(path: path, sender: "pc")
    let numbers: [UInt64] = [3, 1, 2, 9, 2]
    _ = try spool.append([], withheld: numbers.map { ("app", $0) } + [("b", 1)], nowMilliseconds: now)
    #expect(
      try contents(spool).unsent == [
        UnsentNumbers(kind: .withheld, source: "app", ranges: [1...3, 9...9]),
        UnsentNumbers(kind: .withheld, source: "b", ranges: [1...1]),
      ])
  }

  private func refused(_ spool: Spool) throws -> [RefusedEvents] {
    var all: [RefusedEvents] = []
    for number in try spool.batchNumbers(after: 0, limit: 1_000_000) {
      let payload = try #require(try spool.payload(of: number)).payload
      #expect(payload.count <= 1_200)
      payload.withUnsafeBytes { bytes in
        var rest = bytes
        while let (events, count) = RefusedEvents.decode(rest) {
          all.append(events)
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
      }
    }
    return all
  }

  @Test func tellsRefusedEvents() throws {
    let spool = try Spool(path: path, sender: "pc")
    var addition = SpoolAddition()
    let long = String(repeating: "s", count: 256)
    addition.refused = [
      .init(reason: .time, source: "app", count: 3, ranges: [2...3]),
      .init(reason: .notYours, source: nil, count: 70_000, ranges: []),
      .init(reason: .time, source: long, count: 1, ranges: [2...2]),
    ]
    _ = try spool.append(addition, nowMilliseconds: now)
    #expect(
      try refused(spool) == [
        RefusedEvents(reason: .time, source: "app", count: 3, ranges: [2...3]),
        RefusedEvents(reason: .notYours, count: 65_535), RefusedEvents(reason: .notYours, count: 4_465),
        RefusedEvents(reason: .time, count: 1),
      ], "a source too long to be named is left out")
    #expect(try spool.batchNumbers(after: 0, limit: 99).count == 1, "all in one packet")
  }

  /// As many frames as it takes, none over its limits, and none that counts fewer events than it names numbers.
  @Test func cutsManyRefusedNumbers() throws {
    let spool = try Spool(path: path, sender: "pc")
    var addition = SpoolAddition()
    var ranges: [ClosedRange<UInt64>] = (0..<1_000).map { (index: UInt64) in index * 3 + 1...index * 3 + 2 }
    ranges.append(10_000...209_999)
    addition.refused = [.init(reason: .kind, source: "app", count: 202_005, ranges: ranges)]
    _ = try spool.append(addition, nowMilliseconds: now)
    let frames = try refused(spool)
    #expect(frames.reduce(0) { $0 + Int($1.count) } == 202_005)
    var numbers = NumberRanges()
    for range in frames.flatMap(\.ranges) { numbers.insert(range) }
    #expect(numbers.ranges == ranges)
    #expect(frames.allSatisfy { frame in Int(frame.count) >= frame.ranges.reduce(0) { $0 + $1.count } })
  }

  /// What no packet can carry is told as refused, and leaves no gap.
  @Test func tellsEventsThatAreTooLarge() throws {
    let spool = try Spool(path: path, sender: "pc")
    var large = event(2, source: "app", sequence: 2)
    for index in 0..<16 { large.attributes["key\(index)"] = String(repeating: "x", count: 8_000) }
    let outcome = try spool.append([event(1, source: "app", sequence: 1), large], nowMilliseconds: now)
    #expect(outcome.refusedEvents == 1)
    #expect(try refused(spool) == [RefusedEvents(reason: .tooLong, source: "app", count: 1, ranges: [2...2])])
  }

  /// All pieces or none: also the numbers that the spool gives.
  @Test func addsPiecesTogetherOrNotAtAll() throws {
    struct Crash: Error {}
    let spool = try Spool(path: path, sender: "pc")
    #expect(throws: Crash.self) {
      try spool.append(nowMilliseconds: now) { add in
        try add(SpoolAddition(events: [event(1), event(2)]))
        throw Crash()
      }
    }
    #expect(try contents(spool).events.isEmpty)
    let outcome = try spool.append(nowMilliseconds: now) { add in
      for number in 1...3 { try add(SpoolAddition(events: [event(number)])) }
    }
    #expect(outcome.batchCount == 3)
    #expect(try contents(spool).events.map(\.sequence) == [1, 2, 3])
  }

  /// A batch that goes for want of room takes what it told of refused numbers along: they are lost then.
  @Test func droppedRefusalsAreLost() throws {
    let spool = try Spool(path: path, sender: "pc", limits: limits(age: 2 * day))
    var addition = SpoolAddition()
    addition.refused = [.init(reason: .time, source: "app", count: 1, ranges: [5...5])]
    _ = try spool.append(addition, nowMilliseconds: now)
    _ = try spool.append([event(1)], nowMilliseconds: now + 3 * day)
    #expect(
      try contents(spool).unsent == [UnsentNumbers(kind: .dropped, source: "app", ranges: [5...5])])
  }

  /// Whatever the limits, each number is in the spool or told as dropped, and none is both.
  @Test(arguments: [2_000, 5_000, 8_000] as [Int64]) func dropsTheOldestAndTellsEachNumber(_ bytes: Int64)
    throws
  {
    let spool = try Spool(path: path, sender: "pc", limits: limits(bytes: bytes))
    var dropped: UInt64 = 0
    for turn in 0..<60 {
      let events = (0..<10).map { event(turn * 10 + $0) }
      dropped += try spool.append(events, nowMilliseconds: now).droppedEvents
      #expect(try spool.summary().bytes <= bytes)
    }
    let all = try contents(spool)
    let kept = all.events.compactMap(\.sequence)
    var told: [UInt64] = []
    for numbers in all.unsent {
      #expect(numbers.kind == .dropped && numbers.source == spool.source)
      told += numbers.ranges.flatMap { Array($0) }
    }
    #expect(dropped > 0)
    #expect((told + kept).sorted() == (1...600).map { UInt64($0) })
  }

  @Test func dropsWhatIsTooOld() throws {
    let spool = try Spool(path: path, sender: "pc", limits: limits(age: 2 * day))
    _ = try spool.append([event(1)], withheld: [("app", 5)], nowMilliseconds: now)
    _ = try spool.append([event(2)], nowMilliseconds: now + day)
    #expect(try spool.append([event(3)], nowMilliseconds: now + 2 * day + 1).droppedEvents == 1)
    let all = try contents(spool)
    #expect(all.events.map(\.sequence) == [2, 3])
    // What was withheld stays withheld, though its batch was dropped.
    #expect(
      all.unsent == [
        UnsentNumbers(kind: .withheld, source: "app", ranges: [5...5]),
        UnsentNumbers(kind: .dropped, source: spool.source, ranges: [1...1]),
      ])
  }

  /// Age counts without anything new, for the newest batch too; what tells of it waits in its turn.
  @Test func dropsWhatIsTooOldThoughNothingComes() throws {
    var spool = try Spool(path: path, sender: "pc", limits: limits(age: 2 * day))
    #expect(try spool.dropExpired(nowMilliseconds: now) == 0, "empty")
    for number in 1...4 { _ = try spool.append([event(number)], nowMilliseconds: now + Int64(number)) }
    try spool.close()
    spool = try Spool(path: path, sender: "pc", limits: limits(age: 2 * day))
    #expect(try spool.dropExpired(nowMilliseconds: now + 2 * day + 1) == 0)
    #expect(try spool.dropExpired(nowMilliseconds: now + 2 * day + 2) == 1)
    #expect(try spool.dropExpired(nowMilliseconds: now + 5 * day) == 3)
    let source = spool.source
    func told(_ range: ClosedRange<UInt64>) -> [UnsentNumbers] {
      [UnsentNumbers(kind: .dropped, source: source, ranges: [range])]
    }
    #expect(try contents(spool).events.isEmpty)
    #expect(try contents(spool).unsent == told(1...4))
    #expect(try spool.dropExpired(nowMilliseconds: now + 9 * day) == 0, "no events")
    #expect(try contents(spool).unsent == told(1...4))
    _ = try spool.append([event(5)], nowMilliseconds: now + 9 * day)
    #expect(try contents(spool).events.map(\.sequence) == [5])
  }

  /// An application that sends its numbers again leaves ranges that overlap; what is told stays readable.
  @Test func tellsOverlappingNumbersOnce() throws {
    let spool = try Spool(path: path, sender: "pc", limits: limits(age: day))
    for numbers in [[5, 6, 7], [6], [1], [7, 8], [3]] as [[UInt64]] {
      _ = try spool.append(numbers.map { event(1, source: "app", sequence: $0) }, nowMilliseconds: now)
    }
    _ = try spool.append([event(1)], nowMilliseconds: now + 2 * day)
    #expect(
      try contents(spool).unsent == [
        UnsentNumbers(kind: .dropped, source: "app", ranges: [1...1, 3...3, 5...8])
      ])
  }

  /// What is acknowledged to local senders is remembered with the events, or both are not there.
  @Test func remembersSendersOwnersAndHeartbeats() throws {
    let name = SpoolName(sender: "~app", spool: .max - 1)
    var window = PacketWindow()
    _ = window.insert(9)
    var addition = SpoolAddition(events: [event(1)])
    addition.deliveries = [
      DeliveredBatch(spool: name, batch: 3, oldestBatch: 2, window: window, clockOffsetMilliseconds: 0)
    ]
    addition.owners = [SourceOwner(source: "app", login: "ann")]
    var focus = event(5)
    focus.kind = .focus
    focus.feature = nil
    focus.attributes = ["quote": "\"", "umlaut": "ü"]
    addition.openFocus = [OpenFocus(event: focus, extendedMilliseconds: 77)]
    for turn in 0..<2 {
      let spool = try Spool(path: path, sender: "pc")
      if turn == 0 { _ = try spool.append(addition, nowMilliseconds: now) }
      let memory = try spool.memory()
      #expect(memory.owners == addition.owners && memory.openFocus == addition.openFocus)
      #expect(memory.senders[name]?.delivered.ranges == [1...1, 3...3])
      #expect(memory.senders[name]?.window == window)
      try spool.close()
    }
    let spool = try Spool(path: path, sender: "pc")
    addition = SpoolAddition()
    addition.openFocus = []
    _ = try spool.append(addition, nowMilliseconds: now)
    #expect(try spool.memory().openFocus.isEmpty)
  }

  /// Its length does not fit the frame that tells numbers; dropping must not end the program.
  @Test func dropsEventsOfTheLongestSource() throws {
    let spool = try Spool(path: path, sender: "pc", limits: limits(age: day))
    let source = String(repeating: "s", count: 256)
    _ = try spool.append(
      [event(1, source: source, sequence: 1)], withheld: [(source, 2)], nowMilliseconds: now)
    #expect(try spool.append([event(2)], nowMilliseconds: now + 2 * day).droppedEvents == 1)
    #expect(try contents(spool).unsent.isEmpty)
  }

  /// A sender that makes a new spool for each event, as `waterline send` does, must not fill the disk.
  @Test func forgetsTheOldestSpoolsOfSenders() throws {
    let spool = try Spool(path: path, sender: "pc")
    func delivery(_ sender: String, _ number: Int) -> DeliveredBatch {
      DeliveredBatch(
        spool: SpoolName(sender: sender, spool: UInt64(number)), batch: 1, oldestBatch: 1,
        window: PacketWindow(), clockOffsetMilliseconds: 0)
    }
    for turn in 0..<160 {
      var addition = SpoolAddition()
      addition.deliveries = (0..<100).map { delivery("~app", turn * 100 + $0) }
      if turn < 40 { addition.deliveries.append(delivery("pc", turn)) }
      _ = try spool.append(addition, nowMilliseconds: now + Int64(turn))
    }
    try spool.close()
    let counts = try DatabaseQueue(path: path).read { database in
      try ["delivery_spool", "delivered_batch"].flatMap { table in
        try ["sender LIKE '~%'", "sender = 'pc'"].map { which in
          try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table) WHERE \(which)") ?? 0
        }
      }
    }
    #expect(counts[0] == counts[2] && counts[1] == counts[3])
    // One in 256 new ones looks for old ones.
    #expect((10_000..<16_000).contains(counts[0]), "\(counts)")
    #expect(counts[1] == 16)
  }

  /// The size of what waits must not cost a look at every payload, or a long absence makes appends slow.
  @Test func addsUpSizesFromAnIndex() throws {
    let spool = try Spool(path: path, sender: "pc")
    try spool.close()
    let plan = try DatabaseQueue(path: path).read {
      try Row.fetchAll($0, sql: "EXPLAIN QUERY PLAN SELECT total(byte_count) FROM batch")
    }
    #expect("\(plan)".contains("COVERING INDEX batch_by_age"))
  }

  @Test func refusesASecondProcessAndStrangeFiles() throws {
    let spool = try Spool(path: path, sender: "pc")
    let busy = #expect(throws: SpoolError.self) { try Spool(path: path, sender: "pc") }
    #expect(busy?.description.contains("another process") == true)
    withExtendedLifetime(spool) {}
    let other = directory.path + "/other.db"
    try DatabaseQueue(path: other).write { try $0.execute(sql: "CREATE TABLE t (x)") }
    let strange = #expect(throws: SpoolError.self) { try Spool(path: other, sender: "pc") }
    #expect(strange?.description.contains("is no spool") == true)
    let text = directory.path + "/text"
    try String(repeating: "no database ", count: 200).write(toFile: text, atomically: true, encoding: .utf8)
    let noDatabase = #expect(throws: SpoolError.self) { try Spool(path: text, sender: "pc") }
    #expect(noDatabase?.description.contains("is no spool") == true)
    #expect(throws: SpoolError.self) { try Spool(path: path + "3", sender: "") }
  }
}

@Suite struct BackoffTests {
  @Test func doublesSpreadsAndStops() {
    var random = SystemRandomNumberGenerator()
    let backoff = Backoff(floorMilliseconds: 10, baseMilliseconds: 100, capMilliseconds: 3_000)
    for (attempt, most) in [(0, 100), (1, 200), (4, 1_600), (5, 3_000), (60, 3_000)] as [(Int, Int64)] {
      let delays = (0..<2_000).map { _ in backoff.delay(attempt: attempt, using: &random) }
      #expect(delays.allSatisfy { $0 >= 10 && $0 <= 10 + most })
      // Full jitter: a tenth of them in the lowest fifth at least, and as many in the highest.
      #expect(delays.filter { $0 < 10 + most / 5 }.count > 200)
      #expect(delays.filter { $0 > 10 + most * 4 / 5 }.count > 200)
    }
  }
}
