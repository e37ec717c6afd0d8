import Aggregation
import Testing
import UsageModel

@testable import UsageQuery

struct RotReportTests {
  /// Twenty people of one role; history long before the first day.
  private func organisation() -> SmallOrganisation {
    var data = SmallOrganisation()
    data.catalogRows = [
      CatalogRow(app: "crm", feature: "open", roles: ["*"], category: "read"),
      CatalogRow(app: "crm", feature: "fax", roles: ["*"], category: "send"),
      CatalogRow(app: "crm", feature: "mail", roles: ["*"], category: "send"),
      CatalogRow(app: "crm", feature: "panic", roles: ["*"], isCritical: true),
    ]
    for person in 0..<20 {
      let user = "u\(person)"
      data.rosterRows.append(RosterRow(user: user, department: person < 10 ? "A" : "B"))
      data.add(user, "crm", "open", day: 3, version: person < 4 ? "1.0" : "2.0")
      data.add(user, "crm", "fax", day: -360)
      if person < 12 { data.add(user, "crm", "mail", day: 4, version: person < 4 ? "1.0" : "2.0") }
    }
    data.add("old", "crm", "open", day: -400, version: "1.0")
    return data
  }

  private func value(_ document: ReportDocument, _ feature: String, _ column: String) -> ReportValue? {
    let position = document.column("feature").firstIndex(of: .text(feature))
    return position.map { document.column(column)[$0] }
  }

  @Test func anOldFeatureIsObsoleteWithItsSuccessor() throws {
    let document = try UsageReports.rot(organisation(), .open())
    #expect(value(document, "fax", "verdict") == .text("may_go"))
    #expect(value(document, "fax", "obsolete") == .boolean(true))
    #expect(value(document, "fax", "users_then") == .integer(20))
    #expect(value(document, "fax", "leavers") == .integer(20))
    #expect(value(document, "fax", "successor_feature") == .text("mail"))
    #expect(value(document, "fax", "successor_users") == .integer(12))
    #expect(value(document, "open", "verdict") == nil)
    #expect(document.total("may_go") == .integer(1))
  }

  @Test func whatIsCriticalStays() throws {
    let document = try UsageReports.rot(organisation(), .open())
    #expect(value(document, "panic", "verdict") == .text("keep"))
    #expect(value(document, "panic", "trivial") == .boolean(true))
    let all = try UsageReports.rot(organisation(), .open(), showsAll: true)
    #expect(value(all, "open", "verdict") == .text("in_use"))
  }

  @Test func withoutAnEarlierWindowNothingIsObsolete() throws {
    var data = SmallOrganisation()
    data.add("ann", day: 3)
    let document = try UsageReports.rot(data, .open(), showsAll: true)
    #expect(document.column("obsolete") == [.null])
    #expect(document.warnings.contains { $0.contains("no full window") })
  }

  @Test func theEarlierWindowIsAYearBeforeOrTheFirst() throws {
    func day(_ text: String) throws -> CivilDay { try #require(CivilDay(text)) }
    let window = Window(from: try day("2024-02-29"), to: try day("2024-03-14"))
    let long = RotSurvey.earlierWindow(than: window, firstDay: try day("2020-01-01"))
    #expect(long?.from.description == "2023-02-28")
    #expect(long?.dayCount == 14)
    let short = RotSurvey.earlierWindow(than: window, firstDay: try day("2024-02-15"))
    #expect(short?.from.description == "2024-02-15")
    #expect(RotSurvey.earlierWindow(than: window, firstDay: try day("2024-02-16")) == nil)
  }

  @Test func versionsShowWhoIsBehind() throws {
    let document = try UsageReports.versions(organisation(), .open())
    #expect(document.column("version") == [.text("1.0"), .text("2.0")])
    #expect(document.column("people") == [.integer(4), .integer(16)])
    #expect(document.column("behind") == [.boolean(true), .boolean(false)])
    let laggards = try UsageReports.laggards(organisation(), .open(by: [.department]))
    #expect(laggards.column("behind") == [.integer(4), .integer(0)])
    let named = try UsageReports.laggards(organisation(), .open(by: [.user]))
    #expect(named.column("user") == (0..<4).map { .text("u\($0)") })
    var unnamed = QueryOptions.open(by: [.user])
    unnamed.namesAllowed = false
    #expect(throws: QueryError.purposeNeeded(option: "--by user")) {
      try UsageReports.laggards(organisation(), unnamed)
    }
  }

  @Test func smallVersionsAreSuppressed() throws {
    let document = try UsageReports.versions(organisation(), .open(minimumGroupSize: 5))
    #expect(document.rows.isEmpty)
    #expect(document.total("suppressed") == .integer(2))
  }

  @Test func machinesAreListedByPseudonym() throws {
    var data = organisation()
    for minute in 0..<2_000 { data.add("robot", "crm", "open", day: 1, minute: Int64(minute * 5)) }
    data.rosterRows.append(RosterRow(user: "backup", isService: true))
    data.add("backup", day: 5)
    let document = try UsageReports.suspects(data, .open()) { "p-\($0.utf8.count)" }
    #expect(document.column("account") == [.text("p-5"), .text("p-6")])
    #expect(document.column("marked") == [.boolean(false), .boolean(true)])
    #expect(document.column("reasons")[0] == .text("round_the_clock;machine_pauses;share"))
    #expect(document.total("suspects") == .integer(1))
  }

  /// Of machines with equally many pauses the first by name is shown, whoever was stored first.
  @Test func aMachineFeatureDoesNotDependOnTheOrderOfStoring() throws {
    func shown(_ machines: [String]) throws -> [ReportValue] {
      var data = SmallOrganisation()
      for name in machines {
        let oddPauses = name == "a" ? Int64(0) : 5
        var minute: Int64 = 0
        for beat in Int64(0)..<61 {
          data.add(name, "agent", "sync", day: 1, minute: minute)
          minute += beat < oddPauses ? 20 : 5
        }
      }
      let document = try UsageReports.suspects(data, .open()) { $0 }
      let row = try #require(document.column("kind").firstIndex(of: .text("feature")))
      return ["pauses", "regular_share", "people"].map { document.column($0)[row] }
    }
    let expected: [ReportValue] = [.integer(60), .number(1), .integer(3)]
    #expect(try shown(["a", "b", "c"]) == expected)
    #expect(try shown(["c", "b", "a"]) == expected)
  }
}

struct BenchmarkComparisonTests {
  private func organisation(slower factor: Int64) -> SmallOrganisation {
    var data = SmallOrganisation()
    for person in 0..<30 {
      let user = "u\(person)"
      data.rosterRows.append(RosterRow(user: user, department: person < 24 ? "A" : "B"))
      for use in 0..<5 {
        let duration = Int64(1_000 + person * 10)
        data.add(user, day: -20 + Int64(use), duration: duration)
        data.add(user, day: 3 + Int64(use), duration: duration * factor)
      }
    }
    return data
  }

  @Test func aSlowerFeatureIsNamed() throws {
    let document = try UsageReports.benchmarkComparison(
      organisation(slower: 2), .open(), with: .windowBefore)
    #expect(document.column("median_then_ms") == [.integer(1_140)])
    #expect(document.column("change_ms") == [.integer(1_140)])
    #expect(document.column("own_people") == [.integer(30)])
    #expect(document.column("own_change_ms") == [.integer(1_140)])
    #expect(document.column("verdict") == [.text("slower")])
    #expect(document.column("benchmark_change_ms") == [.integer(1_070)])
    #expect(document.column("against_ms") == [.integer(0)])
  }

  @Test func sameTimesAreNoClearChangeAndFewPeopleInsufficient() throws {
    let document = try UsageReports.benchmarkComparison(
      organisation(slower: 1), .open(by: [.department]), with: .windowBefore)
    #expect(document.column("verdict") == [.text("no_clear_change"), .text("insufficient")])
    #expect(document.column("change_low_ms")[1] == .null)
    #expect(document.warnings.contains { $0.contains("insufficient") })
  }
}
