import UsageModel

/// Counts transitions and ends of sessions, person by person.
struct FlowTally {
  private let groupOfPerson: [Int32]
  private let isSelected: [Bool]
  private let peopleKept: Int
  private var test: WindowTest
  private var flow = Flow()
  private var transitionTable = NumberTable()
  private var endTable = NumberTable()
  /// By index in `flow.transitions`.
  private var waits = TransitionWaits()

  init(groupOfPerson: [Int32], isSelected: [Bool], peopleKept: Int, bounds: WindowBounds) {
    self.groupOfPerson = groupOfPerson
    self.isSelected = isSelected
    self.peopleKept = peopleKept
    test = WindowTest(bounds)
  }

  mutating func isInWindow(_ moment: Int64) -> Bool { test.contains(moment) }

  /// Whether all that is counted means nothing, for want of an order.
  var isPointless: Bool { flow.needsOrder }

  /// The order of events that start together decides, and is not known.
  mutating func needOrder() { flow.needsOrder = true }

  // MARK: Counting

  /// A step from a use to the next of the same application in a session.
  mutating func add(from: SessionEvents.Event, to: SessionEvents.Event, person: Int32) {
    guard isSelected[from.rank] || isSelected[to.rank], test.contains(from.start) else { return }
    let index = transitionIndex(from.rank, to.rank, person)
    let wait = max(0, to.start - from.end)
    flow.transitions[index].count += 1
    flow.transitions[index].waitTotalMilliseconds += wait
    if from.rank == to.rank, !from.flags.isOk { flow.transitions[index].retry += 1 }
    if flow.transitions[index].lastPerson != person {
      flow.transitions[index].lastPerson = person
      flow.transitions[index].people.insert(person, below: peopleKept)
    }
    waits.append(transition: index, milliseconds: wait)
  }

  /// A step that was counted before turned out to lead back at once.
  mutating func addBounce(from: SessionEvents.Event, to: SessionEvents.Event, person: Int32) {
    guard isSelected[from.rank] || isSelected[to.rank], test.contains(from.start) else { return }
    flow.transitions[transitionIndex(from.rank, to.rank, person)].bounce += 1
  }

  /// A session of the window.
  ///
  /// - Parameters:
  ///   - first: rank of its first use's feature, or -1 without a use; likewise `last`.
  mutating func addSession(first: Int32, last: Int32, person: Int32) {
    flow.sessions += 1
    guard first >= 0 else { return }
    flow.ends[endIndex(first, person)].started += 1
    flow.ends[endIndex(last, person)].ended += 1
  }

  /// Someone has a session of the window.
  mutating func addSessionPerson() { flow.sessionPeople += 1 }

  private mutating func transitionIndex(_ from: Int, _ to: Int, _ person: Int32) -> Int {
    transitionIndex(
      group: groupOfPerson[Int(person)], from: Int32(truncatingIfNeeded: from),
      to: Int32(truncatingIfNeeded: to))
  }

  private mutating func transitionIndex(group: Int32, from: Int32, to: Int32) -> Int {
    let (index, isNew) = transitionTable.index(of: SIMD3(group, from, to))
    if isNew { flow.transitions.append(FlowTransition(group: group, from: from, to: to)) }
    return index
  }

  private mutating func endIndex(_ rank: Int32, _ person: Int32) -> Int {
    let index = endIndex(group: groupOfPerson[Int(person)], rank: rank)
    if flow.ends[index].lastPerson != person {
      flow.ends[index].lastPerson = person
      flow.ends[index].people.insert(person, below: peopleKept)
    }
    return index
  }

  private mutating func endIndex(group: Int32, rank: Int32) -> Int {
    let (index, isNew) = endTable.index(of: SIMD3(group, rank, 0))
    if isNew { flow.ends.append(FlowEnds(group: group, rank: rank)) }
    return index
  }

  // MARK: Putting together

  /// Takes over what another tally has counted of other people.
  mutating func absorb(_ other: consuming FlowTally) {
    flow.sessions += other.flow.sessions
    flow.sessionPeople += other.flow.sessionPeople
    flow.needsOrder = flow.needsOrder || other.flow.needsOrder
    let numbers = other.flow.transitions.map { row in
      let index = transitionIndex(group: row.group, from: row.from, to: row.to)
      flow.transitions[index].count += row.count
      flow.transitions[index].retry += row.retry
      flow.transitions[index].bounce += row.bounce
      flow.transitions[index].waitTotalMilliseconds += row.waitTotalMilliseconds
      flow.transitions[index].people.insert(row.people, below: peopleKept)
      return index
    }
    let ends = other.flow.ends
    waits.absorb(other.waits, numbers: numbers)
    for row in ends {
      let index = endIndex(group: row.group, rank: row.rank)
      flow.ends[index].started += row.started
      flow.ends[index].ended += row.ended
      flow.ends[index].people.insert(row.people, below: peopleKept)
    }
  }

  /// Gives every transition its quantiles.
  consuming func finished() -> Flow {
    let counts = flow.transitions.map { Int($0.count) }
    flow.transitions.withUnsafeMutableBufferPointer { transitions in
      // Each transition is handed out once.
      nonisolated(unsafe) let transitions = transitions
      waits.forEachTransition(counts: counts) { index, waits in
        transitions[index].waitMedianMilliseconds = Quantile.median.select(from: waits) ?? 0
        transitions[index].waitNineTenthsMilliseconds = Quantile.nineTenths.select(from: waits) ?? 0
      }
    }
    return flow
  }
}
