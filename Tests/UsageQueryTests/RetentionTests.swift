import GRDB
import Testing
import UsageModel

@testable import EventStore
@testable import UsageQuery

/// Two stores that were told the same, of which one forgets its events.
@Suite struct RetentionTests {
  private static let now = RollupFixture.start + 100 * RollupFixture.day
  private static let today: Int32 = 20_600

  private struct Pair {
    let whole: RollupFixture
    let pruned: RollupFixture
    var random: FixtureRandom
    var sequence: UInt64 = 0

    init(seed: UInt64) throws {
      whole = try RollupFixture()
      pruned = try RollupFixture()
      random = FixtureRandom(seed: seed)
    }

    mutating func events(_ count: Int, days: Range<Int64>) -> [UsageEvent] {
      (0..<count).map { _ in
        sequence += 1
        let kind = [EventKind.use, .use, .use, .focus, .help].randomElement(using: &random) ?? .use
        return UsageEvent(
          timeMilliseconds: RollupFixture.start
            + Int64.random(
              in: days.lowerBound * RollupFixture.day..<days.upperBound * RollupFixture.day, using: &random),
          user: ["ann", "bob", "cid", "dag", "eva", "fay"].randomElement(using: &random) ?? "ann",
          app: "crm", feature: ["open", "save"].randomElement(using: &random), kind: kind,
          outcome: [.ok, .ok, .error].randomElement(using: &random) ?? .ok,
          durationMilliseconds: UInt32.random(in: 0...9_999, using: &random), source: "pc",
          sequence: sequence)
      }
    }

    mutating func commit(_ events: [UsageEvent], isImported: Bool = false) throws {
      for fixture in [whole, pruned] {
        try fixture.commit(events, isImported: isImported)
        try fixture.merge(settledBefore: RetentionTests.today)
        let retention = Retention(eventDays: fixture === pruned ? 30 : nil)
        let due = try fixture.store.read {
          retention.dueDays(try ChunkRow.all(in: $0), today: RetentionTests.today)
        }
        try fixture.count(settledBefore: RetentionTests.today, mustCover: due.contains)
        for rollup in try fixture.store.read({
          try Pruning.due(retention, today: RetentionTests.today, in: $0)
        }) {
          _ = try fixture.store.write {
            try Pruning.apply(rollup, nowMilliseconds: RetentionTests.now, in: $0)
          }
        }
        // Folds what was pruned apart.
        try fixture.count(settledBefore: RetentionTests.today)
      }
    }

    func expectSame(
      from: Int32, days: Int32, _ report: (StoreUsageData, QueryOptions) throws -> ReportDocument
    ) throws {
      let options = RetentionTests.options(from: from, days: days)
      #expect(
        try pruned.report(.worthwhile) { try report($0, options) }
          == whole.report(.never) { try report($0, options) }, "from \(from), \(days) days")
    }
  }

  private static func options(from: Int32, days: Int32) -> QueryOptions {
    let first = CivilDay(number: 20_500 + from)
    var options = QueryOptions(
      window: .days(Window(from: first, to: first.advanced(by: Int(days)))), nowMilliseconds: now,
      minimumGroupSize: 1)
    options.groupBy = [.feature]
    return options
  }

  @Test func coverageOutlivesEvents() throws {
    var pair = try Pair(seed: 1)
    try pair.commit(pair.events(1_500, days: 0..<100))
    try pair.commit(pair.events(60, days: 10..<40), isImported: true)
    // Late, for days whose events are gone; twice, so that their cells are folded.
    try pair.commit(pair.events(90, days: 0..<60))
    try pair.commit(pair.events(40, days: 0..<30))
    #expect(try pair.pruned.integer("SELECT sum(event_count) FROM rollup WHERE pruned_ms IS NOT NULL") > 900)
    #expect(
      try pair.pruned.integer("SELECT min(time_min_ms) FROM chunk WHERE NOT imported")
        >= RollupFixture.start + 68 * RollupFixture.day)
    #expect(try pair.pruned.integer("SELECT count(*) FROM chunk WHERE imported") > 0)
    #expect(try pair.pruned.rollups().filter(\.isPruned).count == 69)
    for (from, days) in [(0, 28), (20, 28), (60, 28), (66, 7), (72, 28), (-5, 200)] as [(Int32, Int32)] {
      try pair.expectSame(from: from, days: days) { try UsageReports.coverage($0, $1) }
      try pair.expectSame(from: from, days: days) { try UsageReports.gaps($0, $1) }
    }
  }

  @Test func whatNeedsEventsIsRefusedAndNeverWrong() throws {
    var pair = try Pair(seed: 2)
    try pair.commit(pair.events(1_000, days: 0..<100))
    for report in [
      UsageReports.bottlenecks, UsageReports.strikeouts, UsageReports.flow,
      UsageReports.benchmark,
    ] as [(StoreUsageData, QueryOptions) throws -> ReportDocument] {
      for from in [0, 50, 67] as [Int32] {
        var options = Self.options(from: from, days: 28)
        options.groupBy = []
        let error = #expect(throws: QueryError.self) {
          try pair.pruned.report(.worthwhile) { try report($0, options) }
        }
        guard case .eventsPruned = error else {
          Issue.record("from \(from): \(String(describing: error))")
          continue
        }
      }
    }
    for report in [UsageReports.erosion, UsageReports.bottlenecks, UsageReports.strikeouts]
      as [(StoreUsageData, QueryOptions) throws -> ReportDocument]
    {
      var options = Self.options(from: 70, days: 28)
      options.groupBy = []
      #expect(
        try pair.pruned.report(.worthwhile) { try report($0, options) }
          == pair.whole.report(.never) { try report($0, options) })
    }
    let options = Self.options(from: 70, days: 28)
    let flow = try pair.pruned.report(.worthwhile) { try UsageReports.flow($0, options) }
    #expect(flow.rows == (try pair.whole.report(.never) { try UsageReports.flow($0, options) }).rows)
    #expect(flow.total("sessions") == .null)
    #expect(flow.warnings.contains { $0.contains("pruned") })
    let none = try pair.pruned.report(.worthwhile) {
      try UsageReports.unanswerable(
        "erosion", $0, Self.options(from: 0, days: 28), because: .eventsPruned(from: "a", to: "b"))
    }
    #expect(none.rows.isEmpty && none.total("people") == .null)
    #expect(none.warnings.contains { $0.contains("null") && $0.contains("pruned") || $0.contains("deleted") })
  }

  /// Days that are left as cells are those of one zone; history needs none.
  @Test func prunedDaysAreOfOneZone() throws {
    var pair = try Pair(seed: 6)
    try pair.commit(pair.events(600, days: 0..<100))
    let range = RollupFixture.start...Self.now
    func coverage(_ fixture: RollupFixture, from: Int32, _ zone: String) throws -> ReportDocument {
      var options = Self.options(from: from, days: 28)
      options.zone = try TimeZoneLoading.zoneRules(named: zone, covering: range)
      return try fixture.report(fixture === pair.whole ? .never : .worthwhile) {
        try UsageReports.coverage($0, options)
      }
    }
    #expect(
      throws: QueryError.prunedInOtherZone(day: "2026-03-07", zone: "Asia/Kathmandu")
    ) { try coverage(pair.pruned, from: 20, "Asia/Kathmandu") }
    #expect(try coverage(pair.pruned, from: 20, "Etc/UTC") == coverage(pair.whole, from: 20, "Etc/UTC"))
    #expect(
      try coverage(pair.pruned, from: 71, "Asia/Kathmandu")
        == coverage(pair.whole, from: 71, "Asia/Kathmandu"))
  }

  /// All of lost time but slowness is in the cells.
  @Test func timesOutliveEvents() throws {
    var pair = try Pair(seed: 7)
    try pair.commit(pair.events(2_000, days: 0..<100))
    let kept = ["people", "face_ms", "failed_ms", "help_ms", "interruption_ms", "face_time"]
    for (from, groupBy) in [(0, []), (50, [.app]), (50, [.department])] as [(Int32, [GroupDimension])] {
      var options = Self.options(from: from, days: 28)
      options.groupBy = groupBy
      let left = try pair.pruned.report(.worthwhile) { try UsageReports.erosion($0, options) }
      let whole = try pair.whole.report(.never) { try UsageReports.erosion($0, options) }
      #expect(left.totals == whole.totals)
      for name in whole.columns {
        let isKept = kept.contains(name) || groupBy.contains { $0.rawValue == name }
        #expect(
          left.column(name) == (isKept ? whole.column(name) : whole.rows.map { _ in .null }), "\(name)")
      }
      #expect(left.warnings.contains { $0.contains("slow_ms") && $0.contains("null") })
    }
  }

  @Test func redeliveredEventsOfPrunedDaysAreNoConflict() throws {
    var pair = try Pair(seed: 3)
    let events = pair.events(300, days: 0..<100)
    try pair.commit(events)
    let old = events.filter { $0.timeMilliseconds < RollupFixture.start + 60 * RollupFixture.day }
    try pair.commit(old)
    #expect(
      try pair.pruned.store.read {
        try Row.fetchOne($0, sql: "SELECT duplicate, conflict FROM source WHERE id")
      }
        == ["duplicate": old.count, "conflict": 0])
  }

  @Test func forgettingReachesCellsOfPrunedEvents() throws {
    var pair = try Pair(seed: 4)
    try pair.commit(pair.events(800, days: 0..<100))
    for fixture in [pair.whole, pair.pruned] {
      let receipt = try fixture.writer.forget(person: "dag", nowMilliseconds: Self.now)
      #expect(receipt.items.contains { $0.place == "daily cells" } == (fixture === pair.pruned))
      try fixture.count(settledBefore: Self.today)
      let findings = try fixture.store.read {
        try StoreDoctor($0, path: fixture.store.path, nowMilliseconds: Self.now).findings
      }
      #expect(findings.filter { $0.verdict == .bad && $0.check != "disk" } == [])
    }
    try pair.expectSame(from: 0, days: 28) { try UsageReports.coverage($0, $1) }
    try pair.expectSame(from: 60, days: 28) { try UsageReports.coverage($0, $1) }
  }

  @Test func doctorComparesCellsWithEvents() throws {
    var pair = try Pair(seed: 5)
    try pair.commit(pair.events(800, days: 0..<100))
    let fixture = pair.pruned
    func finding() throws -> Finding? {
      try fixture.store.read {
        try StoreDoctor($0, path: fixture.store.path, nowMilliseconds: Self.now).findings
      }.first { $0.check == "daily_cells" }
    }
    #expect(try finding()?.verdict == .ok)
    // The cells of one day in the place of another's: every checksum is right.
    let living = try fixture.rollups().filter { !$0.isPruned }.map(\.id)
    try fixture.execute("UPDATE rollup_part SET rollup = -1 WHERE rollup = \(living[0])")
    try fixture.execute(
      "UPDATE rollup_part SET rollup = \(living[0]) WHERE rollup = \(living[1])")
    try fixture.execute("UPDATE rollup_part SET rollup = \(living[1]) WHERE rollup = -1")
    let found = try fixture.store.read {
      try StoreDoctor($0, path: fixture.store.path, nowMilliseconds: Self.now)
    }
    #expect(found.wrongRollups == [living[0], living[1]])
    for rollup in found.wrongRollups { try fixture.store.write { try RollupBuilder.discard(rollup, in: $0) } }
    try fixture.count(settledBefore: Self.today)
    #expect(try finding()?.verdict == .ok)
    // What nothing can count anew is a loss, and a report says so.
    let lost = try fixture.rollups().filter(\.isPruned)[3]
    try fixture.execute(
      """
      UPDATE rollup_column SET data = zeroblob(length(data))
      WHERE id / 64 IN (SELECT id FROM rollup_part WHERE rollup = \(lost.id))
      """)
    #expect(try finding()?.verdict == .bad)
    let options = Self.options(from: 0, days: 28)
    #expect(throws: RollupDamage.self) {
      try fixture.report(.worthwhile) { try UsageReports.coverage($0, options) }
    }
    let report = try fixture.store.read {
      try UsageReports.coverage(
        StoreUsageData($0, unreadableRollups: try RollupCheck.lost(in: $0)), options)
    }
    #expect(report.warnings.contains { $0.contains("\(lost.eventCount) events") && $0.contains("damaged") })
  }

  @Test func oldDaysAreDue() throws {
    func chunk(_ id: Int64, day: Int32?, bytes: Int = 10, isImported: Bool = false) -> ChunkRow {
      let start = Int64(day ?? 99) * RollupFixture.day
      return ChunkRow(
        id: id, day: day, run: 1, rowCount: 1, timeMinimumMilliseconds: start, timeMaximumMilliseconds: start,
        byteCount: bytes, isImported: isImported)
    }
    let chunks =
      (Int32(0)..<100).map { chunk(Int64($0), day: $0) } + [
        chunk(200, day: nil), chunk(201, day: 3, isImported: true),
      ]
    func due(_ retention: Retention, today: Int32 = 100) -> [Int32] {
      retention.dueDays(chunks, today: today).sorted()
    }
    #expect(due(Retention()) == [])
    #expect(due(Retention(eventDays: 30)) == Array(0...68))
    #expect(due(Retention(eventDays: 1)) == Array(0...97))
    // The clock is not believed for more than two weeks after the newest event.
    #expect(due(Retention(eventDays: 30), today: 5_000) == Array(0...81))
    #expect(due(Retention(eventDays: 30), today: 40) == Array(0...8))
    #expect(due(Retention(byteCount: 1_010)) == [])
    #expect(due(Retention(byteCount: 1_000)) == [0])
    #expect(due(Retention(byteCount: 1)) == Array(0...98))
    #expect(due(Retention(eventDays: 98, byteCount: 990)) == [0, 1])
  }
}
