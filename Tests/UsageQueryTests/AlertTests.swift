import Aggregation
import Testing
import UsageModel

@testable import UsageQuery

struct AlertTests {
  @Test func tailsAreThoseOfStudent() {
    // Tables of Student's t: 5% above 2.920, 2.132, 1.812 for 2, 4 and 10 degrees.
    for (statistic, degrees) in [(2.920, 2.0), (2.132, 4.0), (1.812, 10.0)] {
      #expect(abs(RobustTest.upperTail(statistic, degrees: degrees) - 0.05) < 0.0001)
      #expect(abs(RobustTest.upperTail(-statistic, degrees: degrees) - 0.95) < 0.0001)
    }
  }

  @Test func holmKeepsTheOrderAndTheLevel() {
    let adjusted = RobustTest.adjusted([0.01, 0.04, 0.03])
    #expect(zip(adjusted, [0.03, 0.06, 0.06]).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(RobustTest.adjusted([]).isEmpty)
  }

  @Test func fewComparableValuesSayNothing() {
    #expect(RobustTest(1, before: [0, 0, 0, 0, 0], floor: { _ in 1 }) == nil)
  }

  /// False alarms of the test itself on steady values with normal noise.
  @Test(arguments: [6, 8, 12]) func theTestKeepsItsLevel(count: Int) throws {
    var seed: UInt64 = 42
    func uniform() -> Double {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(seed >> 11) / 9_007_199_254_740_992
    }
    func normal() -> Double { (0..<12).reduce(-6.0) { total, _ in total + uniform() } }
    let rounds = 4_000
    var alarms = (0, 0)
    for _ in 0..<rounds {
      let before = (0..<count).map { _ in normal() }
      let test = try #require(RobustTest(normal(), before: before, floor: { _ in 0.01 }))
      alarms.0 += test.probability <= 0.05 ? 1 : 0
      alarms.1 += test.probability <= 0.005 ? 1 : 0
    }
    #expect(Double(alarms.0) / Double(rounds) < 0.07)
    #expect(Double(alarms.1) / Double(rounds) < 0.012)
  }

  @Test func spansHaveTheSameWeekdaysAndMonthEdges() throws {
    let to = try #require(CivilDay("2026-11-21"))
    let first = try #require(CivilDay("2025-01-01"))
    let spans = AlertSpans(tested: Window(from: to.advanced(by: -7), to: to), firstDay: first)
    #expect(spans.comparable.count == AlertSpans.comparableMax)
    for span in spans.comparable {
      #expect((Int(to.number) - Int(span.to.number)) % 7 == 0)
      #expect(!AlertSpans.touchesMonthEdge(span))
      #expect(span.to <= spans.tested.from)
    }
    let long = AlertSpans(tested: Window(from: first, to: to), firstDay: first)
    #expect(long.tested.dayCount == AlertSpans.dayCountMax)
    #expect(AlertSpans.step(long.tested) == 28)
  }

  /// Ten people, each with a source, who open the CRM on five days a week for twenty weeks.
  private func organisation(failingFrom failing: Int64 = 999, silentFrom silent: Int64 = 999)
    -> SmallOrganisation
  {
    var data = SmallOrganisation()
    data.catalogRows = [CatalogRow(app: "crm", feature: "open", roles: ["*"])]
    for day in Int64(0)..<280 where (day + 3) % 7 < 5 {
      for person in 0..<10 where !(day >= silent && person < 5) {
        for use in 0..<4 {
          let fails = day >= failing || (use == 0 && (day * 7 + Int64(person)) % 13 == 0)
          data.add(
            "u\(person)", day: day, minute: 500 + Int64(use * 20), outcome: fails ? .error : .ok,
            duration: 30_000, source: "ws\(person)", sequence: day * 4 + Int64(use) + 1)
        }
      }
    }
    return data
  }

  private func alerts(_ data: SmallOrganisation) throws -> ReportDocument {
    let first = CivilDay(number: Int32(SmallOrganisation.firstDay))
    let asked = AlertOptions(
      since: first.advanced(by: 273), until: first.advanced(by: 280), showsAll: true)
    var options = QueryOptions.open()
    options.nowMilliseconds = SmallOrganisation.moment(day: 281)
    return try UsageReports.alerts(data, options, asked)
  }

  private func states(_ document: ReportDocument, _ metric: String) -> [ReportValue] {
    zip(document.column("metric"), document.column("state")).filter { $0.0 == .text(metric) }.map(\.1)
  }

  @Test func aSteadyOrganisationIsQuiet() throws {
    let document = try alerts(organisation())
    #expect(document.total("alerts") == .integer(0))
    #expect(states(document, "silence") == [.text("ok")])
    #expect(document.total("tests") == .integer(7))
  }

  @Test func failuresAndSilenceAreNoticed() throws {
    let failing = try alerts(organisation(failingFrom: 273))
    #expect(states(failing, "erosion").allSatisfy { $0 == .text("alert") })
    #expect(states(failing, "coverage").allSatisfy { $0 == .text("alert") })
    let silent = try alerts(organisation(silentFrom: 273))
    #expect(states(silent, "silence") == [.text("alert")])
    #expect(states(silent, "erosion").allSatisfy { $0 == .text("ok") })
  }

  /// One person's one long failure is far from the usual, but not beyond what one person can explain.
  @Test func oneLongFailureIsNoAlert() throws {
    var data = organisation()
    data.add("u1", day: 275, minute: 700, outcome: .error, duration: 40 * 60_000)
    let document = try alerts(data)
    #expect(states(document, "erosion").allSatisfy { $0 == .text("ok") })
    #expect(states(document, "erosion").count == 2)
  }

  @Test func anEndOfCollectionIsAnAlert() throws {
    let first = CivilDay(number: Int32(SmallOrganisation.firstDay))
    var options = QueryOptions.open()
    options.nowMilliseconds = SmallOrganisation.moment(day: 290)
    let document = try UsageReports.alerts(
      organisation(), options, AlertOptions(since: first.advanced(by: 284)))
    #expect(states(document, "collection") == [.text("alert")])
    #expect(document.total("tests") == .integer(0))
  }

  @Test func littleHistoryIsInsufficient() throws {
    var data = SmallOrganisation()
    for day in Int64(0)..<20 { data.add("ann", day: day) }
    var options = QueryOptions.open()
    options.nowMilliseconds = SmallOrganisation.moment(day: 20)
    let document = try UsageReports.alerts(data, options, AlertOptions(showsAll: true))
    #expect(document.total("alerts") == .integer(0))
    #expect(document.warnings.contains { $0.contains("comparable spans") })
    #expect(try UsageReports.alerts(SmallOrganisation(), options, AlertOptions()).rows.isEmpty)
  }
}
