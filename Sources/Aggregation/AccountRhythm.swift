import UsageModel

/// When one account, or all accounts with one feature, sent events: what tells a machine from a person.
package struct AccountRhythm: Equatable, Sendable {
  package var events: Int64 = 0
  /// Days with an event.
  package var days: Int64 = 0
  /// Most clock hours of one day in which an event began; 24 is every hour.
  package var hoursMax: Int64 = 0
  /// Days on which events began in ``longDayHours`` clock hours or more.
  package var longDays: Int64 = 0
  /// Pauses from start to start of ``pauseMillisecondsMin`` or more, their median, and how many lie close
  /// to it: within 2%, or a second.
  package var pauses: Int64 = 0
  package var pauseMedianMilliseconds: Int64?
  package var regularPauses: Int64 = 0

  /// Nobody works in 18 hours of a day, several days.
  package static let longDayHours: Int64 = 18
  package static let longDaysMin: Int64 = 3
  /// Shorter pauses are those of one act that sends several events, or of quick hands.
  package static let pauseMillisecondsMin: Int64 = 10_000
  /// Fewer pauses say nothing about a rhythm.
  package static let pausesMin: Int64 = 50

  package init() {}

  /// Events in the clock hours of a day and night, several days.
  package var isRoundTheClock: Bool { longDays >= Self.longDaysMin }

  /// At least half of the pauses are as long as each other.
  package var isMachineLike: Bool { pauses >= Self.pausesMin && 2 * regularPauses >= pauses }

  /// - Parameters:
  ///   - starts: starts of the events, ascending; milliseconds since 1970 UTC.
  /// - Complexity: O(events).
  package init(starts: [Int64], rules: ZoneRules) {
    events = Int64(starts.count)
    countHours(starts, rules)
    countPauses(starts)
  }

  private mutating func countHours(_ starts: [Int64], _ rules: ZoneRules) {
    var hoursOfDay: [Int64: UInt32] = [:]
    for start in starts {
      let local = start + rules.offsetMilliseconds(at: start)
      let day = Int64(CivilDay(localMilliseconds: local).number)
      let hour = (local - day * CivilDay.milliseconds) / 3_600_000
      hoursOfDay[day, default: 0] |= 1 << UInt32(max(0, min(23, hour)))
    }
    days = Int64(hoursOfDay.count)
    for hours in hoursOfDay.values {
      let count = Int64(hours.nonzeroBitCount)
      hoursMax = max(hoursMax, count)
      longDays += count >= Self.longDayHours ? 1 : 0
    }
  }

  private mutating func countPauses(_ starts: [Int64]) {
    var lengths: [Int64] = []
    for index in starts.indices.dropFirst() {
      let pause = starts[index] - starts[index - 1]
      if pause >= Self.pauseMillisecondsMin { lengths.append(pause) }
    }
    guard let median = Quantile.median.select(from: &lengths) else { return }
    let tolerance = max(1_000, median / 50)
    pauses = Int64(lengths.count)
    pauseMedianMilliseconds = median
    regularPauses = Int64(lengths.count { abs($0 - median) <= tolerance })
  }
}

extension EventColumns {
  /// Starts of the window's events by person and feature rank, each ascending.
  ///
  /// Needs the columns `user`, `feature` and `start`.
  ///
  /// - Complexity: O(rows log rows).
  package func startsByPersonAndFeature(
    keys: EventKeys, bounds: WindowBounds
  ) -> [(person: Int32, rank: Int32, starts: [Int64])] {
    var table = NumberTable()
    var groups: [(person: Int32, rank: Int32, starts: [Int64])] = []
    var test = WindowTest(bounds)
    withBuffers { events in
      for row in 0..<events.rowCount {
        let person = keys.personOfUser[Int(events.user[row])]
        let rank = keys.rankOfFeature[Int(events.feature[row])]
        guard person >= 0, rank >= 0, test.contains(events.start[row]) else { continue }
        let (index, isNew) = table.index(of: SIMD3(person, rank, 0))
        if isNew { groups.append((person, rank, [])) }
        groups[index].starts.append(events.start[row])
      }
    }
    for index in groups.indices { groups[index].starts.sort() }
    return groups
  }
}
