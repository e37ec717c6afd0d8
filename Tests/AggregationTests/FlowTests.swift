import Testing
import UsageModel

@testable import Aggregation

struct FlowTests {
  private static let groups: [Int32] = [0, 0, 0, -1, 0]
  private static let pause: Int64 = 30 * 60_000

  private struct Step: Hashable {
    var from: Int32
    var to: Int32
  }

  private struct Facts: Equatable {
    var waits: [Int64] = []
    var retries = 0
    var bounces = 0
    var people: Set<Int32> = []
  }

  private func flow(_ events: [PlainEvent]) -> Flow {
    count(events, withOrder: true)
  }

  /// As reports do it: events of two workers by person, in one pass.
  private func count(_ events: [PlainEvent], withOrder: Bool, earlier: EarlierSessions = EarlierSessions())
    -> Flow
  {
    let chunks = [events.indices.filter { $0 % 3 > 0 }, events.indices.filter { $0 % 3 == 0 }].map { rows in
      let chunk = DecodedChunk()
      chunk.fill(EventColumns(rows.map { events[$0] }), rows: 0..<rows.count)
      return chunk
    }
    let people = RandomEvents.personOfUser.map { $0 >= 0 && Self.groups[Int($0)] >= 0 ? $0 : -1 }
    let counts = chunks.map { chunk in
      var counts = [UInt32](repeating: 0, count: RandomEvents.keys.personCount)
      for row in 0..<chunk.rowCount where RandomEvents.rankOfFeature[Int(chunk.feature[row])] >= 0 {
        let person = people[Int(chunk.user[row])]
        if person >= 0 { counts[Int(person)] += 1 }
      }
      return counts
    }
    var count = FlowCount(
      FlowQuestion(
        keys: RandomEvents.keys, bounds: RandomEvents.bounds, groupOfPerson: Self.groups,
        isSelected: [true, true, true, true, true], peopleKept: 5,
        rankOfSource: withOrder ? RandomEvents.rankOfSource : nil), workerCount: 2)
    for pass in [Int32(0)..<2, 2..<5] {
      let room = SessionEvents.Room(people: pass, counts: counts)
      let sessions = SessionEvents(room, hasOrder: withOrder)
      for (worker, chunk) in chunks.enumerated() {
        people.withUnsafeBufferPointer { people in
          RandomEvents.rankOfFeature.withUnsafeBufferPointer { ranks in
            sessions.add(chunk, worker: worker, personOfUser: people, rankOfFeature: ranks, isKept: nil)
          }
        }
      }
      count.add(sessions, earlier: earlier)
    }
    return count.finished()
  }

  @Test(arguments: 0..<60)
  func withoutTheOrderItIsTheSameOrSaidToDecide(seed: UInt64) {
    let events = RandomEvents(seed: seed, count: 300).events
    // Few enough that now and then no two of a session start together.
    for part in [events, Array(events.prefix(24))] {
      let known = flow(part)
      let guessed = count(part, withOrder: false)
      guard !guessed.needsOrder else { continue }
      #expect(guessed.sessions == known.sessions)
      func facts(_ flow: Flow) -> Set<[Int64]> {
        Set(
          flow.transitions.map {
            [Int64($0.from), Int64($0.to), $0.count, $0.retry, $0.bounce, $0.waitTotalMilliseconds]
          })
      }
      #expect(facts(guessed) == facts(known))
    }
    #expect(count([use(0), use(0, feature: 3)], withOrder: false).needsOrder)
    #expect(!count([use(0), use(0)], withOrder: false).needsOrder)
  }

  @Test func sessionsThatBeganEarlierDoNotCount() {
    var events = [use(0), use(1, feature: 3)]
    for index in events.indices { events[index].session = 1 }
    var earlier = EarlierSessions()
    earlier.insert(person: 1, session: 1)
    #expect(count(events, withOrder: true, earlier: earlier).sessions == 1)
    earlier.insert(person: 0, session: 1)
    let found = count(events, withOrder: true, earlier: earlier)
    #expect(found.sessions == 0 && found.ends.isEmpty)
    #expect(found.transitions.map(\.count) == [1])
  }

  /// Sessions of one person, evaluated directly.
  private func slowSessions(_ events: [PlainEvent]) -> [[PlainEvent]] {
    let ordered = RandomEvents.ordered(events)
    let byId = Dictionary(grouping: ordered.filter { $0.session != 0 }, by: \.session)
    var sessions = Array(byId.values)
    var current: [PlainEvent] = []
    let withoutId = ordered.filter { $0.session == 0 }
    for (index, event) in withoutId.enumerated() {
      let latestEnd = withoutId.prefix(index).map(\.end).max()
      if let latestEnd, event.start - latestEnd > Self.pause {
        sessions.append(current)
        current = []
      }
      current.append(event)
    }
    return (sessions + [current]).filter { !$0.isEmpty }
  }

  @Test(arguments: 0..<60)
  func transitionsEqualADirectEvaluation(seed: UInt64) {
    let world = RandomEvents(seed: seed, count: 300)
    var expected: [Step: Facts] = [:]
    var sessionCount: Int64 = 0
    let chosen = world.counted.filter { Self.groups[Int($0.person)] >= 0 }
    for (person, events) in Dictionary(grouping: chosen, by: \.person) {
      for session in slowSessions(events) {
        if RandomEvents.isInWindow(session[0]) { sessionCount += 1 }
        for app in Int32(0)..<2 {
          let uses = session.filter { $0.isUse && RandomEvents.keys.appOfRank[Int($0.rank)] == app }
          for (index, from) in uses.dropLast().enumerated() where RandomEvents.isInWindow(from) {
            let to = uses[index + 1]
            var facts = expected[Step(from: from.rank, to: to.rank)] ?? Facts()
            facts.waits.append(max(0, to.start - from.end))
            facts.retries += from.rank == to.rank && from.isFailedUse ? 1 : 0
            facts.people.insert(person)
            if from.rank != to.rank, index + 2 < uses.count, uses[index + 2].rank == from.rank {
              facts.bounces += 1
            }
            expected[Step(from: from.rank, to: to.rank)] = facts
          }
        }
      }
    }
    let found = flow(world.events)
    #expect(found.sessions == sessionCount)
    #expect(found.transitions.count == expected.count)
    for row in found.transitions {
      let facts = expected[Step(from: row.from, to: row.to)] ?? Facts()
      let waits = facts.waits.sorted()
      #expect(row.count == Int64(waits.count))
      #expect(row.waitTotalMilliseconds == waits.reduce(0, +))
      #expect(row.waitMedianMilliseconds == waits[(waits.count + 1) / 2 - 1])
      #expect(row.waitNineTenthsMilliseconds == waits[(9 * waits.count + 9) / 10 - 1])
      #expect(row.retry == Int64(facts.retries))
      #expect(row.bounce == Int64(facts.bounces))
      #expect(row.repeat == (row.from == row.to ? row.count - row.retry : 0))
      #expect(row.people.count == facts.people.count)
    }
  }

  private func use(_ start: Int64, feature: UInt32 = 2, duration: Int64? = nil) -> PlainEvent {
    PlainEvent(
      user: 1, feature: feature, person: 0, rank: RandomEvents.rankOfFeature[Int(feature)], kind: .use,
      outcome: .ok, start: RandomEvents.bounds.span.lowerBound + start, duration: duration)
  }

  @Test func sessionsWithoutIdHoldToExactlyHalfAnHour() {
    #expect(flow([use(0), use(Self.pause)]).sessions == 1)
    #expect(flow([use(0), use(Self.pause + 1)]).sessions == 2)
    // The latest end of all earlier events decides, not the end of the last.
    let nested = [use(0, duration: 5_000), use(1_000), use(5_000 + Self.pause)]
    #expect(flow(nested).sessions == 1)
  }

  @Test func waitsAreNeverNegative() {
    #expect(flow([use(0, duration: 9_000), use(1_000)]).transitions.map(\.waitTotalMilliseconds) == [0])
  }

  @Test func endsNameTheFirstAndLastFeature() {
    let ends = flow([use(0), use(1, feature: 6), use(2, feature: 3)]).ends
    #expect(ends.first { $0.rank == 1 }?.started == 1)
    #expect(ends.first { $0.rank == 2 }?.ended == 1)
    #expect(ends.count == 2)
  }

  @Test func numberTableKeepsNumbersWhileGrowing() {
    var table = NumberTable()
    for number in 0..<5_000 {
      let (index, isNew) = table.index(of: SIMD3(Int32(number % 7), Int32(number), Int32(-number)))
      #expect(index == number && isNew)
    }
    for number in 0..<5_000 {
      let (index, isNew) = table.index(of: SIMD3(Int32(number % 7), Int32(number), Int32(-number)))
      #expect(index == number && !isNew)
    }
  }
}
