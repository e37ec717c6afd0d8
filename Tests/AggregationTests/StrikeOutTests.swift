import Testing
import UsageModel

@testable import Aggregation

struct StrikeOutTests {
  private static let start = RandomEvents.bounds.span.lowerBound + 10 * 3_600_000
  private static let minute: Int64 = 60_000

  private func use(_ start: Int64, _ outcome: EventOutcome, _ duration: Int64? = nil) -> PlainEvent {
    PlainEvent(
      user: 1, feature: 2, person: 0, rank: 1, kind: .use, outcome: outcome, start: Self.start + start,
      duration: duration)
  }

  private func help(_ start: Int64) -> PlainEvent {
    PlainEvent(
      user: 1, feature: 1, person: 0, rank: 0, kind: .help, outcome: .ok, start: Self.start + start,
      duration: nil)
  }

  private func strikeOuts(
    _ events: [PlainEvent], tickets: [HelpSought.Moment] = [], groups: [Int32] = [0, 0, 0, 0, 0]
  ) throws -> [StrikeOuts] {
    let columns = EventColumns(events)
    let sought = HelpSought(tickets: tickets, help: columns.helpMoments(keys: RandomEvents.keys))
    let rows = columns.strikeOuts(
      keys: RandomEvents.keys, bounds: RandomEvents.bounds, groupOfPerson: groups, groupCount: 2,
      rankOfSource: RandomEvents.rankOfSource, isSelected: [true, true, true, true, true],
      helpSought: sought, peopleKept: 5)
    // Packed events give the same, unless they say that they cannot.
    for (hasOrder, choice) in [
      (true, .all), (false, .all), (true, .episodes(end: nil)), (false, .episodes(end: nil)),
    ] as [(Bool, PackedEvents.Choice)] {
      let runs = try packedRuns(events, choice, groups: groups, hasOrder: hasOrder)
      if hasOrder { #expect(!runs.needsOrder) }
      guard !runs.needsOrder else { continue }
      let packed = runs.rows(
        keys: RandomEvents.keys, bounds: RandomEvents.bounds, groupOfPerson: groups, groupCount: 2,
        helpSought: HelpSought(tickets: tickets, help: runs.help), peopleKept: 5)
      #expect(Set(packed.map(Self.facts)) == Set(rows.map(Self.facts)))
    }
    return rows
  }

  private static func facts(_ row: StrikeOuts) -> [Int64] {
    [
      Int64(row.rank), Int64(row.group), row.count, row.recovered, row.called, row.helped, row.silent,
      row.longest, Int64(row.people.count),
    ]
  }

  private func packedRuns(
    _ events: [PlainEvent], _ choice: PackedEvents.Choice, groups: [Int32], hasOrder: Bool, end: Int64? = nil
  ) throws -> StrikeOutRuns {
    let contents: PackedEvents.Contents = hasOrder ? [.start, .order] : .start
    var runs = StrikeOutRuns()
    runs.add(
      try PackedEvents(events, contents: contents, choice), keys: RandomEvents.keys,
      bounds: RandomEvents.bounds, groupOfPerson: groups, isSelected: [true, true, true, true, true],
      order: hasOrder ? StrikeOutRuns.Order(rankOfSource: RandomEvents.rankOfSource) : nil, end: end,
      workerCount: 2)
    return runs
  }

  @Test func aRunThatMayGoOnBeyondTheEndIsOpen() throws {
    let to = RandomEvents.bounds.span.upperBound
    let day = CivilDay.milliseconds
    let one = [use(to - 1 - Self.start, .error, day)]
    let pause = 30 * Self.minute
    func isOpen(_ events: [PlainEvent], end: Int64?) throws -> Bool {
      let (all, few) = (
        try packedRuns(events, .all, groups: [0, 0, 0, 0, 0], hasOrder: true, end: end).isOpen,
        try packedRuns(events, .episodes(end: end), groups: [0, 0, 0, 0, 0], hasOrder: true, end: end).isOpen
      )
      #expect(all == few)
      return all
    }
    #expect(try isOpen(one, end: to - 1 + day + pause))
    #expect(try !isOpen(one, end: to + day + pause))
    #expect(try !isOpen(one, end: nil))
    // Recovered, or begun after the window: whatever follows changes nothing.
    #expect(try !isOpen(one + [use(to - Self.start, .ok)], end: to + day))
    #expect(try !isOpen([use(to - Self.start, .error, day)], end: to + day))
  }

  @Test func threeFailuresAreNeeded() throws {
    #expect(try strikeOuts([use(0, .error), use(1, .abandoned)]).isEmpty)
    let rows = try strikeOuts([use(0, .error), use(1, .abandoned), use(2, .error), use(3, .error)])
    #expect(rows.map(\.count) == [1])
    #expect(rows.map(\.longest) == [4])
    #expect(rows.map(\.silent) == [1])
  }

  @Test(arguments: [(0, 1), (1, 0)] as [(Int64, Int64)])
  func anEpisodeHoldsToExactlyHalfAnHour(excess: Int64, count: Int64) throws {
    let pause = 30 * Self.minute + excess
    // The pause begins at the end of the second failure, five seconds after its start.
    let rows = try strikeOuts([use(0, .error), use(1, .error, 5_000), use(5_001 + pause, .error)])
    #expect((rows.first?.count ?? 0) == count)
  }

  @Test func theNextAttemptOfTheEpisodeRecovers() throws {
    let failures = [use(0, .error), use(1, .error), use(2, .error)]
    #expect(try strikeOuts(failures + [use(3, .ok)]).first?.recovered == 1)
    #expect(try strikeOuts(failures + [use(3 + 30 * Self.minute, .ok)]).first?.silent == 1)
  }

  @Test(arguments: [(-1, false), (0, true), (86_400_002, true), (86_400_003, false)] as [(Int64, Bool)])
  func ticketsCountFromTheFirstFailureToADayAfterTheLast(offset: Int64, isCalled: Bool) throws {
    let failures = [use(0, .error), use(1, .error), use(2, .error)]
    for app in [Int32(-1), 0] {
      let ticket = HelpSought.Moment(person: 0, app: app, milliseconds: Self.start + offset)
      let rows = try strikeOuts(failures, tickets: [ticket])
      #expect(rows.first?.called == (isCalled ? 1 : 0))
    }
    let other = HelpSought.Moment(person: 0, app: 1, milliseconds: Self.start)
    #expect(try strikeOuts(failures, tickets: [other]).first?.called == 0)
  }

  @Test(arguments: [(-1, false), (0, true), (1_800_002, true), (1_800_003, false)] as [(Int64, Bool)])
  func helpCountsToHalfAnHourAfterTheLast(offset: Int64, isHelped: Bool) throws {
    let rows = try strikeOuts([use(0, .error), use(1, .error), use(2, .error), help(offset)])
    #expect(rows.first?.helped == (isHelped ? 1 : 0))
  }

  @Test func eventsOfOneMomentStandBySourceThenNumber() throws {
    func numbered(_ source: UInt32, _ sequence: Int64, _ outcome: EventOutcome) -> PlainEvent {
      var event = use(0, outcome)
      event.source = source
      event.sequence = sequence
      return event
    }
    let errors = [numbered(1, 1, .error), numbered(1, 3, .error), numbered(1, 4, .error)]
    #expect(try strikeOuts(errors + [numbered(1, 2, .ok)]).isEmpty)
    #expect(try strikeOuts(errors + [numbered(1, 5, .ok)]).first?.recovered == 1)
    // Source 2 stands before source 1 by bytes, and no source before both.
    #expect(try strikeOuts(errors + [numbered(2, 9, .ok)]).first?.silent == 1)
    #expect(try strikeOuts(errors + [numbered(3, 1, .ok)]).first?.recovered == 1)
    #expect(try strikeOuts(errors + [use(0, .ok)]).first?.silent == 1)
  }

  @Test func itCountsInTheWindowOfItsFirstFailure() throws {
    let from = RandomEvents.bounds.span.lowerBound - Self.start
    #expect(try strikeOuts([use(from - 1, .error), use(from, .error), use(from + 1, .error)]).isEmpty)
    let to = RandomEvents.bounds.span.upperBound - Self.start
    #expect(try strikeOuts([use(to - 1, .error), use(to, .error), use(to + 1, .error)]).first?.longest == 3)
  }

  /// Lengths of strike-outs of the window, by rank and person, evaluated directly.
  private func slowLengths(_ world: RandomEvents) -> [[Int32]: [Int]] {
    let uses = Dictionary(grouping: world.counted.filter(\.isUse)) { [$0.rank, $0.person] }
    var lengths: [[Int32]: [Int]] = [:]
    for (key, events) in uses {
      var runs: [[PlainEvent]] = [[]]
      var last: PlainEvent?
      for event in RandomEvents.ordered(events) {
        if let last, event.start > last.end + 30 * Self.minute { runs.append([]) }
        if event.isFailedUse { runs[runs.count - 1].append(event) } else { runs.append([]) }
        last = event
      }
      lengths[key] = runs.filter { $0.count >= 3 && RandomEvents.isInWindow($0[0]) }.map(\.count)
    }
    return lengths
  }

  @Test(arguments: 0..<60)
  func runsEqualADirectEvaluation(seed: UInt64) throws {
    let world = RandomEvents(seed: seed, count: 500)
    let groups: [Int32] = [0, 1, 0, -1, 1]
    let slow = slowLengths(world)
    let rows = try strikeOuts(world.events, groups: groups)
    for rank in RandomEvents.ranksWithFeature {
      for group in Int32(0)..<2 {
        let people = groups.indices.filter { groups[$0] == group }.map { slow[[rank, Int32($0)]] ?? [] }
        let row = rows.first { $0.rank == Int(rank) && $0.group == group }
        #expect((row?.count ?? 0) == Int64(people.joined().count))
        #expect((row?.longest ?? 0) == Int64(people.joined().max() ?? 0))
        #expect((row?.people.count ?? 0) == people.count { !$0.isEmpty })
      }
    }
  }
}
