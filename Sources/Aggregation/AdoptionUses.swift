import UsageModel

/// Gathers the uses of a window, and the ok uses before it, out of daily cells and of events: all that adoption asks.
///
/// One a worker; ``AdoptionUses`` puts them together. Keeps four bytes a cell; where there are no cells, events of one
/// user on one day that follow each other become one. What lies before the window may be kept of those people only of
/// whom the feature is expected (``ExpectedHistory``): elsewhere nobody asks for it.
package final class AdoptionGatherer {
  /// Rows of one feature on one day of the window, or of all days before it.
  fileprivate struct Segment {
    /// Rank, then day.
    var key: UInt64
    var rank: Int { Int(key >> 32) }
    var first: UnsafePointer<UInt32>
    var count: Int
  }

  /// Marks a row with an ok use; the rest of its four bytes is the user.
  fileprivate static let okBit: UInt32 = 1 << 31
  /// Stands for every day before the window; comes after all others.
  fileprivate static let earlier = UInt32.max
  /// Stands for days after the window.
  private static let later = UInt32.max - 1
  /// Rows that memory is asked for at once: 2 MiB, a huge page.
  package static let rowsOfBlockDefault = 1 << 19
  /// Days of one feature in a chunk that are worth a pass each; merged chunks have at most two.
  private static let daysOfRunMax = 4

  /// By the store's user number: events of any kind in the window.
  fileprivate var eventsOfUser: [Int64]
  /// By rank: whether anyone has a `use` event before the window's end.
  fileprivate var isUsed: [Bool]
  /// By the store's user number: whether they have an event in the window from one of the sources asked about.
  fileprivate var isFromSource: [Bool]
  fileprivate var segments: [Segment] = []
  private var blocks: [UnsafeMutablePointer<UInt32>] = []
  /// What is left of the last block.
  private var free: UnsafeMutableBufferPointer<UInt32>?
  private let rankOfFeature: [Int32]
  /// By the store's source number; empty when no source is asked about.
  private let isSourceWanted: [Bool]
  /// Of whose history to keep something; nil for everybody's.
  private let expected: ExpectedHistory?
  private let rowsOfBlock: Int
  private let days: Range<UInt32>
  private var cursor: DayCursor
  private var dayOfRow: [UInt32] = []
  private var daysOfRun: [UInt32] = []

  /// - Parameters:
  ///   - rankOfFeature: as in ``EventKeys/rankOfFeature``; features left out count nothing.
  ///   - featureCount: of the ranks.
  ///   - isSourceWanted: by the store's source number; empty to ask about none.
  ///   - expected: of whose uses before the window to keep something; nil for everybody's.
  ///   - rowsOfBlock: rows that memory is asked for at once.
  package init(
    bounds: WindowBounds, userCount: Int, rankOfFeature: [Int32], featureCount: Int, isSourceWanted: [Bool],
    expected: ExpectedHistory? = nil, rowsOfBlock: Int = rowsOfBlockDefault
  ) {
    precondition(userCount <= Int(Self.okBit), "BUG: user numbers have 31 bits")
    eventsOfUser = [Int64](repeating: 0, count: userCount)
    isFromSource = [Bool](repeating: false, count: userCount)
    isUsed = [Bool](repeating: false, count: featureCount)
    self.rankOfFeature = rankOfFeature
    self.isSourceWanted = isSourceWanted
    self.expected = expected
    self.rowsOfBlock = rowsOfBlock
    days = CellColumns.days(of: bounds.window)
    cursor = DayCursor(rules: bounds.rules)
  }

  deinit { for block in blocks { block.deallocate() } }

  /// Whether ``addWindow(_:)`` and ``add(_:)`` need the column `source`.
  package var needsSources: Bool { !isSourceWanted.isEmpty }

  // MARK: Cells

  /// Adds the cells of one part that lie in the window.
  ///
  /// Needs the columns `feature`, `day`, `user`, `eventCount`, `useCount` and `okCount`.
  /// - Complexity: O(rows).
  package func addWindow(_ cells: CellColumns) {
    var block = Block(self, capacity: cells.rowCount)
    cells.forEachRun { feature, day, rows in
      let rank = Int(rankOfFeature[Int(feature)])
      guard rank >= 0, days.contains(day) else { return }
      addWindow(cells, rows, to: &block)
      if block.count > 0 { isUsed[rank] = true }
      block.close(rank: rank, day: day)
    }
  }

  private func addWindow(_ cells: CellColumns, _ rows: Range<Int>, to block: inout Block) {
    eventsOfUser.withUnsafeMutableBufferPointer { eventsOfUser in
      cells.user.withUnsafeBufferPointer { user in
        cells.eventCount.withUnsafeBufferPointer { eventCount in
          cells.useCount.withUnsafeBufferPointer { useCount in
            cells.okCount.withUnsafeBufferPointer { okCount in
              for row in rows {
                eventsOfUser[Int(user[row])] &+= Int64(eventCount[row])
                block.put(user[row] | (okCount[row] > 0 ? Self.okBit : 0), if: useCount[row] > 0)
              }
            }
          }
        }
      }
    }
    guard needsSources else { return }
    for row in rows where isSourceWanted[Int(cells.source[row])] { isFromSource[Int(cells.user[row])] = true }
  }

  /// Adds the cells of one part that lie before the window.
  ///
  /// Needs the columns `feature`, `day`, `user`, `useCount` and `okCount`.
  /// - Complexity: O(rows).
  package func addHistory(_ cells: CellColumns) {
    var block = Block(self, capacity: cells.rowCount)
    cells.forEachRun { feature, day, rows in
      let rank = Int(rankOfFeature[Int(feature)])
      guard rank >= 0, day < days.lowerBound else { return }
      cells.user.withUnsafeBufferPointer { user in
        cells.okCount.withUnsafeBufferPointer { okCount in
          guard let expected else {
            for row in rows { block.put(user[row], if: okCount[row] > 0) }
            return
          }
          expected.withExpected(rank: rank) { places, isExpected in
            for row in rows {
              block.put(user[row], if: okCount[row] > 0 && isExpected[Int(places[Int(user[row])])])
            }
          }
        }
      }
      if !isUsed[rank] { isUsed[rank] = rows.contains { cells.useCount[$0] > 0 } }
      block.close(rank: rank, day: Self.earlier)
    }
  }

  // MARK: Events

  /// Adds the events of one chunk that start before the window's end.
  ///
  /// Needs the columns `user`, `feature`, `kind`, `outcome` and `start`.
  /// - Complexity: O(rows).
  package func add(_ chunk: DecodedChunk) {
    setDays(chunk)
    var block = Block(self, capacity: chunk.rowCount)
    var row = 0
    while row < chunk.rowCount {
      let start = row
      let feature = chunk.feature[row]
      repeat { row += 1 } while row < chunk.rowCount && chunk.feature[row] == feature
      let rank = Int(rankOfFeature[Int(feature)])
      guard rank >= 0 else { continue }
      takeCensus(chunk, start..<row)
      addRun(chunk, start..<row, rank: rank, to: &block)
    }
  }

  /// By row: its day in the window, or what stands for those before and after it.
  private func setDays(_ chunk: DecodedChunk) {
    while dayOfRow.count < chunk.rowCount { dayOfRow.append(0) }
    for row in 0..<chunk.rowCount {
      let day = UInt32(clamping: cursor.day(of: chunk.start[row]))
      dayOfRow[row] = days.contains(day) ? day : day < days.lowerBound ? Self.earlier : Self.later
    }
  }

  private func takeCensus(_ chunk: DecodedChunk, _ rows: Range<Int>) {
    for row in rows where dayOfRow[row] < Self.later {
      let user = Int(chunk.user[row])
      eventsOfUser[user] += 1
      if needsSources, isSourceWanted[Int(chunk.source[row])] { isFromSource[user] = true }
    }
  }

  private func addRun(_ chunk: DecodedChunk, _ rows: Range<Int>, rank: Int, to block: inout Block) {
    daysOfRun.removeAll(keepingCapacity: true)
    for row in rows where daysOfRun.last != dayOfRow[row] && !daysOfRun.contains(dayOfRow[row]) {
      daysOfRun.append(dayOfRow[row])
      if daysOfRun.count > Self.daysOfRunMax { return addDayByDay(chunk, rows, rank: rank, to: &block) }
    }
    for day in daysOfRun { addDay(chunk, rows, day, rank: rank, to: &block) }
  }

  /// For rows whose days are many: as they come, each stretch of one day for itself.
  private func addDayByDay(_ chunk: DecodedChunk, _ rows: Range<Int>, rank: Int, to block: inout Block) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      let start = row
      repeat { row += 1 } while row < rows.upperBound && dayOfRow[row] == dayOfRow[start]
      addDay(chunk, start..<row, dayOfRow[start], rank: rank, to: &block)
    }
  }

  private func addDay(
    _ chunk: DecodedChunk, _ rows: Range<Int>, _ day: UInt32, rank: Int, to block: inout Block
  ) {
    guard day != Self.later else { return }
    var isUsed = false
    dayOfRow.withUnsafeBufferPointer { dayOfRow in
      for row in rows where dayOfRow[row] == day && chunk.kind[row] == EventCode.use {
        isUsed = true
        let isOk = chunk.outcome[row] == EventCode.outcomeOk
        if day == Self.earlier {
          block.put(
            chunk.user[row], if: isOk && expected?.isExpected(rank: rank, user: chunk.user[row]) ?? true)
        } else {
          block.put(chunk.user[row] | (isOk ? Self.okBit : 0), if: true)
        }
      }
    }
    if isUsed { self.isUsed[rank] = true }
    block.close(rank: rank, day: day)
  }

  // MARK: Memory

  /// Room for the rows of one part, cut into segments one after the other.
  private struct Block {
    private let gatherer: AdoptionGatherer
    private var next: UnsafeMutablePointer<UInt32>
    /// Rows since the last segment.
    private(set) var count = 0

    init(_ gatherer: AdoptionGatherer, capacity: Int) {
      self.gatherer = gatherer
      next = gatherer.room(for: capacity)
    }

    /// Puts a row; at most as many as the part has, whatever the condition says.
    ///
    /// Rows of one user that follow each other become one: by day, how often somebody did something decides nothing.
    @inline(__always)
    mutating func put(_ row: UInt32, if isThere: Bool) {
      guard isThere else { return }
      let isSame = count > 0 && (next[count &- 1] ^ row) & ~AdoptionGatherer.okBit == 0
      let place = isSame ? count &- 1 : count
      next[place] = isSame ? next[place] | row : row
      count = place &+ 1
    }

    mutating func close(rank: Int, day: UInt32) {
      guard count > 0 else { return }
      gatherer.segments.append(
        Segment(key: UInt64(rank) << 32 | UInt64(day), first: UnsafePointer(next), count: count))
      gatherer.take(count)
      next += count
      count = 0
    }
  }

  /// Where so many rows may be put; they are the gatherer's own once they were taken.
  private func room(for count: Int) -> UnsafeMutablePointer<UInt32> {
    if let free, free.count >= count, let start = free.baseAddress { return start }
    let capacity = max(1, count, rowsOfBlock)
    let block = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
    blocks.append(block)
    free = UnsafeMutableBufferPointer(start: block, count: capacity)
    return block
  }

  private func take(_ count: Int) {
    guard let room = free else { return }
    free = UnsafeMutableBufferPointer(rebasing: room[count...])
  }
}

/// One person with one feature: in the window, or with an ok use before it only, as far as that was kept.
package struct AdoptionRecord: Sendable {
  package var person: Int32
  /// D: days of the window with at least one ok use.
  package var okDays: Int32
  /// Whether they have an attempt in the window.
  package var isInWindow: Bool
  fileprivate var lastOkDay: UInt32
}

/// The uses of a window, and the ok uses before it that were kept, by feature.
///
/// Owns the memory of its gatherers, to which nothing is added any more.
package final class AdoptionUses: @unchecked Sendable {
  /// By the store's user number: events of any kind in the window.
  package let eventsOfUser: [Int64]
  /// By rank: whether anyone has a `use` event before the window's end.
  package let isUsed: [Bool]
  /// By the store's user number: whether they have an event in the window from one of the sources asked about.
  package let isFromSource: [Bool]
  /// Workers that gathered, and may count.
  package let workerCount: Int
  private let gatherers: [AdoptionGatherer]
  /// By rank and day.
  private let segments: [AdoptionGatherer.Segment]
  /// By rank: its first segment; one more at the end.
  private let firstOfRank: [Int]

  /// - Complexity: O(segments log segments + users × workers).
  package init(_ gatherers: [AdoptionGatherer]) {
    self.gatherers = gatherers
    workerCount = max(1, gatherers.count)
    eventsOfUser = Self.combine(gatherers.map(\.eventsOfUser)) { $0 += $1 }
    isUsed = Self.combine(gatherers.map(\.isUsed)) { $0 = $0 || $1 }
    isFromSource = Self.combine(gatherers.map(\.isFromSource)) { $0 = $0 || $1 }
    (segments, firstOfRank) = Self.ordered(gatherers.flatMap(\.segments), rankCount: isUsed.count)
  }

  /// Segments by rank and day, and by rank the first of them.
  ///
  /// Put into place by rank, as there are few of each; what is left is to sort these by day.
  private static func ordered(
    _ found: [AdoptionGatherer.Segment], rankCount: Int
  ) -> (segments: [AdoptionGatherer.Segment], firstOfRank: [Int]) {
    var first = [Int](repeating: 0, count: rankCount + 1)
    for segment in found { first[segment.rank + 1] += 1 }
    for rank in 0..<rankCount { first[rank + 1] += first[rank] }
    var next = first
    var segments = found
    for segment in found {
      segments[next[segment.rank]] = segment
      next[segment.rank] += 1
    }
    for rank in 0..<rankCount { segments[first[rank]..<first[rank + 1]].sort { $0.key < $1.key } }
    return (segments, first)
  }

  private static func combine<Value>(
    _ columns: [[Value]], _ add: (inout Value, Value) -> Void
  ) -> [Value] {
    guard var all = columns.first else { return [] }
    for column in columns.dropFirst() {
      for index in all.indices { add(&all[index], column[index]) }
    }
    return all
  }

  /// Cuts the ranks into ranges of about as many rows each, one a worker.
  ///
  /// - Parameter appOfRank: given to keep applications whole.
  package func rangesOfRanks(keepingWhole appOfRank: [Int32]? = nil) -> [Range<Int>] {
    let total = segments.reduce(0) { $0 + $1.count }
    var ranges: [Range<Int>] = []
    var start = 0
    var rows = 0
    for rank in isUsed.indices {
      let isCut = appOfRank.map { rank == 0 || $0[rank] != $0[rank - 1] } ?? true
      if isCut, rank > start, ranges.count < workerCount - 1, rows * workerCount >= total * (ranges.count + 1)
      {
        ranges.append(start..<rank)
        start = rank
      }
      for index in firstOfRank[rank]..<firstOfRank[rank + 1] { rows += segments[index].count }
    }
    return ranges + [start..<isUsed.count]
  }

  /// Calls the body with the people of each feature of a range of ranks; features without use too.
  ///
  /// People stand in no particular order, each once.
  /// - Complexity: O(rows + features).
  package func forEachFeature(
    _ ranks: Range<Int>, keys: EventKeys,
    _ body: (_ rank: Int, _ records: UnsafeBufferPointer<AdoptionRecord>) -> Void
  ) {
    /// By person: 1 + index of their record of this feature, or 0.
    var placeOfPerson = [UInt32](repeating: 0, count: keys.personCount)
    let records = UnsafeMutablePointer<AdoptionRecord>.allocate(capacity: max(1, keys.personCount))
    defer { records.deallocate() }
    placeOfPerson.withUnsafeMutableBufferPointer { placeOfPerson in
      keys.personOfUser.withUnsafeBufferPointer { personOfUser in
        for rank in ranks {
          var count = 0
          for index in firstOfRank[rank]..<firstOfRank[rank + 1] {
            Self.add(segments[index], personOfUser, placeOfPerson, records, &count)
          }
          body(rank, UnsafeBufferPointer(start: records, count: count))
          for index in 0..<count { placeOfPerson[Int(records[index].person)] = 0 }
        }
      }
    }
  }

  /// Adds the rows of one day; days of a feature ascend, so that a day counts once.
  @inline(__always)
  private static func add(
    _ segment: AdoptionGatherer.Segment, _ personOfUser: UnsafeBufferPointer<Int32>,
    _ placeOfPerson: UnsafeMutableBufferPointer<UInt32>, _ records: UnsafeMutablePointer<AdoptionRecord>,
    _ count: inout Int
  ) {
    let day = UInt32(truncatingIfNeeded: segment.key)
    let isInWindow = day != AdoptionGatherer.earlier
    for row in 0..<segment.count {
      let value = segment.first[row]
      let person = personOfUser[Int(value & ~AdoptionGatherer.okBit)]
      guard person >= 0 else { continue }
      var place = Int(placeOfPerson[Int(person)]) &- 1
      if place < 0 {
        place = count
        count &+= 1
        placeOfPerson[Int(person)] = UInt32(truncatingIfNeeded: count)
        records[place] = AdoptionRecord(person: person, okDays: 0, isInWindow: isInWindow, lastOkDay: .max)
      }
      if value & AdoptionGatherer.okBit != 0, records[place].lastOkDay != day {
        records[place].lastOkDay = day
        records[place].okDays &+= 1
      }
    }
  }
}
