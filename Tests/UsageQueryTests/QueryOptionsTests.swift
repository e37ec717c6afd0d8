import Testing
import UsageModel

@testable import UsageQuery

struct QueryOptionsTests {
  @Test func dimensionsKeepTheirOrderAndComeOnce() throws {
    #expect(try QueryOptions.dimensions(fromList: "") == [])
    #expect(try QueryOptions.dimensions(fromList: "site, department,site") == [.site, .department])
  }

  @Test func unknownColumnsAreNamedWithTheKnownOnes() {
    let error = #expect(throws: QueryError.self) { try QueryOptions.dimensions(fromList: "department,rôle") }
    #expect(error?.description.contains("\"rôle\"") == true)
    #expect(error?.description.contains("department, role, site, manager, app, feature, user") == true)
    #expect(throws: QueryError.self) { try QueryOptions.filter(from: "app=crm") }
  }

  @Test func filterValuesMayHoldAnything() throws {
    #expect(
      try QueryOptions.filter(from: "department=R=D, north")
        == PersonFilter(attribute: .department, value: "R=D, north"))
    #expect(throws: QueryError.self) { try QueryOptions.filter(from: "department") }
  }

  @Test(arguments: ["28", "0d", "-1d", "d", "3661d", "28 d", "28D", ""])
  func badWindowLengths(text: String) {
    #expect(throws: QueryError.self) { try QueryOptions.windowLength(from: text) }
  }

  @Test func windowLengthsAndDays() throws {
    #expect(try QueryOptions.windowLength(from: "7d") == .last(dayCount: 7))
    let days = try QueryOptions.days(from: "2026-02-27", to: "2026-03-02")
    guard case .days(let window) = days else { return }
    #expect(window.dayCount == 3)
    #expect(throws: QueryError.emptyWindow(from: "2026-03-02", to: "2026-03-02")) {
      try QueryOptions.days(from: "2026-03-02", to: "2026-03-02")
    }
    #expect(throws: QueryError.self) { try QueryOptions.days(from: "2026-02-30", to: "2026-03-02") }
  }

  @Test func nearNamesForgiveTwoEdits() {
    let known = ["Sales", "Finance", "Operations", "IT"]
    #expect(NearNames.suggestions(for: "Slaes", among: known) == ["Sales"])
    #expect(NearNames.suggestions(for: "finanze", among: known) == ["Finance"])
    #expect(NearNames.suggestions(for: "Marketing", among: known).isEmpty)
    #expect(NearNames.hint(for: "sale", among: known) == "; did you mean \"Sales\"?")
  }
}

struct TimeZoneLoadingTests {
  private func rules(_ name: String, _ from: String, _ to: String) throws -> ZoneRules {
    let first = try #require(CivilDay(from)).startMilliseconds
    let last = try #require(CivilDay(to)).startMilliseconds
    return try TimeZoneLoading.zoneRules(named: name, covering: first...last)
  }

  @Test func utcHasNoTransitions() throws {
    #expect(try rules("UTC", "1980-01-01", "2030-01-01").transitions.isEmpty)
  }

  @Test func osloChangesAtOneUtc() throws {
    let rules = try rules("Europe/Oslo", "2026-01-01", "2026-12-31")
    #expect(rules.initialOffsetMilliseconds == 3_600_000)
    #expect(
      rules.transitions == [
        // 2026-03-29T01:00:00Z and 2026-10-25T01:00:00Z.
        .init(startMilliseconds: 1_774_746_000_000, offsetMilliseconds: 7_200_000),
        .init(startMilliseconds: 1_792_890_000_000, offsetMilliseconds: 3_600_000),
      ])
  }

  @Test func halfHourChangesAreFound() throws {
    let rules = try rules("Australia/Lord_Howe", "2025-04-01", "2025-04-10")
    #expect(rules.transitions.map(\.offsetMilliseconds) == [37_800_000])
    #expect(rules.initialOffsetMilliseconds == 39_600_000)
  }

  @Test func newfoundlandChangedAMinuteAfterMidnight() throws {
    let rules = try rules("America/St_Johns", "2010-11-01", "2010-11-30")
    // 2010-11-07 00:01 became 2010-11-06 23:01.
    let change = try #require(rules.transitions.first).startMilliseconds
    let november7 = try #require(CivilDay("2010-11-07"))
    #expect(rules.day(of: change - 1) == november7)
    #expect(rules.day(of: change) == november7.advanced(by: -1))
  }

  @Test func unknownZonesAreNamed() {
    let error = #expect(throws: QueryError.self) { try rules("Europe/Olso", "2026-01-01", "2026-01-02") }
    #expect(error == .unknownTimeZone("Europe/Olso"))
  }

  @Test func rulesCoverEventsAndWindow() throws {
    var data = SmallOrganisation()
    data.add("ann", day: 0)
    let window = SmallOrganisation.window(-400, -300)
    let zone = try TimeZoneLoading.zoneRules(
      named: "Europe/Oslo", for: data, nowMilliseconds: SmallOrganisation.moment(day: 1), window: window)
    #expect(zone.transitions.count >= 2)
  }
}
