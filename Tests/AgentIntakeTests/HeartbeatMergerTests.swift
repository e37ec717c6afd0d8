import Delivery
import Testing
import UsageModel

@testable import AgentIntake

/// A full hour.
private let hour: Int64 = 1_767_225_600_000

@Suite struct HeartbeatMergerTests {
  private func focus(
    _ seconds: Double, _ duration: Double? = 0, user: String = "ann", app: String = "crm",
    session: String? = nil
  ) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: hour + Int64(seconds * 1_000), user: user, app: app, kind: .focus,
      durationMilliseconds: duration.map { UInt32($0 * 1_000) }, session: session)
  }

  /// All events that come out, by time.
  private func merged(_ events: [UsageEvent], gapSeconds: Int64 = 10) -> [UsageEvent] {
    var merger = HeartbeatMerger(gapMilliseconds: gapSeconds * 1_000)
    var complete: [UsageEvent] = []
    for event in events { merger.add(event, nowMilliseconds: event.timeMilliseconds, complete: &complete) }
    merger.closeAll(complete: &complete)
    return complete
  }

  @Test func joinsWhatFollowsClosely() {
    #expect(merged([focus(0), focus(10), focus(20)]) == [focus(0, 20)])
    #expect(merged([focus(0, 5), focus(15, 5), focus(20, 5)]) == [focus(0, 25)])
    #expect(merged([focus(0, 5), focus(15.001, 5)]) == [focus(0, 5), focus(15.001, 5)])
    #expect(merged([focus(0, 60), focus(10, 5)]) == [focus(0, 60)], "inside the one before")
    #expect(merged([focus(0, 5), focus(0, 5)]) == [focus(0, 5)], "the same twice")
    #expect(merged([focus(0, nil), focus(0, nil)]) == [focus(0, nil)], "no duration is known")
    #expect(merged([focus(0, nil), focus(5, nil)]) == [focus(0, 5)])
  }

  @Test func leavesWhatIsNotTheSame() {
    for events in [
      [focus(0, 5), focus(5, 5, app: "mail"), focus(10, 5)], [focus(0, 5), focus(5, 5, session: "s")],
      [focus(20), focus(10)], [focus(0), focus(5, 5, app: "caf\u{E9}"), focus(10, 5, app: "cafe\u{301}")],
    ] {
      #expect(merged(events) == events)
    }
    #expect(merged([focus(0), focus(5)], gapSeconds: 0) == [focus(0), focus(5)])
  }

  @Test func keepsPeopleApart() {
    let events = (0..<6).map { focus(Double($0) * 5, 5, user: $0 % 2 == 0 ? "ann" : "bob") }
    let result = merged(events, gapSeconds: 5).sorted { $0.user < $1.user }
    #expect(result == [focus(0, 25, user: "ann"), focus(5, 25, user: "bob")])
  }

  /// Reports by day are the same whatever was joined: in every time zone days end on full quarters.
  @Test func neverJoinsOverAFullQuarter() {
    let result = merged((0..<360).map { focus(Double($0) * 10, 10) })
    #expect(result == (0..<4).map { focus(Double($0) * 900, 900) })
    let before1970 = UsageEvent(timeMilliseconds: -1, user: "ann", app: "crm", kind: .focus)
    var after = before1970
    after.timeMilliseconds = 0
    #expect(merged([before1970, after]) == [before1970, after])
  }

  @Test func completesWhenNothingFollows() {
    var merger = HeartbeatMerger(gapMilliseconds: 10_000)
    var complete: [UsageEvent] = []
    #expect(merger.millisecondsUntilDue(nowMilliseconds: 0) == nil)
    merger.add(focus(0), nowMilliseconds: 1_000, complete: &complete)
    let wait = HeartbeatMerger.patienceMilliseconds + 10_000
    #expect(merger.millisecondsUntilDue(nowMilliseconds: 2_000) == wait - 1_000)
    merger.closeDue(nowMilliseconds: 999 + wait, complete: &complete)
    #expect(complete.isEmpty)
    merger.closeDue(nowMilliseconds: 1_000 + wait, complete: &complete)
    #expect(complete == [focus(0)] && merger.openFocus.isEmpty)
    // A clock that was set back must not keep an event for years.
    merger.add(focus(0), nowMilliseconds: 1_000, complete: &complete)
    merger.closeDue(nowMilliseconds: 0, complete: &complete)
    #expect(complete.count == 2)
  }

  @Test func goesOnWithWhatTheSpoolKept() {
    let kept = OpenFocus(event: focus(0, 10), extendedMilliseconds: 10)
    var merger = HeartbeatMerger(gapMilliseconds: 10_000, open: [kept])
    var complete: [UsageEvent] = []
    merger.add(focus(20, 10), nowMilliseconds: 20, complete: &complete)
    #expect(complete.isEmpty)
    #expect(merger.openFocus == [OpenFocus(event: focus(0, 30), extendedMilliseconds: 20)])
  }

  @Test func manyPeopleTakeNoMoreMemoryThanSaid() {
    var merger = HeartbeatMerger(gapMilliseconds: 10_000)
    var complete: [UsageEvent] = []
    for number in 0..<3_000 {
      merger.add(focus(0, user: "u\(number)"), nowMilliseconds: 0, complete: &complete)
      if number % 500 == 499 { #expect(merger.openFocus.count <= HeartbeatMerger.openMax) }
    }
    merger.closeAll(complete: &complete)
    #expect(Set(complete.map(\.user)).count == 3_000 && complete.count == 3_000)
  }
}
