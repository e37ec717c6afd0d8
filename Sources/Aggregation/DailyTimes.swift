import UsageModel

/// What daily cells tell of people's time in applications: all of section 4 but slowness, which needs single events.
package struct DailyTimes: Sendable {
  private let keys: EventKeys
  /// Days since 1970-01-01 that count.
  private let days: Range<UInt32>
  private var table = NumberTable()
  private var cells: [(app: Int32, cell: FeatureCell)] = []

  package init(keys: EventKeys, window: Window) {
    self.keys = keys
    days = CellColumns.days(of: window)
  }

  /// Adds the cells of one part.
  ///
  /// Needs the columns `feature`, `day`, `user`, `useCount` and those of times.
  /// - Complexity: O(rows).
  package mutating func add(_ columns: CellColumns) {
    for row in 0..<columns.rowCount where days.contains(columns.day[row]) {
      let rank = keys.rankOfFeature[Int(columns.feature[row])]
      let person = keys.personOfUser[Int(columns.user[row])]
      guard rank >= 0, person >= 0 else { continue }
      let app = keys.appOfRank[Int(rank)]
      let (index, isNew) = table.index(of: SIMD3(app, person, 0))
      if isNew { cells.append((app, FeatureCell(person: person))) }
      cells[index].cell.attempts &+= Int64(columns.useCount[row])
      cells[index].cell.attemptMilliseconds &+= columns.useMilliseconds[row]
      cells[index].cell.failedMilliseconds &+= columns.failedMilliseconds[row]
      cells[index].cell.focusMilliseconds &+= columns.focusMilliseconds[row]
      cells[index].cell.helpMilliseconds &+= columns.helpMilliseconds[row]
      cells[index].cell.interruptionMilliseconds &+= columns.interruptionMilliseconds[row]
    }
  }

  /// Calls the body once for each application with time, in their order, as if all were of its first feature.
  ///
  /// Nothing is judged: `eroded`, `slowMilliseconds` and `isUnjudged` say nothing.
  /// - Complexity: O(cells + features).
  package func forEachApp(_ body: (FeatureCells) -> Void) {
    let cellsOfApp = Dictionary(grouping: cells) { $0.app }
    let none = Benchmark(milliseconds: nil, kind: .none, peerCount: 0)
    var last: Int32 = -1
    for (rank, app) in keys.appOfRank.enumerated() where app != last {
      last = app
      guard let cells = cellsOfApp[app] else { continue }
      body(FeatureCells(rank: rank, benchmark: none, cells: cells.map(\.cell)))
    }
  }
}
