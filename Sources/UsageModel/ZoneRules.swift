/// The offsets of one time zone over a stretch of time, as plain data.
///
/// Kernels turn moments into civil days with it and stay free of calendars and system libraries;
/// `UsageQuery` fills it from the platform's time zone database.
package struct ZoneRules: Equatable, Sendable {
  /// One change of offset.
  package struct Transition: Equatable, Sendable {
    /// The first moment with the new offset, in milliseconds since 1970 UTC.
    package var startMilliseconds: Int64
    /// Local time minus UTC from then on.
    package var offsetMilliseconds: Int64

    package init(startMilliseconds: Int64, offsetMilliseconds: Int64) {
      self.startMilliseconds = startMilliseconds
      self.offsetMilliseconds = offsetMilliseconds
    }
  }

  /// The zone's IANA name, as reports print it.
  package let name: String
  /// Offset before the first transition.
  package let initialOffsetMilliseconds: Int64
  /// Ascending by start.
  package let transitions: [Transition]

  package init(name: String, initialOffsetMilliseconds: Int64, transitions: [Transition]) {
    self.name = name
    self.initialOffsetMilliseconds = initialOffsetMilliseconds
    self.transitions = transitions
  }

  /// Coordinated universal time: no offset, ever.
  package static let utc = ZoneRules(name: "UTC", initialOffsetMilliseconds: 0, transitions: [])

  /// Local time minus UTC at a moment.
  ///
  /// - Complexity: O(log transitions).
  package func offsetMilliseconds(at moment: Int64) -> Int64 {
    var low = 0
    var high = transitions.count
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle].startMilliseconds <= moment { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? initialOffsetMilliseconds : transitions[low - 1].offsetMilliseconds
  }

  /// The civil day of a moment.
  package func day(of moment: Int64) -> CivilDay {
    CivilDay(localMilliseconds: moment + offsetMilliseconds(at: moment))
  }
}

extension ZoneRules {
  /// The moment of a local clock reading, given as milliseconds since 1970 of local time.
  ///
  /// A reading that occurs twice (clocks set back) means the first; one that never occurs (clocks set
  /// forward) means the moment as far behind the change as the reading is, as RFC 5545 section 3.3.5 says.
  package func utcMilliseconds(local: Int64) -> Int64 {
    let day = CivilDay.milliseconds
    let before = offsetMilliseconds(at: local - day)
    let candidates = Set([before, offsetMilliseconds(at: local), offsetMilliseconds(at: local + day)])
      .map { local - $0 }
      .filter { $0 + offsetMilliseconds(at: $0) == local }
    return candidates.min() ?? local - before
  }
}

extension ZoneRules {
  /// Which offsets hold on a UTC day, as a text: where two zones give the same one, they cut the day alike.
  ///
  /// The offset at its start in milliseconds, then `;MOMENT:OFFSET` for each change within it.
  /// - Complexity: O(transitions).
  package func offsets(ofUTCDay day: Int32) -> String {
    let start = CivilDay(number: day).startMilliseconds
    let changes = transitions.filter {
      $0.startMilliseconds > start && $0.startMilliseconds < start + CivilDay.milliseconds
    }
    return changes.reduce("\(offsetMilliseconds(at: start))") {
      "\($0);\($1.startMilliseconds):\($1.offsetMilliseconds)"
    }
  }
}
