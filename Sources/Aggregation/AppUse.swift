import UsageModel

/// What people did in one application in the window, by number of events.
package struct AppUse: Sendable {
  package var attempts: Int64 = 0
  package var okAttempts: Int64 = 0
  package var helpEvents: Int64 = 0
  package var interruptions: Int64 = 0
  package var interruptionMilliseconds: Int64 = 0
  /// Everyone with an event of any kind.
  package var people: Set<Int32> = []

  init() {}
}

extension EventColumns {
  /// Events of the window by application, those of chosen people.
  ///
  /// Needs the columns `user`, `feature`, `kind`, `outcome`, `start` and `duration`.
  ///
  /// - Complexity: O(rows).
  package func appUse(keys: EventKeys, bounds: WindowBounds, isChosen: [Bool]) -> [AppUse] {
    var apps = [AppUse](repeating: AppUse(), count: keys.appCount)
    var test = WindowTest(bounds)
    withBuffers { events in
      for row in 0..<events.rowCount {
        let rank = Int(keys.rankOfFeature[Int(events.feature[row])])
        let person = keys.personOfUser[Int(events.user[row])]
        guard rank >= 0, person >= 0, isChosen[Int(person)], test.contains(events.start[row])
        else { continue }
        let app = Int(keys.appOfRank[rank])
        apps[app].people.insert(person)
        switch events.kind[row] {
        case EventCode.use:
          apps[app].attempts += 1
          apps[app].okAttempts += events.outcome[row] == EventCode.outcomeOk ? 1 : 0
        case EventCode.help: apps[app].helpEvents += 1
        case EventCode.interruption:
          apps[app].interruptions += 1
          apps[app].interruptionMilliseconds += events.time(ofRow: row)
        default: break
        }
      }
    }
    return apps
  }
}
