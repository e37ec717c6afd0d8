/// How often people fail before they call: failed attempts in the day before a ticket
/// (`docs/methods.md`, section 8).
package struct StrikesBeforeCall: Sendable {
  private struct Failure {
    var start: Int64
    var app: Int32
  }

  private let isCaller: [Bool]
  /// By person.
  private var failures: [[Failure]]

  /// - Parameter isCaller: by person: whether one of their tickets is to be looked up.
  package init(isCaller: [Bool]) {
    self.isCaller = isCaller
    failures = Array(repeating: [], count: isCaller.count)
  }

  /// Adds the failed attempts of one load; ``sort()`` follows the last one.
  ///
  /// Needs the columns `user`, `feature`, `kind`, `outcome` and `start`.
  ///
  /// - Complexity: O(rows).
  package mutating func add(_ columns: EventColumns, keys: EventKeys) {
    columns.withBuffers { events in
      for row in 0..<events.rowCount
      where events.kind[row] == EventCode.use && events.outcome[row] != EventCode.outcomeOk {
        let rank = Int(keys.rankOfFeature[Int(events.feature[row])])
        let person = Int(keys.personOfUser[Int(events.user[row])])
        guard rank >= 0, person >= 0, isCaller[person] else { continue }
        failures[person].append(Failure(start: events.start[row], app: keys.appOfRank[rank]))
      }
    }
  }

  /// Puts everyone's failures into the order of time.
  package mutating func sort() {
    for person in failures.indices where failures[person].count > 1 {
      failures[person].sort { $0.start < $1.start }
    }
  }

  /// Failed attempts of the person in the application that start in the 24 h before the moment, ends
  /// included.
  ///
  /// - Parameter app: ``PersonTickets/noApp`` takes the attempts in all of them.
  package func count(person: Int32, app: Int32, beforeMilliseconds moment: Int64) -> Int64 {
    let own = failures[Int(person)]
    let from = moment - PersonTickets.reachMilliseconds
    var low = 0
    var high = own.count
    while low < high {
      let middle = (low + high) / 2
      if own[middle].start < from { low = middle + 1 } else { high = middle }
    }
    var count: Int64 = 0
    while low < own.count, own[low].start <= moment {
      if app == PersonTickets.noApp || own[low].app == app { count += 1 }
      low += 1
    }
    return count
  }
}
