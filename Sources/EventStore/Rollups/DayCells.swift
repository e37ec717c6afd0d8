import ColumnChunk
import UsageModel

/// Counts events of chunks into cells.
package struct DayCells {
  /// Sorted by feature, day, user and source, each key once, after ``combine()``.
  package private(set) var cells: [DayCell] = []
  private(set) var eventCount = 0
  private(set) var timeMinimumMilliseconds = Int64.max
  private(set) var timeMaximumMilliseconds = Int64.min
  /// The latest end of an event.
  private(set) var endMaximumMilliseconds = Int64.min

  package init() {}

  /// Counts all events of a chunk.
  ///
  /// - Throws: `ChunkDamage`, `DatabaseError`.
  /// - Complexity: O(rows); rows of a sorted chunk that share a key take one cell.
  package mutating func add(_ chunk: ChunkRow, _ reader: ChunkReader, rules: ZoneRules) throws {
    let rows = try CountedColumns(chunk, reader)
    var days = CivilDayCursor(rules: rules)
    eventCount += chunk.rowCount
    cells.reserveCapacity(cells.count + 1)
    for row in 0..<chunk.rowCount {
      let time = rows.time[row]
      let day = days.day(of: time)
      let duration = max(0, rows.durationPlusOne[row] &- 1)
      timeMinimumMilliseconds = min(timeMinimumMilliseconds, time)
      timeMaximumMilliseconds = max(timeMaximumMilliseconds, time)
      endMaximumMilliseconds = max(endMaximumMilliseconds, time &+ duration)
      let isSame =
        cells.last.map {
          $0.feature == rows.feature[row] && $0.user == rows.user[row] && $0.day == day
            && $0.source == rows.source[row]
        } ?? false
      if !isSame {
        cells.append(
          DayCell(feature: rows.feature[row], day: day, user: rows.user[row], source: rows.source[row]))
      }
      count(time: time, duration: duration, kind: rows.kind[row], outcome: rows.outcome[row])
    }
  }

  /// Adds cells that were counted before, with what their rollup says of their events.
  mutating func add(_ other: [DayCell], of rollup: Rollup) {
    cells += other
    eventCount += rollup.eventCount
    timeMinimumMilliseconds = min(timeMinimumMilliseconds, rollup.timeMinimumMilliseconds)
    timeMaximumMilliseconds = max(timeMaximumMilliseconds, rollup.timeMaximumMilliseconds)
    endMaximumMilliseconds = max(endMaximumMilliseconds, rollup.endMaximumMilliseconds)
  }

  private mutating func count(time: Int64, duration: Int64, kind: UInt8, outcome: UInt8) {
    let last = cells.count - 1
    cells[last].eventCount &+= 1
    switch EventKind(rawValue: kind) {
    case .use:
      cells[last].useCount &+= 1
      cells[last].useMilliseconds &+= duration
      if EventOutcome(rawValue: outcome) == .ok {
        cells[last].okCount &+= 1
        let first = cells[last].firstOk
        cells[last].firstOk = first == 0 ? time : min(first, time)
      } else {
        cells[last].failedMilliseconds &+= duration
      }
    case .focus: cells[last].focusMilliseconds &+= duration
    case .help:
      cells[last].helpCount &+= 1
      cells[last].helpMilliseconds &+= duration
    case .interruption, nil:
      cells[last].interruptionCount &+= 1
      cells[last].interruptionMilliseconds &+= duration
    }
  }

  /// Sorts the cells and makes one of those with the same key.
  ///
  /// - Complexity: O(cells) when they stand in order already, else O(cells log cells).
  package mutating func combine() {
    sort()
    var count = 0
    for index in cells.indices {
      if count > 0, cells[count - 1].hasSameKey(as: cells[index]) {
        cells[count - 1].add(cells[index])
      } else {
        cells[count] = cells[index]
        count += 1
      }
    }
    cells.removeLast(cells.count - count)
  }

  private struct Key: Comparable {
    var high: UInt64
    var low: UInt64
    var index: Int

    static func < (left: Key, right: Key) -> Bool {
      (left.high, left.low, left.index) < (right.high, right.low, right.index)
    }
  }

  private mutating func sort() {
    let keys = cells.indices.map { index in
      let cell = cells[index]
      return Key(
        high: UInt64(cell.feature) << 32 | UInt64(UInt32(bitPattern: cell.day)),
        low: UInt64(cell.user) << 32 | UInt64(cell.source), index: index)
    }
    let isSorted = keys.indices.dropFirst().allSatisfy { keys[$0 - 1] < keys[$0] }
    if !isSorted { cells = keys.sorted().map { cells[$0.index] } }
  }
}

/// The columns of a chunk that cells count.
private struct CountedColumns {
  let time: [Int64]
  let durationPlusOne: [Int64]
  let user: [UInt32]
  let feature: [UInt32]
  let source: [UInt32]
  let kind: [UInt8]
  let outcome: [UInt8]

  init(_ chunk: ChunkRow, _ reader: ChunkReader) throws {
    func column<Value>(_ read: (UnsafeMutablePointer<Value>) throws -> Void) throws -> [Value] {
      try [Value](unsafeUninitializedCapacity: chunk.rowCount) { buffer, count in
        if let start = buffer.baseAddress { try read(start) }
        count = chunk.rowCount
      }
    }
    time = try column { try reader.read(.time, of: chunk, into: $0) }
    durationPlusOne = try column { try reader.read(.durationPlusOne, of: chunk, into: $0) }
    user = try column { try reader.read(.user, of: chunk, into: $0) }
    feature = try column { try reader.read(.feature, of: chunk, into: $0) }
    source = try column { try reader.read(.source, of: chunk, into: $0) }
    kind = try column { try reader.read(.kind, of: chunk, into: $0) }
    outcome = try column { try reader.read(.outcome, of: chunk, into: $0) }
  }
}

/// Civil days of moments that mostly follow each other within a day.
private struct CivilDayCursor {
  private let rules: ZoneRules
  private var number: Int32 = 0
  /// Moments known to lie on the day ``number``.
  private var known: Range<Int64> = 0..<0

  init(rules: ZoneRules) { self.rules = rules }

  mutating func day(of moment: Int64) -> Int32 {
    if known.contains(moment) { return number }
    let offset = rules.offsetMilliseconds(at: moment)
    let day = CivilDay(localMilliseconds: moment + offset)
    number = day.number
    known = day.startMilliseconds - offset..<day.startMilliseconds - offset + CivilDay.milliseconds
    for change in rules.transitions {
      let start = change.startMilliseconds
      if start <= moment, start > known.lowerBound { known = start..<max(start, known.upperBound) }
      if start > moment, start < known.upperBound { known = known.lowerBound..<start }
    }
    return number
  }
}
