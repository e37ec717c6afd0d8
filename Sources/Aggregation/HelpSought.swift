/// When people asked for help: tickets and help events.
package struct HelpSought: Sendable {
  /// A ticket that was opened, or a help event that started.
  package struct Moment: Sendable {
    package var person: Int32
    /// -1 for "no application".
    package var app: Int32
    package var milliseconds: Int64

    package init(person: Int32, app: Int32, milliseconds: Int64) {
      self.person = person
      self.app = app
      self.milliseconds = milliseconds
    }
  }

  private let tickets: PersonMoments
  private let help: PersonMoments

  /// - Complexity: O(moments × log of those of one person).
  package init(tickets: [Moment] = [], help: [Moment] = []) {
    self.tickets = PersonMoments(tickets)
    self.help = PersonMoments(help)
  }

  /// How a run of failures ended: the first that applies.
  func end(of failures: FailureRun, person: Int32, app: Int32) -> StrikeOutEnd {
    if failures.isRecovered { return .recovered }
    // A failure may end before an earlier one does, though never before the first one's start.
    let callEnd = failures.lastEnd + StrikeOuts.callMilliseconds
    if isTicketOpened(by: person, app: app, in: failures.firstStart...callEnd) { return .called }
    let helpEnd = failures.lastEnd + StrikeOuts.helpMilliseconds
    return help.hasOne(of: person, app: app, in: failures.firstStart...helpEnd) ? .helped : .silent
  }

  /// Whether the person opened a ticket on the application, or on none, in the closed range.
  private func isTicketOpened(by person: Int32, app: Int32, in range: ClosedRange<Int64>) -> Bool {
    tickets.hasOne(of: person, app: app, in: range) || tickets.hasOne(of: person, app: -1, in: range)
  }
}

/// Moments by person, and of each by application and time.
private struct PersonMoments: Sendable {
  /// By person, the first of theirs; one more at the end.
  private var offsets: [Int]
  private var moments: [HelpSought.Moment]

  init(_ unsorted: [HelpSought.Moment]) {
    offsets = [Int](repeating: 0, count: unsorted.reduce(0) { max($0, Int($1.person) + 1) } + 1)
    moments = unsorted
    for moment in unsorted { offsets[Int(moment.person) + 1] += 1 }
    for person in offsets.indices.dropFirst() { offsets[person] += offsets[person - 1] }
    var next = offsets
    for moment in unsorted {
      moments[next[Int(moment.person)]] = moment
      next[Int(moment.person)] += 1
    }
    for person in offsets.indices.dropLast() where offsets[person + 1] - offsets[person] > 1 {
      moments[offsets[person]..<offsets[person + 1]].sort {
        ($0.app, $0.milliseconds) < ($1.app, $1.milliseconds)
      }
    }
  }

  /// Whether one of the person's in the application lies in the closed range.
  ///
  /// - Complexity: O(log n).
  func hasOne(of person: Int32, app: Int32, in range: ClosedRange<Int64>) -> Bool {
    guard Int(person) + 1 < offsets.count else { return false }
    let end = offsets[Int(person) + 1]
    var low = offsets[Int(person)]
    var high = end
    while low < high {
      let middle = (low + high) / 2
      let moment = moments[middle]
      if (moment.app, moment.milliseconds) < (app, range.lowerBound) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low < end && moments[low].app == app && moments[low].milliseconds <= range.upperBound
  }
}

extension EventColumns {
  /// Help events of the population; needs `user`, `feature`, `kind` and `start`.
  ///
  /// - Complexity: O(rows).
  package func helpMoments(keys: EventKeys) -> [HelpSought.Moment] {
    var moments: [HelpSought.Moment] = []
    withBuffers { events in
      for row in 0..<events.rowCount where events.kind[row] == EventCode.help {
        let rank = Int(keys.rankOfFeature[Int(events.feature[row])])
        let person = keys.personOfUser[Int(events.user[row])]
        guard rank >= 0, person >= 0 else { continue }
        moments.append(
          HelpSought.Moment(person: person, app: keys.appOfRank[rank], milliseconds: events.start[row]))
      }
    }
    return moments
  }
}
