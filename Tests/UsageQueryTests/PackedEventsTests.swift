import Aggregation
import Testing
import UsageModel

@testable import UsageQuery

/// Events in passes are the same events.
struct PackedEventsTests {
  /// Forty people and six applications over five weeks.
  private static func organisation(withBursts: Bool = false) -> SmallOrganisation {
    var organisation = SmallOrganisation()
    var state: UInt64 = 42
    func next(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    for person in 0..<40 {
      organisation.rosterRows.append(RosterRow(user: "p\(person)", department: "d\(person % 3)"))
    }
    func attempt(_ person: String, _ app: String, _ feature: String?, day: Int64, minute: Int64) {
      organisation.add(
        person, app, feature, day: day, minute: minute, outcome: next(4) == 0 ? .ok : .error,
        duration: Int64(next(5_000)), source: "s\(next(5))", sequence: Int64(next(1_000_000)))
    }
    for _ in 0..<(withBursts ? 300 : 0) {
      let (person, app, day) = ("p\(next(42))", "app\(next(6))", Int64(next(35)) - 3)
      var minute = Int64(next(1_440))
      for _ in 0..<next(8) {
        attempt(person, app, ["x", "y"][next(2)], day: day, minute: minute)
        minute += Int64(next(40))
      }
    }
    for _ in 0..<4_000 {
      organisation.add(
        "p\(next(42))", "app\(next(6))", ["x", "y", "z", nil][next(4)], day: Int64(next(35)) - 3,
        minute: Int64(next(1_440)), kind: next(6) == 0 ? .help : .use, outcome: next(3) == 0 ? .error : .ok,
        duration: next(9) == 0 ? nil : Int64(next(5_000)), source: "s\(next(5))",
        sequence: Int64(next(1_000_000)))
    }
    return organisation
  }

  private func request(_ organisation: SmallOrganisation) -> PackRequest {
    let day = CivilDay(number: Int32(SmallOrganisation.firstDay))
    return PackRequest(
      bounds: WindowBounds(window: Window(from: day, to: day.advanced(by: 28)), rules: .utc),
      features: FeatureDirectory(storeNames: organisation.featureNames(), catalog: []),
      limits: (
        organisation.userNames().count, organisation.featureNames().count, organisation.sourceNames().count
      ))
  }

  @Test func passesHoldEveryEventOnce() throws {
    let organisation = Self.organisation()
    let request = request(organisation)
    let feed = ColumnsFeed(organisation.events(startingIn: nil, columns: []), rowsAtOnce: 700)
    let all = try PackedEventsSource(feed, request)
    var allRows = 0
    try all.forEachPass { allRows += $0.rowCount }
    for bytesMax in [1, 6_000, 9_000] {
      let parts = try PackedEventsSource(feed, request, bytesMax: bytesMax)
      var rows = 0
      var passes = 0
      try parts.forEachPass {
        rows += $0.rowCount
        passes += 1
      }
      #expect(passes > 1 && passes <= 6)
      #expect(rows == allRows)
      #expect(parts.census.eventsOfUser == all.census.eventsOfUser)
      #expect(parts.isUsed == all.isUsed)
    }
    let census = WindowCensus(
      organisation.columns, bounds: request.bounds, userCount: request.userCount,
      rankOfFeature: request.rankOfFeature)
    #expect(all.census.eventsOfUser == census.eventsOfUser)
  }

  /// The keys of an organisation whose users are all people.
  private func keys(_ organisation: SmallOrganisation, _ request: PackRequest) -> EventKeys {
    let people = organisation.userNames().indices.map { Int32($0) - 1 }
    return EventKeys(
      personOfUser: people, personCount: people.count - 1, rankOfFeature: request.rankOfFeature,
      appOfRank: request.appOfRank, appCount: 6)
  }

  @Test(arguments: [false, true]) func appsInPassesGiveTheSameStrikeOuts(hasLaterEvents: Bool) throws {
    let organisation = Self.organisation(withBursts: true)
    var request = request(organisation)
    // All there is, or what begins and ends in the middle of chunks.
    let range = hasLaterEvents ? request.bounds.span : 0..<Int64.max
    request.range = range
    let feed = ColumnsFeed(organisation.events(startingIn: nil, columns: []), rowsAtOnce: 700)
    // The last but one user is another name of the first person, the last one is nobody of the organisation.
    var personOfUser = organisation.userNames().indices.map { Int32($0) - 1 }
    personOfUser[personOfUser.count - 2] = 0
    let keys = EventKeys(
      personOfUser: personOfUser.dropLast() + [EventKeys.none], personCount: personOfUser.count,
      rankOfFeature: request.rankOfFeature, appOfRank: request.appOfRank, appCount: 6)
    let isSelected = request.appOfRank.map { $0 != 2 }
    let group = (0..<Int32(keys.personCount)).map { $0 % 5 == 1 ? EventKeys.none : 0 }
    let isChosen = keys.personOfUser.map { $0 >= 0 && group[Int($0)] >= 0 }
    func facts(_ row: StrikeOuts) -> [Int64] {
      let ends = [row.recovered, row.called, row.helped, row.silent]
      return [Int64(row.rank), row.count, row.longest, Int64(row.people.count)] + ends
    }
    func strikeOuts(bytesMax: Int) throws -> (Set<[Int64]>, passes: Int, rows: Int) {
      let source = try EpisodeEventsSource(
        feed, request, personOfUser: personOfUser, end: hasLaterEvents ? range.upperBound : nil,
        bytesMax: bytesMax)
      var runs = StrikeOutRuns()
      var (passes, rows) = (0, 0)
      try source.forEachPass(isChosen: isChosen, isSelected: isSelected, withOrder: true) { events in
        passes += 1
        rows += events.rowCount
        runs.add(
          events, keys: keys, bounds: request.bounds, groupOfPerson: group, isSelected: isSelected,
          order: StrikeOutRuns.Order(rankOfSource: [0, 1, 2, 3, 4, 5]), end: source.end, workerCount: 2)
      }
      let found = runs.rows(
        keys: keys, bounds: request.bounds, groupOfPerson: group, groupCount: 1,
        helpSought: HelpSought(help: runs.help), peopleKept: 5)
      return (Set(found.map(facts)), passes, rows)
    }
    let (all, onePass, fewRows) = try strikeOuts(bytesMax: 1 << 30)
    let (parts, passes, rows) = try strikeOuts(bytesMax: 6_000)
    #expect(onePass == 1 && passes > 2)
    #expect(!all.isEmpty && all == parts)
    #expect(fewRows == rows && rows < organisation.columns.rowCount)
    let columns = organisation.events(
      startingIn: range, columns: [.user, .feature, .kind, .outcome, .start, .duration, .source, .sequence])
    let plain = columns.strikeOuts(
      keys: keys, bounds: request.bounds, groupOfPerson: group, groupCount: 1,
      rankOfSource: [0, 1, 2, 3, 4, 5],
      isSelected: isSelected, helpSought: HelpSought(help: columns.helpMoments(keys: keys)), peopleKept: 5)
    #expect(all == Set(plain.map(facts)))
  }

  @Test func peopleInPassesGiveTheSameFlow() throws {
    let organisation = Self.organisation()
    var request = request(organisation)
    request.range = request.bounds.span.lowerBound - 40_000_000..<Int64.max
    let feed = ColumnsFeed(organisation.events(startingIn: nil, columns: []), rowsAtOnce: 700)
    let keys = keys(organisation, request)
    let group = [Int32](repeating: 0, count: keys.personCount)
    func flow(bytesMax: Int) throws -> (Flow, Int) {
      let source = try SessionEventsSource(feed, request, bytesMax: bytesMax)
      var count = FlowCount(
        FlowQuestion(
          keys: keys, bounds: request.bounds, groupOfPerson: group,
          isSelected: request.appOfRank.map { _ in true }, peopleKept: 5, rankOfSource: [0, 1, 2, 3, 4, 5]),
        workerCount: source.workerCount)
      var passes = 0
      try source.forEachPass(keys: keys, isChosen: group.map { _ in true }, withOrder: true) {
        events, earlier in
        count.add(events, earlier: earlier)
        passes += 1
        return true
      }
      return (count.finished(), passes)
    }
    func facts(_ flow: Flow) -> Set<[Int64]> {
      Set(
        flow.transitions.map {
          [
            Int64($0.from), Int64($0.to), $0.count, $0.retry, $0.bounce, $0.waitTotalMilliseconds,
            $0.waitMedianMilliseconds, $0.waitNineTenthsMilliseconds, Int64($0.people.count),
          ]
        })
    }
    let (all, onePass) = try flow(bytesMax: 1 << 30)
    let (parts, passes) = try flow(bytesMax: 20_000)
    #expect(onePass == 1 && passes > 3)
    #expect(all.sessions == parts.sessions && all.sessionPeople == parts.sessionPeople)
    #expect(facts(all) == facts(parts))
    #expect(!all.transitions.isEmpty)
  }

  @Test func eventsThatReachIntoTheWindowAreFound() throws {
    var organisation = SmallOrganisation()
    let from = SmallOrganisation.moment(day: 0, minute: 0)
    let half: Int64 = 30 * 60_000
    func start() throws -> Int64 { try organisation.startOfEvents(reaching: from - half, before: from) }
    #expect(try start() == from)
    organisation.add("ann", day: -1, minute: 1_440 - 31, duration: 59_999)
    #expect(try start() == from)
    organisation.add("ann", day: -9, minute: 0, duration: 9 * 86_400_000 - half)
    #expect(try start() == SmallOrganisation.moment(day: -9, minute: 0))
  }
}
