import GRDB
import Testing
import UsageModel

@testable import EventStore

/// Dictionaries: complete in memory, or with an index where they are too many for it.
@Suite struct NameTests {
  private static func event(_ number: Int, _ random: inout SeededRandom) -> UsageEvent {
    let person = Int.random(in: 0..<200, using: &random)
    return UsageEvent(
      timeMilliseconds: SomeEvent.start + Int64(number), user: "person \(person)", app: "app \(person % 7)",
      feature: "feature \(person % 11)", host: "host \(person)", source: "source \(person)",
      sequence: UInt64(number + 1))
  }

  private static func indices(_ fixture: StoreFixture) throws -> Set<String> {
    try fixture.store.read {
      try String.fetchSet($0, sql: "SELECT name FROM sqlite_master WHERE name LIKE '%_by_name'")
    }
  }

  private static func numberOfNames(_ fixture: StoreFixture) throws -> [[Int64]] {
    try ["user_name", "label", "source", "feature_name"].map { table in
      let name = table == "feature_name" ? "app || '/' || ifnull(feature, '')" : "name"
      return try fixture.integers("SELECT count(*), count(DISTINCT \(name)) FROM \(table)")[0]
    }
  }

  /// The same events and the same names, whether memory holds all of them, some, or hardly any; after each commit a
  /// new writer may go on.
  @Test(arguments: [8 << 20, 700, 1])
  func memoryMakesNoDifference(nameBytesCachedMax: Int) throws {
    let fixture = try StoreFixture()
    var limits = StoreLimits()
    limits.nameBytesCachedMax = nameBytesCachedMax
    var random = SeededRandom(seed: 71)
    var events: [UsageEvent] = []
    var writer = EventWriter(store: fixture.store, limits: limits)
    for round in 0..<20 {
      let fresh = (0..<40).map { Self.event(round * 40 + $0, &random) }
      events += fresh
      let batches = [fresh[..<25], fresh[25...]].map {
        ReceivedBatch(batch: StoreFixture.batch(Array($0)), transport: "udp", receivedMilliseconds: 5)
      }
      #expect(try writer.commit(batches).accepted == 40)
      if round % 7 == 6 { writer = EventWriter(store: fixture.store, limits: limits) }
    }
    #expect(fingerprints(try fixture.events()) == fingerprints(events))
    for counts in try Self.numberOfNames(fixture) { #expect(counts[0] == counts[1]) }
    #expect(
      try Self.indices(fixture)
        == (nameBytesCachedMax < 1_000 ? ["user_name_by_name", "label_by_name", "source_by_name"] : []))
    #expect(try fixture.store.read { try LedgerCheck.problems(in: $0) } == [])
  }

  /// Names that another writer stored meanwhile get no second number.
  @Test func anotherWritersNamesAreFound() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 72)
    let other = EventWriter(store: fixture.store)
    for round in 0..<6 {
      var events = (0..<30).map { Self.event(round * 30 + $0, &random) }
      // Ranges of numbers are one writer's business.
      for index in events.indices { (events[index].source, events[index].sequence) = (nil, nil) }
      let batch = ReceivedBatch(
        batch: StoreFixture.batch(events), transport: "udp", receivedMilliseconds: 5)
      _ = try (round % 2 == 0 ? fixture.writer : other).commit([batch])
    }
    for counts in try Self.numberOfNames(fixture) { #expect(counts[0] == counts[1]) }
  }

  /// A database of the version before keeps names, counts and ranges, and goes on where it was.
  @Test func olderDatabasesAreMadeAnew() throws {
    let directory = try TemporaryDirectory()
    let queue = try DatabaseQueue(path: directory.database)
    try StoreSchema.migrator.migrate(queue, upTo: "6 answers")
    try queue.write { database in
      try database.execute(
        sql: """
          INSERT INTO user_name VALUES (3, 'ann'), (7, 'bob');
          INSERT INTO label VALUES (2, 'pc');
          INSERT INTO source (id, name, stored, duplicate, rejected, late, dropped, first_received_ms,
            last_received_ms, owner, clock_offset_ms) VALUES (1, 'one', 9, 1, 0, 2, 3, 4, 5, 'ann', 6),
            (4, 'gaps', 7, 0, 0, 0, 0, 4, 5, NULL, NULL), (5, 'none', 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL);
          INSERT INTO sequence_range VALUES (1, 1, 9, 10, 90), (4, 2, 3, 20, 30), (4, 5, 7, 50, 70),
            (4, 9, 10, 90, 100);
          INSERT INTO counter VALUES ('stored.udp', 16), ('duplicate.udp', 1)
          """)
    }
    try queue.close()
    let store = try EventStore(writingAt: directory.database, program: "test")
    func rows(_ sql: String) throws -> [String] {
      try store.read { try Row.fetchAll($0, sql: sql).map { "\(Array($0.databaseValues))" } }
    }
    #expect(
      try rows("SELECT source, first, last, first_time_ms, last_time_ms FROM sequence_range ORDER BY 1, 2")
        == [
          "[1, 1, 9, 10, 90]", "[4, 2, 3, 20, 30]", "[4, 5, 7, 50, 70]", "[4, 9, 10, 90, 100]",
        ])
    #expect(try rows("SELECT count(*) FROM sequence_range_below") == ["[2]"])
    #expect(
      try rows(
        "SELECT name, stored, duplicate, late, dropped, owner, clock_offset_ms FROM source WHERE id = 1")
        == [#"["one", 9, 1, 2, 3, "ann", 6]"#])
    #expect(try rows("SELECT id FROM user_name") == ["[3]", "[7]"])
    #expect(try store.read { try LedgerCheck.problems(in: $0) } == [])
    // The same tables and triggers as a new database has.
    let fresh = try StoreFixture()
    let schema = "SELECT type, name, tbl_name FROM sqlite_master ORDER BY 1, 2"
    let wanted = try fresh.store.read {
      try Row.fetchAll($0, sql: schema).map { "\(Array($0.databaseValues))" }
    }
    #expect(try rows(schema) == wanted)
    // What comes next follows, or closes a gap.
    let summary = try EventWriter(store: store).commit([
      ReceivedBatch(
        batch: StoreFixture.batch(
          [("one", 10), ("gaps", 8), ("gaps", 4)].map { source, sequence in
            UsageEvent(
              timeMilliseconds: SomeEvent.start, user: "bob", app: "a", feature: "f", source: source,
              sequence: sequence)
          }), transport: "udp", receivedMilliseconds: 5)
    ])
    #expect(summary.accepted == 3)
    #expect(
      try rows("SELECT source, first, last FROM sequence_range ORDER BY 1, 2") == [
        "[1, 1, 10]", "[4, 2, 10]",
      ])
    #expect(try rows("SELECT max(id) FROM user_name") == ["[7]"])
  }
}
