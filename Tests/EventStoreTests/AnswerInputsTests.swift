import GRDB
import Testing
import UsageModel

@testable import EventStore

/// An answer is given again only while nothing that it rests on has changed.
@Suite struct AnswerInputsTests {
  private func inputs(_ fixture: StoreFixture) throws -> [UInt8] {
    try fixture.store.read { try AnswerInputs.bytes(hours: 0...1_000_000, in: $0) }
  }

  @Test func everyChangeShows() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 31)
    try fixture.commit((0..<50).map { _ in SomeEvent.make(&random) })
    try fixture.execute(
      """
      INSERT INTO roster (user, department, role, site, manager, service) VALUES ('bo', 'd', 'r', 's', 'm', 0);
      INSERT INTO roster_alias VALUES ('b', 'bo'); INSERT INTO setting VALUES ('cost.hour', '5');
      INSERT INTO benchmark_set VALUES ('q1', '2026-01-01', '2026-02-01', 'UTC', 1);
      """)
    try fixture.store.write { database in
      try OrganisationStore.replaceCatalog([CatalogRow(app: "a", feature: "f", roles: ["*"])], in: database)
      try OrganisationStore.upsertTickets(
        [Ticket(id: "1", requester: "bo", openedMilliseconds: 5)], in: database)
    }
    var seen: Set<[UInt8]> = [try inputs(fixture)]
    #expect(try inputs(fixture) == seen.first, "nothing changed")
    let changes = [
      "UPDATE setting SET value = '6'", "DELETE FROM setting",
      "INSERT INTO setting VALUES ('cost.hour', '5')", "UPDATE roster SET role = 'x'",
      "DELETE FROM roster", "DELETE FROM roster_alias", "INSERT INTO roster_alias VALUES ('b', 'bo')",
      "UPDATE catalog SET target_days = 2", "DELETE FROM catalog", "UPDATE ticket SET app = 'a'",
      "DELETE FROM ticket", "DELETE FROM benchmark_set", "DELETE FROM user_name WHERE id = 1",
      "UPDATE label SET name = 'other' WHERE id = 1", "UPDATE source SET name = 'x' WHERE id = 0",
      "INSERT INTO kernel_drop VALUES (5, 'udp', 1)", "UPDATE kernel_drop SET count = 2",
      "INSERT INTO feature_name (app, feature) VALUES ('new', 'new')",
      "UPDATE chunk SET nonce = 1", "DELETE FROM chunk",
      """
      INSERT INTO intervention (name, cohort, kind, start_ms, note) VALUES ('i', '', 'k', 1, '')
      """,
      "UPDATE intervention SET note = 'n'", "DELETE FROM intervention",
    ]
    for sql in changes {
      try fixture.execute(sql)
      #expect(seen.insert(try inputs(fixture)).inserted, "\(sql)")
    }
  }

  @Test func eventsShowAndTheirLedgerDoesNot() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 32)
    var event = SomeEvent.make(&random)
    event.source = "pc"
    event.sequence = 1
    try fixture.commit([event])
    let before = try inputs(fixture)
    // Duplicates change counts, which no kept answer shows.
    try fixture.commit([event])
    #expect(try inputs(fixture) == before)
    event.sequence = 2
    try fixture.commit([event])
    let after = try inputs(fixture)
    #expect(after != before)
    try fixture.merge()
    #expect(try inputs(fixture) != after)
  }

  /// A file put back from a backup, and then told something else, never looks like the one before.
  @Test func numbersThatComeAgainAreNotTheSame() throws {
    let contents = try (0..<2).map { _ in
      let fixture = try StoreFixture()
      var random = SeededRandom(seed: 33)
      try fixture.commit((0..<20).map { _ in SomeEvent.make(&random) })
      return try inputs(fixture)
    }
    #expect(contents[0] != contents[1])
  }
}
