import Synchronization
import UsageModel

/// Runs of failures out of packed events: strike-outs before it is known how they ended.
///
/// Only attempts of those who may have one have to be packed: ``FailureSketch`` tells who.
package struct StrikeOutRuns: Sendable {
  /// A strike-out of the window.
  struct Run {
    var person: Int32
    var rank: Int32
    var failures: FailureRun
  }

  /// What decides the order of events that start together.
  package struct Order {
    /// By the store's number, its place in byte order; 0 for "no source".
    package var rankOfSource: [Int32]

    package init(rankOfSource: [Int32]) { self.rankOfSource = rankOfSource }
  }

  private(set) var runs: [Run] = []
  /// Help events of people with a strike-out, in applications that were packed.
  package private(set) var help: [HelpSought.Moment] = []
  /// Whether events start together whose order decides, and the order was not packed: the runs mean nothing.
  package private(set) var needsOrder = false
  /// Whether a run of the window may go on, or be helped, after the last event that was packed.
  package private(set) var isOpen = false

  package init() {}

  /// By feature and group of people; both in no particular order.
  ///
  /// - Parameters:
  ///   - groupOfPerson: by person; -1 for people who were not chosen.
  ///   - peopleKept: rows of fewer people remember who they are.
  package func rows(
    keys: EventKeys, bounds: WindowBounds, groupOfPerson: [Int32], groupCount: Int, helpSought: HelpSought,
    peopleKept: Int
  ) -> [StrikeOuts] {
    var tally = StrikeOutTally(
      keys: keys, bounds: bounds, groupOfPerson: groupOfPerson, groupCount: groupCount,
      helpSought: helpSought, peopleKept: peopleKept)
    var firstRow = 0
    for (index, run) in runs.enumerated() {
      let isNewFeature = index == 0 || runs[index - 1].rank != run.rank
      if isNewFeature {
        tally.finishFeature(firstRow: firstRow)
        firstRow = tally.rows.count
      }
      tally.add(
        run.failures, person: run.person, rank: Int(run.rank),
        isFirst: isNewFeature || runs[index - 1].person != run.person)
    }
    return tally.rows
  }

  /// Finds the strike-outs of the chosen people with the selected features, and adds them.
  ///
  /// - Parameters:
  ///   - events: with starts, of whole applications, all attempts of a person with a feature or none: from so early
  ///     on that no earlier event can belong to an episode of the window.
  ///   - groupOfPerson: by person; -1 for people who were not chosen.
  ///   - order: how to order events that start together; needs `PackedEvents.Contents.order`.
  ///   - end: where the packed events end; nil when no later ones are stored.
  /// - Complexity: O(rows).
  package mutating func add(
    _ events: PackedEvents, keys: EventKeys, bounds: WindowBounds, groupOfPerson: [Int32], isSelected: [Bool],
    order: Order?, end: Int64?, workerCount: Int
  ) {
    var parts = (0..<max(1, workerCount)).map { _ in
      StrikeOutFinder(keys: keys, bounds: bounds, groupOfPerson: groupOfPerson, order: order, end: end)
    }
    let next = Atomic(0)
    parts.withUnsafeMutableBufferPointer { parts in
      // Each worker has one element of the buffer to itself.
      nonisolated(unsafe) let parts = parts
      Workers.run(parts.count) { worker in
        while true {
          let rank = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard rank < keys.featureCount else { return }
          if isSelected[rank] { parts[worker].find(in: events, rank: rank) }
        }
      }
    }
    var isStriker = [Bool](repeating: false, count: keys.personCount)
    for part in parts {
      runs += part.runs
      needsOrder = needsOrder || part.needsOrder
      isOpen = isOpen || part.isOpen
      for run in part.runs where !run.failures.isRecovered { isStriker[Int(run.person)] = true }
    }
    addHelp(events, keys: keys, of: isStriker)
  }

  private mutating func addHelp(_ events: PackedEvents, keys: EventKeys, of isWanted: [Bool]) {
    for stretch in events.stretches {
      let first = Int(stretch.first)
      for row in first..<first + Int(stretch.count)
      where PackedEvents.Flags(rawValue: events.flags[row]).kind == EventCode.help {
        let person = keys.personOfUser[Int(events.user[row])]
        guard person >= 0, isWanted[Int(person)] else { continue }
        help.append(
          HelpSought.Moment(
            person: person, app: keys.appOfRank[Int(stretch.rank)], milliseconds: events.start[row]))
      }
    }
  }
}

/// One worker's search for strike-outs; memory is reused.
private struct StrikeOutFinder {
  private let keys: EventKeys
  private let groupOfPerson: [Int32]
  private let order: StrikeOutRuns.Order?
  private let end: Int64?
  private var test: WindowTest

  private(set) var runs: [StrikeOutRuns.Run] = []
  private(set) var needsOrder = false
  private(set) var isOpen = false

  /// By person: 1 + index among those with an attempt, or 0.
  private var placeOfPerson: [UInt32]
  private var people: [Int32] = []
  private var ends: [Int] = []
  /// Rows of these people as they come, with their places; then by person.
  private var found: [(place: UInt32, row: UInt32)] = []
  private var rows: [UInt32] = []

  init(
    keys: EventKeys, bounds: WindowBounds, groupOfPerson: [Int32], order: StrikeOutRuns.Order?, end: Int64?
  ) {
    self.keys = keys
    self.groupOfPerson = groupOfPerson
    self.order = order
    self.end = end
    test = WindowTest(bounds)
    placeOfPerson = [UInt32](repeating: 0, count: keys.personCount)
  }

  mutating func find(in events: PackedEvents, rank: Int) {
    let stretches = events.stretches(ofRank: rank)
    gather(stretches, events)
    // Out of the way of what changes meanwhile, and back when all are looked at.
    var rows: [UInt32] = []
    swap(&rows, &self.rows)
    for place in people.indices {
      let range = (place == 0 ? 0 : ends[place - 1])..<ends[place]
      rows.withUnsafeMutableBufferPointer { rows in
        let own = UnsafeMutableBufferPointer(rebasing: rows[range])
        sort(own, events)
        addRuns(UnsafeBufferPointer(own), person: people[place], rank: rank, events)
      }
    }
    swap(&rows, &self.rows)
    for person in people { placeOfPerson[Int(person)] = 0 }
  }

  private mutating func gather(_ stretches: ArraySlice<PackedEvents.Stretch>, _ events: PackedEvents) {
    people.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    found.removeAll(keepingCapacity: true)
    found.reserveCapacity(stretches.reduce(0) { $0 + Int($1.count) })
    for stretch in stretches {
      let first = Int(stretch.first)
      for row in first..<first + Int(stretch.count)
      where PackedEvents.Flags(rawValue: events.flags[row]).isUse {
        let person = Int(keys.personOfUser[Int(events.user[row])])
        guard person >= 0, groupOfPerson[person] >= 0 else { continue }
        if placeOfPerson[person] == 0 {
          people.append(Int32(truncatingIfNeeded: person))
          ends.append(0)
          placeOfPerson[person] = UInt32(truncatingIfNeeded: people.count)
        }
        let place = placeOfPerson[person] - 1
        found.append((place, UInt32(truncatingIfNeeded: row)))
        ends[Int(place)] += 1
      }
    }
    // Ends become starts here, and ends again as rows are placed.
    var total = 0
    for place in ends.indices {
      let count = ends[place]
      ends[place] = total
      total += count
    }
    if rows.count < total { rows = [UInt32](repeating: 0, count: total) }
    for (place, row) in found {
      rows[ends[Int(place)]] = row
      ends[Int(place)] += 1
    }
  }

  private mutating func sort(_ rows: UnsafeMutableBufferPointer<UInt32>, _ events: PackedEvents) {
    var isSorted = true
    for index in 1..<max(1, rows.count) where isSorted {
      isSorted = !precedes(Int(rows[index]), Int(rows[index - 1]), events)
    }
    if !isSorted {
      var rows = rows
      rows.sort { precedes(Int($0), Int($1), events) }
    }
    guard order == nil else { return }
    for index in 1..<max(1, rows.count) where isUndecided(Int(rows[index - 1]), Int(rows[index]), events) {
      needsOrder = true
    }
  }

  /// Whether two neighbours start together and differ, so that what is not packed decides.
  private func isUndecided(_ left: Int, _ right: Int, _ events: PackedEvents) -> Bool {
    events.start[left] == events.start[right]
      && (events.flags[left] != events.flags[right] || events.duration[left] != events.duration[right])
  }

  /// The order of a person's events with one feature.
  @inline(__always)
  private func precedes(_ left: Int, _ right: Int, _ events: PackedEvents) -> Bool {
    let starts = (events.start[left], events.start[right])
    if starts.0 != starts.1 { return starts.0 < starts.1 }
    guard let order else { return false }
    return events.precedesAtSameTime(left, right, order)
  }

  private mutating func addRuns(
    _ rows: UnsafeBufferPointer<UInt32>, person: Int32, rank: Int, _ events: PackedEvents
  ) {
    forEachFailureRun(
      count: rows.count,
      attempt: { index in
        let row = Int(rows[index])
        return Attempt(
          start: events.start[row], end: events.start[row] + Int64(events.duration[row]),
          isOk: PackedEvents.Flags(rawValue: events.flags[row]).isOk)
      },
      { failures in
        guard test.contains(failures.firstStart) else { return }
        let isBeyond = end.map { failures.lastEnd + StrikeOuts.episodePauseMilliseconds >= $0 } ?? false
        if isBeyond, !failures.isRecovered { isOpen = true }
        guard failures.length >= StrikeOuts.failuresMin else { return }
        runs.append(
          StrikeOutRuns.Run(person: person, rank: Int32(truncatingIfNeeded: rank), failures: failures))
      })
  }
}

extension PackedEvents {
  /// The order of one person's events with one feature that start together.
  @inline(never)
  func precedesAtSameTime(_ left: Int, _ right: Int, _ order: StrikeOutRuns.Order) -> Bool {
    let sources = (order.rankOfSource[Int(source[left])], order.rankOfSource[Int(source[right])])
    if sources.0 != sources.1 { return sources.0 < sources.1 }
    if sequence[left] != sequence[right] { return sequence[left] < sequence[right] }
    let flags = (Flags(rawValue: flags[left]), Flags(rawValue: flags[right]))
    if flags.0.kind != flags.1.kind { return flags.0.kind < flags.1.kind }
    if flags.0.outcome != flags.1.outcome { return flags.0.outcome < flags.1.outcome }
    if flags.0.hasDuration != flags.1.hasDuration { return !flags.0.hasDuration }
    return duration[left] < duration[right]
  }
}
