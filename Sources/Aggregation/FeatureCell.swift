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
      let time = max(0, duration)
      switch events.kind[row] {
      case EventCode.use:
        cell.attempts &+= 1
        cell.attemptMilliseconds &+= time
        if events.outcome[row] != EventCode.outcomeOk {
          cell.failed &+= 1
          cell.failedMilliseconds &+= time
        } else if duration >= 0 {
          okDurations.append(duration)
        }
      case EventCode.focus: cell.focusMilliseconds &+= time
      case EventCode.help: cell.helpMilliseconds &+= time
      default: cell.interruptionMilliseconds &+= time
      }
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
