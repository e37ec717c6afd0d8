import GRDB
import Testing
import UsageModel

@testable import EventStore

struct PeopleTests {
  private let roster = [
    RosterRow(
      user: "ann", department: "Sales", role: "clerk", manager: "eve", activeFrom: CivilDay(number: 100),
      aliases: ["a1", "bob"]),
    RosterRow(user: "bob", department: "Care", site: "Oslo", aliases: ["b1"], isService: true),
    RosterRow(user: "ann", department: "Care", activeTo: CivilDay(number: 100)),
  ]

  private func use(_ user: String, sequence: UInt64) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: 1_700_000_000_000, user: user, app: "crm", feature: "open",
      source: "pc", sequence: sequence)
  }

  private func isBlockThere(_ fixture: StoreFixture) throws -> Bool {
    try fixture.integers("SELECT count(*) FROM people_block") == [[1]]
  }

  /// What the tables say, evaluated through objects.
  private func slow(_ fixture: StoreFixture) throws -> PeopleColumns {
    try fixture.store.read { database in
      var users: [String] = []
      for row in try Row.fetchAll(database, sql: "SELECT id, name FROM user_name ORDER BY id") {
        while users.count < row[0] as Int { users.append("") }
        users.append(row[1])
      }
      return PeopleColumns(roster: try OrganisationStore.roster(in: database), userNames: users)
    }
  }

  private func expectSame(_ fixture: StoreFixture) throws {
    let found = try fixture.store.read { try PeopleStore.people(in: $0) }
    let slow = try slow(fixture)
    #expect(Array(found.names) == Array(slow.names))
    #expect(found.personOfUser == slow.personOfUser)
    #expect(found.rosterPersonCount == slow.rosterPersonCount)
    #expect(found.personOfRow == slow.personOfRow)
    #expect(found.activeFrom == slow.activeFrom && found.activeTo == slow.activeTo)
    #expect(found.isService == slow.isService)
    #expect(found.attributes == slow.attributes)
    #expect(Set(found.aliases) == Set(slow.aliases))
    #expect(found.isConsistent)
  }

  @Test func theBlockSaysWhatTheTablesSay() throws {
    let fixture = try StoreFixture()
    try expectSame(fixture)
    try fixture.commit([use("b1", sequence: 1), use("zoe", sequence: 2)])
    try expectSame(fixture)
    try fixture.store.write { try OrganisationStore.replaceRoster(roster, in: $0) }
    #expect(try isBlockThere(fixture))
    try expectSame(fixture)
    // Users that came since are read on top of it.
    try fixture.commit([use("a1", sequence: 3), use("yan", sequence: 4), use("ann", sequence: 5)])
    #expect(try isBlockThere(fixture))
    try expectSame(fixture)
    let people = try fixture.store.read { try PeopleStore.people(in: $0) }
    #expect(people.names[Int(people.personOfUser[3])] == "ann")
  }

  @Test(arguments: [
    "INSERT INTO roster (user, department, role, site, manager, service) VALUES ('new', '', '', '', '', 0)",
    "UPDATE roster SET department = 'Other' WHERE user = 'bob'", "DELETE FROM roster WHERE user = 'bob'",
    "INSERT INTO roster_alias VALUES ('zoe', 'ann')",
    "UPDATE roster_alias SET user = 'bob' WHERE alias = 'a1'",
    "DELETE FROM roster_alias WHERE alias = 'b1'", "UPDATE user_name SET name = 'x' WHERE name = 'zoe'",
    "DELETE FROM user_name WHERE name = 'zoe'", "DELETE FROM roster",
  ])
  func whateverChangesTheTablesDropsIt(sql: String) throws {
    let fixture = try StoreFixture()
    try fixture.commit([use("b1", sequence: 1), use("zoe", sequence: 2)])
    try fixture.store.write { try OrganisationStore.replaceRoster(roster, in: $0) }
    #expect(try isBlockThere(fixture))
    try fixture.execute(sql)
    #expect(try !isBlockThere(fixture))
    try expectSame(fixture)
    // Merging makes it again.
    try fixture.commit([use("yan", sequence: 3)])
    try fixture.merge()
    #expect(try isBlockThere(fixture))
    try expectSame(fixture)
  }

  @Test func aDamagedBlockIsNotUsed() throws {
    let fixture = try StoreFixture()
    try fixture.store.write { try OrganisationStore.replaceRoster(roster, in: $0) }
    let length = try fixture.integers("SELECT length(data) FROM people_block")[0][0]
    for cut in [0, 3, 11, 12, length / 2, length - 1] {
      try fixture.execute("UPDATE people_block SET data = substr(data, 1, \(cut))")
      try expectSame(fixture)
      try fixture.store.write { try PeopleStore.refresh(in: $0) }
    }
    for place in stride(from: 1, through: length, by: 7) {
      try fixture.execute(
        """
        UPDATE people_block SET data = CAST(substr(data, 1, \(place) - 1) || x'A5' || substr(data, \(place) + 1) AS BLOB)
        """)
      try expectSame(fixture)
      try fixture.store.write { try PeopleStore.refresh(in: $0) }
    }
  }

  @Test func nothingOfAForgottenPersonStaysInIt() throws {
    let fixture = try StoreFixture()
    try fixture.commit([use("b1", sequence: 1), use("ann", sequence: 2)])
    try fixture.store.write { try OrganisationStore.replaceRoster(roster, in: $0) }
    _ = try fixture.writer.forget(person: "ann", nowMilliseconds: 0)
    #expect(try isBlockThere(fixture))
    try expectSame(fixture)
    let people = try fixture.store.read { try PeopleStore.people(in: $0) }
    #expect(!people.names.contains("ann") && !people.aliases.contains("a1"))
  }
}
