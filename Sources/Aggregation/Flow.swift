import UsageModel

/// One transition from a feature to the next of the same application in a session, for one group of people
/// (`docs/methods.md`, section 7).
package struct FlowTransition: Sendable {
  package let group: Int32
  /// Ranks of the two features; equal for a retry or repeat.
  package let from: Int32
  package let to: Int32
  package var count: Int64 = 0
  package var retry: Int64 = 0
  package var bounce: Int64 = 0
  package var waitTotalMilliseconds: Int64 = 0
  package var waitMedianMilliseconds: Int64 = 0
  package var waitNineTenthsMilliseconds: Int64 = 0
  package var people = RowPeople()
  fileprivate var lastPerson: Int32 = -1

  fileprivate init(group: Int32, from: Int32, to: Int32) {
    self.group = group
    self.from = from
    self.to = to
  }

  /// The same feature again after an ok use.
  package var `repeat`: Int64 { from == to ? count - retry : 0 }
}

/// Where sessions of one group of people begin and end.
package struct FlowEnds: Sendable {
  package let group: Int32
  package let rank: Int32
  package var started: Int64 = 0
  package var ended: Int64 = 0
  package var people = RowPeople()
  fileprivate var lastPerson: Int32 = -1

  fileprivate init(group: Int32, rank: Int32) {
    self.group = group
    self.rank = rank
  }
}

/// Transitions and sessions of a window.
package struct Flow: Sendable {
  /// In no particular order.
  package var transitions: [FlowTransition] = []
  /// First and last features of the window's sessions that hold a use, in no particular order.
  package var ends: [FlowEnds] = []
  /// Sessions of the chosen people whose first event lies in the window.
  package var sessions: Int64 = 0
  /// People with such a session.
  package var sessionPeople = 0

  /// Longest pause between the latest end so far and the next start within a session without id.
  package static let sessionPauseMilliseconds: Int64 = 30 * 60_000
}

extension EventColumns {
  /// Transitions and sessions of the window.
  ///
  /// Needs every column, of all history.
  ///
  /// - Parameters:
  ///   - groupOfPerson: by person; -1 for people who were not chosen.
  ///   - rankOfSource: by the store's number, its place in byte order; 0 for "no source".
  ///   - isSelected: by rank; transitions from or to a selected feature are counted.
  ///   - peopleKept: rows of fewer people remember who they are.
  /// - Complexity: O(n log n) in the events of a person.
  package func flow(
    keys: EventKeys, bounds: WindowBounds, groupOfPerson: [Int32], rankOfSource: [Int32], isSelected: [Bool],
    peopleKept: Int
  ) -> Flow {
    var tally = FlowTally(
      groupOfPerson: groupOfPerson, isSelected: isSelected, peopleKept: peopleKept, test: WindowTest(bounds))
    withBuffers { events in
      let order = CanonicalOrder(rankOfSource: rankOfSource, rankOfFeature: keys.rankOfFeature)
      var runs = PersonRuns(personCount: keys.personCount)
      let chosen = chosenRows(events, keys: keys, groupOfPerson: groupOfPerson)
      chosen.withUnsafeBufferPointer { runs.group($0, of: events, keys: keys) }
      runs.sortRuns(by: order, of: events)
      var sessions = SessionCutter()
      runs.forEachRun { rows, person in
        sessions.cut(rows, of: events, keys: keys)
        tally.add(sessions.steps, person: person, of: events)
      }
    }
    return tally.finished()
  }

  private func chosenRows(_ events: EventBuffers, keys: EventKeys, groupOfPerson: [Int32]) -> [UInt32] {
    var rows: [UInt32] = []
    for row in 0..<events.rowCount {
      let person = Int(keys.personOfUser[Int(events.user[row])])
      guard person >= 0, groupOfPerson[person] >= 0, keys.rankOfFeature[Int(events.feature[row])] >= 0
      else { continue }
      rows.append(UInt32(truncatingIfNeeded: row))
    }
    return rows
  }
}

/// One event of a person within its session.
private struct SessionStep {
  /// Sessions with an id by their number; those without are counted from 2^32.
  var session: UInt64
  var app: Int32
  var rank: Int32
  /// Place among the person's events in order.
  var position: UInt32
  var row: UInt32
  var isUse: Bool

  static func precedes(_ left: SessionStep, _ right: SessionStep) -> Bool {
    if left.session != right.session { return left.session < right.session }
    if left.app != right.app { return left.app < right.app }
    return left.position < right.position
  }
}

/// Cuts one person's events into sessions; memory is reused.
private struct SessionCutter {
  /// By session, application and order.
  private(set) var steps: [SessionStep] = []

  /// - Parameter rows: all events of one person, in order.
  mutating func cut(_ rows: UnsafeBufferPointer<UInt32>, of events: EventBuffers, keys: EventKeys) {
    steps.removeAll(keepingCapacity: true)
    var cutCount: UInt64 = 1 << 32
    var latestEnd = Int64.min
    var isSorted = true
    for (position, row) in rows.enumerated() {
      let index = Int(row)
      let rank = keys.rankOfFeature[Int(events.feature[index])]
      var step = SessionStep(
        session: UInt64(events.session[index]), app: keys.appOfRank[Int(rank)], rank: rank,
        position: UInt32(truncatingIfNeeded: position), row: row,
        isUse: events.kind[index] == EventCode.use)
      if step.session == 0 {
        let start = events.start[index]
        if latestEnd != Int64.min, start - latestEnd > Flow.sessionPauseMilliseconds { cutCount += 1 }
        latestEnd = max(latestEnd, events.end(ofRow: index))
        step.session = cutCount
      }
      if let last = steps.last, SessionStep.precedes(step, last) { isSorted = false }
      steps.append(step)
    }
    if !isSorted { steps.sort(by: SessionStep.precedes) }
  }
}

/// Counts transitions and ends of sessions.
private struct FlowTally {
  private let groupOfPerson: [Int32]
  private let isSelected: [Bool]
  private let peopleKept: Int
  private var test: WindowTest
  private var flow = Flow()
  private var transitionTable = NumberTable()
  private var endTable = NumberTable()
  /// One a transition: its index in `flow.transitions` and its wait.
  private var transitionOfWait: [UInt32] = []
  private var waits: [Int64] = []

  init(groupOfPerson: [Int32], isSelected: [Bool], peopleKept: Int, test: WindowTest) {
    self.groupOfPerson = groupOfPerson
    self.isSelected = isSelected
    self.peopleKept = peopleKept
    self.test = test
  }

  /// Adds all sessions of one person.
  mutating func add(_ steps: [SessionStep], person: Int32, of events: EventBuffers) {
    let sessionsBefore = flow.sessions
    defer { flow.sessionPeople += flow.sessions > sessionsBefore ? 1 : 0 }
    var start = 0
    while start < steps.count {
      var end = start + 1
      while end < steps.count, steps[end].session == steps[start].session { end += 1 }
      addSession(steps[start..<end], person: person, of: events)
      start = end
    }
  }

  private mutating func addSession(_ steps: ArraySlice<SessionStep>, person: Int32, of events: EventBuffers) {
    var first = steps[steps.startIndex]
    var firstUse: SessionStep?
    var lastUse: SessionStep?
    // The two uses before the current one in the same application, nearest last.
    var previous: SessionStep?
    var beforePrevious: SessionStep?
    for step in steps {
      if step.position < first.position { first = step }
      guard step.isUse else { continue }
      if step.position < firstUse?.position ?? .max { firstUse = step }
      if step.position >= lastUse?.position ?? 0 { lastUse = step }
      if let last = previous, last.app == step.app {
        addTransition(from: last, to: step, person: person, of: events)
        if let origin = beforePrevious, origin.rank == step.rank, last.rank != step.rank {
          addBounce(from: origin, to: last, person: person, of: events)
        }
      }
      beforePrevious = previous
      previous = step
    }
    guard test.contains(events.start[Int(first.row)]) else { return }
    flow.sessions += 1
    if let firstUse { flow.ends[endIndex(firstUse.rank, person)].started += 1 }
    if let lastUse { flow.ends[endIndex(lastUse.rank, person)].ended += 1 }
  }

  private func isSelected(_ from: SessionStep, _ to: SessionStep) -> Bool {
    isSelected[Int(from.rank)] || isSelected[Int(to.rank)]
  }

  private mutating func addTransition(
    from: SessionStep, to: SessionStep, person: Int32, of events: EventBuffers
  ) {
    guard isSelected(from, to), test.contains(events.start[Int(from.row)]) else { return }
    let index = transitionIndex(from.rank, to.rank, person)
    let wait = max(0, events.start[Int(to.row)] - events.end(ofRow: Int(from.row)))
    flow.transitions[index].count += 1
    flow.transitions[index].waitTotalMilliseconds += wait
    if from.rank == to.rank, events.outcome[Int(from.row)] != EventCode.outcomeOk {
      flow.transitions[index].retry += 1
    }
    if flow.transitions[index].lastPerson != person {
      flow.transitions[index].lastPerson = person
      flow.transitions[index].people.insert(person, below: peopleKept)
    }
    transitionOfWait.append(UInt32(truncatingIfNeeded: index))
    waits.append(wait)
  }

  private mutating func addBounce(
    from: SessionStep, to: SessionStep, person: Int32, of events: EventBuffers
  ) {
    guard isSelected(from, to), test.contains(events.start[Int(from.row)]) else { return }
    flow.transitions[transitionIndex(from.rank, to.rank, person)].bounce += 1
  }

  private mutating func transitionIndex(_ from: Int32, _ to: Int32, _ person: Int32) -> Int {
    let group = groupOfPerson[Int(person)]
    let (index, isNew) = transitionTable.index(of: SIMD3(group, from, to))
    if isNew { flow.transitions.append(FlowTransition(group: group, from: from, to: to)) }
    return index
  }

  private mutating func endIndex(_ rank: Int32, _ person: Int32) -> Int {
    let group = groupOfPerson[Int(person)]
    let (index, isNew) = endTable.index(of: SIMD3(group, rank, 0))
    if isNew { flow.ends.append(FlowEnds(group: group, rank: rank)) }
    if flow.ends[index].lastPerson != person {
      flow.ends[index].lastPerson = person
      flow.ends[index].people.insert(person, below: peopleKept)
    }
    return index
  }

  /// Gives every transition its quantiles.
  consuming func finished() -> Flow {
    var ends = flow.transitions.map { Int($0.count) }
    for index in ends.indices.dropFirst() { ends[index] += ends[index - 1] }
    var grouped = [Int64](repeating: 0, count: waits.count)
    var next = ends
    for (index, wait) in zip(transitionOfWait, waits) {
      next[Int(index)] -= 1
      grouped[next[Int(index)]] = wait
    }
    grouped.withUnsafeMutableBufferPointer { grouped in
      for index in flow.transitions.indices {
        let waits = UnsafeMutableBufferPointer(rebasing: grouped[next[index]..<ends[index]])
        flow.transitions[index].waitMedianMilliseconds = Quantile.median.select(from: waits) ?? 0
        flow.transitions[index].waitNineTenthsMilliseconds = Quantile.nineTenths.select(from: waits) ?? 0
      }
    }
    return flow
  }
}
