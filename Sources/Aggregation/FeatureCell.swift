import Synchronization
import UsageModel

/// What one person did with one feature in the window, events of every kind.
package struct FeatureCell: Equatable, Sendable {
  package var person: Int32
  package var attempts: Int64 = 0
  package var failed: Int64 = 0
  /// Durations of all attempts.
  package var attemptMilliseconds: Int64 = 0
  /// Durations of failed attempts.
  package var failedMilliseconds: Int64 = 0
  /// k(u, f): ok uses with a duration.
  package var timedOk: Int64 = 0
  /// m(u, f); nil without timed ok uses or below `Benchmark.judgedUsesMin`, where nothing needs it.
  package var medianMilliseconds: Int64?
  /// Attempts that failed or took more than twice the benchmark.
  package var eroded: Int64 = 0
  /// Steady slowness against the benchmark.
  package var slowMilliseconds: Int64 = 0
  /// Whether there is a benchmark, but too few timed ok uses to judge slowness.
  package var isUnjudged = false
  package var focusMilliseconds: Int64 = 0
  package var helpMilliseconds: Int64 = 0
  package var interruptionMilliseconds: Int64 = 0

  package init(person: Int32) { self.person = person }

  /// Counts one event; an absent duration is 0.
  @inline(__always)
  mutating func add(kind: UInt8, isOk: Bool, milliseconds: Int64) {
    switch kind {
    case EventCode.use:
      attempts &+= 1
      attemptMilliseconds &+= milliseconds
      if !isOk {
        failed &+= 1
        failedMilliseconds &+= milliseconds
      }
    case EventCode.focus: focusMilliseconds &+= milliseconds
    case EventCode.help: helpMilliseconds &+= milliseconds
    default: interruptionMilliseconds &+= milliseconds
    }
  }

  /// At least a fifth of the attempts eroded.
  package var isAffected: Bool { attempts > 0 && 5 * eroded >= attempts }
}

/// Measures a feature's cells, then judges them against its benchmark; memory is reused.
struct FeatureMeter {
  private(set) var cells: [FeatureCell] = []
  /// Durations of timed ok uses, cell by cell; reordered within a cell.
  private var okDurations: [Int64] = []
  private var okStarts: [Int] = []

  /// Fills ``cells``, one a run, but for the figures that need a benchmark.
  ///
  /// - Complexity: O(rows of the slice).
  mutating func measure(_ runs: PersonRuns, of events: EventBuffers) {
    cells.removeAll(keepingCapacity: true)
    okDurations.removeAll(keepingCapacity: true)
    okStarts.removeAll(keepingCapacity: true)
    runs.forEachRun { rows, person in
      okStarts.append(okDurations.count)
      cells.append(measure(rows, person: person, of: events))
    }
    okStarts.append(okDurations.count)
    selectMedians()
  }

  /// As above, from rows that were grouped by person already.
  mutating func measure(_ rows: PersonRows) {
    cells.removeAll(keepingCapacity: true)
    okDurations.removeAll(keepingCapacity: true)
    okStarts.removeAll(keepingCapacity: true)
    rows.duration.withUnsafeBufferPointer { durations in
      rows.flags.withUnsafeBufferPointer { flags in
        for (place, person) in rows.people.enumerated() {
          okStarts.append(okDurations.count)
          var cell = FeatureCell(person: person)
          for row in rows.rows(of: place) {
            let flags = PackedEvents.Flags(rawValue: flags[row])
            let time = Int64(durations[row])
            cell.add(kind: flags.kind, isOk: flags.isOk, milliseconds: time)
            if flags.isUse, flags.isOk, flags.hasDuration { okDurations.append(time) }
          }
          cells.append(cell)
        }
      }
    }
    okStarts.append(okDurations.count)
    selectMedians()
  }

  /// Medians of the cells that have enough timed ok uses.
  var peerMedians: [Int64] { cells.compactMap(\.medianMilliseconds) }

  /// Fills the figures that compare with the benchmark; without one only failed attempts are eroded.
  mutating func judge(against benchmark: Benchmark) {
    for index in cells.indices {
      cells[index].eroded = cells[index].failed
      guard let best = benchmark.milliseconds, cells[index].timedOk > 0 else { continue }
      let (excess, beyondTwice) = excess(ofCell: index, over: best)
      cells[index].eroded += beyondTwice
      if let median = cells[index].medianMilliseconds {
        cells[index].slowMilliseconds = min(cells[index].timedOk * max(0, median - best), excess)
      } else {
        cells[index].isUnjudged = true
      }
    }
  }

  /// Σ max(0, d − b) over the cell's timed ok uses, and how many took more than 2 b.
  private func excess(ofCell index: Int, over best: Int64) -> (milliseconds: Int64, beyondTwice: Int64) {
    var excess: Int64 = 0
    var beyondTwice: Int64 = 0
    okDurations.withUnsafeBufferPointer { durations in
      for position in okStarts[index]..<okStarts[index + 1] {
        let duration = durations[position]
        excess &+= max(0, duration &- best)
        beyondTwice &+= duration > 2 &* best ? 1 : 0
      }
    }
    return (excess, beyondTwice)
  }

  private mutating func measure(
    _ rows: UnsafeBufferPointer<UInt32>, person: Int32, of events: EventBuffers
  ) -> FeatureCell {
    var cell = FeatureCell(person: person)
    for row in rows {
      let row = Int(row)
      let duration = events.duration[row]
      let isOk = events.outcome[row] == EventCode.outcomeOk
      cell.add(kind: events.kind[row], isOk: isOk, milliseconds: max(0, duration))
      if events.kind[row] == EventCode.use, isOk, duration >= 0 { okDurations.append(duration) }
    }
    return cell
  }

  private mutating func selectMedians() {
    okDurations.withUnsafeMutableBufferPointer { durations in
      for index in cells.indices {
        let range = okStarts[index]..<okStarts[index + 1]
        cells[index].timedOk = Int64(range.count)
        guard range.count >= Benchmark.judgedUsesMin else { continue }
        cells[index].medianMilliseconds = Quantile.median.select(
          from: UnsafeMutableBufferPointer(rebasing: durations[range]))
      }
    }
  }
}

/// One feature's cells with the benchmark they were judged against.
package struct FeatureCells {
  /// Rank of the feature in ``EventKeys``.
  package let rank: Int
  package let benchmark: Benchmark
  /// One a person of the population with an event of the feature; in no particular order.
  package let cells: [FeatureCell]
}

extension EventColumns {
  /// Calls the body with the cells of each feature that has an event of the population in the window,
  /// by rank, so that the features of an application follow each other.
  ///
  /// Needs the columns `user`, `feature`, `kind`, `outcome`, `start` and `duration`.
  ///
  /// - Parameter benchmark: the benchmark of a feature, given its rank and its peers' medians.
  /// - Complexity: O(rows), medians by selection.
  package func forEachFeature(
    keys: EventKeys, bounds: WindowBounds, benchmark: (_ rank: Int, _ medians: inout [Int64]) -> Benchmark,
    body: (FeatureCells) -> Void
  ) {
    withBuffers { events in
      var test = WindowTest(bounds)
      let slices = keys.personOfUser.withUnsafeBufferPointer { people in
        FeatureSlices(events, keys: keys) { row in
          people[Int(events.user[row])] >= 0 && test.contains(events.start[row])
        }
      }
      var runs = PersonRuns(personCount: keys.personCount)
      var meter = FeatureMeter()
      slices.rows.withUnsafeBufferPointer { rows in
        for rank in 0..<keys.featureCount where !slices.range(ofRank: rank).isEmpty {
          runs.group(UnsafeBufferPointer(rebasing: rows[slices.range(ofRank: rank)]), of: events, keys: keys)
          meter.measure(runs, of: events)
          var medians = meter.peerMedians
          let best = benchmark(rank, &medians)
          meter.judge(against: best)
          body(FeatureCells(rank: rank, benchmark: best, cells: meter.cells))
        }
      }
    }
  }
}

extension PackedEvents {
  /// Calls `add` with the cells of each feature that has an event of the population, several at a time.
  ///
  /// The features of an application come one after the other, by rank, to one worker's tally; applications go to
  /// whoever is free, so tallies must not depend on which of them comes where. Events outside the window were
  /// left out when the rows were packed.
  /// - Parameters:
  ///   - benchmark: the benchmark of a feature, given its rank and its peers' medians; called by all workers.
  ///   - tallies: one a worker.
  /// - Complexity: O(rows), medians by selection.
  package func measureFeatures<Tally>(
    keys: EventKeys, benchmark: (_ rank: Int, _ medians: inout [Int64]) -> Benchmark,
    into tallies: inout [Tally],
    add: (_ tally: inout Tally, FeatureCells) -> Void
  ) {
    let apps = AppRanks(keys)
    let next = Atomic(0)
    let count = tallies.count
    tallies.withUnsafeMutableBufferPointer { tallies in
      // Each worker has one element of the buffer to itself.
      nonisolated(unsafe) let tallies = tallies
      Workers.run(count) { worker in
        var rows = PersonRows(personCount: keys.personCount)
        var meter = FeatureMeter()
        while true {
          let app = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard app < apps.ranges.count else { return }
          for rank in apps.ranges[app] where offsets[rank] < offsets[rank + 1] {
            rows.group(stretches(ofRank: rank), of: self, keys: keys)
            guard !rows.people.isEmpty else { continue }
            meter.measure(rows)
            var medians = meter.peerMedians
            let best = benchmark(rank, &medians)
            meter.judge(against: best)
            add(&tallies[worker], FeatureCells(rank: rank, benchmark: best, cells: meter.cells))
          }
        }
      }
    }
  }
}

/// The ranks of each application.
struct AppRanks {
  let ranges: [Range<Int>]

  init(_ keys: EventKeys) {
    var ranges: [Range<Int>] = []
    var start = 0
    for rank in 0..<keys.featureCount
    where rank + 1 == keys.featureCount || keys.appOfRank[rank + 1] != keys.appOfRank[rank] {
      ranges.append(start..<rank + 1)
      start = rank + 1
    }
    self.ranges = ranges
  }
}
