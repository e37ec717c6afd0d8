import Aggregation
import Testing
import UsageModel

@testable import UsageQuery

struct UsageReportsTests {
  private typealias Report = @Sendable (SmallOrganisation, QueryOptions) throws -> ReportDocument

  private static let reports: [(String, Report)] = [
    ("coverage", { try UsageReports.coverage($0, $1) }), ("gaps", { try UsageReports.gaps($0, $1) }),
    ("benchmark", { try UsageReports.benchmark($0, $1) }),
    ("bottlenecks", { try UsageReports.bottlenecks($0, $1) }),
    ("erosion", { try UsageReports.erosion($0, $1) }),
    ("strikeouts", { try UsageReports.strikeouts($0, $1) }), ("flow", { try UsageReports.flow($0, $1) }),
    ("flow-ends", { try UsageReports.flowEnds($0, $1) }),
  ]

  /// Three departments of `people` people each, all of whom opened the CRM on day 0.
  private func departments(_ sizes: [Int]) -> SmallOrganisation {
    var data = SmallOrganisation()
    data.catalogRows = [
      CatalogRow(app: "crm", feature: "open", roles: ["*"]),
      CatalogRow(app: "crm", feature: "never", roles: ["*"]),
    ]
    for (department, size) in sizes.enumerated() {
      for person in 0..<size {
        let user = "user\(department)-\(person)"
        data.rosterRows.append(RosterRow(user: user, department: "D\(department)", manager: "boss"))
        data.add(user, minute: Int64(600 + person))
      }
    }
    return data
  }

  @Test func anEmptyStoreGivesValidReportsThatSaySo() throws {
    for (name, report) in Self.reports {
      let document = try report(SmallOrganisation(), QueryOptions(nowMilliseconds: 1_780_000_000_000))
      #expect(document.report == name)
      #expect(document.method == "waterline-\(name)/1")
      #expect(document.population == "observed")
      #expect(document.catalog == "observed")
      #expect(document.window.dayCount == 28)
      #expect(document.warnings.contains { $0.contains("no event is stored") })
      for total in ["people", "outside_people", "outside_events", "too_new"] {
        #expect(document.total(total) == .integer(0))
      }
      for row in document.rows { #expect(row.count == document.columns.count) }
    }
  }

  /// A service account, so that numbers of people and of members differ; ann under an alias; cid without a role.
  private func roles() -> SmallOrganisation {
    var data = SmallOrganisation()
    data.catalogRows = [
      CatalogRow(app: "crm", feature: "file", roles: ["clerk"]),
      CatalogRow(app: "crm", feature: "open", roles: ["*"]),
    ]
    data.rosterRows = [
      RosterRow(user: "robot", role: "clerk", isService: true),
      RosterRow(user: "ann", role: "clerk", aliases: ["a.nn"]), RosterRow(user: "bob", role: "boss"),
      RosterRow(user: "cid"), RosterRow(user: "dag", role: "clerk"),
    ]
    for user in ["robot", "a.nn", "bob", "cid"] { data.add(user, "crm", "file", day: -5) }
    for user in ["cid", "robot"] { data.add(user, "crm", "open", day: -5) }
    data.add("bob", "crm", "open", day: -5, outcome: .error)
    // All are seen in the window, bob with what is not expected of him.
    for user in ["ann", "cid", "dag", "robot"] { data.add(user, "erp", "look", day: 2) }
    data.add("bob", "crm", "file", day: 2)
    data.add("dag", "crm", "file", day: 3)
    return data
  }

  @Test func historyTellsLapsedFromNeverOfWhomItIsExpected() throws {
    var options = QueryOptions.open()
    options.window = SmallOrganisation.window(0, 20)
    options.groupBy = [.user]
    let gaps = try UsageReports.gaps(roles(), options)
    let found = zip(gaps.column("user"), zip(gaps.column("feature"), gaps.column("state"))).map {
      "\($0) \($1.0) \($1.1)"
    }
    let expected: [(String, String, String)] = [
      ("ann", "file", "lapsed"), ("ann", "open", "never"), ("bob", "open", "never"),
      ("cid", "open", "lapsed"), ("dag", "open", "never"),
    ]
    #expect(
      found == expected.map { "\(ReportValue.text($0)) \(ReportValue.text($1)) \(ReportValue.text($2))" })
    options.groupBy = [.feature]
    let coverage = try UsageReports.coverage(roles(), options)
    #expect(coverage.column("feature") == [.text("file"), .text("open"), .text("look")])
    #expect(coverage.column("lapsed") == [.integer(1), .integer(1), .integer(0)])
    #expect(coverage.column("never") == [.integer(0), .integer(3), .integer(0)])
    #expect(coverage.column("unexpected") == [.integer(1), .integer(0), .integer(3)])
    options.groupBy = []
    let rot = try UsageReports.rot(roles(), options, showsAll: true)
    let file = try #require(rot.column("feature").firstIndex(of: .text("file")))
    #expect(rot.column("expected")[file] == .integer(2))
    #expect(rot.column("users")[file] == .integer(1))
  }

  @Test func ungroupedCoverageAndErosionHaveOneRowEvenOfNothing() throws {
    let data = SmallOrganisation()
    #expect(try UsageReports.coverage(data, .open()).column("coverage") == [.null])
    #expect(try UsageReports.erosion(data, .open()).column("erosion") == [.null])
    #expect(try UsageReports.erosion(data, .open()).warnings.contains { $0.contains("no face time") })
  }

  @Test func theDefaultWindowEndsWithTheNewestDayNotAfterToday() throws {
    var data = SmallOrganisation()
    data.add("ann", day: 20)
    data.add("ann", day: 40)
    var options = QueryOptions(nowMilliseconds: SmallOrganisation.moment(day: 21))
    let fresh = try UsageReports.coverage(data, options)
    #expect(Int64(fresh.window.to.number) == SmallOrganisation.firstDay + 21)
    #expect(fresh.window.dayCount == 28)
    #expect(!fresh.warnings.contains { $0.contains("before yesterday") })
    options.nowMilliseconds = SmallOrganisation.moment(day: 22)
    let stale = try UsageReports.coverage(data, options)
    #expect(stale.window == fresh.window)
    #expect(stale.warnings.contains { $0.contains("before yesterday") })
  }

  @Test func smallGroupsAreSuppressedWithTheirNeighbour() throws {
    let data = departments([3, 6, 9])
    let document = try UsageReports.coverage(data, .open(by: [.department], minimumGroupSize: 5))
    #expect(document.column("department") == [.text("D2")])
    #expect(document.total("suppressed") == .integer(2))
    #expect(document.total("expected") == .integer(36))
    #expect(document.warnings.contains { $0.contains("2 rows are left out") })
    let open = try UsageReports.coverage(data, .open(by: [.department]))
    #expect(open.column("expected") == [.integer(6), .integer(12), .integer(18)])
  }

  @Test func totalsOfTooFewPeopleAreNull() throws {
    let document = try UsageReports.coverage(departments([3]), .open(minimumGroupSize: 5))
    #expect(document.rows.isEmpty)
    #expect(document.total("expected") == .null)
    #expect(document.total("adopted") == .null)
  }

  @Test func namesNeedAPurpose() throws {
    let data = departments([6])
    var options = QueryOptions.open(by: [.user])
    options.namesAllowed = false
    #expect(throws: QueryError.purposeNeeded(option: "--by user")) { try UsageReports.gaps(data, options) }
    options.groupBy = [.manager]
    for (name, report) in Self.reports where name != "benchmark" {
      #expect(throws: QueryError.purposeNeeded(option: "--by manager")) { try report(data, options) }
    }
  }

  @Test func onlyGapsListsPeople() {
    for (name, report) in Self.reports where name != "gaps" {
      #expect(throws: QueryError.self) { try report(departments([6]), .open(by: [.user])) }
    }
  }

  @Test func gapsByUserNamesPeopleWithoutEventsToo() throws {
    var data = departments([2])
    data.rosterRows.append(RosterRow(user: "silent", department: "D1"))
    data.rosterRows.append(
      RosterRow(user: "new", activeFrom: CivilDay(number: Int32(SmallOrganisation.firstDay) + 20)))
    data.add("user0-0", "crm", "never", day: -3)
    let document = try UsageReports.gaps(data, .open(by: [.user, .department]))
    #expect(
      document.columns == [
        "user", "department", "app", "feature", "expected", "adopted", "missing", "adoption_benchmark", "gap",
        "state",
      ])
    #expect(document.column("user") == ["silent", "silent", "user0-0", "user0-1"].map { .text($0) })
    #expect(document.column("feature") == ["never", "open", "never", "never"].map { .text($0) })
    #expect(document.column("state") == ["dark", "dark", "lapsed", "never"].map { .text($0) })
    #expect(document.total("too_new") == .integer(1))
  }

  @Test func unknownNamesAreHintedAtButNeverPeople() throws {
    let data = departments([6])
    var options = QueryOptions.open()
    options.app = "crn"
    options.filters = [
      PersonFilter(attribute: .department, value: "D3"), PersonFilter(attribute: .manager, value: "bos"),
    ]
    let warnings = try UsageReports.coverage(data, options).warnings.joined(separator: "\n")
    #expect(warnings.contains("\"crn\" is unknown; did you mean \"crm\"?"))
    #expect(warnings.contains("department \"D3\"; did you mean \"D0\"?"))
    #expect(!warnings.contains("boss"))
    options = .open()
    options.feature = "opne"
    let document = try UsageReports.coverage(data, options)
    #expect(document.warnings.contains { $0.contains("did you mean \"open\"") })
  }

  @Test func filtersCompareBytes() throws {
    var data = SmallOrganisation()
    data.rosterRows = [
      RosterRow(user: "a", department: "\u{C9}lan"), RosterRow(user: "b", department: "E\u{301}lan"),
    ]
    var options = QueryOptions.open()
    options.filters = [PersonFilter(attribute: .department, value: "\u{C9}lan")]
    #expect(try UsageReports.coverage(data, options).total("people") == .integer(1))
    let groups = try UsageReports.gaps(data, .open(by: [.department]))
    #expect(groups.total("people") == .integer(2))
  }

  @Test func erosionRefusesFeatures() {
    #expect(throws: QueryError.self) { try UsageReports.erosion(departments([6]), .open(by: [.feature])) }
    var options = QueryOptions.open()
    options.feature = "open"
    #expect(throws: QueryError.self) { try UsageReports.erosion(departments([6]), options) }
  }

  @Test func automaticFeaturesAreLeftOutOfEverything() throws {
    var data = departments([6])
    data.catalogRows.append(CatalogRow(app: "crm", feature: "sync", roles: ["*"], isAutomatic: true))
    data.rosterRows.append(RosterRow(user: "quiet", department: "D0"))
    data.add("quiet", "crm", "sync")
    data.add("outsider", "crm", "sync")
    let document = try UsageReports.coverage(data, .open(by: [.feature]))
    #expect(document.column("feature") == [.text("never"), .text("open")])
    #expect(document.column("dark") == [.integer(1), .integer(1)])
    #expect(document.total("outside_people") == .integer(0))
  }

  @Test func aGapOfASourceMakesItsPeopleUncertain() throws {
    var data = departments([6])
    data.add("user0-0", source: "ws", sequence: 1)
    data.add("user0-0", minute: 700, source: "ws", sequence: 4)
    func high(_ gap: ClosedRange<Int64>) throws -> [ReportValue] {
      var copy = data
      copy.gaps = [
        SequenceGap(
          source: 1, edgeBeforeMilliseconds: gap.upperBound, edgeAfterMilliseconds: gap.lowerBound,
          missingCount: 2)
      ]
      return try UsageReports.coverage(copy, .open()).column("high")
    }
    let from = SmallOrganisation.moment(day: 0, minute: 0)
    let to = SmallOrganisation.moment(day: 28, minute: 0)
    #expect(try high((from - 9)...(from - 1)) == [.number(0.5)])
    #expect(try high((from - 9)...from) == [.number(7.0 / 12.0)])
    #expect(try high((to - 1)...(to + 5)) == [.number(7.0 / 12.0)])
    #expect(try high(to...(to + 5)) == [.number(0.5)])
  }

  @Test func publishedBenchmarksReplaceTheWindowsOwn() throws {
    var data = SmallOrganisation()
    for person in 0..<12 {
      for use in 0..<5 {
        data.add("user\(person)", day: 0, minute: Int64(use), duration: Int64(1_000 + person))
        data.add("user\(person)", day: 30, minute: Int64(use), duration: 5_000)
      }
    }
    let first = QueryOptions.open(SmallOrganisation.window(0, 10))
    let set = try UsageReports.benchmarkSet(named: "autumn", data, first)
    #expect(set.rows.map(\.milliseconds) == [1_002])
    #expect(set.rows.map(\.kind) == [.peers])
    var second = QueryOptions.open(SmallOrganisation.window(20, 48))
    #expect(try UsageReports.bottlenecks(data, second).column("lost_ms") == [.integer(0)])
    second.benchmark = .frozen(set)
    let frozen = try UsageReports.bottlenecks(data, second)
    #expect(frozen.column("lost_ms") == [.integer(12 * 5 * (5_000 - 1_002))])
    #expect(frozen.column("benchmark_ms") == [.integer(1_002)])
    #expect(frozen.total("benchmark") == .text("autumn"))
  }

  @Test func nullsComeWithTheirReason() throws {
    var data = SmallOrganisation()
    data.add("ann", duration: nil)
    let document = try UsageReports.bottlenecks(data, .open())
    #expect(document.column("severity") == [.null])
    for (name, reason) in [
      ("benchmark_ms", "target_ms"), ("severity", "no attempt has a duration"), ("score", "fewer than 10"),
      ("points", "no face time"),
    ] {
      #expect(document.warnings.contains { $0.hasPrefix("\(name) is null") && $0.contains(reason) })
    }
  }

  @Test func sessionsOfTooFewPeopleAreNull() throws {
    #expect(try UsageReports.flow(departments([4]), .open(minimumGroupSize: 5)).total("sessions") == .null)
    #expect(try UsageReports.flow(departments([6]), .open()).total("sessions") == .integer(6))
  }

  @Test func aNameIsFollowedByAComma() throws {
    var data = SmallOrganisation()
    for app in ["File", "File submissions"] { data.add("ann", app, "c") }
    let document = try UsageReports.coverage(data, .open(by: [.feature]))
    #expect(document.column("app") == ["File submissions", "File"].map { .text($0) })
  }

  @Test func namesWithCommasAreOrderedAsJoinedText() throws {
    var data = SmallOrganisation()
    for app in ["File", "File submissions", "a,b", "a"] { data.add("ann", app, "c") }
    let document = try UsageReports.coverage(data, .open(by: [.feature]))
    #expect(document.column("app") == ["File submissions", "File", "a,b", "a"].map { .text($0) })
  }

  @Test func observedPeopleIncludeRequestersOfTheWindow() throws {
    var data = SmallOrganisation()
    data.add("ann")
    data.ticketRows = [
      Ticket(id: "1", requester: "bob", openedMilliseconds: SmallOrganisation.moment(day: 3)),
      Ticket(id: "2", requester: "eve", openedMilliseconds: SmallOrganisation.moment(day: 28)),
    ]
    let document = try UsageReports.coverage(data, .open())
    #expect(document.total("people") == .integer(2))
    #expect(document.column("dark") == [.integer(1)])
  }

  @Test func aDamagedStoreIsAnErrorAndNotACrash() {
    var data = departments([6])
    data.breakLastUser()
    for (_, report) in Self.reports {
      #expect(throws: QueryError.inconsistentStore) { try report(data, .open()) }
    }
  }

  @Test func anEmptyWindowIsAnError() {
    let day = CivilDay(number: 5)
    #expect(throws: QueryError.self) {
      try UsageReports.flow(SmallOrganisation(), .open(.days(Window(from: day, to: day))))
    }
  }
}
