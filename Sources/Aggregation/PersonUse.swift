import UsageModel

/// What one person did with one feature in a window, as far as rot asks: uses only.
package struct PersonUse: Equatable, Sendable {
  package var person: Int32
  package var okUses: Int64 = 0
  /// Days since 1970 with an ok use, ascending, each once.
  package var okDays: [Int64] = []
  /// Durations of all uses, whatever their outcome.
  package var milliseconds: Int64 = 0

  package init(person: Int32) { self.person = person }
}

extension EventColumns {
  /// Calls the body with the people who used each feature in the window, by rank; features without use too.
  ///
  /// People stand in the order of their numbers. Needs the columns `user`, `feature`, `kind`, `outcome`,
  /// `start` and `duration`.
  ///
  /// - Complexity: O(rows + features), and sorting the days of each person and feature.
  package func forEachUse(
    keys: EventKeys, bounds: WindowBounds, body: (_ rank: Int, _ people: [PersonUse]) -> Void
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
      var cursor = DayCursor(rules: bounds.rules)
      slices.rows.withUnsafeBufferPointer { rows in
        for rank in 0..<keys.featureCount {
          runs.group(UnsafeBufferPointer(rebasing: rows[slices.range(ofRank: rank)]), of: events, keys: keys)
          var people: [PersonUse] = []
          runs.forEachRun { rows, person in
            people.append(Self.use(rows, person: person, of: events, &cursor))
          }
          people.sort { $0.person < $1.person }
          body(rank, people)
        }
      }
    }
  }

  private static func use(
    _ rows: UnsafeBufferPointer<UInt32>, person: Int32, of events: EventBuffers, _ cursor: inout DayCursor
  ) -> PersonUse {
    var use = PersonUse(person: person)
    for row in rows {
      let row = Int(row)
      use.milliseconds += events.time(ofRow: row)
      guard events.outcome[row] == EventCode.outcomeOk else { continue }
      use.okUses += 1
      let day = cursor.day(of: events.start[row])
      if use.okDays.last != day { use.okDays.append(day) }
    }
    use.okDays.sort()
    var count = 0
    for index in use.okDays.indices where index == 0 || use.okDays[index] != use.okDays[index - 1] {
      use.okDays[count] = use.okDays[index]
      count += 1
    }
    use.okDays.removeLast(use.okDays.count - count)
    return use
  }
}

/// How often each feature was used on each day of a long history.
package struct UseCalendar: Sendable {
  /// Uses of one feature on one day.
  package struct Day: Equatable, Sendable {
    /// Days since 1970.
    package var day: Int64
    package var uses: Int64

    package init(day: Int64, uses: Int64) {
      self.day = day
      self.uses = uses
    }
  }

  private var table = NumberTable()
  private var entries: [(rank: Int32, day: Day)] = []
  /// Start of the oldest event of any kind, by anyone, that is not left out; nil without one.
  package private(set) var firstMilliseconds: Int64?

  package init() {}

  /// Adds the events of one load that lie before the window's end.
  ///
  /// Needs the columns `user`, `feature`, `kind` and `start`.
  ///
  /// - Parameter keys: uses of people without a number are not counted.
  /// - Complexity: O(rows).
  package mutating func add(_ columns: EventColumns, keys: EventKeys, bounds: WindowBounds) {
    var test = WindowTest(bounds)
    var cursor = DayCursor(rules: bounds.rules)
    columns.withBuffers { events in
      for row in 0..<events.rowCount {
        let rank = keys.rankOfFeature[Int(events.feature[row])]
        let start = events.start[row]
        guard rank >= 0, test.isBefore(start) || test.contains(start) else { continue }
        firstMilliseconds = min(firstMilliseconds ?? start, start)
        guard events.kind[row] == EventCode.use, keys.personOfUser[Int(events.user[row])] >= 0
        else { continue }
        count(rank: rank, day: cursor.day(of: start))
      }
    }
  }

  private mutating func count(rank: Int32, day: Int64) {
    let (index, isNew) = table.index(of: SIMD3(rank, Int32(truncatingIfNeeded: day), 0))
    if isNew {
      entries.append((rank, Day(day: day, uses: 1)))
    } else {
      entries[index].day.uses += 1
    }
  }

  /// By feature rank: its days with a use, ascending.
  ///
  /// - Complexity: O(entries log entries).
  package func daysByRank(featureCount: Int) -> [[Day]] {
    var days = [[Day]](repeating: [], count: featureCount)
    for entry in entries.sorted(by: { $0.day.day < $1.day.day }) { days[Int(entry.rank)].append(entry.day) }
    return days
  }
}
