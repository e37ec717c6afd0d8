import FileImport
import Foundation
import GRDB
import Testing
import UsageModel

@testable import EventStore

/// Pages of columns that fail their checksum: what stood on them goes, everything else stays and can be changed.
@Suite struct DamagedPageTests {
  private static let pageBytes = 16_384
  private static let now: Int64 = 1_000_000

  /// A closed database with chunks of all sizes, merged ones and daily cells among them.
  private final class Closed {
    let directory: TemporaryDirectory
    let bytes: [UInt8]
    let events: Set<[UInt8]>
    /// Page and sort (`internal`, `leaf`, `overflow`) of every page of the two tables of columns.
    let pages: [(number: Int, sort: String, table: String)]

    init(batches: [Int] = [200, 3, 40, 900, 200, 1, 2_500, 200, 60], mergedAfter: Int = 3) throws {
      let fixture = try StoreFixture()
      var random = SeededRandom(seed: 21)
      var number: UInt64 = 0
      for (index, count) in batches.enumerated() {
        try fixture.commit(
          (0..<count).map { _ in
            var event = SomeEvent.make(&random, days: 2)
            number += 1
            event.source = "pc"
            event.sequence = number
            event.session = "session \(UInt64.random(in: 0...UInt64.max, using: &random)) of somebody"
            return event
          })
        if index + 1 == mergedAfter {
          try fixture.merge()
          let store = fixture.store
          try RollupKeeper(reader: store) { result in
            try store.write { try RollupBuilder.apply(result, in: $0) }
          }.run(isSettled: { _ in true })
        }
      }
      events = Set(try fixture.events().map(\.fingerprint))
      try fixture.store.close()
      directory = fixture.directory
      bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory.database)))
      pages = try EventStore(readingAt: directory.database).read { database in
        try Row.fetchAll(
          database,
          sql: """
            SELECT pageno, pagetype, name FROM dbstat WHERE name IN ('chunk_column', 'rollup_column')
            ORDER BY pageno
            """
        ).map { ($0[0], $0[1], $0[2]) }
      }
    }

    /// Opens a copy in which one byte of each of some pages is another.
    func damaged(_ pages: [Int], _ random: inout SeededRandom) throws -> EventStore {
      var spoiled = bytes
      for page in pages {
        let byte = (page - 1) * pageBytes + Int.random(in: 0..<pageBytes, using: &random)
        spoiled[byte] ^= UInt8.random(in: 1...255, using: &random)
      }
      let path = directory.path + "/damaged.db"
      for ending in ["", "-wal", "-shm"] { unlink(path + ending) }
      try Data(spoiled).write(to: URL(fileURLWithPath: path))
      return try EventStore(writingAt: path, program: "test")
    }
  }

  /// Does what `doctor` has the writer do.
  private func treat(_ writer: EventWriter) throws -> StoreDoctor {
    let doctor = try self.doctor(writer.store)
    try writer.setAside(doctor.damaged.map(\.chunk), nowMilliseconds: Self.now)
    try writer.discardRollups(doctor.wrongRollups, nowMilliseconds: Self.now)
    return doctor
  }

  private func doctor(_ store: EventStore) throws -> StoreDoctor {
    try store.read { try StoreDoctor($0, path: store.path, nowMilliseconds: Self.now) }
  }

  private func bad(_ store: EventStore) throws -> [String] {
    try doctor(store).findings.filter { $0.verdict == .bad && $0.check != "disk" }.map(\.check)
  }

  /// Whatever is set aside, what is left is right, and all of it can be changed, copied and checked.
  private func checkTreated(_ store: EventStore, _ closed: Closed, _ comment: Comment) throws {
    #expect(try bad(store).allSatisfy { $0 == "damaged" }, comment)
    let left = try store.read { try StoredEvents.all(in: $0) }.map(\.fingerprint)
    let aside = try store.read { try DamagedChunks.all(in: $0) }.reduce(0) { $0 + $1.rowCount }
    #expect(left.count + aside == closed.events.count && closed.events.isSuperset(of: left), comment)
    let copy = closed.directory.path + "/copy.db"
    let backup = try StoreBackup.copy(store.path, to: copy, replaces: true)
    #expect(backup.eventCount == left.count && backup.damagedEventCount == aside, comment)
    let pages = try #require(PageChecksums.survey(copy))
    #expect(pages.damaged == 0 && pages.unsealed == 0, comment)
    let writer = EventWriter(store: store)
    let receipt = try writer.forget(person: "ann", nowMilliseconds: Self.now)
    #expect(receipt.items.contains { $0.place == "user_name" && $0.what == "removed" }, comment)
    #expect(receipt.items.contains { $0.place == "damaged_chunk" } == (aside > 0), comment)
    #expect(try bad(store) == [], comment)
    let kept = try store.read {
      try Int.fetchOne(
        $0, sql: "SELECT (SELECT count(*) FROM damaged_page) + (SELECT count(*) FROM damaged_chunk)")
    }
    #expect(kept == 0, comment)
  }

  /// One byte in any page that holds columns.
  @Test func aDamagedPageOfColumnsIsMended() throws {
    let closed = try Closed()
    var random = SeededRandom(seed: 22)
    let some =
      closed.pages.filter { $0.sort == "leaf" }
      + closed.pages.filter { $0.sort == "overflow" }
      .shuffled(using: &random).prefix(25)
    #expect(
      Set(some.map { "\($0.table) \($0.sort)" }).isSuperset(of: [
        "chunk_column leaf", "chunk_column overflow", "rollup_column leaf",
      ]))
    for page in some {
      let comment: Comment = "page \(page.number), a \(page.sort) of \(page.table), \(closed.directory.path)"
      let store = try closed.damaged([page.number], &random)
      let found = try treat(EventWriter(store: store))
      #expect(page.table != "chunk_column" || !found.damaged.isEmpty, comment)
      try checkTreated(store, closed, comment)
      try store.close()
    }
  }

  /// Several at once, neighbours among them: a leaf and the one before, a chain and its leaf.
  @Test func manyDamagedPagesAreMendedTogether() throws {
    let closed = try Closed()
    var random = SeededRandom(seed: 23)
    let all = closed.pages.filter { $0.sort != "internal" }.map(\.number)
    for round in 0..<6 {
      let first = Int.random(in: 0..<max(1, all.count - 4), using: &random)
      let pages =
        Array(all[first..<min(all.count, first + 4)]) + all.shuffled(using: &random).prefix(round * 3)
      let store = try closed.damaged(Array(Set(pages)), &random)
      _ = try treat(EventWriter(store: store))
      try checkTreated(store, closed, "pages \(pages)")
      try store.close()
    }
  }

  /// Nobody ran `doctor`: forgetting finds the damage itself.
  @Test func forgettingMendsWhatItComesAcross() throws {
    let closed = try Closed()
    var random = SeededRandom(seed: 24)
    for page in closed.pages.filter({ $0.sort != "internal" }).shuffled(using: &random).prefix(12) {
      let store = try closed.damaged([page.number], &random)
      _ = try EventWriter(store: store).forget(person: "bob", nowMilliseconds: Self.now)
      _ = try treat(EventWriter(store: store))
      #expect(try bad(store).allSatisfy { $0 == "damaged" }, "page \(page.number), a \(page.sort)")
      #expect(try store.read { try PersonNames("bob", in: $0).numbers } == [], "page \(page.number)")
      try store.close()
    }
  }

  /// An import that merges and counts on several threads comes across the damage, and goes on.
  @Test func importingMendsWhatItComesAcross() throws {
    let closed = try Closed()
    var random = SeededRandom(seed: 28)
    let pages = closed.pages.filter { $0.table == "chunk_column" && $0.sort != "internal" }
    for page in pages.filter({ $0.sort == "leaf" }) + pages.shuffled(using: &random).prefix(8) {
      let comment: Comment = "page \(page.number), a \(page.sort)"
      let store = try closed.damaged([page.number], &random)
      // Counted anew, so that what is merged already is read again.
      try store.write { try $0.execute(sql: "DELETE FROM rollup_cover") }
      try LocalWriter(store: store, workerCount: 2, rowsPerCounter: 1).mergeAll { _, _ in }
      // Columns that are neither merged nor counted were not read.
      _ = try treat(EventWriter(store: store))
      try checkTreated(store, closed, comment)
      try store.close()
    }
  }

  /// The whole table on one page, which is its root.
  @Test func aRootThatIsALeafIsMended() throws {
    let closed = try Closed(batches: [25], mergedAfter: 9)
    var random = SeededRandom(seed: 25)
    let root = try #require(closed.pages.first { $0.table == "chunk_column" })
    #expect(closed.pages.count { $0.table == "chunk_column" } == 1)
    let store = try closed.damaged([root.number], &random)
    #expect(try treat(EventWriter(store: store)).damaged.map(\.chunk) == [1])
    #expect(
      try store.read { try Int.fetchOne($0, sql: "SELECT length(bytes) FROM damaged_page") } == Self.pageBytes
    )
    try checkTreated(store, closed, "the root")
  }

  /// What cannot be mended says so in one line, and nothing is deleted for it.
  @Test func whatLeadsToOtherPagesIsNotMended() throws {
    let closed = try Closed()
    var random = SeededRandom(seed: 26)
    let inner = try #require(closed.pages.first { $0.sort == "internal" && $0.table == "chunk_column" })
    let store = try closed.damaged([inner.number], &random)
    let error = #expect(throws: UnmendablePage.self) { try treat(EventWriter(store: store)) }
    #expect(try #require(error).description.contains("page \(inner.number) of the file"))
    let pages = try #require(PageChecksums.survey(store.path))
    #expect(pages.damaged == 1)
  }

  /// A reader holds an old snapshot: the map of pages cannot be trusted, so nothing is mended until it has gone.
  @Test func mendingWaitsForNoReader() throws {
    let closed = try Closed()
    var random = SeededRandom(seed: 27)
    let page = try #require(closed.pages.first { $0.sort == "overflow" })
    let store = try closed.damaged([page.number], &random)
    let reader = try EventStore(readingAt: store.path)
    try reader.read { database in
      _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM chunk")
      #expect(throws: StoreError.self) { _ = try treat(EventWriter(store: store)) }
    }
    _ = try treat(EventWriter(store: store))
    try checkTreated(store, closed, "page \(page.number)")
  }
}
