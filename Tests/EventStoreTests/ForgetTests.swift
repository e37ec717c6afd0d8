import Foundation
import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

@Suite struct ForgetTests {
  private static let name = "Quentin.Zyx"
  private static let alias = "qzyx@example.org"

  /// A store in which the person appears in every place that can hold a name.
  private func filled() throws -> StoreFixture {
    let fixture = try StoreFixture()
    var random = SeededRandom(seed: 11)
    var events: [UsageEvent] = []
    for index in 0..<400 {
      var event = SomeEvent.make(&random)
      if index % 4 == 0 { event.user = index % 8 == 0 ? Self.name : Self.alias }
      event.source = index % 4 == 0 ? "pc-\(Self.name)" : "pc-shared"
      event.sequence = UInt64(index + 1)
      if index % 4 == 0 { event.host = "host-\(Self.name)" }
      if index % 4 == 0 { event.session = "\(Self.name)-\(index)" }
      if index % 10 == 1 { event.attributes = ["reviewer": "seen by \(Self.name)", "n": "\(index)"] }
      events.append(event)
    }
    try fixture.commit(Array(events[..<200]))
    try fixture.merge()
    try fixture.commit(Array(events[200...]))
    let batch = EventBatch()
    var decoder = JSONEventDecoder()
    decoder.setReceipt(milliseconds: 5)
    let bad =
      #"{"user":"\#(Self.name)"}"# + "\n" + #"{"user":"ann","note":"\#(Self.alias)"}"#
      + "\n{\"user\":\"bob\"}\n"
    _ = Array(bad.utf8).withUnsafeBufferPointer { decoder.decodeLines($0, isFinal: true, into: batch) }
    _ = try fixture.writer.commit([
      ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 5)
    ])
    try fixture.store.write { database in
      try OrganisationStore.replaceRoster(
        [
          RosterRow(user: Self.name, department: "Sales", aliases: [Self.alias]),
          RosterRow(user: "ann", manager: Self.name), RosterRow(user: "bob", manager: "ann"),
        ], in: database)
      var other = Ticket(id: "2", requester: "ann", openedMilliseconds: 5)
      other.owner = Self.name
      other.comment = "talked to \(Self.name) about it"
      try OrganisationStore.upsertTickets(
        [Ticket(id: "1", requester: Self.alias, openedMilliseconds: 5), other], in: database)
      try PurposeLog.add(
        timeMilliseconds: 5, login: Self.name, command: "gaps --where manager=\(Self.name)", purpose: "x",
        in: database)
    }
    return fixture
  }

  private func files(_ fixture: StoreFixture) throws -> Data {
    try ["", "-wal", "-shm"].reduce(into: Data()) { data, ending in
      let path = fixture.directory.database + ending
      if FileManager.default.fileExists(atPath: path) {
        data += try Data(contentsOf: URL(fileURLWithPath: path))
      }
    }
  }

  private func findings(_ fixture: StoreFixture) throws -> [String] {
    try fixture.store.read {
      try StoreDoctor($0, path: fixture.directory.database, nowMilliseconds: 1_000_000)
    }.findings.filter { $0.verdict == .bad && $0.check != "disk" }.map { "\($0.check): \($0.text)" }
  }

  /// No byte of the name is left in the files, and everything else is.
  @Test(arguments: ["Quentin.Zyx", "qzyx@example.org"]) func leavesNoTrace(_ user: String) throws {
    let fixture = try filled()
    #expect(try files(fixture).range(of: Data(Self.name.utf8)) != nil)
    let receipt = try fixture.writer.forget(person: user, nowMilliseconds: 7)
    let content = try files(fixture)
    for text in [Self.name, Self.alias, Self.name.lowercased()] {
      #expect(content.range(of: Data(text.utf8)) == nil, "\(text) is still there")
    }
    let events = try fixture.events()
    #expect(events.count == 300)
    #expect(!events.contains { $0.user == Self.name || $0.user == Self.alias })
    #expect(events.contains { $0.attributes["reviewer"] == "seen by [forgotten]" })
    #expect(receipt.items.first { $0.place == "events" && $0.what == "removed" }?.count == 100)
    #expect(receipt.items.contains { $0.place == "dead_letter" && $0.count == 2 })
    #expect(receipt.items.contains { $0.place == "ticket" && $0.what == "removed" && $0.count == 1 })
    #expect(!receipt.notReached.isEmpty && receipt.warnings == [])
    #expect(try findings(fixture) == [])
    try fixture.store.read { database in
      let roster = try OrganisationStore.roster(in: database)
      #expect(roster.map(\.user) == ["ann", "bob"] && roster[0].manager == "")
      #expect(try PurposeLog.all(in: database).map(\.login) == ["[forgotten]"])
    }
    try fixture.merge()
    #expect(try findings(fixture) == [])
  }

  /// Somebody called a source and a version of theirs as forgotten ones are called: each keeps its own name.
  @Test func takesNobodyElsesName() throws {
    let fixture = try filled()
    var random = SeededRandom(seed: 13)
    let events = (1...20).map { number in
      var event = SomeEvent.make(&random)
      event.user = "ann"
      event.source = "forgotten-\(number)"
      event.host = "forgotten-\(number)"
      event.sequence = UInt64(number)
      return event
    }
    try fixture.commit(events)
    _ = try fixture.writer.forget(person: Self.name, nowMilliseconds: 7)
    try fixture.store.read { database in
      for table in ["source", "label"] {
        let names = try String.fetchAll(database, sql: "SELECT name FROM \(table)")
        // By bytes: Swift takes different spellings for one.
        #expect(Set(names.map { Array($0.utf8) }).count == names.count, "\(table)")
        #expect(names.contains { $0.hasPrefix("forgotten-") && $0.split(separator: "-").count == 3 })
      }
    }
    #expect(try findings(fixture) == [])
  }

  /// What comes again is refused, counted by number, and nowhere kept.
  @Test func refusesWhatComesAgain() throws {
    let fixture = try filled()
    _ = try fixture.writer.forget(person: Self.name, nowMilliseconds: 7)
    var random = SeededRandom(seed: 12)
    let events = (0..<4).map { index in
      var event = SomeEvent.make(&random)
      event.user = [Self.name, Self.alias, "ann", "bob"][index]
      event.source = index == 0 ? "pc-\(Self.name)" : "pc-new"
      event.sequence = UInt64(index + 1)
      return event
    }
    let summary = try fixture.commit(events)
    #expect(summary.accepted == 2 && summary.rejected == [.forgotten: 2])
    let batch = EventBatch()
    var decoder = JSONEventDecoder()
    decoder.setReceipt(milliseconds: 5)
    _ = Array(#"{"user":"\#(Self.alias)","app":1}"#.utf8).withUnsafeBufferPointer {
      decoder.decodeLines($0, isFinal: true, into: batch)
    }
    let before = try fixture.integers("SELECT count(*) FROM dead_letter")
    _ = try fixture.writer.commit([
      ReceivedBatch(batch: batch, transport: "udp", receivedMilliseconds: 5)
    ])
    #expect(try fixture.integers("SELECT count(*) FROM dead_letter") == before)
    #expect(
      try fixture.integers("SELECT count(*) FROM user_name WHERE name IN ('\(Self.name)', '\(Self.alias)')")
        == [[0]])
    #expect(try findings(fixture) == [])
    let content = try files(fixture)
    #expect(content.range(of: Data(Self.name.utf8)) == nil)
    #expect(content.range(of: Data(Self.alias.utf8)) == nil)
    // The ledger of the shared source has no gap where the refused event was.
    let lost = try fixture.store.read { try StoreStatus.sources(in: $0) }.first { $0.name == "pc-new" }?.lost
    #expect(lost == 0)
  }

  /// A merge that was planned before cannot bring events back.
  @Test func aMergeUnderWayBringsNothingBack() throws {
    let fixture = try filled()
    let chunks = try fixture.store.read { try ChunkRow.all(in: $0) }
    let merged = try fixture.store.read { try ChunkMerger.load(MergePlan.Step(chunks: chunks), in: $0) }
      .sorted()
    _ = try fixture.writer.forget(person: Self.name, nowMilliseconds: 7)
    let isApplied = try fixture.store.write { try ChunkMerger.apply(merged, in: $0) }
    #expect(!isApplied)
    #expect(try fixture.events().count == 300)
  }

  /// A tombstone is a hash: texts that come later are looked through word by word.
  @Test func textsThatComeLaterAreCleaned() throws {
    let fixture = try filled()
    _ = try fixture.writer.forget(person: Self.name, nowMilliseconds: 7)
    let tombstones = try fixture.store.read { try Tombstones(in: $0) }
    for (text, cleaned) in [
      (Self.name, "[forgotten]"), ("ask \(Self.name).", "ask [forgotten]."),
      ("(\(Self.alias)), \(Self.name)-", "([forgotten]), [forgotten]-"),
    ] {
      #expect(tombstones.removed(from: text) == cleaned)
      #expect(tombstones.areNamed(in: text))
    }
    for text in ["", "ann", "x\(Self.name)", "\(Self.name)x", "..."] {
      #expect(tombstones.removed(from: text) == text && !tombstones.areNamed(in: text))
    }
  }

  /// Names are found as words only, and short ones not at all.
  @Test func findsMentionsAsWords() {
    func removed(_ name: String, _ text: String) -> String {
      NameMention([Array(name.utf8)]).removed(from: text)
    }
    #expect(
      removed("ann", "ann, Ann and annual Hannah: ANN")
        == "[forgotten], [forgotten] and annual Hannah: [forgotten]")
    #expect(removed("al", "al") == "al")
    #expect(removed("ann", "annann ann.ann") == "annann [forgotten].[forgotten]")
    #expect(removed("é!x", "é!x") == "[forgotten]")
  }
}
