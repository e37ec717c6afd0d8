import UsageModel

/// On which days each source was heard from, and each person was there.
package struct SourceDays: Sendable {
  /// By source number, days since 1970 with an event; number 0 is "no source".
  package private(set) var daysOfSource: [Set<Int64>]
  /// Days with an event of any source or none.
  package private(set) var days: Set<Int64> = []

  package init(sourceCount: Int) { daysOfSource = Array(repeating: [], count: max(1, sourceCount)) }

  /// Adds one load; automatic events count too, as they show that the sender lives.
  ///
  /// Needs the columns `start` and `source`.
  package mutating func add(_ columns: EventColumns, rules: ZoneRules) {
    var cursor = DayCursor(rules: rules)
    columns.withBuffers { events in
      var lastSource = UInt32.max
      var lastDay = Int64.min
      for row in 0..<events.rowCount {
        let day = cursor.day(of: events.start[row])
        let source = events.source[row]
        if source == lastSource, day == lastDay { continue }
        daysOfSource[Int(source)].insert(day)
        days.insert(day)
        (lastSource, lastDay) = (source, day)
      }
    }
  }

  /// Sources that were heard from in at least three of four stretches before a span, and those of them that
  /// were not heard from in it.
  ///
  /// - Parameters:
  ///   - span: days since 1970.
  ///   - step: days from one stretch to the next; each is as long as a step.
  package func silence(in span: Range<Int64>, step: Int64) -> (silent: Int64, regular: Int64) {
    var result: (silent: Int64, regular: Int64) = (0, 0)
    for days in daysOfSource.dropFirst() where !days.isEmpty {
      let heard = (1...4).count { back in
        let end = span.lowerBound - Int64(back - 1) * step
        return (end - step..<end).contains { days.contains($0) }
      }
      guard heard >= 3 else { continue }
      result.regular += 1
      result.silent += span.contains { days.contains($0) } ? 0 : 1
    }
    return result
  }
}

extension EventColumns {
  /// By person, the days of the window with an event of any kind.
  ///
  /// Needs the columns `user`, `feature` and `start`.
  package func presentDays(keys: EventKeys, bounds: WindowBounds) -> [Int64] {
    var days = [Set<Int64>](repeating: [], count: keys.personCount)
    var test = WindowTest(bounds)
    var cursor = DayCursor(rules: bounds.rules)
    withBuffers { events in
      for row in 0..<events.rowCount {
        let person = Int(keys.personOfUser[Int(events.user[row])])
        guard person >= 0, keys.rankOfFeature[Int(events.feature[row])] >= 0,
          test.contains(events.start[row])
        else { continue }
        days[person].insert(cursor.day(of: events.start[row]))
      }
    }
    return days.map { Int64($0.count) }
  }
}
