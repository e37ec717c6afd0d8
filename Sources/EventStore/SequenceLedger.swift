import CHash
import GRDB
import WireFormat

/// Which numbers of which sources are stored: the (source, seq) rule, across restarts.
///
/// A source's numbers are kept as ranges. The one with the highest numbers (the *tail*) lives in memory, as
/// nearly every event extends it, and stands in the source's row; what is out of order goes through the table
/// `sequence_range_below`. Tails and counts reach the tables in ``flush(_:in:)``, inside the transaction that
/// stores the events.
///
/// - Complexity: O(1) for a number in order, O(log ranges) in the table otherwise.
struct SequenceLedger {
  /// Where claims of dropped numbers end: far from overflow.
  static let droppedMax: Int64 = 1 << 60
  /// Events received so long after their end are late: a day, as most senders send within minutes.
  static let lateMilliseconds: Int64 = 24 * 3_600_000
  /// Sources cached before the cache starts anew: 200,000 × about 140 bytes.
  static let cachedSourcesMax = 200_000

  /// Sources from which on their states are asked for ahead of their use: with fewer, the cache has them anyway.
  private static let prefetchedFrom = 4_096
  /// How many rows ahead.
  private static let prefetchedRows = 24

  /// What a number that arrived means.
  enum Arrival {
    case new
    /// Stored already.
    case known
    /// New, but there is no room for another range of numbers.
    case noRoom
  }

  /// Receipt of what is booked next.
  var receivedMilliseconds: Int64 = 0
  private let rangesMax: Int64
  /// Rows of the tables of ranges, as far as they are written; nil until it is asked.
  private var rangeCount: Int64?
  private var states: [SourceState] = []
  private var slots = SourceSlots()
  /// Sources with changes.
  private var touched: [Int64] = []
  /// By string number of a batch, where its source's state lies; -1 not looked up yet.
  private var slotOfString: [Int32] = []

  /// - Parameter rangesMax: ranges kept of all sources; who would need another is refused.
  init(rangesMax: Int64) { self.rangesMax = rangesMax }

  mutating func forget() {
    slots.removeAll()
    states.removeAll()
    touched.removeAll()
    rangeCount = nil
  }

  /// Makes room if the cache has reached its bound; call between transactions.
  mutating func trim() {
    if states.count > Self.cachedSourcesMax { forget() }
  }

  /// Adds to a source's counts; source 0 stands for events without one.
  mutating func count(_ source: Int64, in database: Database, _ change: (inout SourceCounts) -> Void) throws {
    let slot = try slot(of: source, in: database)
    touch(slot)
    change(&states[slot].counts)
  }

  /// Books the admitted rows of a batch, each as stored, duplicate, or one number too many.
  ///
  /// - Parameters:
  ///   - lateBefore: events that end before are late.
  ///   - numbers: by string number, the number of a source.
  ///   - isNewSource: whether nothing can be known of a source yet.
  /// - Complexity: a few instructions for a number that follows its source's highest.
  mutating func separate(
    _ rows: inout BatchRows, _ batch: EventBatch, lateBefore: Int64, numbers: [Int64],
    isNewSource: (Int64) -> Bool, in database: Database
  ) throws {
    rows.start()
    slotOfString.removeAll(keepingCapacity: true)
    slotOfString.append(contentsOf: repeatElement(-1, count: numbers.count))
    if states.count > Self.prefetchedFrom { findSlots(numbers) }
    var next = rows.admitted.startIndex
    while next < rows.admitted.endIndex {
      let inOrder = takeInOrder(rows.admitted[next...], batch, lateBefore: lateBefore)
      rows.kept.append(contentsOf: rows.admitted[next..<next + inOrder])
      next += inOrder
      guard next < rows.admitted.endIndex else { break }
      let row = Int(rows.admitted[next])
      let string = Int(batch.source[row])
      if slotOfString[string] < 0 {
        let source = numbers[string]
        slotOfString[string] = Int32(
          truncatingIfNeeded: try slot(of: source, isNew: isNewSource(source), in: database))
      }
      try separate(&rows, row, slot: Int(slotOfString[string]), batch, lateBefore: lateBefore, database)
      next += 1
    }
  }

  /// Finds the states that are there, so that rows can ask for them ahead.
  private mutating func findSlots(_ numbers: [Int64]) {
    for (string, source) in numbers.enumerated() where source > 0 {
      if let slot = slots[source] { slotOfString[string] = Int32(truncatingIfNeeded: slot) }
    }
  }

  /// Asks for the memory of a state; -1 for none.
  @inline(__always)
  private static func prefetch(_ slot: Int, _ states: UnsafeMutableBufferPointer<SourceState>) {
    guard slot >= 0, let first = states.baseAddress else { return }
    wl_prefetch_bytes(first + slot, MemoryLayout<SourceState>.stride)
  }

  /// Books the rows from the first on that are of sources which were met before in this transaction, and whose
  /// number follows or which have none; returns how many.
  private mutating func takeInOrder(
    _ rows: ArraySlice<UInt32>, _ batch: EventBatch, lateBefore: Int64
  ) -> Int {
    let (times, durations, sequences, sources) = (
      batch.time, batch.durationPlusOne, batch.sequence, batch.source
    )
    let received = receivedMilliseconds
    let prefetchedCount = states.count > Self.prefetchedFrom ? max(0, rows.count - Self.prefetchedRows) : 0
    return states.withUnsafeMutableBufferPointer { states in
      slotOfString.withUnsafeBufferPointer { slots in
        rows.withUnsafeBufferPointer { rows in
          @inline(__always) func take(_ index: Int) -> Bool {
            let row = Int(rows[index])
            let string = Int(sources[row])
            let slot = Int(slots[string])
            guard slot >= 0, states[slot].isTouched else { return false }
            let time = times[row]
            guard string == 0 || states[slot].takeNext(sequences[row], time) else { return false }
            states[slot].counts.lastReceivedMilliseconds = received
            states[slot].counts.stored &+= 1
            if Self.isLate(time, durations[row], lateBefore) { states[slot].counts.late &+= 1 }
            return true
          }
          for index in 0..<prefetchedCount {
            Self.prefetch(Int(slots[Int(sources[Int(rows[index + Self.prefetchedRows])])]), states)
            guard take(index) else { return index }
          }
          for index in prefetchedCount..<rows.count {
            guard take(index) else { return index }
          }
          return rows.count
        }
      }
    }
  }

  private mutating func separate(
    _ rows: inout BatchRows, _ row: Int, slot: Int, _ batch: EventBatch, lateBefore: Int64,
    _ database: Database
  ) throws {
    let (time, sequence) = (batch.time[row], batch.sequence[row])
    let arrival =
      batch.source[row] == 0 || states[slot].takeNext(sequence, time)
      ? .new : try register(slot, sequence, time, database)
    switch arrival {
    case .new:
      touch(slot)
      states[slot].counts.stored &+= 1
      if Self.isLate(time, batch.durationPlusOne[row], lateBefore) { states[slot].counts.late &+= 1 }
      rows.kept.append(UInt32(truncatingIfNeeded: row))
    case .known:
      touch(slot)
      states[slot].counts.duplicate &+= 1
      rows.duplicates.append(DuplicateRow(row: row, source: states[slot].source, sequence: sequence))
    case .noRoom: rows.gapless.append(UInt32(truncatingIfNeeded: row))
    }
  }

  @inline(__always)
  private static func isLate(_ time: Int64, _ durationPlusOne: Int64, _ lateBefore: Int64) -> Bool {
    time < lateBefore && time + max(0, durationPlusOne - 1) < lateBefore
  }

  @inline(__always)
  private mutating func touch(_ slot: Int) {
    if !states[slot].isTouched {
      states[slot].isTouched = true
      states[slot].counts.firstReceivedMilliseconds = receivedMilliseconds
      touched.append(states[slot].source)
    }
    states[slot].counts.lastReceivedMilliseconds = receivedMilliseconds
  }

  /// Notes how far the sender's clock is off; positive when it is behind.
  mutating func noteClock(_ source: Int64, offsetMilliseconds: Int64, in database: Database) throws {
    try count(source, in: database) { _ in }
    let update = try RawStatement(
      database,
      """
      UPDATE source SET clock_offset_ms = ?2, clock_offset_largest_ms =
        CASE WHEN abs(?2) > abs(ifnull(clock_offset_largest_ms, 0)) THEN ?2
        ELSE ifnull(clock_offset_largest_ms, ?2) END WHERE id = ?1
      """)
    update.bind(source, at: 1)
    update.bind(offsetMilliseconds, at: 2)
    try update.run()
  }

  /// Notes numbers whose events were refused.
  mutating func refuse(_ source: Int64, _ range: ClosedRange<Int64>, in database: Database) throws {
    try add(source, range, .refused, in: database)
  }

  /// Notes numbers that will never come, on purpose.
  mutating func withhold(_ source: Int64, _ range: ClosedRange<Int64>, in database: Database) throws {
    try add(source, range, .withheld, in: database)
  }

  /// Notes numbers that will never come, as the sender's spool dropped them; all are counted, whatever is known of
  /// them and whether or not there is room for the range.
  mutating func drop(_ source: Int64, _ range: ClosedRange<Int64>, in database: Database) throws {
    try count(source, in: database) { $0.addDropped(Int64(clamping: range.count)) }
    try add(source, range, .dropped, in: database)
  }

  private mutating func add(
    _ source: Int64, _ range: ClosedRange<Int64>, _ kind: UnstoredNumbers.Kind, in database: Database
  ) throws {
    let slot = try slot(of: source, in: database)
    let unstored = UnstoredNumbers(source: source, database: database)
    let room = min(
      rangesMax - (try countOfRanges(database)),
      Int64(UnstoredNumbers.rangesMax - states[slot].unstoredRangeCount))
    noteUnstored(slot, try unstored.add(range, kind, besideTail: states[slot].tail, room: Int(room)))
    states[slot].unstoredHighest = max(states[slot].unstoredHighest, range.upperBound)
  }

  /// Whether anything is known of any number of a source.
  mutating func knowsNumbers(of source: Int64, in database: Database) throws -> Bool {
    let slot = try slot(of: source, in: database)
    return states[slot].tailLast > 0 || states[slot].unstoredHighest > 0
  }

  /// Takes back that a number was refused.
  mutating func takeBackRefusal(_ source: Int64, _ number: Int64, in database: Database) throws {
    let slot = try slot(of: source, in: database)
    let unstored = UnstoredNumbers(source: source, database: database)
    noteUnstored(slot, try unstored.remove(number, ifOnly: .refused))
  }

  private mutating func noteUnstored(_ slot: Int, _ addedRanges: Int) {
    states[slot].unstoredRangeCount += addedRanges
    rangeCount? += Int64(addedRanges)
  }

  /// Writes all changes and the sources that are new; the same transaction must hold the events.
  mutating func flush(_ names: inout BatchNames, in database: Database) throws {
    let firstNew = names.unwrittenSources.lowerBound
    try SourceRows.insertNew(of: &names, in: database) { source in
      slots[source].map { change(of: $0) } ?? SourceRows.Change()
    }
    // Neighbours in the table are written one after the other.
    touched.sort()
    let update = try RawStatement(database, SourceRows.updateSQL)
    for (index, source) in touched.enumerated() {
      if states.count > Self.prefetchedFrom, index + Self.prefetchedRows < touched.count {
        let ahead = slots[touched[index + Self.prefetchedRows]] ?? -1
        states.withUnsafeMutableBufferPointer { Self.prefetch(ahead, $0) }
      }
      guard let slot = slots[source] else { continue }
      if source < firstNew { try SourceRows.update(source, change(of: slot), with: update) }
      states[slot].counts = SourceCounts()
      states[slot].isTouched = false
    }
    touched.removeAll(keepingCapacity: true)
  }

  private func change(of slot: Int) -> SourceRows.Change {
    SourceRows.Change(counts: states[slot].counts, tail: states[slot].tail)
  }

  // MARK: Ranges

  /// Where a source's state lies, until ``trim()`` or ``forget()``.
  private mutating func slot(
    of source: Int64, isNew: Bool = false, in database: Database
  ) throws -> Int {
    if let known = slots[source] { return known }
    var state = SourceState(source: source)
    if !isNew { try Self.load(&state, database) }
    states.append(state)
    slots[source] = states.count - 1
    return states.count - 1
  }

  private static func load(_ state: inout SourceState, _ database: Database) throws {
    if let tail = try SourceRows.tail(of: state.source, in: database) { state.setTail(tail) }
    (state.unstoredHighest, state.unstoredRangeCount) =
      try UnstoredNumbers(source: state.source, database: database).extent()
  }

  private mutating func countOfRanges(_ database: Database) throws -> Int64 {
    if let rangeCount { return rangeCount }
    let select = try RawStatement(
      database,
      "SELECT (SELECT count(*) FROM sequence_range) + (SELECT count(*) FROM sequence_unstored)")
    defer { select.finish() }
    let count = try select.next() ? select.integer(0) : 0
    rangeCount = count
    return count
  }

  /// Whether another range may begin; counts it if so.
  private mutating func takeRoom(_ database: Database) throws -> Bool {
    let count = try countOfRanges(database)
    guard count < rangesMax else { return false }
    rangeCount = count + 1
    return true
  }

  private mutating func register(
    _ slot: Int, _ sequence: Int64, _ time: Int64, _ database: Database
  ) throws -> Arrival {
    let arrival = try place(slot, sequence, time, database)
    if arrival == .new, sequence <= states[slot].unstoredHighest {
      let unstored = UnstoredNumbers(source: states[slot].source, database: database)
      noteUnstored(slot, try unstored.remove(sequence))
    }
    return arrival
  }

  private mutating func place(
    _ slot: Int, _ sequence: Int64, _ time: Int64, _ database: Database
  ) throws -> Arrival {
    let tail = states[slot]
    if tail.tailLast > 0 && sequence == tail.tailLast &+ 1 {
      states[slot].tailLast = sequence
      states[slot].tailLastTime = time
      return .new
    }
    if sequence > tail.tailLast {
      guard try takeRoom(database) else { return .noRoom }
      if let closed = tail.tail { try SequenceRangeTable.write(tail.source, closed, database) }
      states[slot].setTail(
        SequenceRangeTable.Range(first: sequence, last: sequence, firstTime: time, lastTime: time))
      return .new
    }
    if sequence >= tail.tailFirst { return .known }
    return try placeBelowTail(slot, sequence, time, database)
  }

  /// A number under the tail: extends, joins or adds a range in the table.
  private mutating func placeBelowTail(
    _ slot: Int, _ sequence: Int64, _ time: Int64, _ database: Database
  ) throws -> Arrival {
    let source = states[slot].source
    var lower = try SequenceRangeTable.range(atOrBelow: sequence, source, database)
    if let lower, lower.last >= sequence { return .known }
    if let found = lower, found.last != sequence - 1 { lower = nil }
    if states[slot].tailFirst == sequence + 1 {
      // The tail grows downwards, and swallows the range below when they now touch.
      states[slot].tailFirst = lower?.first ?? sequence
      states[slot].tailFirstTime = lower?.firstTime ?? time
      if let lower {
        try SequenceRangeTable.delete(source, first: lower.first, database)
        rangeCount? -= 1
      }
      return .new
    }
    let upper = try SequenceRangeTable.range(startingAt: sequence + 1, source, database)
    if lower == nil && upper == nil {
      guard try takeRoom(database) else { return .noRoom }
    }
    if let upper { try SequenceRangeTable.delete(source, first: upper.first, database) }
    if lower != nil && upper != nil { rangeCount? -= 1 }
    try SequenceRangeTable.write(
      source,
      SequenceRangeTable.Range(
        first: lower?.first ?? sequence, last: upper?.last ?? sequence,
        firstTime: lower?.firstTime ?? time, lastTime: upper?.lastTime ?? time), database)
    return .new
  }
}
