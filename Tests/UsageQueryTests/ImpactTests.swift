import Aggregation
import Testing
import UsageModel

@testable import UsageQuery

struct ImpactTests {
  // MARK: Weeks

  private func day(_ text: String) throws -> CivilDay { try #require(CivilDay(text)) }

  @Test func weeksBeginOnMondays() throws {
    #expect(WeekRange.monday(of: try day("1970-01-01")) == (try day("1969-12-29")))
    #expect(WeekRange.monday(of: try day("2026-11-22")) == (try day("2026-11-16")))
    #expect(WeekRange.monday(of: try day("2026-11-16")) == (try day("2026-11-16")))
    let weeks = WeekRange(in: Window(from: try day("2026-11-03"), to: try day("2026-11-30")))
    #expect(weeks.first == (try day("2026-11-09")))
    #expect(weeks.count == 3)
    #expect(WeekRange(in: Window(from: try day("2026-11-03"), to: try day("2026-11-09"))).count == 0)
  }

  @Test func aStartWithinAWeekTakesEffectInTheNext() throws {
    let monday = try day("2026-11-16")
    let exact = WeeklyStart(startMilliseconds: monday.startMilliseconds, zone: .utc)
    #expect(exact.firstMonday == monday)
    #expect(!exact.isWeekBeforePartial)
    let later = WeeklyStart(startMilliseconds: monday.startMilliseconds + 1, zone: .utc)
    #expect(later.firstMonday == monday.advanced(by: 7))
    #expect(later.isWeekBeforePartial)
  }

  // MARK: Cohorts

  @Test func cohorts() throws {
    #expect(try Cohort("") == .everyone)
    #expect(try Cohort("department=R&D=x") == .attribute(.department, "R&D=x"))
    #expect(try Cohort("app=crm") == .users(ofApp: "crm"))
    #expect(try Cohort("people=a;b;;c") == .people(["a", "b", "c"]))
    #expect(try Cohort("people=a;b").publicText == "people=(2)")
    for text in ["Sales", "manager=m", "department=", "people=", "people=;"] {
      #expect(throws: QueryError.self) { try Cohort(text) }
    }
  }

  // MARK: Reports

  /// Twelve people over eight weeks from a Monday, one use each Tuesday; from week 4 on, six succeed.
  private func organisation() -> SmallOrganisation {
    var organisation = SmallOrganisation()
    for person in 0..<12 {
      for week in 0..<8 {
        let fails = (person + week) % 2 == 0 && !(person < 6 && week >= 4)
        organisation.add(
          "u\(person)", day: Self.firstMonday + Int64(7 * week + 1), outcome: fails ? .error : .ok,
          source: "ws\(person)", sequence: Int64(week + 1))
      }
    }
    // The first and the last day of the eight weeks.
    organisation.add("u11", day: Self.firstMonday)
    organisation.add("u11", day: Self.firstMonday + 55)
    return organisation
  }

  /// The first Monday among the organisation's days.
  private static let firstMonday: Int64 = {
    let first = CivilDay(number: Int32(SmallOrganisation.firstDay))
    return Int64(WeekRange.monday(of: first.advanced(by: 6)).number) - SmallOrganisation.firstDay
  }()

  private func course(_ cohort: String, week: Int64 = 4) -> Initiative {
    Initiative(
      name: "course", kind: "training", cohort: cohort,
      startMilliseconds: SmallOrganisation.moment(day: Self.firstMonday + 7 * week, minute: 0))
  }

  private func options() -> QueryOptions {
    QueryOptions(nowMilliseconds: SmallOrganisation.moment(day: Self.firstMonday + 56))
  }

  private func row(
    _ document: ReportDocument, _ outcome: String, _ aggregate: String, event: Int64? = nil
  ) -> [ReportValue]? {
    document.rows.first {
      $0[0] == .text(outcome) && $0[1] == .text(aggregate)
        && (event == nil || $0[2] == event.map(ReportValue.integer))
    }
  }

  @Test func anEffectAgainstThoseNotReached() throws {
    var organisation = organisation()
    organisation.initiativeRows = [course("people=u0;u1;u2;u3;u4;u5")]
    let document = try UsageReports.impact(organisation, options(), name: "course", isWholeHistory: true)
    let simple = try #require(row(document, "ok_share", "simple"))
    // Against week 3: treated always succeed afterwards; half of them did in week 3.
    #expect(simple[11] == .text("effect"))
    #expect(simple[9] == .integer(6))
    #expect(simple[10] == .integer(6))
    let placebo = try #require(row(document, "ok_share", "event_time", event: -2))
    #expect(placebo[11] == .text("placebo"))
    #expect(row(document, "ok_share", "event_time", event: -1)?[11] == .text("base"))
  }

  @Test func everyoneAtOnceHasNoControl() throws {
    var organisation = organisation()
    organisation.initiativeRows = [course("")]
    let document = try UsageReports.impact(organisation, options(), name: "course", isWholeHistory: true)
    #expect(!document.rows.isEmpty)
    #expect(!document.rows.contains { $0[11] == .text("effect") || $0[11] == .text("placebo") })
    #expect(document.warnings.contains { $0.contains("no control") })
  }

  @Test func fewPeopleAreNotShown() throws {
    var organisation = organisation()
    organisation.initiativeRows = [course("people=u0;u1;u2;u3")]
    let document = try UsageReports.impact(organisation, options(), name: "course", isWholeHistory: true)
    #expect(document.rows.isEmpty)
    #expect(document.warnings.contains { $0.contains("fewer than 5 people") })
  }

  @Test func unknownNamesAreRefused() {
    #expect(throws: QueryError.self) {
      try UsageReports.impact(organisation(), options(), name: "curse", isWholeHistory: true)
    }
  }

  @Test func changesCompareSameWeekdays() throws {
    var organisation = organisation()
    organisation.initiativeRows = [course("")]
    let document = try UsageReports.changes(organisation, options(), name: "course", isWindowGiven: false)
    let attempts = try #require(document.rows.first { $0[3] == .text("attempts") })
    #expect(attempts[4] == .number(Double(12 * 4 + 1) / 28))
    #expect(attempts[5] == .number(Double(12 * 4 + 1) / 28))
    #expect(attempts[9] == .text("complete"))
  }

  @Test func anEndOfCollectionIsNoEffect() throws {
    var organisation = SmallOrganisation()
    for person in 0..<12 {
      // Half of the sources fall silent with the change.
      for day in 0..<56 where day < 28 || person < 6 {
        organisation.add(
          "u\(person)", day: Self.firstMonday + Int64(day), source: "ws\(person)", sequence: Int64(day + 1))
      }
    }
    organisation.initiativeRows = [course("")]
    let document = try UsageReports.changes(organisation, options(), name: "course", isWindowGiven: false)
    let attempts = try #require(document.rows.first { $0[3] == .text("attempts") })
    #expect(attempts[6] == .null)
    #expect(attempts[9] == .text("incomplete collection"))
    #expect(document.warnings.contains { $0.hasPrefix("collection") })
  }
}
