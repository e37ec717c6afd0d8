import Aggregation
import Testing
import UsageModel

@testable import UsageQuery

struct SupportTests {
  /// Six people; "p1" fails three times, calls, and is answered; the others fail in silence.
  private var organisation: SmallOrganisation {
    var organisation = SmallOrganisation()
    for number in 1...6 {
      let person = "p\(number)"
      organisation.rosterRows.append(RosterRow(user: person, department: "Sales"))
      for minute in [600, 602, 604] as [Int64] {
        organisation.add(person, minute: minute, outcome: .error, duration: 10_000)
      }
      organisation.add(person, minute: 660, duration: 1_000)
    }
    let opened = SmallOrganisation.moment(day: 0, minute: 605)
    organisation.ticketRows = [
      Ticket(
        id: "1", requester: "p1", openedMilliseconds: opened,
        firstResponseMilliseconds: opened + 60_000, resolvedMilliseconds: opened + 3_600_000, app: "crm",
        priority: "high", satisfaction: 4, effortMinutes: 30, reassignmentCount: 1),
      Ticket(id: "2", requester: "", openedMilliseconds: opened, priority: "low"),
      Ticket(id: "3", requester: "stranger", openedMilliseconds: opened, app: "other"),
    ]
    return organisation
  }

  @Test func totalsTellAboveFromBelow() throws {
    let report = try UsageReports.support(organisation, .open())
    let expected: [(String, ReportValue)] = [
      ("tickets", .integer(3)), ("requesters", .integer(2)), ("unrostered_tickets", .integer(2)),
      ("resolved", .integer(1)), ("resolution_median_ms", .integer(3_600_000)),
      ("first_response_median_ms", .integer(60_000)), ("escalated", .integer(1)),
      ("without_owner", .integer(3)), ("backlog", .integer(2)), ("backlog_8_30_days", .integer(2)),
      ("top5_people", .integer(1)), ("top5_share", .number(1)), ("gini", .number(1)),
      ("attempts", .integer(24)), ("touched", .number(3.0 / 24)), ("strikes_3", .integer(1)),
      ("strikes_median", .integer(3)), ("friction_ms", .integer(180_000)), ("above_ms", .integer(30_000)),
      ("silent", .number(1 - 30.0 / 180)), ("silent_count", .number(1 - 3.0 / 18)),
      ("top5_lost_share", .number(30.0 / 180)),
    ]
    for (name, value) in expected { #expect(report.total(name) == value, "\(name)") }
    #expect(report.total("cost_lost") == nil)
  }

  @Test func figuresAboutFewPeopleAreWithheld() throws {
    let report = try UsageReports.support(organisation, .open(minimumGroupSize: 5))
    for name in ["tickets", "resolution_median_ms", "top5_share", "gini", "touched", "strikes_3"] {
      #expect(report.total(name) == .null, "\(name)")
    }
    #expect(report.total("friction_ms") == .integer(180_000))
    #expect(report.total("suppressed") == .integer(1))
    #expect(report.rows.isEmpty)
    #expect(report.warnings.contains { $0.contains("about fewer than 5 people") })
    let curve = try UsageReports.support(
      organisation, .open(minimumGroupSize: 5), SupportChoice(view: .lorenz))
    #expect(curve.rows.isEmpty)
  }

  @Test func rowsByTicketColumns() throws {
    let choice = try SupportChoice(view: .desk, by: "priority, app")
    let report = try UsageReports.support(organisation, .open(), choice)
    #expect(report.column("priority") == [.null, .text("high"), .text("low")])
    #expect(report.column("app") == [.text("other"), .text("crm"), .null])
    #expect(report.column("people") == [.integer(0), .integer(1), .integer(0)])
  }

  @Test func bothSidesOfAnApplication() throws {
    let report = try UsageReports.support(organisation, .open(), SupportChoice(view: .sides))
    #expect(report.column("app") == [.null, .text("crm"), .text("other")])
    #expect(report.column("ok_share") == [.null, .number(0.25), .null])
    #expect(report.column("strikeouts_per_1000") == [.null, .number(250), .null])
    #expect(report.column("resolved") == [.integer(0), .integer(1), .integer(0)])
  }

  @Test func attentionIsCutAtDistractions() throws {
    var organisation = SmallOrganisation()
    organisation.add("p", minute: 600, kind: .focus, duration: 60 * 60_000)
    // Under a minute later: one stretch of 70 minutes, of which 30 and 26 count.
    organisation.add("p", minute: 660, kind: .focus, duration: 10 * 60_000)
    organisation.add("p", minute: 630, kind: .interruption, duration: nil)
    organisation.ticketRows = [
      Ticket(
        id: "1", requester: "p", openedMilliseconds: SmallOrganisation.moment(day: 0, minute: 644))
    ]
    let report = try UsageReports.support(organisation, .open(), SupportChoice(view: .distraction))
    #expect(report.column("attention_ms") == [.integer(70 * 60_000)])
    #expect(report.column("undisturbed_ms") == [.integer(56 * 60_000)])
    #expect(report.column("distractions") == [.integer(2)])
  }

  @Test func featuresAndUnknownColumnsAreRefused() throws {
    var options = QueryOptions.open()
    options.feature = "open"
    #expect(throws: QueryError.self) { try UsageReports.support(organisation, options) }
    #expect(throws: QueryError.self) { try SupportChoice(view: .desk, by: "department") }
    #expect(throws: QueryError.self) { try SupportChoice(view: .lorenz, by: "app") }
  }

  @Test func anEmptyStoreGivesAValidReport() throws {
    for view in SupportView.allCases {
      let report = try UsageReports.support(SmallOrganisation(), .open(), SupportChoice(view: view))
      #expect(report.total("tickets") == .integer(0))
      #expect(report.total("silent") == .null)
    }
  }
}
