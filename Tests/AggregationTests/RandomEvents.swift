import UsageModel

@testable import Aggregation

/// One event as tests speak of it; `person` and `rank` are -1 outside the population or when left out.
struct PlainEvent: Equatable {
  var user: UInt32
  var feature: UInt32
  var person: Int32
  var rank: Int32
  var kind: EventKind
  var outcome: EventOutcome
  var start: Int64
  var duration: Int64?
  var source: UInt32 = 0
  var sequence: Int64 = 0
  var session: UInt32 = 0

  var time: Int64 { duration ?? 0 }
  var end: Int64 { start + time }
  var isUse: Bool { kind == .use }
  var isOkUse: Bool { isUse && outcome == .ok }
  var isFailedUse: Bool { isUse && outcome != .ok }
}

/// A small world for kernels: seven users that are five people and one outsider, two applications.
struct RandomEvents {
  /// Users 6 and 7: an alias of person 0, and an outsider.
  static let personOfUser: [Int32] = [-1, 0, 1, 2, 3, 4, 0, -1]
  /// Pair 5 is left out; ranks 0 and 3 are pairs without feature.
  static let rankOfFeature: [Int32] = [-1, 0, 1, 2, 3, -1, 4]
  static let keys = EventKeys(
    personOfUser: personOfUser, personCount: 5, rankOfFeature: rankOfFeature, appOfRank: [0, 0, 0, 1, 1],
    appCount: 2)
  static let rankOfSource: [Int32] = [0, 2, 1, 3]
  static let ranksWithFeature: [Int32] = [1, 2, 4]

  /// Clocks go forward an hour on day 3 and back on day 6.
  static let rules = ZoneRules(
    name: "Test/Zone", initialOffsetMilliseconds: 3_600_000,
    transitions: [
      .init(startMilliseconds: 3 * CivilDay.milliseconds + 3_600_000, offsetMilliseconds: 7_200_000),
      .init(startMilliseconds: 6 * CivilDay.milliseconds + 3_600_000, offsetMilliseconds: 3_600_000),
    ])
  static let bounds = WindowBounds(
    window: Window(from: CivilDay(number: 2), to: CivilDay(number: 9)), rules: rules)

  var events: [PlainEvent] = []

  init(seed: UInt64, count: Int) {
    var random = SeededRandom(seed: seed)
    var clocks = [Int64](repeating: 0, count: Self.personOfUser.count)
    for number in 0..<count {
      let user = UInt32.random(in: 1...7, using: &random)
      let kind = EventKind.allCases.randomElement(using: &random) ?? .use
      let isUse = kind == .use || Bool.random(using: &random)
      let feature = UInt32([2, 3, 5, 6].randomElement(using: &random) ?? 2)
      let bare = UInt32([1, 4].randomElement(using: &random) ?? 1)
      // Steps around the half hour, so that episodes and sessions meet their edges.
      let step: [Int64] = [0, 0, 1, 60_000, 1_799_999, 1_800_000, 1_800_001, 9_000_000, 80_000_000]
      let start = clocks[Int(user)] + (step.randomElement(using: &random) ?? 0)
      clocks[Int(user)] = start > 10 * CivilDay.milliseconds ? CivilDay.milliseconds : start
      let durations: [Int64?] = [nil, 0, 1, 600_000, 1_000, 2_000, 2_001]
      let duration = durations.randomElement(using: &random) ?? nil
      let hasSource = Bool.random(using: &random)
      events.append(
        PlainEvent(
          user: user, feature: isUse ? feature : bare, person: Self.personOfUser[Int(user)],
          rank: Self.rankOfFeature[Int(isUse ? feature : bare)], kind: isUse ? .use : kind,
          outcome: isUse ? EventOutcome.allCases.randomElement(using: &random) ?? .ok : .ok, start: start,
          duration: duration, source: hasSource ? UInt32.random(in: 1...3, using: &random) : 0,
          sequence: hasSource ? Int64(number + 1) : 0,
          session: UInt32([0, 0, 1, 2].randomElement(using: &random) ?? 0)))
    }
    if seed % 2 == 0 { events.shuffle(using: &random) }
  }

  var columns: EventColumns { EventColumns(events) }

  /// Events of the population that count, whatever their time.
  var counted: [PlainEvent] { events.filter { $0.person >= 0 && $0.rank >= 0 } }

  static func isInWindow(_ event: PlainEvent) -> Bool {
    bounds.window.contains(rules.day(of: event.start))
  }

  /// One person's events in the order of the methods.
  static func ordered(_ events: [PlainEvent]) -> [PlainEvent] {
    func key(_ event: PlainEvent) -> [Int64] {
      [
        event.start, Int64(rankOfSource[Int(event.source)]), event.sequence, Int64(event.rank),
        Int64(event.kind.rawValue), Int64(event.outcome.rawValue), event.duration ?? -1,
      ]
    }
    return events.sorted { key($0).lexicographicallyPrecedes(key($1)) }
  }
}

extension EventColumns {
  init(_ events: [PlainEvent]) {
    self.init()
    rowCount = events.count
    user = events.map(\.user)
    feature = events.map(\.feature)
    kind = events.map(\.kind.rawValue)
    outcome = events.map(\.outcome.rawValue)
    start = events.map(\.start)
    duration = events.map { $0.duration ?? EventColumns.absentDuration }
    source = events.map(\.source)
    sequence = events.map(\.sequence)
    session = events.map(\.session)
  }
}

extension PackedEvents {
  /// Which events tests pack.
  enum Choice {
    case all
    case window
    /// What may belong to a strike-out, given where the events end.
    case episodes(end: Int64?)
  }

  /// Packs events as if they came in three chunks, the middle one sorted as day chunks are.
  convenience init(_ events: [PlainEvent], contents: Contents, _ choice: Choice) throws {
    self.init(capacity: events.count, chunkCount: 3, contents: contents)
    let chunks = Self.inThree(events)
    for (number, rows) in chunks.enumerated() {
      try RandomEvents.rankOfFeature.withUnsafeBufferPointer { ranks in
        try add(
          DecodedChunk(rows), number: number, rankOfFeature: ranks, isWanted: nil,
          keptRows: Self.keptRows(choice, rows, of: chunks))
      }
    }
    finish(featureCount: RandomEvents.keys.featureCount)
  }

  private static func inThree(_ events: [PlainEvent]) -> [[PlainEvent]] {
    let third = events.count / 3
    return [
      Array(events[..<third]),
      events[third..<2 * third].sorted { ($0.feature, $0.user, $0.start) < ($1.feature, $1.user, $1.start) },
      Array(events[(2 * third)...]),
    ]
  }

  private static func keptRows(
    _ choice: Choice, _ events: [PlainEvent], of chunks: [[PlainEvent]]
  ) -> KeptRows? {
    switch choice {
    case .all: return nil
    case .window:
      return { _, rows, listed in
        listed += rows.filter { RandomEvents.isInWindow(events[$0]) }.map { UInt32($0) }
      }
    case .episodes(let end):
      var failures = FailureSketch(rowCount: 0)
      for chunk in chunks { failures.add(DecodedChunk(chunk), end: end) }
      let chunk = DecodedChunk(events)
      return { [failures] rank, rows, listed in
        RandomEvents.personOfUser.withUnsafeBufferPointer { people in
          failures.listRows(
            rows, of: chunk, rank: rank, personOfUser: people, withAttempts: true, into: &listed)
        }
      }
    }
  }
}

extension DecodedChunk {
  convenience init(_ events: [PlainEvent]) {
    self.init()
    fill(EventColumns(events), rows: 0..<events.count)
  }
}

extension FailureSketch {
  /// Counts the failures of a chunk of the small world.
  mutating func add(_ chunk: DecodedChunk, end: Int64? = nil) {
    RandomEvents.personOfUser.withUnsafeBufferPointer { people in
      RandomEvents.rankOfFeature.withUnsafeBufferPointer { ranks in
        add(chunk, personOfUser: people, rankOfFeature: ranks, isKept: nil, end: end)
      }
    }
  }
}
