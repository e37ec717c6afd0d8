import GRDB
import Testing
import UsageModel

@testable import EventStore

@Suite struct RollupSchemaTests {
  /// A database of the version before keeps its events, and they are counted.
  @Test func olderDatabasesGetRollups() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 21)
    let events = (0..<300).map { _ in SomeEvent.make(&random) }
    try fixture.commit(events)
    try fixture.merge()
    try fixture.execute(
      """
      DROP TABLE rollup; DROP TABLE rollup_cover; DROP TABLE rollup_part; DROP TABLE rollup_column;
      DELETE FROM grdb_migrations WHERE identifier = '4 rollups'
      """)
    try fixture.reopen()
    #expect(fingerprints(try fixture.events()) == fingerprints(events))
    let store = fixture.store
    let keeper = RollupKeeper(reader: store) { result in
      try store.write { try RollupBuilder.apply(result, in: $0) }
    }
    try keeper.run(isSettled: { _ in true })
    #expect(try fixture.integers("SELECT sum(event_count), count(*) FROM rollup") == [[300, 5]])
  }

  /// A step whose chunk went away meanwhile changes nothing.
  @Test func aStaleStepIsNotApplied() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 22)
    try fixture.commit((0..<100).map { _ in SomeEvent.make(&random, days: 1) })
    try fixture.merge()
    let store = fixture.store
    let result = try store.read { database in
      let chunks = try ChunkRow.all(in: database)
      let step = try #require(
        RollupPlan.next(
          chunks: chunks, rollups: [], offsets: { ZoneRules.utc.offsets(ofUTCDay: $0) },
          isSettled: { _ in true },
          mustCover: { _ in false }))
      return try RollupBuilder.build(step, rules: .utc, in: database)
    }
    _ = try fixture.writer.forget(person: "ann", nowMilliseconds: 1)
    #expect(try store.write { try RollupBuilder.apply(result, in: $0) } == false)
    #expect(try fixture.integers("SELECT count(*) FROM rollup") == [[0]])
  }

  /// Only days that are over, and only what is sorted.
  @Test func unsettledDaysAndArrivalsWait() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 23)
    try fixture.commit((0..<100).map { _ in SomeEvent.make(&random) })
    let store = fixture.store
    let keeper = RollupKeeper(reader: store) { result in
      try store.write { try RollupBuilder.apply(result, in: $0) }
    }
    try keeper.run(isSettled: { _ in true })
    #expect(try fixture.integers("SELECT count(*) FROM rollup") == [[0]])
    try fixture.merge()
    try keeper.run(isSettled: { $0 < 20_456 })
    #expect(try fixture.integers("SELECT min(day), max(day), count(*) FROM rollup") == [[20_454, 20_455, 2]])
  }

  /// A chunk that cannot be read is set aside, and the rest of its day is counted.
  @Test func damagedChunksAreSetAsideWhileCounting() throws {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 24)
    for _ in 0..<2 {
      try fixture.commit((0..<100).map { _ in SomeEvent.make(&random, days: 1) })
      try fixture.merge(isSettled: false)
    }
    let store = fixture.store
    let chunks = try store.read { try ChunkRow.all(in: $0) }
    #expect(chunks.count == 2)
    try fixture.execute("UPDATE chunk_column SET data = zeroblob(60) WHERE id = \(chunks[0].id * 32 + 1)")
    let keeper = RollupKeeper(reader: store) { result in
      try store.write { try RollupBuilder.apply(result, in: $0) }
    } setAside: { damage in
      _ = try store.write { try DamagedChunks.setAside(damage.chunk, nowMilliseconds: 1, in: $0) }
    }
    try keeper.run(isSettled: { _ in true })
    #expect(try fixture.integers("SELECT sum(event_count), count(*) FROM rollup") == [[100, 1]])
    #expect(try fixture.integers("SELECT count(*) FROM damaged_chunk") == [[1]])
  }
}
