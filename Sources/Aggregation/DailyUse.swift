import UsageModel

/// The uses of a window as daily cells tell them: all that adoption asks of the window.
///
/// Gathers cells part by part and keeps nine bytes of each; nothing of it depends on who a user is.
package struct DailyUse: Sendable {
  /// Rows of one feature on one day.
  private struct Segment {
    var rank: Int32
    var day: UInt32
    var start: Int
    var end: Int
  }

  /// By the store's user number: events of any kind in the window.
  package private(set) var eventsOfUser: [Int64]
  private let rankOfFeature: [Int32]
  private let days: Range<UInt32>
  private var segments: [Segment] = []
  private var user: [UInt32] = []
  private var useCount: [UInt32] = []
  private var isOk: [Bool] = []

  /// - Parameter rankOfFeature: as in ``EventKeys/rankOfFeature``; features left out count nothing.
  package init(window: Window, userCount: Int, rankOfFeature: [Int32]) {
    eventsOfUser = [Int64](repeating: 0, count: userCount)
    self.rankOfFeature = rankOfFeature
    days = CellColumns.days(of: window)
  }

  /// Adds the cells of one part that lie in the window.
  ///
  /// Needs the columns `feature`, `day`, `user`, `eventCount`, `useCount` and `okCount`.
  ///
  /// - Complexity: O(rows).
  package mutating func add(_ cells: CellColumns) {
    var row = 0
    while row < cells.rowCount {
      let start = row
      let feature = cells.feature[row]
      let day = cells.day[row]
      repeat { row += 1 } while row < cells.rowCount && cells.feature[row] == feature && cells.day[row] == day
      let rank = rankOfFeature[Int(feature)]
      if rank >= 0, days.contains(day) { add(cells, start..<row, rank: rank, day: day) }
    }
  }

  private mutating func add(_ cells: CellColumns, _ rows: Range<Int>, rank: Int32, day: UInt32) {
    let start = user.count
    for row in rows {
      eventsOfUser[Int(cells.user[row])] += Int64(cells.eventCount[row])
      guard cells.useCount[row] > 0 else { continue }
      user.append(cells.user[row])
      useCount.append(cells.useCount[row])
      isOk.append(cells.okCount[row] > 0)
    }
    if user.count > start {
      segments.append(Segment(rank: rank, day: day, start: start, end: user.count))
    }
  }

  /// Puts the segments into the order in which they are counted; to be called once, after the last part.
  package mutating func finish() {
    segments.sort { ($0.rank, $0.day, $0.start) < ($1.rank, $1.day, $1.start) }
  }

  /// Calls the body with the adoption cells of every feature, by rank; features without use too.
  ///
  /// As `EventColumns.forEachAdoption`, from cells. Needs ``finish()``.
  /// - Complexity: O(rows + features).
  package func forEachAdoption(keys: EventKeys, body: (_ rank: Int, _ cells: [AdoptionCell]) -> Void) {
    /// By person: 1 + index of the person's cell of this feature, or 0.
    var cellOfPerson = [Int32](repeating: 0, count: keys.personCount)
    var cells: [AdoptionCell] = []
    var lastOkDay: [UInt32] = []
    var next = 0
    for rank in 0..<keys.featureCount {
      for cell in cells { cellOfPerson[Int(cell.person)] = 0 }
      cells.removeAll(keepingCapacity: true)
      lastOkDay.removeAll(keepingCapacity: true)
      while next < segments.count, Int(segments[next].rank) == rank {
        let segment = segments[next]
        next += 1
        for row in segment.start..<segment.end {
          let person = keys.personOfUser[Int(user[row])]
          guard person >= 0 else { continue }
          var index = Int(cellOfPerson[Int(person)]) - 1
          if index < 0 {
            index = cells.count
            cells.append(AdoptionCell(person: person, attempts: 0, okDays: 0))
            lastOkDay.append(.max)
            cellOfPerson[Int(person)] = Int32(truncatingIfNeeded: cells.count)
          }
          cells[index].attempts += Int64(useCount[row])
          // Days of a feature ascend.
          if isOk[row], lastOkDay[index] != segment.day {
            lastOkDay[index] = segment.day
            cells[index].okDays += 1
          }
        }
      }
      body(rank, cells)
    }
  }

  /// Marks the features, by rank, that have a `use` event by anyone in the window.
  package func markUsedFeatures(_ isUsed: inout [Bool]) {
    for segment in segments { isUsed[Int(segment.rank)] = true }
  }
}

extension PriorUse {
  /// Adds the ok uses of cells of days before the window.
  ///
  /// Needs the columns `feature`, `day`, `user` and `okCount`.
  /// - Complexity: O(rows).
  package mutating func add(_ cells: CellColumns, keys: EventKeys, window: Window) {
    let end = UInt32(clamping: window.from.number)
    for row in 0..<cells.rowCount where cells.okCount[row] > 0 && cells.day[row] < end {
      let rank = Int(keys.rankOfFeature[Int(cells.feature[row])])
      let person = Int(keys.personOfUser[Int(cells.user[row])])
      if rank >= 0, person >= 0 { insert(rank: rank, person: person) }
    }
  }
}

extension CellColumns {
  /// Marks the features, by rank, that have a `use` event by anyone before the window.
  ///
  /// Needs the columns `feature`, `day` and `useCount`.
  package func markUsedFeatures(_ isUsed: inout [Bool], keys: EventKeys, window: Window) {
    let end = UInt32(clamping: window.from.number)
    for row in 0..<rowCount where useCount[row] > 0 && day[row] < end {
      let rank = Int(keys.rankOfFeature[Int(feature[row])])
      if rank >= 0 { isUsed[rank] = true }
    }
  }

  /// Marks the people with an event in the window from one of the sources.
  ///
  /// Needs the columns `user`, `feature`, `day` and `source`.
  package func markPeople(
    withSourceAmong isWanted: [Bool], _ marked: inout [Bool], keys: EventKeys, window: Window
  ) {
    let days = Self.days(of: window)
    for row in 0..<rowCount where isWanted[Int(source[row])] && days.contains(day[row]) {
      let person = Int(keys.personOfUser[Int(user[row])])
      if person >= 0, keys.rankOfFeature[Int(feature[row])] >= 0 { marked[person] = true }
    }
  }
}
