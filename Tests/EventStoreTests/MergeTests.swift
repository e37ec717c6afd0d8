import ColumnChunk
import Foundation
import GRDB
import Synchronization
import Testing
import UsageModel
import WireFormat

@testable import EventStore

struct MergePlanTests {
  private static func arrival(_ id: Int64, rows: Int, bytes: Int = 1_000) -> ChunkRow {
    ChunkRow(
      id: id, day: nil, run: 0, rowCount: rows, timeMinimumMilliseconds: 0, timeMaximumMilliseconds: 1,
      byteCount: bytes)
  }

  private static func run(_ id: Int64, day: Int32, run: Int64, rows: Int, bytes: Int = 1_000) -> ChunkRow {
    ChunkRow(
      id: id, day: day, run: run, rowCount: rows, timeMinimumMilliseconds: 0, timeMaximumMilliseconds: 1,
      byteCount: bytes)
  }

  private static func plan(
    _ chunks: [ChunkRow], all: Bool = false, settled: Set<Int32> = []
  ) -> [Int64]? {
    MergePlan.next(chunks, mergesAllArrivals: all) { settled.contains($0) }?.chunks.map(\.id)
  }

  @Test func waitsForArrivals() {
    #expect(Self.plan([]) == nil)
    #expect(Self.plan([], all: true) == nil)
    #expect(Self.plan([Self.arrival(1, rows: 65_535)]) == nil)
    #expect(Self.plan([Self.arrival(1, rows: 65_535)], all: true) == [1])
    #expect(Self.plan([Self.arrival(2, rows: 65_535), Self.arrival(1, rows: 1)]) == [1, 2])
    let many = (1...63).map { Self.arrival($0, rows: 1) }
    #expect(Self.plan(many) == nil)
    #expect(Self.plan(many + [Self.arrival(64, rows: 1)]) == Array(1...64))
  }

  @Test func boundsAStep() throws {
    let arrivals = (1...40).map { Self.arrival($0, rows: 65_536) }
    #expect(Self.plan(arrivals) == Array(1...16))
    let runs = (1...40).map { Self.run($0, day: 1, run: $0, rows: 65_536) }
    let step = try #require(Self.plan(runs, settled: [1]))
    #expect(step.count == 16)
    // Texts count too: sixteen batches of 16 MiB are as much as one step takes.
    let heavy = (1...40).map { Self.arrival($0, rows: 100, bytes: 32 << 20) }
    let taken = try #require(Self.plan(heavy, all: true))
    #expect((1...16).contains(taken.count))
    let heavyRuns = (1...40).map { Self.run($0, day: 1, run: $0, rows: 100, bytes: 32 << 20) }
    #expect((2...16).contains(try #require(Self.plan(heavyRuns, settled: [1])).count))
    // One that is over the bound by itself is taken alone as an arrival, and never again as a run.
    #expect(Self.plan([Self.arrival(1, rows: 100, bytes: 2 << 30)], all: true) == [1])
    let huge = [
      Self.run(1, day: 1, run: 1, rows: 9, bytes: 2 << 30),
      Self.run(2, day: 1, run: 2, rows: 9, bytes: 2 << 30),
    ]
    #expect(Self.plan(huge, settled: [1]) == nil)
  }

  @Test func mergesSettledDaysIntoOne() {
    let chunks = [
      Self.run(1, day: 5, run: 1, rows: 10), Self.run(2, day: 6, run: 1, rows: 10),
      Self.run(3, day: 5, run: 2, rows: 5),
      Self.run(4, day: 5, run: 3, rows: 7),
    ]
    #expect(Self.plan(chunks) == nil)
    #expect(Self.plan(chunks, settled: [6]) == nil)
    #expect(Self.plan(chunks, settled: [5, 6]) == [3, 4, 1])
    #expect(Self.plan([Self.run(1, day: 5, run: 1, rows: 10)], settled: [5]) == nil)
  }

  /// Several chunks of one run are one run.
  @Test func runsStayWhole() {
    let chunks = [
      Self.run(1, day: 5, run: 1, rows: 65_536), Self.run(2, day: 5, run: 1, rows: 10),
      Self.run(3, day: 5, run: 2, rows: 9_000),
    ]
    #expect(Set(Self.plan(chunks, settled: [5]) ?? []) == [1, 2, 3])
    #expect(Self.plan(Array(chunks.prefix(2)), settled: [5]) == nil)
  }

  /// A trickle of late events waits until there are enough of them.
  @Test func leavesATrickle() {
    let chunks = [Self.run(1, day: 5, run: 1, rows: 80_000), Self.run(2, day: 5, run: 2, rows: 9_999)]
    #expect(Self.plan(chunks, settled: [5]) == nil)
    #expect(Self.plan(chunks + [Self.run(3, day: 5, run: 3, rows: 1)], settled: [5]) == [3, 2, 1])
  }

  @Test func mergesFourOfASizeOnAnOpenDay() {
    let three = (1...3).map { Self.run($0, day: 5, run: $0, rows: 100) }
    #expect(Self.plan(three) == nil)
    #expect(Set(Self.plan(three + [Self.run(4, day: 5, run: 4, rows: 90)]) ?? []) == [1, 2, 3, 4])
    #expect(Self.plan(three + [Self.run(4, day: 5, run: 4, rows: 900_000)]) == nil)
    #expect(Self.plan(three + [Self.run(4, day: 6, run: 4, rows: 100)]) == nil)
  }

  /// Whatever arrives, merging ends, rewrites each event a handful of times and leaves few runs.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func ends(seed: UInt64) throws {
    var random = SeededRandom(seed: 9_000 + seed)
    var chunks: [ChunkRow] = []
    var nextID: Int64 = 1
    var arrived = 0
    var rewritten = 0
    func step(_ all: Bool, _ isSettled: (Int32) -> Bool) -> Bool {
      guard let step = MergePlan.next(chunks, mergesAllArrivals: all, isSettled: isSettled) else {
        return false
      }
      let ids = Set(step.chunks.map(\.id))
      let rows = step.chunks.reduce(0) { $0 + $1.rowCount }
      #expect(ids.count == step.chunks.count)
      #expect(rows <= MergePlan.rowsMax || ids.count == 1)
      rewritten += rows
      chunks.removeAll { ids.contains($0.id) }
      let run = (chunks.map(\.run).max() ?? 0) + 1
      // Arrivals spread over up to three days.
      let days: [Int32] = step.chunks[0].day.map { [$0] } ?? [1, 2, 3]
      var left = rows
      for (index, day) in days.enumerated() {
        var share = index == days.count - 1 ? left : Int.random(in: 0...left, using: &random)
        left -= share
        while share > 0 {
          let size = min(share, 65_536)
          chunks.append(Self.run(nextID, day: day, run: run, rows: size))
          nextID += 1
          share -= size
        }
      }
      return true
    }
    for _ in 0..<300 {
      let rows = Int.random(in: 1...(Bool.random(using: &random) ? 65_536 : 300), using: &random)
      chunks.append(Self.arrival(nextID, rows: rows))
      nextID += 1
      arrived += rows
      var steps = 0
      while step(false, { _ in false }) {
        steps += 1
        if steps > 50 {
          Issue.record("seed \(seed): merging does not end")
          return
        }
      }
    }
    var steps = 0
    while step(true, { _ in true }), steps < 200 { steps += 1 }
    #expect(steps < 200)
    #expect(chunks.reduce(0) { $0 + $1.rowCount } == arrived)
    #expect(rewritten <= arrived * 9, "seed \(seed): \(Double(rewritten) / Double(arrived)) times")
    #expect(chunks.allSatisfy { $0.day != nil })
    for day in 1...3 as ClosedRange<Int32> {
      let runs = Dictionary(grouping: chunks.filter { $0.day == day }) { $0.run }.values
        .map { $0.reduce(0) { $0 + $1.rowCount } }.sorted()
        .filter { $0 < MergePlan.rowsMax }
      if runs.count < 2 { continue }
      let others = runs.dropLast().reduce(0, +)
      #expect(
        runs[0] + runs[1] > MergePlan.rowsMax || others * 8 < runs[runs.count - 1], "seed \(seed): \(runs)")
    }
  }
}

struct ChunkMergerTests {
  /// The order that kernels rely on, in the store's own numbers.
  private static func isSorted(_ chunk: ChunkRow, _ database: Database) throws -> Bool {
    let content = try ChunkContent(chunk, ChunkReader(database))
    func key(_ row: Int) -> [Int64] { [content[.feature][row], content[.user][row], content[.time][row]] }
    for row in 1..<max(1, content.rowCount) where key(row).lexicographicallyPrecedes(key(row - 1)) {
      return false
    }
    return content[.time].allSatisfy { CivilDay(localMilliseconds: $0).number == chunk.day }
      && content[.time].min() == chunk.timeMinimumMilliseconds
      && content[.time].max() == chunk.timeMaximumMilliseconds
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func keepsEveryEvent(seed: UInt64) throws {
    var random = SeededRandom(seed: 9_500 + seed)
    let fixture = try StoreFixture()
    var all: [UsageEvent] = []
    for round in 0..<8 {
      let events = (0..<Int.random(in: 1...150, using: &random)).map { _ in SomeEvent.make(&random) }
      // The same event twice is two events, unless it is numbered.
      let doubled = events + events.prefix(Int.random(in: 0...3, using: &random))
      try fixture.commit(doubled)
      all += doubled
      if round % 3 == 1 { try fixture.merge(isSettled: Bool.random(using: &random)) }
    }
    try fixture.merge()
    let chunks = try fixture.store.read { try ChunkRow.all(in: $0) }
    #expect(fingerprints(try fixture.events()) == fingerprints(all), "seed \(seed)")
    let days = Set(all.map { CivilDay(localMilliseconds: $0.timeMilliseconds).number })
    #expect(Set(chunks.map(\.day)) == Set(days.map(Optional.some)))
    for chunk in chunks { #expect(try fixture.store.read { try Self.isSorted(chunk, $0) }) }
    // Nothing left behind, nothing left to do.
    #expect(
      try fixture.integers("SELECT count(*) FROM chunk_column WHERE id / 32 NOT IN (SELECT id FROM chunk)")
        == [[0]])
    #expect(try fixture.merge() == 0)
  }

  /// Midnight and times before 1970 go to the right day.
  @Test func cutsAtMidnight() throws {
    let fixture = try StoreFixture()
    let day = SomeEvent.day
    let times: [Int64] = [0, -1, 1, day, day - 1, -day, -day - 1, 20_000 * day, 20_000 * day - 1]
    let events = times.map { UsageEvent(timeMilliseconds: $0, user: "u", app: "a", feature: "f") }
    try fixture.commit(events)
    try fixture.merge()
    let chunks = try fixture.store.read { try ChunkRow.all(in: $0) }
    #expect(chunks.map(\.day) == [-2, -1, 0, 1, 19_999, 20_000])
    for chunk in chunks { #expect(try fixture.store.read { try Self.isSorted(chunk, $0) }) }
    #expect(fingerprints(try fixture.events()) == fingerprints(events))
  }

  /// Told to stop, a merge ends at the next chunk and leaves everything as it was; later it is done.
  @Test(arguments: [0, 1, 3, 6, 9])
  func stopsInTheMiddle(asked: Int) throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 97)
    var all: [UsageEvent] = []
    for _ in 0..<6 {
      let events = (0..<200).map { _ in SomeEvent.make(&random) }
      try fixture.commit(events)
      all += events
    }
    let before = try fixture.store.read { try ChunkRow.all(in: $0) }
    let askedSoFar = Mutex(0)
    var steps = 0
    let store = fixture.store
    let compactor = ChunkCompactor(reader: store) { result in
      steps += 1
      return try store.write { try ChunkMerger.apply(result, in: $0) }
    } shouldStop: {
      askedSoFar.withLock { count in
        count += 1
        return count > asked
      }
    }
    try compactor.run(mergesAllArrivals: true, isSettled: { _ in true })
    #expect(steps == 0)
    #expect(askedSoFar.withLock { $0 } <= asked + 20)
    #expect(try fixture.store.read { try ChunkRow.all(in: $0) } == before)
    try fixture.merge()
    #expect(fingerprints(try fixture.events()) == fingerprints(all))
  }

  /// Who looks after each commit and remembers which runs need nothing merges what one does who reads all each time.
  @Test func looksAtRunsAgainOnlyWhenThereAreOthers() throws {
    let fixtures = [try StoreFixture(), try StoreFixture()]
    let seen = ChunkCompactor.RunsSeen()
    var random = SeededRandom(seed: 131)
    var merges = 0
    for _ in 0..<60 {
      let events = (0..<Int.random(in: 1...40, using: &random)).map { _ in SomeEvent.make(&random) }
      let all = Int.random(in: 0..<3, using: &random) == 0
      for (fixture, memory) in zip(fixtures, [seen, nil]) {
        try fixture.commit(events)
        let store = fixture.store
        let compactor = ChunkCompactor(reader: store, seen: memory) { result in
          merges += 1
          return try store.write { try ChunkMerger.apply(result, in: $0) }
        }
        try compactor.run(mergesAllArrivals: all, isSettled: { $0 % 2 == 0 })
      }
      let chunks = try fixtures.map { fixture in
        try fixture.store.read { try ChunkRow.all(in: $0).map { [$0.id, Int64($0.rowCount), $0.run] } }
      }
      #expect(chunks[0] == chunks[1])
    }
    #expect(merges > 20)
    #expect(fingerprints(try fixtures[0].events()) == fingerprints(try fixtures[1].events()))
  }

  /// People with a machine of their own, or two: hosts and sources come back whatever they are stored by.
  @Test func keepsHostsAndSources() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 99)
    var all: [UsageEvent] = []
    for round in 0..<3 {
      let events = (0..<900).map { index in
        let person = Int.random(in: 0..<40, using: &random)
        let machine = Int.random(in: 0..<50, using: &random) == 0 ? "spare" : "pc\(person)"
        return UsageEvent(
          timeMilliseconds: SomeEvent.start + Int64(round * 10_000 + index), user: "u\(person)", app: "a",
          feature: "f\(index % 3)", host: machine, source: machine, sequence: UInt64(round * 900 + index + 1))
      }
      try fixture.commit(events)
      all += events
      try fixture.merge(isSettled: round == 2)
    }
    #expect(fingerprints(try fixture.events()) == fingerprints(all))
    let encodings = try fixture.integers(
      "SELECT DISTINCT id % 32, unicode(substr(data, 7, 1)) FROM chunk_column WHERE id % 32 IN (7, 11)")
    #expect(Set(encodings) == [[7, 6], [11, 6]])
  }

  /// Several threads encode the same chunks as one.
  @Test func workersMakeNoDifference() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 98)
    for _ in 0..<5 { try fixture.commit((0..<300).map { _ in SomeEvent.make(&random) }) }
    func bytes(workerCount: Int) throws -> [[UInt8]] {
      try fixture.reopen()
      let path = fixture.directory.path + "/copy \(workerCount).db"
      try fixture.execute("VACUUM INTO '\(path)'")
      let copy = try EventStore(writingAt: path, program: "test")
      let compactor = ChunkCompactor(reader: copy, workerCount: workerCount) { result in
        try copy.write { try ChunkMerger.apply(result, in: $0) }
      }
      try compactor.run(mergesAllArrivals: true, isSettled: { _ in true })
      return try copy.read {
        try Row.fetchAll($0, sql: "SELECT data FROM chunk_column ORDER BY id").map { Array($0[0] as Data) }
      }
    }
    let one = try bytes(workerCount: 1)
    #expect(one.count > 20)
    #expect(try bytes(workerCount: 3) == one)
  }

  /// A day over 65,536 events becomes several chunks, in one order over all of them.
  @Test func splitsALargeDay() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 96)
    for round in 0..<2 {
      let batch = EventBatch()
      let users = (0..<50).map { StoreFixture.intern("u\($0)", batch) }
      let app = StoreFixture.intern("a", batch)
      let features = (0..<9).map { StoreFixture.intern("f\($0)", batch) }
      let sessions = (0..<700).map { StoreFixture.intern("session \(round) \($0)", batch) }
      for _ in 0..<36_000 {
        var row = EventBatch.Row()
        row.time = SomeEvent.start + Int64.random(in: 0..<SomeEvent.day, using: &random)
        row.user = users.randomElement(using: &random) ?? 0
        row.app = app
        row.feature = features.randomElement(using: &random) ?? 0
        row.session = sessions.randomElement(using: &random) ?? 0
        batch.append(row)
      }
      _ = try fixture.writer.commit([ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 1)])
    }
    func sums() throws -> [Int64] {
      try fixture.store.read { database in
        var sums: [Int64] = [0, 0, 0, 0, 0]
        for chunk in try ChunkRow.all(in: database) {
          let content = try ChunkContent(chunk, ChunkReader(database))
          for row in 0..<content.rowCount {
            let event = content.event(at: row)
            sums[0] += 1
            sums[1] &+= event.time
            sums[2] &+= event.time &* event.user &* event.feature
            sums[3] &+= Int64(event.session.count) &* event.time
            sums[4] &+= event.session.reduce(0) { $0 &* 31 &+ Int64($1) } &* event.time
          }
        }
        return sums
      }
    }
    let before = try sums()
    try fixture.merge()
    #expect(try sums() == before)
    let chunks = try fixture.store.read { try ChunkRow.all(in: $0) }
    #expect(chunks.map(\.rowCount) == [65_536, 6_464])
    #expect(Set(chunks.map(\.run)).count == 1)
    let (last, first) = try fixture.store.read { database in
      let contents = try chunks.map { try ChunkContent($0, ChunkReader(database)) }
      func key(_ content: ChunkContent, _ row: Int) -> [Int64] {
        [content[.feature][row], content[.user][row], content[.time][row]]
      }
      return (key(contents[0], 65_535), key(contents[1], 0))
    }
    #expect(!first.lexicographicallyPrecedes(last))
  }

  /// A merge whose chunks went away meanwhile changes nothing.
  @Test func stepsBackWhenChunksAreGone() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 97)
    let events = (0..<30).map { _ in SomeEvent.make(&random) }
    try fixture.commit(Array(events.prefix(10)))
    try fixture.commit(Array(events[10..<20]))
    let result = try fixture.store.read { database in
      let step = MergePlan.next(try ChunkRow.all(in: database), mergesAllArrivals: true) { _ in true }
      return try step.map { try ChunkMerger.load($0, in: database).sorted() }
    }
    let merged = try #require(result)
    #expect(merged.rowCount == 20)
    // The writer goes on meanwhile.
    try fixture.commit(Array(events[20...]))
    #expect(try fixture.store.write { try ChunkMerger.apply(merged, in: $0) })
    #expect(fingerprints(try fixture.events()) == fingerprints(events))
    #expect(try !fixture.store.write { try ChunkMerger.apply(merged, in: $0) })
    #expect(fingerprints(try fixture.events()) == fingerprints(events))
  }

  @Test func failsWithoutATrace() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 98)
    let events = (0..<40).map { _ in SomeEvent.make(&random) }
    try fixture.commit(events)
    let chunks = try fixture.store.read { try ChunkRow.all(in: $0) }
    try fixture.execute(
      """
      CREATE TRIGGER forced BEFORE INSERT ON chunk_column WHEN new.id % 32 = 9
      BEGIN SELECT RAISE(ABORT, 'forced'); END
      """
    )
    #expect(throws: DatabaseError.self) { try fixture.merge() }
    try fixture.execute("DROP TRIGGER forced")
    #expect(try fixture.store.read { try ChunkRow.all(in: $0) } == chunks)
    #expect(fingerprints(try fixture.events()) == fingerprints(events))
    try fixture.merge()
    #expect(fingerprints(try fixture.events()) == fingerprints(events))
  }

  /// A damaged chunk is named as such, and stays out of everything else's way.
  @Test func refusesADamagedChunk() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 99)
    let events = (0..<40).map { _ in SomeEvent.make(&random) }
    try fixture.commit(events)
    try fixture.execute(
      "UPDATE chunk_column SET data = substr(data, 1, length(data) - 1) || x'AA' WHERE id % 32 = 2")
    let damage = ChunkDamage(chunk: 1, reason: "\(ChunkError.checksum)")
    #expect(throws: damage) { try fixture.merge() }
    #expect(throws: damage) { try fixture.events() }
    try fixture.execute("UPDATE chunk_column SET data = zeroblob(10) WHERE id % 32 = 2")
    let cut = ChunkDamage(chunk: 1, reason: "\(ChunkError.truncated(needed: 40, available: 10))")
    #expect(throws: cut) { try fixture.merge() }
    try fixture.execute("UPDATE chunk SET row_count = row_count + 1")
    #expect(throws: ChunkDamage.self) { try fixture.events() }
    // Events go on being taken.
    #expect(try fixture.commit(Array(events.prefix(3))).accepted == 3)
  }
}
