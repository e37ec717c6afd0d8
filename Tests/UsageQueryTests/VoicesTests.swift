import Aggregation
import Testing
import UsageModel

@testable import UsageQuery

struct VoicesTests {
  private func report(
    _ comments: [(person: String, text: String)], owner: String = "", minimum: Int = 3
  ) throws -> ReportDocument {
    var organisation = SmallOrganisation()
    for number in 1...9 {
      organisation.rosterRows.append(
        RosterRow(
          user: "person\(number)", department: "Sales",
          aliases: ["Miller.\(number)@example.org", "Ada Miller\(number)"]))
      organisation.add("person\(number)")
    }
    organisation.ticketRows = comments.enumerated().map { number, comment in
      Ticket(
        id: "T\(number)", requester: comment.person,
        openedMilliseconds: SmallOrganisation.moment(day: 0, minute: Int64(600 + number)), owner: owner,
        comment: comment.text)
    }
    return try UsageReports.voices(organisation, .open(minimumGroupSize: minimum))
  }

  private func phrases(_ report: ReportDocument) -> [String] {
    report.rows.compactMap { if case .text(let text) = $0[0] { text } else { nil } }
  }

  @Test func showsWhatSeveralPeopleSay() throws {
    let found = try report([
      ("person1", "It freezes when I save!"), ("person2", "Sadly it FREEZES when I save."),
      ("person3", "it freezes, when I save"), ("person4", "it freezes when i save"), ("person5", "all well"),
    ])
    #expect(phrases(found) == ["it freezes when i save"])
    #expect(found.rows[0][1...] == [.integer(3), .integer(3)])
  }

  @Test func oneWhoRepeatsIsOne() throws {
    let often = (0..<20).map { _ in (person: "person1", text: "printer jams always") }
    #expect(try report(often + [("person2", "printer jams always")]).rows.isEmpty)
  }

  @Test func neverFewerThanThreeWhateverIsAsked() throws {
    let two = [
      (person: "person1", text: "printer jams always"), (person: "person2", text: "printer jams always"),
    ]
    #expect(try report(two, minimum: 0).rows.isEmpty)
    #expect(try !report(two + [("person3", "printer jams always")], minimum: 0).rows.isEmpty)
    #expect(try report(two + [("person3", "printer jams always")], minimum: 4).rows.isEmpty)
  }

  @Test func namesAndNumbersAreTakenOut() throws {
    let texts = [
      "Thanks Miller great support", "call person1 about printers", "my number is 5551234 today",
      "ADA solved everything quickly", "agent Smith helped greatly",
    ]
    for text in texts {
      let found = try report((1...9).map { (person: "person\($0)", text: text) }, owner: "Smith")
      let all = phrases(found).joined(separator: "|")
      for name in ["miller", "person1", "5551234", "ada", "smith"] { #expect(!all.contains(name), "\(all)") }
    }
    let found = try report((1...9).map { (person: "person\($0)", text: texts[0]) })
    #expect(phrases(found) == ["great support"])
  }

  @Test func strangersAndHugeCommentsCountNothing() throws {
    let strangers = (0..<9).map { (person: "stranger\($0)", text: "printer jams always") }
    #expect(try report(strangers).rows.isEmpty)
    let huge = String(repeating: "x ", count: 400_000) + "printer jams always"
    #expect(
      try !phrases(report((1...9).map { (person: "person\($0)", text: huge) })).contains {
        $0.contains("jams")
      })
  }
}
