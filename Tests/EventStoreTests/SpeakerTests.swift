import GRDB
import Testing
import UsageModel
import WireFormat

@testable import EventStore

struct SpeakerTests {
  private func event(_ user: String, source: String? = nil, _ sequence: UInt64? = nil) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: SomeEvent.start, user: user, app: "a", feature: "f", source: source,
      sequence: sequence)
  }

  @discardableResult
  private func commit(
    _ fixture: StoreFixture, as speaker: String, _ events: [UsageEvent]
  ) throws -> CommitSummary {
    try fixture.writer.commit([
      ReceivedBatch(
        batch: StoreFixture.batch(events, speaker: speaker), transport: "unix-stream",
        receivedMilliseconds: 5)
    ])
  }

  @Test func whoMaySpeakForAnybodyIsNotAsked() throws {
    let fixture = try StoreFixture()
    #expect(try commit(fixture, as: "", [event("ann"), event("bob")]).accepted == 2)
  }

  @Test func othersSpeakForThemselves() throws {
    let fixture = try StoreFixture()
    let summary = try commit(fixture, as: "ann", [event("ann"), event("bob"), event("Ann")])
    #expect(summary.accepted == 1)
    #expect(summary.rejected == [.notYours: 2])
    #expect(try fixture.events() == [event("ann")])
    let letters = try fixture.store.read {
      try Row.fetchAll($0, sql: "SELECT reason, speaker, bytes FROM dead_letter ORDER BY id")
    }
    #expect(letters.map { $0[0] as String } == ["not_yours", "not_yours"])
    #expect(letters.map { $0[1] as String? } == ["ann", "ann"])
    #expect((letters.first?[2] as String?)?.contains(#""user":"bob""#) == true)
  }

  /// A login becomes a person's with the import of the roster, and no longer is with the next one.
  @Test func aliasesCountFromTheNextCommitOn() throws {
    let fixture = try StoreFixture()
    let mail = event("ann@example.org")
    #expect(try commit(fixture, as: "ann", [mail]).accepted == 0)
    func setRoster(_ aliases: [String]) throws {
      let row = RosterRow(
        user: "1007", department: "", role: "", site: "", manager: "", activeFrom: nil, activeTo: nil,
        aliases: aliases, isService: false)
      try fixture.store.write { try OrganisationStore.replaceRoster([row], in: $0) }
    }
    try setRoster(["ann", "ann@example.org"])
    #expect(try commit(fixture, as: "ann", [mail, event("1007"), event("ann"), event("bob")]).accepted == 3)
    try setRoster(["ann@example.org"])
    #expect(try commit(fixture, as: "ann", [mail]).accepted == 0)
  }

  @Test func severalNamesAreAllAllowed() throws {
    let fixture = try StoreFixture()
    let summary = try commit(fixture, as: "ann\0bob", [event("ann"), event("bob"), event("eve")])
    #expect(summary.accepted == 2)
    #expect(summary.rejected == [.notYours: 1])
  }

  /// Nobody uses up the numbers of someone else's source.
  @Test func sourcesBelongToTheirFirstSpeaker() throws {
    let fixture = try StoreFixture()
    try commit(fixture, as: "ann", [event("ann", source: "pc", 1)])
    #expect(try commit(fixture, as: "eve", [event("eve", source: "pc", 2)]).rejected == [.notYours: 1])
    try fixture.reopen()
    #expect(try commit(fixture, as: "eve", [event("eve", source: "pc", 2)]).rejected == [.notYours: 1])
    #expect(try commit(fixture, as: "ann", [event("ann", source: "pc", 2)]).accepted == 1)
    // Whoever may speak for anybody may number for anybody.
    #expect(try commit(fixture, as: "", [event("bob", source: "pc", 3)]).accepted == 1)
    #expect(
      try fixture.integers("SELECT stored, rejected FROM source WHERE name = 'pc'") == [[3, 0]])
    #expect(try fixture.integers("SELECT rejected FROM source WHERE id = 0") == [[2]])
  }
}
