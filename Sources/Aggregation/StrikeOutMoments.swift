import UsageModel

extension EventColumns {
  /// Calls the body with each strike-out of all history: whose, with which feature, and the start of its
  /// first failure.
  ///
  /// Needs the columns `user`, `feature`, `kind`, `outcome`, `start`, `duration`, `source` and `sequence`
  /// of all history.
  ///
  /// - Parameter rankOfSource: by the store's number, its place in byte order; 0 for "no source".
  /// - Complexity: O(rows) when merged chunks bring them in order.
  package func forEachStrikeOut(
    keys: EventKeys, rankOfSource: [Int32],
    body: (_ person: Int32, _ rank: Int, _ startMilliseconds: Int64) -> Void
  ) {
    withBuffers { events in
      let slices = FeatureSlices(events, keys: keys) { row in
        events.kind[row] == EventCode.use && keys.personOfUser[Int(events.user[row])] >= 0
      }
      let order = CanonicalOrder(rankOfSource: rankOfSource, rankOfFeature: keys.rankOfFeature)
      var runs = PersonRuns(personCount: keys.personCount)
      slices.rows.withUnsafeBufferPointer { rows in
        for rank in 0..<keys.featureCount where !slices.range(ofRank: rank).isEmpty {
          runs.group(UnsafeBufferPointer(rebasing: rows[slices.range(ofRank: rank)]), of: events, keys: keys)
          runs.sortRuns(by: order, of: events)
          runs.forEachRun { uses, person in
            forEachFailureRun(uses, of: events) { failures in
              if failures.length >= StrikeOuts.failuresMin { body(person, rank, failures.firstStart) }
            }
          }
        }
      }
    }
  }

  /// Marks the people with a use of one application that starts before a moment.
  ///
  /// Needs the columns `user`, `feature`, `kind` and `start`.
  ///
  /// - Parameter app: index of the application among the keys'.
  package func peopleUsing(app: Int32, before limitMilliseconds: Int64, keys: EventKeys) -> [Bool] {
    var marked = [Bool](repeating: false, count: keys.personCount)
    withBuffers { events in
      for row in 0..<events.rowCount
      where events.kind[row] == EventCode.use && events.start[row] < limitMilliseconds {
        let rank = Int(keys.rankOfFeature[Int(events.feature[row])])
        let person = Int(keys.personOfUser[Int(events.user[row])])
        if rank >= 0, person >= 0, keys.appOfRank[rank] == app { marked[person] = true }
      }
    }
    return marked
  }
}
