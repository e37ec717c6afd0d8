import GRDB
import Testing
import UsageModel

@testable import EventStore

/// Which day it is, as far as retention believes the clock.
@Suite struct BelievedClockTests {
  private static let day = SomeEvent.day
  private static let today = Int32(SomeEvent.start / day)

  private func clock(_ fixture: StoreFixture, _ days: Int32) throws -> BelievedClock {
    try fixture.store.read { try BelievedClock(nowMilliseconds: Self.moment(days), in: $0) }
  }

  private func note(_ fixture: StoreFixture, _ days: Int32) throws {
    try fixture.store.write { try BelievedClock.note(nowMilliseconds: Self.moment(days), in: $0) }
  }

  private static func moment(_ days: Int32) -> Int64 { SomeEvent.start + Int64(days) * day + 5 }

  private func event(_ days: Int32) -> UsageEvent {
    UsageEvent(timeMilliseconds: Self.moment(days), user: "ann", app: "crm", feature: "f")
  }

  @Test func followsAClockThatGoesOn() throws {
    let fixture = try StoreFixture()
    for days: Int32 in [0, 1, 3, 17, 31] {
      #expect(try clock(fixture, days).today == Self.today + days)
      #expect(try clock(fixture, days).isNews)
      try note(fixture, days)
      #expect(try !clock(fixture, days).isNews)
    }
    // Set back it counts from there, and what was believed once stays so.
    #expect(try clock(fixture, -400).today == Self.today - 400)
    try note(fixture, -400)
    #expect(try clock(fixture, 45).today == Self.today + 45)
  }

  @Test func doesNotBelieveAJump() throws {
    let fixture = try StoreFixture()
    try note(fixture, 0)
    // Whatever is stored meanwhile, and however often it is asked.
    for _ in 0..<3 {
      try fixture.commit((0..<60).map { event(365 - $0) })
      try note(fixture, 365)
      let ahead = try clock(fixture, 365)
      #expect(ahead.isAhead && ahead.today == Self.today)
    }
    #expect(try clock(fixture, 14).today == Self.today + 14)
    #expect(try clock(fixture, 15).today == Self.today)
    try fixture.store.write {
      try SettingStore.set(
        BelievedClock.todaySetting, to: "\(CivilDay(number: Self.today + 365))", in: $0)
    }
    #expect(try clock(fixture, 365).today == Self.today + 365)
    #expect(try clock(fixture, 800).isAhead)
  }

  /// What another version wrote: the newest event that was collected counts, and no imported one.
  @Test func beginsWithTheNewestEvent() throws {
    let fixture = try StoreFixture()
    #expect(try clock(fixture, 9_000).today == Self.today + 9_000)
    try fixture.commit([event(300)], transport: "import")
    try fixture.commit([event(0)])
    #expect(try clock(fixture, 300).isAhead)
    #expect(try clock(fixture, 10).today == Self.today + 10)
  }
}
