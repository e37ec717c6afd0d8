import FileImport
import GRDB
import Testing
import UsageModel

@testable import EventStore

/// Roster, catalog and tickets: files as people send them, into tables and back.
struct OrganisationFileTests {
  private static func input(_ text: String, pieceBytes: Int = .max) -> ByteInput {
    var rest = Array(text.utf8)[...]
    return ByteInput { buffer in
      let piece = rest.prefix(min(pieceBytes, buffer.count))
      rest = rest.dropFirst(piece.count)
      buffer.copyBytes(from: piece)
      return piece.count
    }
  }

  private static func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "none"
  }

  // MARK: Roster

  private static func roster(_ text: String, existing: [RosterRow] = []) throws -> ([RosterRow], ImportResult)
  {
    let (rows, result) = try RosterFile.read(input(text), existing: existing)
    return (rows, result)
  }

  @Test(arguments: [1, 4, Int.max])
  func readsARoster(pieceBytes: Int) throws {
    let text = """
      \u{FEFF}role,user,aliases,active_from,active_to,department,service,site,manager,shoe size\r
      clerk,ann,"a.smith;ann@example.org",2026-01-01,2026-06-01,"Sales, ""North"" 2",false,HQ,bob,38\r
      clerk,ann,,2026-06-01,,Purchasing,no,HQ,bob,\r
      ,robot,,,,IT,TRUE,,,\r
      """
    let (rows, result) = try RosterFile.read(Self.input(text, pieceBytes: pieceBytes))
    #expect(
      rows == [
        RosterRow(
          user: "ann", department: "Sales, \"North\" 2", role: "clerk", site: "HQ", manager: "bob",
          activeFrom: CivilDay("2026-01-01"), activeTo: CivilDay("2026-06-01"),
          aliases: ["a.smith", "ann@example.org"]),
        RosterRow(
          user: "ann", department: "Purchasing", role: "clerk", site: "HQ", manager: "bob",
          activeFrom: CivilDay("2026-06-01")),
        RosterRow(user: "robot", department: "IT", isService: true),
      ])
    #expect(result.accepted == 3)
    #expect(result.warnings == ["ignored unknown columns: shoe size"])
    let fixture = try StoreFixture()
    try fixture.store.write { try OrganisationStore.replaceRoster(rows, in: $0) }
    #expect(try fixture.store.read { try OrganisationStore.roster(in: $0) } == rows)
  }

  /// Rows at odds with an earlier one are refused whole, with their lines.
  @Test func refusesARosterThatContradictsItself() throws {
    let header = "user,department,active_from,active_to,aliases\n"
    let cases: [(String, [String: Int], Int)] = [
      ("ann,A,2026-01-01,2026-03-01,\nann,B,2026-02-28,,\n", ["overlap": 1], 1),
      ("ann,A,,,\nann,B,,,\n", ["overlap": 1], 1),
      ("ann,A,2026-01-01,2026-03-01,\nann,B,2026-03-01,,\n", [:], 2),
      ("ann,A,2026-03-01,2026-01-01,\n", ["ends_before_start": 1], 0),
      ("ann,A,,,a\nbob,B,,,a\n", ["alias": 1], 1),
      ("ann,A,,2026-01-01,a\nann,A,2026-01-01,,a\n", [:], 2),
      ("ann,A,2026-02-30,,\nbob,B,today,,\n", ["date": 2], 0),
      (",A,,,\n", ["missing_user": 1], 0),
      ("ann,A,,\n", ["csv": 1], 0),
      ("ann,A,,,\n\"bob,B,,,\ncy,C,,,\n", ["csv": 1], 2),
      // Spellings are different people.
      ("\u{E9},A,,,x\ne\u{301},A,,,\u{E9}\n", [:], 2),
    ]
    for (text, rejected, accepted) in cases {
      let (rows, result) = try Self.roster(header + text)
      #expect(result.rejected == rejected, "\(text)")
      #expect(rows.count == accepted, "\(text)")
      #expect(result.accepted == accepted)
      #expect(result.problems.allSatisfy { $0.line > 1 })
    }
    let (rows, result) = try Self.roster("user,service\nann,maybe\nbob,1\n")
    #expect(result.rejected == ["service": 1])
    #expect(result.problems.map(\.line) == [2])
    #expect(rows.map(\.isService) == [true])
  }

  @Test func newRowsMustFitTheOldWhenMerging() throws {
    let existing = [
      RosterRow(user: "ann", activeTo: CivilDay("2026-03-01"), aliases: ["a"]),
      RosterRow(user: "bob", aliases: ["b"]),
    ]
    let text = "user,active_from,aliases\nann,2026-03-01,a\nann,2026-02-01,\ncy,,b\ndee,,d\n"
    let (rows, result) = try Self.roster(text, existing: existing)
    #expect(result.accepted == 2)
    #expect(result.rejected == ["overlap": 1, "alias": 1])
    #expect(rows.map(\.user) == ["ann", "bob", "ann", "dee"])
  }

  @Test func asksForARostersColumns() {
    #expect(Self.message { _ = try Self.roster("name,department\n") }.contains("'user'"))
    #expect(Self.message { _ = try Self.roster("user,user\n") }.contains("twice"))
    #expect(Self.message { _ = try Self.roster("") }.contains("empty"))
  }

  /// A second import replaces the first, aliases too.
  @Test func replacesTheRoster() throws {
    let fixture = try StoreFixture()
    try fixture.store.write { database in
      try OrganisationStore.replaceRoster([RosterRow(user: "ann", aliases: ["a"])], in: database)
      try OrganisationStore.replaceRoster([RosterRow(user: "bob", aliases: ["a"])], in: database)
    }
    #expect(
      try fixture.store.read { try OrganisationStore.roster(in: $0) } == [
        RosterRow(user: "bob", aliases: ["a"])
      ])
  }

  // MARK: Catalog

  @Test func readsACatalog() throws {
    let text = """
      feature,app,target_days,target_ms,roles,category,critical,automatic
      post,erp,,,*,,,
      "pay, all",erp,5,90000,clerk;lead,money,true,no
      post,erp,2,,clerk,,1,
      sync,erp,1,0,,,,true
      ,erp,,,,,,
      x,,,,,,,
      y,erp,0,,,,,
      y,erp,1.5,,,,,
      y,erp,,fast,,,,
      y,erp,,-1,,,,
      y,erp,,,,,perhaps,
      """
    let (rows, result) = try CatalogFile.read(Self.input(text))
    #expect(
      rows == [
        CatalogRow(app: "erp", feature: "post", roles: ["clerk"], targetDays: 2, isCritical: true),
        CatalogRow(
          app: "erp", feature: "pay, all", roles: ["clerk", "lead"], targetDays: 5,
          targetMilliseconds: 90_000,
          category: "money", isCritical: true),
        CatalogRow(app: "erp", feature: "sync", roles: [], targetMilliseconds: 0, isAutomatic: true),
      ])
    #expect(result.accepted == 3)
    #expect(result.duplicate == 1)
    #expect(
      result.rejected == [
        "missing_feature": 1, "missing_app": 1, "target_days": 2, "target_ms": 2, "switch": 1,
      ])
    #expect(result.warnings.count == 1)
    #expect(result.warnings[0].contains("line 4"))
    let fixture = try StoreFixture()
    try fixture.store.write { try OrganisationStore.replaceCatalog(rows, in: $0) }
    let stored = try fixture.store.read { try OrganisationStore.catalog(in: $0) }
    #expect(stored.sorted { $0.feature < $1.feature } == rows.sorted { $0.feature < $1.feature })
  }

  @Test func mergesACatalog() throws {
    let existing = [
      CatalogRow(app: "erp", feature: "post", roles: ["*"]),
      CatalogRow(app: "erp", feature: "pay", roles: ["*"]),
    ]
    let (rows, result) = try CatalogFile.read(
      Self.input("app,feature,roles\nerp,pay,clerk\nerp,new,*\n"), existing: existing)
    #expect(rows.map(\.feature) == ["post", "pay", "new"])
    #expect(rows[1].roles == ["clerk"])
    #expect(result.accepted == 2)
    #expect(result.duplicate == 0)
  }

  // MARK: Tickets

  @Test func readsTickets() throws {
    let berlin = ZoneRules(name: "Europe/Berlin", initialOffsetMilliseconds: 3_600_000, transitions: [])
    let text = """
      id,requester,opened,resolved,first_response,reopened,app,satisfaction,effort_minutes,comment
      T1,ann,2026-01-01T10:00:00Z,2026-01-01 12:00,,2,erp,4.5,30,"He said ""no"",\ntwice"
      T2,bob,1767261600000,,,,,,,
      T1,ann,2026-01-01T10:00:00Z,,,,,,,later
      ,ann,2026-01-01T10:00:00Z,,,,,,,
      T3,,2026-01-01T10:00:00Z,,,,,,,
      T4,ann,yesterday,,,,,,,
      T5,ann,1767261600,,,,,,,
      T6,ann,2026-01-01T10:00:00Z,never,,,,,,
      T7,ann,2026-01-01T10:00:00Z,,,-1,,,,
      T8,ann,2026-01-01T10:00:00Z,,,,,good,,
      T9,ann,2026-01-01T10:00:00Z,,,,,nan,,
      T10,ann,2026-01-01T10:00:00Z,,,,,,1.5,
      """
    let (tickets, result) = try TicketFile.read(Self.input(text), zone: berlin)
    #expect(
      tickets == [
        Ticket(id: "T1", requester: "ann", openedMilliseconds: 1_767_261_600_000, comment: "later"),
        Ticket(id: "T2", requester: "bob", openedMilliseconds: 1_767_261_600_000),
      ])
    #expect(result.accepted == 2)
    #expect(result.duplicate == 1)
    #expect(result.rejected == ["missing_id": 1, "missing_requester": 1, "time": 3, "number": 4])
    let first = try TicketFile.read(Self.input(text.split(separator: "\nT2")[0].description), zone: berlin)
      .tickets
    #expect(first[0].resolvedMilliseconds == 1_767_265_200_000)
    #expect(first[0].reopenCount == 2)
    #expect(first[0].satisfaction == 4.5)
    #expect(first[0].effortMinutes == 30)
    #expect(first[0].comment == "He said \"no\",\ntwice")
    let fixture = try StoreFixture()
    try fixture.store.write { try OrganisationStore.upsertTickets(first + tickets.suffix(1), in: $0) }
    #expect(try fixture.store.read { try OrganisationStore.tickets(in: $0) } == first + tickets.suffix(1))
    try fixture.store.write { try OrganisationStore.upsertTickets(tickets, in: $0) }
    #expect(try fixture.store.read { try OrganisationStore.tickets(in: $0) } == tickets)
  }

  // MARK: Settings and counters

  @Test func keepsSettings() throws {
    let fixture = try StoreFixture()
    try fixture.store.write { database in
      try SettingStore.set("a", to: "1", in: database)
      try SettingStore.set("b", to: "2", in: database)
      try SettingStore.set("a", to: "3", in: database)
      try SettingStore.set("b", to: "", in: database)
    }
    #expect(try fixture.store.read { try SettingStore.get("a", in: $0) } == "3")
    #expect(try fixture.store.read { try SettingStore.get("b", in: $0) } == nil)
    #expect(try fixture.store.read { try SettingStore.all(in: $0).map(\.name) } == ["a"])
  }

  @Test func addsCounters() throws {
    let fixture = try StoreFixture()
    try fixture.store.write { database in
      try Counters.add(["x": 2, "y": 0], in: database)
      try Counters.add(["x": 3, "z": -1], in: database)
    }
    #expect(try fixture.store.read { try Counters.all(in: $0) } == ["x": 5, "z": -1])
  }
}
