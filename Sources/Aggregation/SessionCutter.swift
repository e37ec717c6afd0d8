import Synchronization
import UsageModel

/// Sessions that had an event before those that were loaded: they do not begin in the window.
package struct EarlierSessions: Sendable {
  private struct Key: Hashable {
    var person: Int32
    var session: UInt64
  }

  private var keys: Set<Key> = []

  package init() {}

  package mutating func insert(person: Int32, session: UInt64) {
    keys.insert(Key(person: person, session: session))
  }

  package mutating func formUnion(_ other: EarlierSessions) { keys.formUnion(other.keys) }

  func contains(person: Int32, session: UInt64) -> Bool {
    !keys.isEmpty && keys.contains(Key(person: person, session: session))
  }
}

/// What flow is counted for.
package struct FlowQuestion {
  package var keys: EventKeys
  package var bounds: WindowBounds
  /// By person; -1 for people who were not chosen.
  package var groupOfPerson: [Int32]
  /// By rank; transitions from or to a selected feature are counted.
  package var isSelected: [Bool]
  /// Rows of fewer people remember who they are.
  package var peopleKept: Int
  /// By the store's number, a source's place in byte order; 0 for "no source".
  ///
  /// Orders events that start together; nil when what orders them was not loaded.
  package var rankOfSource: [Int32]?

  package init(
    keys: EventKeys, bounds: WindowBounds, groupOfPerson: [Int32], isSelected: [Bool], peopleKept: Int,
    rankOfSource: [Int32]?
  ) {
    self.keys = keys
    self.bounds = bounds
    self.groupOfPerson = groupOfPerson
    self.isSelected = isSelected
    self.peopleKept = peopleKept
    self.rankOfSource = rankOfSource
  }
}

/// Counts the flow of events that come in passes.
package struct FlowCount {
  private var tallies: [FlowTally]
  private let question: FlowQuestion

  package init(_ question: FlowQuestion, workerCount: Int) {
    self.question = question
    tallies = (0..<max(1, workerCount)).map { _ in
      FlowTally(
        groupOfPerson: question.groupOfPerson, isSelected: question.isSelected,
        peopleKept: question.peopleKept, bounds: question.bounds)
    }
  }

  /// Whether the order of events decides, and was not loaded: nothing that is counted means anything then.
  package var isPointless: Bool { tallies.contains(where: \.isPointless) }

  /// People whom a worker takes at once.
  private static let peopleAtOnce = 256

  /// Adds the people of one pass.
  ///
  /// - Complexity: O(n log n) in the events of a person.
  package mutating func add(_ events: SessionEvents, earlier: EarlierSessions) {
    let next = Atomic(0)
    let question = question
    let placeCount = events.people.count
    tallies.withUnsafeMutableBufferPointer { tallies in
      // Each worker has one element of the buffer to itself.
      nonisolated(unsafe) let tallies = tallies
      Workers.run(tallies.count) { worker in
        var cutter = SessionCutter(question, earlier)
        while true {
          let first = next.wrappingAdd(Self.peopleAtOnce, ordering: .relaxed).oldValue
          guard first < placeCount else { return }
          for place in first..<min(first + Self.peopleAtOnce, placeCount) {
            cutter.cut(events, place: place, into: &tallies[worker])
          }
        }
      }
    }
  }

  package consuming func finished() -> Flow {
    var tallies = tallies
    var all = tallies.removeFirst()
    while let tally = tallies.popLast() { all.absorb(tally) }
    return all.finished()
  }
}

/// Cuts one person's events into sessions and follows their uses; memory is reused.
private struct SessionCutter {
  /// A session under way.
  private struct Session {
    var firstRank: Int32 = -1
    var lastUse: Int = -1
    var isOfWindow: Bool
  }

  /// The last two uses of an application in a session.
  private struct Track {
    var last: Int
    var beforeLast: Int
  }

  private let question: FlowQuestion
  private let earlier: EarlierSessions
  /// Rows in order.
  private var order: [(start: Int64, row: UInt32)] = []
  private var sessionTable = SessionTable()
  private var sessions: [Session] = []
  private var trackTable = SessionTable()
  private var tracks: [Track] = []

  init(_ question: FlowQuestion, _ earlier: EarlierSessions) {
    self.question = question
    self.earlier = earlier
  }

  mutating func cut(_ events: SessionEvents, place: Int, into tally: inout FlowTally) {
    let rows = events.rows(ofPlace: place)
    guard !rows.isEmpty else { return }
    let person = events.people.lowerBound + Int32(truncatingIfNeeded: place)
    sort(events, rows)
    sessionTable.begin(count: rows.count)
    trackTable.begin(count: rows.count)
    sessions.removeAll(keepingCapacity: true)
    tracks.removeAll(keepingCapacity: true)
    var cutCount: UInt32 = 0
    var latestEnd = Int64.min
    for entry in order {
      let row = Int(entry.row)
      let event = events.events[row]
      var cut: UInt32 = 0
      if event.session == 0 {
        if latestEnd == .min || event.start - latestEnd > Flow.sessionPauseMilliseconds { cutCount += 1 }
        latestEnd = max(latestEnd, event.end)
        cut = cutCount
      }
      let (session, isNew) = sessionTable.index(session: event.session, cut: cut, app: 0)
      if isNew {
        let isEarlier = event.session != 0 && earlier.contains(person: person, session: event.session)
        sessions.append(Session(isOfWindow: !isEarlier && tally.isInWindow(event.start)))
      }
      if event.flags.isUse { use(event, row: row, cut: cut, session: session, events, person, &tally) }
    }
    finish(events, person, &tally)
  }

  private mutating func use(
    _ event: SessionEvents.Event, row: Int, cut: UInt32, session: Int, _ events: SessionEvents,
    _ person: Int32, _ tally: inout FlowTally
  ) {
    let lastUse = sessions[session].lastUse
    if lastUse < 0 {
      sessions[session].firstRank = Int32(truncatingIfNeeded: event.rank)
    } else if question.rankOfSource == nil, events.events[lastUse].start == event.start,
      !events.events[lastUse].isSame(as: event)
    {
      tally.needOrder()
    }
    sessions[session].lastUse = row
    let app = question.keys.appOfRank[event.rank]
    let (track, isNew) = trackTable.index(session: event.session, cut: cut, app: app)
    guard !isNew else { return tracks.append(Track(last: row, beforeLast: -1)) }
    let last = events.events[tracks[track].last]
    tally.add(from: last, to: event, person: person)
    if tracks[track].beforeLast >= 0 {
      let origin = events.events[tracks[track].beforeLast]
      if origin.rank == event.rank, last.rank != event.rank {
        tally.addBounce(from: origin, to: last, person: person)
      }
    }
    tracks[track] = Track(last: row, beforeLast: tracks[track].last)
  }

  private func finish(_ events: SessionEvents, _ person: Int32, _ tally: inout FlowTally) {
    var hasSession = false
    for session in sessions where session.isOfWindow {
      hasSession = true
      let last = session.lastUse < 0 ? -1 : Int32(truncatingIfNeeded: events.events[session.lastUse].rank)
      tally.addSession(first: session.firstRank, last: last, person: person)
    }
    if hasSession { tally.addSessionPerson() }
  }

  private mutating func sort(_ events: SessionEvents, _ rows: Range<Int>) {
    order.removeAll(keepingCapacity: true)
    for row in rows { order.append((events.events[row].start, UInt32(truncatingIfNeeded: row))) }
    guard let rankOfSource = question.rankOfSource else {
      return order.sort { $0.start != $1.start ? $0.start < $1.start : $0.row < $1.row }
    }
    order.sort { left, right in
      left.start != right.start
        ? left.start < right.start
        : events.precedesAtSameTime(Int(left.row), Int(right.row), rankOfSource)
    }
  }
}

extension SessionEvents {
  /// The order of one person's events that start together; the session, last of all, decides nothing.
  @inline(never)
  fileprivate func precedesAtSameTime(_ left: Int, _ right: Int, _ rankOfSource: [Int32]) -> Bool {
    let sources = (rankOfSource[Int(source[left])], rankOfSource[Int(source[right])])
    if sources.0 != sources.1 { return sources.0 < sources.1 }
    if sequence[left] != sequence[right] { return sequence[left] < sequence[right] }
    let (first, second) = (events[left], events[right])
    if first.rank != second.rank { return first.rank < second.rank }
    if first.flags.kind != second.flags.kind { return first.flags.kind < second.flags.kind }
    if first.flags.outcome != second.flags.outcome { return first.flags.outcome < second.flags.outcome }
    if first.flags.hasDuration != second.flags.hasDuration { return !first.flags.hasDuration }
    return first.durationMilliseconds < second.durationMilliseconds
  }
}

/// Numbers one person's sessions, or their applications in sessions, in order of first appearance.
///
/// Emptied by a new stamp, as a person has few of them and people are many.
private struct SessionTable {
  private struct Slot {
    var session: UInt64 = 0
    var cut: UInt32 = 0
    var app: Int32 = 0
    var stamp: UInt32 = 0
    var number: UInt32 = 0
  }

  private var slots = [Slot](repeating: Slot(), count: 64)
  private var stamp: UInt32 = 0
  private var count: UInt32 = 0

  /// Forgets everything; at most so many keys follow.
  mutating func begin(count most: Int) {
    if slots.count < 2 * most {
      var size = slots.count
      while size < 2 * most { size *= 2 }
      slots = [Slot](repeating: Slot(), count: size)
      stamp = 0
    }
    if stamp == .max {
      for index in slots.indices { slots[index].stamp = 0 }
      stamp = 0
    }
    stamp += 1
    count = 0
  }

  @inline(__always)
  mutating func index(session: UInt64, cut: UInt32, app: Int32) -> (index: Int, isNew: Bool) {
    let mixed =
      (session ^ UInt64(cut)) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(UInt32(bitPattern: app))
      &* 0xBF58_476D_1CE4_E5B9
    let mask = slots.count - 1
    var place = Int(truncatingIfNeeded: mixed >> 29) & mask
    while slots[place].stamp == stamp {
      let slot = slots[place]
      if slot.session == session, slot.cut == cut, slot.app == app { return (Int(slot.number), false) }
      place = (place + 1) & mask
    }
    slots[place] = Slot(session: session, cut: cut, app: app, stamp: stamp, number: count)
    count += 1
    return (Int(count) - 1, true)
  }
}
