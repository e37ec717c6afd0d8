import GRDB
import Testing
import UsageModel

@testable import EventStore
@testable import UsageQuery

/// Whatever happens to a store, coverage and gaps from daily cells are those from events.
@Suite struct RollupEqualityTests {
  private static let zones = ["UTC", "Europe/Oslo", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"]
  private static let users = ["ann", "bob", "cid", "dag", "eva", "a.nn", "outsider"]

  /// One life of a store: arrivals, late events, merges, counting, forgetting, another zone, in any order.
  private struct Life {
    var fixture: RollupFixture
    var random: FixtureRandom
    var sequence: UInt64 = 0
    /// Days from the fixture's start on which events lie.
    static let dayCount: Int64 = 70

    mutating func event(before day: Int64) -> UsageEvent {
      let kind =
        [EventKind.use, .use, .use, .focus, .help, .interruption].randomElement(using: &random) ?? .use
      var event = UsageEvent(
        timeMilliseconds: RollupFixture.start + Int64.random(in: 0..<day * RollupFixture.day, using: &random),
        user: RollupEqualityTests.users.randomElement(using: &random) ?? "ann",
        app: ["crm", "erp"].randomElement(using: &random) ?? "crm",
        feature: kind == .use ? ["open", "save", "print"].randomElement(using: &random) : nil, kind: kind,
        outcome: [.ok, .ok, .error, .abandoned].randomElement(using: &random) ?? .ok,
        durationMilliseconds: Bool.random(using: &random) ? UInt32.random(in: 0...9_999, using: &random) : nil
      )
      if Bool.random(using: &random) {
        sequence += UInt64.random(in: 1...3, using: &random)
        event.source = ["pc1", "pc2"].randomElement(using: &random)
        event.sequence = sequence
      }
      return event
    }

    mutating func step() throws -> String {
      let settled = Int32(20_500 + Int64.random(in: 0...Self.dayCount + 1, using: &random))
      switch Int.random(in: 0..<10, using: &random) {
      case 0, 1, 2:
        let events = (0..<Int.random(in: 1...300, using: &random)).map { _ in event(before: Self.dayCount) }
        try fixture.commit(events, isImported: Int.random(in: 0..<4, using: &random) == 0)
        return "commit"
      case 3, 4:
        try fixture.merge(settledBefore: settled)
        return "merge"
      case 5, 6, 7:
        try fixture.count(settledBefore: settled)
        return "count"
      case 8:
        let zone = RollupEqualityTests.zones.randomElement(using: &random) ?? "UTC"
        try fixture.store.write { try SettingStore.set("organisation.timezone", to: zone, in: $0) }
        return "zone \(zone)"
      default:
        guard Int.random(in: 0..<4, using: &random) == 0 else { return "nothing" }
        _ = try fixture.writer.forget(person: "dag", nowMilliseconds: 5)
        return "forget"
      }
    }

    mutating func options() throws -> QueryOptions {
      let from = Int32(Int64.random(in: -3...Self.dayCount, using: &random))
      let window = Window(
        from: CivilDay(number: 20_500 + from),
        to: CivilDay(number: 20_500 + from + Int32.random(in: 1...30, using: &random)))
      let now = RollupFixture.start + Self.dayCount * RollupFixture.day
      let zone = RollupEqualityTests.zones.randomElement(using: &random) ?? "UTC"
      var options = QueryOptions(
        window: .days(window), nowMilliseconds: now,
        zone: try TimeZoneLoading.zoneRules(
          named: zone, covering: RollupFixture.start - 100 * RollupFixture.day...now))
      options.groupBy =
        [[], [.feature], [.department, .feature], [.app]].randomElement(using: &random) ?? []
      options.minimumGroupSize = 1
      options.namesAllowed = true
      return options
    }
  }

  @Test(arguments: UInt64(1)...12) func cellsSayWhatEventsSay(_ seed: UInt64) throws {
    var life = Life(fixture: try RollupFixture(), random: FixtureRandom(seed: seed))
    if seed.isMultiple(of: 2) { try organise(life.fixture) }
    var steps: [String] = []
    for _ in 0..<24 {
      steps.append(try life.step())
      for _ in 0..<2 {
        let options = try life.options()
        let what = "seed \(seed), \(steps.joined(separator: ", "))"
        for report in [UsageReports.coverage, UsageReports.gaps] as [Report] {
          let fromCells = try life.fixture.report(.always) { try report($0, options) }
          let fromEvents = try life.fixture.report(.never) { try report($0, options) }
          #expect(fromCells == fromEvents, "\(what)")
        }
        var byUser = options
        byUser.groupBy = [.user]
        #expect(
          try life.fixture.report(.always) { try UsageReports.gaps($0, byUser) }
            == life.fixture.report(.never) { try UsageReports.gaps($0, byUser) }, "\(what)")
      }
    }
  }

  private typealias Report = (StoreUsageData, QueryOptions) throws -> ReportDocument

  private func organise(_ fixture: RollupFixture) throws {
    try fixture.store.write { database in
      try OrganisationStore.replaceRoster(
        [
          RosterRow(user: "ann", department: "Sales", role: "seller", aliases: ["a.nn"]),
          RosterRow(user: "bob", department: "Sales", role: "seller"),
          RosterRow(
            user: "cid", department: "Stock", role: "packer", activeFrom: CivilDay(number: 20_530)),
          RosterRow(user: "dag", department: "Stock", role: "packer"),
          RosterRow(user: "eva", department: "Stock", role: "packer"),
        ], in: database)
      try OrganisationStore.replaceCatalog(
        [
          CatalogRow(app: "crm", feature: "open", roles: ["*"], targetDays: 2),
          CatalogRow(app: "erp", feature: "save", roles: ["packer"]),
          CatalogRow(app: "crm", feature: "print", roles: ["*"], isAutomatic: true),
        ], in: database)
    }
  }

  /// A settled store is answered from rollups alone; what comes late is counted by the reader.
  @Test func rollupsAreTakenWhereTheyAreWhole() throws {
    let fixture = try RollupFixture()
    var life = Life(fixture: fixture, random: FixtureRandom(seed: 3))
    try fixture.commit((0..<2_000).map { _ in life.event(before: 20) })
    try fixture.merge()
    try fixture.count()
    #expect(try fixture.rollups().count == 20)
    #expect(
      try fixture.integer("SELECT count(*) FROM rollup_cover")
        == fixture.integer("SELECT count(*) FROM chunk"))
    #expect(try fixture.integer("SELECT sum(event_count) FROM rollup") == 2_000)

    // Little that is late leaves them alone; much has the day counted anew.
    let before = try fixture.rollups().map(\.id)
    try fixture.commit((0..<40).map { _ in life.event(before: 20) })
    try fixture.merge()
    try fixture.count()
    #expect(try fixture.rollups().map(\.id) == before)
    try fixture.commit((0..<400).map { _ in life.event(before: 20) })
    try fixture.merge()
    try fixture.count()
    #expect(try fixture.rollups().count == 20)
    #expect(try Set(fixture.rollups().map(\.id)).isDisjoint(with: before))
    #expect(try fixture.integer("SELECT sum(event_count) FROM rollup") == 2_440)
  }

  /// Bytes of a rollup that cannot be read are no loss while its events are there.
  @Test func damagedCellsAreCountedAnew() throws {
    let fixture = try RollupFixture()
    var life = Life(fixture: fixture, random: FixtureRandom(seed: 4))
    try fixture.commit((0..<500).map { _ in life.event(before: 28) })
    try fixture.merge()
    try fixture.count()
    let window = Window(from: CivilDay(number: 20_500), to: CivilDay(number: 20_528))
    let options = QueryOptions(
      window: .days(window), nowMilliseconds: RollupFixture.start, minimumGroupSize: 1)
    let sound = try fixture.report(.always) { try UsageReports.coverage($0, options) }
    try fixture.execute("UPDATE rollup_column SET data = zeroblob(length(data)) WHERE id % 3 = 0")
    #expect(try fixture.report(.always) { try UsageReports.coverage($0, options) } == sound)
  }
}
