import UsageModel

/// How a strike-out ended.
package enum StrikeOutEnd: String, Sendable {
  /// The next attempt of the episode was ok.
  case recovered
  /// The person opened a ticket.
  case called
  /// The person looked for help.
  case helped
  case silent
}

/// Strike-outs of one group of people with one feature (`docs/methods.md`, section 6).
package struct StrikeOuts: Sendable {
  package let rank: Int
  package let group: Int32
  package var count: Int64 = 0
  package var recovered: Int64 = 0
  package var called: Int64 = 0
  package var helped: Int64 = 0
  package var silent: Int64 = 0
  /// Failed attempts of the longest.
  package var longest: Int64 = 0
  /// People with a strike-out.
  package var people = RowPeople()

  /// Consecutive failed attempts that make a strike-out.
  package static let failuresMin = 3
  /// Longest pause between an attempt's end and the next one's start within an episode.
  package static let episodePauseMilliseconds: Int64 = 30 * 60_000
  /// How long after the last failure a ticket counts as a call.
  package static let callMilliseconds: Int64 = 24 * 3_600_000
  /// How long after the last failure a help event counts.
  package static let helpMilliseconds: Int64 = 30 * 60_000

  init(rank: Int, group: Int32) {
    self.rank = rank
    self.group = group
  }

  mutating func add(_ end: StrikeOutEnd, length: Int) {
    count += 1
    longest = max(longest, Int64(length))
    switch end {
    case .recovered: recovered += 1
    case .called: called += 1
    case .helped: helped += 1
    case .silent: silent += 1
    }
  }
}

/// Consecutive failed attempts within an episode.
struct FailureRun: Equatable {
  var length = 0
  var firstStart: Int64 = 0
  var lastEnd: Int64 = 0
  /// Whether the next attempt of the episode was ok.
  var isRecovered = false
}

/// One attempt, as far as runs of failures ask.
struct Attempt {
  var start: Int64
  /// Start plus duration, an absent one counting 0.
  var end: Int64
  var isOk: Bool
}

/// Calls the body with each maximal run of failed attempts in one person's uses of one feature, in order.
@inline(__always)
func forEachFailureRun(
  _ rows: UnsafeBufferPointer<UInt32>, of events: EventBuffers, _ body: (FailureRun) -> Void
) {
  forEachFailureRun(
    count: rows.count,
    attempt: { index in
      let row = Int(rows[index])
      return Attempt(
        start: events.start[row], end: events.end(ofRow: row),
        isOk: events.outcome[row] == EventCode.outcomeOk)
    }, body)
}

/// As above, for attempts from anywhere.
@inline(__always)
func forEachFailureRun(count: Int, attempt: (_ index: Int) -> Attempt, _ body: (FailureRun) -> Void) {
  var current = FailureRun()
  var lastEnd = Int64.min
  for index in 0..<count {
    let next = attempt(index)
    if current.length > 0, next.start &- lastEnd > StrikeOuts.episodePauseMilliseconds {
      body(current)
      current.length = 0
    }
    lastEnd = next.end
    if next.isOk {
      guard current.length > 0 else { continue }
      current.isRecovered = true
      body(current)
      current = FailureRun()
    } else {
      if current.length == 0 { current = FailureRun(firstStart: next.start) }
      current.length += 1
      current.lastEnd = lastEnd
    }
  }
  if current.length > 0 { body(current) }
}

/// Counts strike-outs of the window by feature and group of people.
struct StrikeOutTally {
  let keys: EventKeys
  let groupOfPerson: [Int32]
  let helpSought: HelpSought
  let peopleKept: Int
  var test: WindowTest
  /// By group: its row of the current feature, or -1.
  var rowOfGroup: [Int32]
  var rows: [StrikeOuts] = []

  init(
    keys: EventKeys, bounds: WindowBounds, groupOfPerson: [Int32], groupCount: Int, helpSought: HelpSought,
    peopleKept: Int
  ) {
    self.keys = keys
    self.groupOfPerson = groupOfPerson
    self.helpSought = helpSought
    self.peopleKept = peopleKept
    test = WindowTest(bounds)
    rowOfGroup = [Int32](repeating: -1, count: groupCount)
  }

  /// Adds one person's uses of a feature, in order.
  mutating func add(_ uses: UnsafeBufferPointer<UInt32>, person: Int32, rank: Int, of events: EventBuffers) {
    var isFirst = true
    forEachFailureRun(uses, of: events) { failures in
      guard failures.length >= StrikeOuts.failuresMin, test.contains(failures.firstStart) else { return }
      add(failures, person: person, rank: rank, isFirst: isFirst)
      isFirst = false
    }
  }

  /// Adds a strike-out of the window; `isFirst` is the person's first with the feature.
  mutating func add(_ failures: FailureRun, person: Int32, rank: Int, isFirst: Bool) {
    let row = rowIndex(group: groupOfPerson[Int(person)], rank: rank)
    if isFirst { rows[row].people.insert(person, below: peopleKept) }
    let end = helpSought.end(of: failures, person: person, app: keys.appOfRank[rank])
    rows[row].add(end, length: failures.length)
  }

  /// Forgets which rows belong to the current feature.
  mutating func finishFeature(firstRow: Int) {
    for row in rows[firstRow...] { rowOfGroup[Int(row.group)] = -1 }
  }

  private mutating func rowIndex(group: Int32, rank: Int) -> Int {
    if rowOfGroup[Int(group)] < 0 {
      rowOfGroup[Int(group)] = Int32(truncatingIfNeeded: rows.count)
      rows.append(StrikeOuts(rank: rank, group: group))
    }
    return Int(rowOfGroup[Int(group)])
  }
}

extension EventColumns {
  /// Strike-outs of the window by feature and group of people, by rank; groups in no particular order.
  ///
  /// Needs the columns `user`, `feature`, `kind`, `outcome`, `start`, `duration`, `source` and `sequence`
  /// of all history.
  ///
  /// - Parameters:
  ///   - groupOfPerson: by person; -1 for people who were not chosen.
  ///   - rankOfSource: by the store's number, its place in byte order; 0 for "no source".
  ///   - isSelected: by rank.
  ///   - peopleKept: rows of fewer people remember who they are.
  /// - Complexity: O(rows) when merged chunks bring them in order.
  package func strikeOuts(
    keys: EventKeys, bounds: WindowBounds, groupOfPerson: [Int32], groupCount: Int, rankOfSource: [Int32],
    isSelected: [Bool], helpSought: HelpSought, peopleKept: Int
  ) -> [StrikeOuts] {
    var tally = StrikeOutTally(
      keys: keys, bounds: bounds, groupOfPerson: groupOfPerson, groupCount: groupCount,
      helpSought: helpSought, peopleKept: peopleKept)
    withBuffers { events in
      let slices = FeatureSlices(events, keys: keys) { row in
        let person = Int(keys.personOfUser[Int(events.user[row])])
        return events.kind[row] == EventCode.use && person >= 0 && groupOfPerson[person] >= 0
      }
      let order = CanonicalOrder(rankOfSource: rankOfSource, rankOfFeature: keys.rankOfFeature)
      var runs = PersonRuns(personCount: keys.personCount)
      slices.rows.withUnsafeBufferPointer { rows in
        for rank in 0..<keys.featureCount where isSelected[rank] {
          runs.group(UnsafeBufferPointer(rebasing: rows[slices.range(ofRank: rank)]), of: events, keys: keys)
          runs.sortRuns(by: order, of: events)
          let firstRow = tally.rows.count
          runs.forEachRun { uses, person in tally.add(uses, person: person, rank: rank, of: events) }
          tally.finishFeature(firstRow: firstRow)
        }
      }
    }
    return tally.rows
  }
}
