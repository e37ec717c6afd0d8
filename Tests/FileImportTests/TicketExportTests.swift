import Testing
import UsageModel

@testable import FileImport

struct TicketExportTests {
  private func read(
    _ text: String, _ export: TicketExport, pieceBytes: Int = 7
  ) throws -> (tickets: [Ticket], result: ImportResult) {
    try TicketExportFile.read(ByteInput(text: text, pieceBytes: pieceBytes), export, zone: .utc)
  }

  private func minutes(_ text: String) -> Int64? { ExportTime.milliseconds(text, .utc) }

  // MARK: ServiceNow

  static let trail = """
    number,incident_state,reassignment_count,reopen_count,caller_id,opened_at,sys_updated_at,priority,\
    assignment_group,assigned_to,resolved_at,cmdb_ci
    INC1,New,0,0,Caller 7,29/2/2016 01:16,29/2/2016 01:23,3 - Moderate,Group 56,?,29/2/2016 11:29,?
    INC2,New,0,0,?,1/3/2016 08:00,1/3/2016 08:00,?,?,?,?,mail
    INC1,-100,0,0,Caller 7,29/2/2016 01:16,29/2/2016 02:00,3 - Moderate,Group 56,?,29/2/2016 11:29,?
    INC1,Active,1,0,Caller 7,29/2/2016 01:16,29/2/2016 08:53,2 - High,Group 9,Resolver 2,29/2/2016 11:29,?
    INC1,Closed,1,1,Caller 7,29/2/2016 01:16,5/3/2016 12:00,2 - High,Group 9,Resolver 2,29/2/2016 11:29,?

    """

  @Test(arguments: [1, 7, 4_096])
  func reducesAnAuditTrailToItsTickets(pieceBytes: Int) throws {
    let (tickets, result) = try read(Self.trail, .serviceNow, pieceBytes: pieceBytes)
    #expect(result.accepted == 2)
    #expect(result.duplicate == 3)
    #expect(result.rejectedCount == 0)
    let first = try #require(tickets.first)
    #expect(first.id == "INC1")
    #expect(first.requester == "Caller 7")
    #expect(first.openedMilliseconds == minutes("29/2/2016 01:16"))
    #expect(first.resolvedMilliseconds == minutes("29/2/2016 11:29"))
    #expect(first.firstResponseMilliseconds == minutes("29/2/2016 08:53"))
    #expect((first.reopenCount, first.reassignmentCount) == (1, 1))
    #expect((first.priority, first.group, first.owner) == ("2 - High", "Group 9", "Resolver 2"))
    #expect(first.app == nil)
    let second = tickets[1]
    #expect((second.requester, second.priority, second.app) == ("", "", "mail"))
    #expect(second.resolvedMilliseconds == nil && second.firstResponseMilliseconds == nil)
  }

  @Test func listsUnknownStatesAndMissingCallers() throws {
    let (_, result) = try read(Self.trail, .serviceNow)
    #expect(result.warnings.contains { $0.contains("unknown states") && $0.contains("'-100' (1 rows)") })
    #expect(result.warnings.contains("1 tickets name no requester"))
  }

  @Test func theLatestUpdateStaysWhereverItStands() throws {
    let lines = Self.trail.split(separator: "\n").map(String.init)
    let backwards = ([lines[0]] + lines.dropFirst().reversed()).joined(separator: "\n")
    let forwards = try read(Self.trail, .serviceNow).tickets.sorted { $0.id < $1.id }
    #expect(try read(backwards, .serviceNow).tickets.sorted { $0.id < $1.id } == forwards)
  }

  @Test func readsLabelsSemicolonsAndMultilineCells() throws {
    let text = """
      \u{FEFF}"Number";"Caller";"Opened";"Short description";"State";"Assignment group";"Resolved"
      INC7;Ann;2024-03-12 10:00:00;"a; first
      and ""second"" line";In Progress;Net;
      INC8;Bo;12-03-2024 11:00:00;x;On Hold;Net;2024-03-12 12:00:00

      """
    let (tickets, result) = try read(text, .serviceNow)
    #expect(result.rejectedCount == 0)
    #expect(tickets.map(\.id) == ["INC7", "INC8"])
    #expect(tickets.map(\.comment) == ["", ""])
    #expect(tickets[1].openedMilliseconds - tickets[0].openedMilliseconds == 3_600_000)
    #expect(tickets[1].resolvedMilliseconds == minutes("2024-03-12 12:00"))
    #expect(result.warnings.contains { $0.contains("Short description") })
  }

  // MARK: Jira and GLPI

  @Test func readsRepeatedColumnsOfJira() throws {
    let text = """
      Issue key,Issue Type,Status,Component/s,Component/s,Labels,Labels,Reporter,Assignee,Created,Resolved,\
      Time Spent,Custom field (Satisfaction),Comment,Comment
      IT-1,Incident,Waiting for support,,CRM,a,b,ann,,12/Mar/24 3:45 PM,,90,4,one,two
      IT-2,Incident,Wobbling,ERP,CRM,,,bo,cy,12/Mar/24 4:45 PM,13/Mar/24 9:00 AM,29,,,

      """
    let (tickets, result) = try read(text, .jira)
    #expect(tickets.map(\.app) == ["CRM", "ERP"])
    #expect(tickets.map(\.effortMinutes) == [2, 0])
    #expect(tickets.map(\.satisfaction) == [4, nil])
    #expect(tickets[0].openedMilliseconds == ExportTimeTests.moment)
    #expect(tickets[1].owner == "cy")
    #expect(result.warnings.contains { $0.contains("'Wobbling' (1 rows)") })
  }

  @Test func readsFrenchAndEnglishGlpi() throws {
    let english = """
      "ID";"Title";"Status";"Opening date";"Priority";"Requester - Requester";"Resolution date";
      "1 234";"mail";"Processing (assigned)";"2024-03-12 15:45";"High";"ann";"";

      """
    let french = """
      "ID";"Titre";"Statut";"Date d'ouverture";"Priorité";"Demandeur - Demandeur";"Date de résolution"
      "1\u{A0}234";"courrier";"En cours (Attribué)";"12-03-2024 15:45";"Haute";"ann";""

      """
    for text in [english, french] {
      let (tickets, result) = try read(text, .glpi)
      let ticket = try #require(tickets.first)
      #expect((ticket.id, ticket.requester) == ("1234", "ann"))
      #expect(ticket.openedMilliseconds == ExportTimeTests.moment)
      #expect(!result.warnings.contains { $0.contains("unknown states") })
    }
  }

  @Test func datesHaveTheMonthFirstOnlyWhereToldSo() throws {
    var export = TicketExport.serviceNow
    let text = "number,opened_at,resolved_at\nINC1,3/12/2024 3:45 PM,3/13/2024 3:45 PM\n"
    #expect(try read(text, export).tickets == [])
    export.dateOrder = .month
    let ticket = try #require(try read(text, export).tickets.first)
    #expect(ticket.openedMilliseconds == ExportTimeTests.moment)
    #expect(ticket.resolvedMilliseconds == ExportTimeTests.moment + 86_400_000)
  }

  // MARK: Mapping

  @Test func aMappingNamesColumnsAndGoesBeforeAPreset() throws {
    let mapping = "column,field\nRef No,id\nWho,requester\nWhen,opened\nTeam,group\nSquad,group\n"
    let export = try TicketExport(mapping: mapping, over: nil)
    let text = "ref_no,WHO,when,Team,squad,other\n7,ann,12/3/2024 15:45,,B,x\n"
    let (tickets, _) = try read(text, export)
    #expect(
      tickets == [
        Ticket(id: "7", requester: "ann", openedMilliseconds: ExportTimeTests.moment, group: "B")
      ])
    let mixed = try TicketExport(mapping: "column,field\nu_team,level\n", over: .serviceNow)
    let row = "number,opened_at,caller_id,u_team\nINC1,2024-03-12 15:45,?,second\n"
    #expect(try read(row, mixed).tickets.map(\.level) == ["second"])
    #expect(try read(row, mixed).tickets.map(\.requester) == [""])
  }

  @Test(arguments: [
    "", "column,field\n", "column,field\nA,colour\n", "column,field\n,id\n", "from,to\na,id\n",
    "column,field\na,id,more\n",
  ])
  func refusesABrokenMapping(text: String) {
    #expect(throws: ImportError.self) { try TicketExport(mapping: text, over: nil) }
  }

  // MARK: Hostile files

  @Test(arguments: ["", "\n\n", "a,b\n", "number\nINC1\n", "opened_at;caller\n1;2\n"])
  func refusesAFileWithoutTheColumnsItNeeds(text: String) {
    #expect(throws: ImportError.self) { try read(text, .serviceNow) }
  }

  @Test func refusesBadRowsAlone() throws {
    let text = """
      number,opened_at,caller_id,reopen_count,resolved_at
      ,2024-03-12 10:00,ann,0,
      INC1,yesterday,ann,0,
      INC2,2024-03-12 10:00,ann,many,
      INC3,2024-03-12 10:00,ann,0,13/25/2024 10:00
      INC4,2024-03-12 10:00,ann
      INC5,2024-03-12 10:00,an\u{0}n,0,
      INC6,?,ann,0,
      INC7,2024-03-12 10:00,ann,-1,
      INC8,2024-03-12 10:00,"a"b,0,
      INC9,2024-03-12 10:00,ann,1,

      """
    let (tickets, result) = try read(text, .serviceNow)
    #expect(tickets.map(\.id) == ["INC9"])
    #expect(
      result.rejected == ["missing_id": 1, "time": 3, "number": 2, "csv": 2, "not_utf8": 1])
  }

  @Test func refusesBytesThatAreNoText() throws {
    let bytes = Array("number,opened_at,caller_id\nINC1,2024-03-12,\n".utf8)
    let broken = bytes.dropLast() + [0xFF, 0x0A]
    let (tickets, result) = try TicketExportFile.read(
      ByteInput(bytes: Array(broken)), .serviceNow, zone: .utc)
    #expect(tickets.isEmpty)
    #expect(result.rejected == ["not_utf8": 1])
  }
}
