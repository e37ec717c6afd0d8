import Testing
import UsageModel

@testable import FileImport

struct ScimRosterTests {
  private func read(
    _ text: String, existing: [RosterRow] = [], isAdded: Bool = false
  ) throws -> (rows: [RosterRow], result: ImportResult) {
    try RosterFile.read(ByteInput(text: text), existing: existing, isAdded: isAdded)
  }

  static let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

  static let firstPage = """
    {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 3,
     "startIndex": 1, "itemsPerPage": 2, "Resources": [
      {"id": "1", "userName": "ann", "active": true, "title": "Clerk", "externalId": "hr-1",
       "emails": [{"value": "ann@example.org", "primary": true}, {"value": "ann"}],
       "addresses": [{"locality": "Bergen"}, {"locality": "Oslo", "primary": true}],
       "\(enterprise)": {"department": "Sales", "employeeNumber": "701",
         "manager": {"value": "3", "displayName": "Cy the Boss"}}},
      {"id": "2", "userName": "bo", "active": false, "roles": [{"value": "Agent"}],
       "meta": {"lastModified": "2026-02-03T10:00:00Z"}}
    ]}
    """
  static let secondPage = """
    {"totalResults": 3, "startIndex": 3, "resources": [{"ID": "3", "USERNAME": "cy", "Active": "True",
     "\(enterprise)": {"department": "Head {office}", "manager": {"displayName": "Nobody"}}}]}
    """

  @Test func readsPagesThatFollowEachOther() throws {
    let (rows, result) = try read("\u{FEFF}\n" + Self.firstPage + "\n" + Self.secondPage)
    #expect(result.accepted == 3)
    #expect(
      rows == [
        RosterRow(
          user: "ann", department: "Sales", role: "Clerk", site: "Oslo", manager: "cy",
          aliases: ["ann@example.org", "hr-1", "701"]),
        RosterRow(user: "bo", role: "Agent", activeTo: CivilDay("2026-02-03")),
        RosterRow(user: "cy", department: "Head {office}", manager: "Nobody"),
      ])
  }

  @Test func missingPagesAreRefusedUnlessTheyAreAdded() throws {
    #expect(throws: ImportError.self) { try read(Self.firstPage) }
    let (rows, result) = try read(Self.secondPage, existing: [RosterRow(user: "old")], isAdded: true)
    #expect(rows.map(\.user) == ["old", "cy"])
    #expect(result.warnings.contains { $0.contains("1 of 3") })
  }

  @Test func inactiveUsersWithoutADateAreLeftOut() throws {
    let (rows, result) = try read(
      #"{"Resources": [{"userName": "a", "active": "false"}, {"userName": "b"}]}"#)
    #expect(rows.map(\.user) == ["b"])
    #expect(result.warnings.contains { $0.contains("1 inactive") })
  }

  @Test func refusesUsersAtOddsWithEarlierOnes() throws {
    let text = """
      {"Resources": [{"userName": "a", "emails": [{"value": "x"}]}, {"userName": "a"}, {"id": "9"}, 7,
       {"userName": "b", "emails": [{"value": "x"}]}, {"userName": 5}]}
      """
    let (rows, result) = try read(text)
    #expect(rows.map(\.user) == ["a"])
    #expect(result.rejected == ["overlap": 1, "alias": 1, "missing_user": 3])
  }

  @Test(arguments: [
    "{", "{]", "{}", #"{"totalResults": "#, #"{"Resources": []} x"#, #"{"Resources": [}"#, "{}}",
    #"{"Resources": "all"}"#, #"{"name": "not SCIM"}"#,
  ])
  func refusesWhatIsNoListResponse(text: String) {
    #expect(throws: ImportError.self) { try read(text) }
  }

  @Test func deepNestingIsRefusedNotFollowed() {
    let deep =
      #"{"Resources": "# + String(repeating: "[", count: 100_000)
      + String(repeating: "]", count: 100_000) + "}"
    #expect(throws: ImportError.self) { try read(deep) }
  }

  @Test func commaSeparatedRostersAreReadAsBefore() throws {
    let (rows, _) = try read("user,department\nann,{Sales}\n")
    #expect(rows == [RosterRow(user: "ann", department: "{Sales}")])
  }
}
