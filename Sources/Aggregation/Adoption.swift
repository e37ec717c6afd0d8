import UsageModel

/// One person's uses of one feature in the window, as far as adoption asks.
package struct AdoptionCell: Equatable, Sendable {
  package var person: Int32
  /// A: attempts.
  package var attempts: Int64
  /// D: days with at least one ok use.
  package var okDays: Int64
}

extension EventColumns {
  /// Calls the body with the adoption cells of every feature, by rank; features without use too.
  ///
  /// Needs the columns `user`, `feature`, `kind`, `outcome` and `start`.
  ///
  /// - Complexity: O(rows + features).
  package func forEachAdoption(
    keys: EventKeys, bounds: WindowBounds, body: (_ rank: Int, _ cells: [AdoptionCell]) -> Void
  ) {
    withBuffers { events in
      var test = WindowTest(bounds)
      let slices = keys.personOfUser.withUnsafeBufferPointer { people in
        FeatureSlices(events, keys: keys) { row in
          events.kind[row] == EventCode.use && people[Int(events.user[row])] >= 0
            && test.contains(events.start[row])
        }
      }
      var runs = PersonRuns(personCount: keys.personCount)
      var counter = OkDayCounter(rules: bounds.rules)
      var cells: [AdoptionCell] = []
      slices.rows.withUnsafeBufferPointer { rows in
        for rank in 0..<keys.featureCount {
          runs.group(UnsafeBufferPointer(rebasing: rows[slices.range(ofRank: rank)]), of: events, keys: keys)
          cells.removeAll(keepingCapacity: true)
          runs.forEachRun { rows, person in
            let days = counter.count(rows, of: events)
            cells.append(
              AdoptionCell(person: person, attempts: Int64(rows.count), okDays: Int64(days)))
          }
          body(rank, cells)
        }
      }
    }
  }

  /// Marks the features, by rank, that have a `use` event by anyone before the window's end.
  ///
  /// Needs the columns `feature`, `kind` and `start`.
  package func markUsedFeatures(_ isUsed: inout [Bool], keys: EventKeys, bounds: WindowBounds) {
    var test = WindowTest(bounds)
    withBuffers { events in
      for row in 0..<events.rowCount where events.kind[row] == EventCode.use {
        let rank = Int(keys.rankOfFeature[Int(events.feature[row])])
        guard rank >= 0, !isUsed[rank] else { continue }
        isUsed[rank] = test.isBefore(events.start[row]) || test.contains(events.start[row])
      }
    }
  }
}

/// Counts the distinct days with an ok use among the rows of a run.
private struct OkDayCounter {
  private var cursor: DayCursor
  private var days: [Int64] = []

  init(rules: ZoneRules) { cursor = DayCursor(rules: rules) }

  /// Counts changes of day while days ascend, as they do in merged chunks; else sorts them.
  mutating func count(_ rows: UnsafeBufferPointer<UInt32>, of events: EventBuffers) -> Int {
    var count = 0
    var last = Int64.min
    for row in rows where events.outcome[Int(row)] == EventCode.outcomeOk {
      let day = cursor.day(of: events.start[Int(row)])
      if day > last {
        count += 1
        last = day
      } else if day < last {
        return countUnordered(rows, of: events)
      }
    }
    return count
  }

  private mutating func countUnordered(_ rows: UnsafeBufferPointer<UInt32>, of events: EventBuffers) -> Int {
    days.removeAll(keepingCapacity: true)
    for row in rows where events.outcome[Int(row)] == EventCode.outcomeOk {
      days.append(cursor.day(of: events.start[Int(row)]))
    }
    days.sort()
    var count = 0
    for index in days.indices where index == 0 || days[index] != days[index - 1] { count += 1 }
    return count
  }
}
