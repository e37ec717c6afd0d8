import GRDB
import WireFormat

/// Which numbers of which sources are stored: the (source, seq) rule, across restarts.
///
/// A source's numbers are kept as ranges in the table `sequence_range`. The range with the highest
/// numbers (the *tail*) lives in memory, as nearly every event extends it; anything out of order goes
/// through the table. Changes reach the table in ``flush(in:)``, inside the
/// transaction that stores the events.
///
/// - Complexity: O(1) for a number in order, O(log ranges) in the table otherwise.
struct SequenceLedger {
  /// Where claims of dropped numbers end: far from overflow.
  static let droppedMax: Int64 = 1 << 60
  /// Events received so long after their end are late: a day, as most senders send within minutes.
  static let lateMilliseconds: Int64 = 24 * 3_600_000
  /// Sources cached before the cache starts anew: 100,000 × about 100 bytes.
  static let cachedSourcesMax = 100_000

  private struct State {
    let source: Int64
    var tailFirst: Int64 = 0
    var tailLast: Int64 = 0
    var tailFirstTime: Int64 = 0
    var tailLastTime: Int64 = 0
    var isTailDirty = false
    /// No number above is known to be refused or withheld.
    var unstoredHighest: Int64 = 0
    var isTouched = false
    var counts = Counts()

    init(source: Int64) { self.source = source }
  }

  /// What happened to a source's events since the last flush.
  struct Counts {
    var stored: Int64 = 0
    var duplicate: Int64 = 0
    var conflict: Int64 = 0
    var rejected: Int64 = 0
    /// Received more than ``SequenceLedger/lateMilliseconds`` after their end.
    var late: Int64 = 0
    /// Numbers that the sender's spool dropped.
    var dropped: Int64 = 0
    fileprivate var firstReceivedMilliseconds: Int64 = 0
    fileprivate var lastReceivedMilliseconds: Int64 = 0

    /// Adds what a sender claims, which may be any number.
    mutating func addDropped(_ count: Int64) {
      dropped = min(SequenceLedger.droppedMax, dropped + min(count, SequenceLedger.droppedMax))
    }
  }

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
  private var states: [State] = []
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
  mutating func count(_ source: Int64, in database: Database, _ change: (inout Counts) -> Void) throws {
    let slot = try slot(of: source, in: database)
    touch(slot)
    change(&states[slot].counts)
  }

  /// Notes that a number arrived.
  mutating func register(
    _ source: Int64, _ sequence: Int64, timeMilliseconds: Int64, in database: Database
  ) throws -> Arrival {
    try register(try slot(of: source, in: database), sequence, timeMilliseconds, database)
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
    let (times, durations, sequences) = (batch.time, batch.durationPlusOne, batch.sequence)
    for row in rows.admitted {
      let string = Int(batch.source[Int(row)])
      if slotOfString[string] < 0 {
        let source = numbers[string]
        slotOfString[string] = Int32(
          truncatingIfNeeded: try slot(of: source, isNew: isNewSource(source), in: database))
      }
      let slot = Int(slotOfString[string])
      let time = times[Int(row)]
      let isLate = time < lateBefore && time + max(0, durations[Int(row)] - 1) < lateBefore
      var arrival = Arrival.new
      if string != 0 && !takeNext(slot, sequences[Int(row)], time) {
        arrival = try register(slot, sequences[Int(row)], time, database)
      }
      switch arrival {
      case .new:
        touch(slot)
        states[slot].counts.stored &+= 1
        if isLate { states[slot].counts.late &+= 1 }
        rows.kept.append(row)
      case .known:
        touch(slot)
        states[slot].counts.duplicate &+= 1
        rows.duplicates.append(
          DuplicateRow(row: Int(row), source: states[slot].source, sequence: sequences[Int(row)]))
      case .noRoom: rows.gapless.append(row)
      }
    }
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

  /// Notes that a number came with an event that was refused.
  mutating func refuse(_ source: Int64, _ sequence: Int64, in database: Database) throws {
    try add(source, sequence...sequence, .refused, in: database)
  }

  /// Notes numbers that will never come, on purpose.
  mutating func withhold(_ source: Int64, _ range: ClosedRange<Int64>, in database: Database) throws {
    try add(source, range, .withheld, in: database)
  }

  private mutating func add(
    _ source: Int64, _ range: ClosedRange<Int64>, _ kind: UnstoredNumbers.Kind, in database: Database
  ) throws {
    let slot = try slot(of: source, in: database)
    try writeTail(slot, database)
    let unstored = UnstoredNumbers(source: source, database: database)
    let room = max(0, rangesMax - (try countOfRanges(database)))
    rangeCount = try countOfRanges(database) + Int64(try unstored.add(range, kind, rangesMax: Int(room)))
    states[slot].unstoredHighest = max(states[slot].unstoredHighest, range.upperBound)
  }

  /// Writes all changes; the same transaction must hold the events.
  mutating func flush(in database: Database) throws {
    guard !touched.isEmpty else { return }
    // Neighbours in the tables are written one after the other.
    touched.sort()
    let update = try RawStatement(
      database,
      """
      UPDATE source SET stored = stored + ?2, duplicate = duplicate + ?3, conflict = conflict + ?4,
        rejected = rejected + ?5, late = late + ?6, dropped = min(dropped + ?7, \(Self.droppedMax)),
        first_received_ms = ifnull(first_received_ms, ?8),
        last_received_ms = max(ifnull(last_received_ms, ?9), ?9) WHERE id = ?1
      """)
    let insert = try RawStatement(database, SequenceRangeTable.writeSQL)
    for source in touched {
      guard let slot = slots[source] else { continue }
      try writeTail(slot, with: insert)
      let counts = states[slot].counts
      update.bind(states[slot].source, at: 1)
      update.bind(counts.stored, at: 2)
      update.bind(counts.duplicate, at: 3)
      update.bind(counts.conflict, at: 4)
      update.bind(counts.rejected, at: 5)
      update.bind(counts.late, at: 6)
      update.bind(counts.dropped, at: 7)
      update.bind(counts.firstReceivedMilliseconds, at: 8)
      update.bind(counts.lastReceivedMilliseconds, at: 9)
      try update.run()
      states[slot].counts = Counts()
      states[slot].isTouched = false
    }
    touched.removeAll(keepingCapacity: true)
  }

  // MARK: Ranges

  /// Where a source's state lies, until ``trim()`` or ``forget()``.
  private mutating func slot(
    of source: Int64, isNew: Bool = false, in database: Database
  ) throws -> Int {
    if let known = slots[source] { return known }
    var state = State(source: source)
    if !isNew { try Self.load(&state, database) }
    states.append(state)
    slots[source] = states.count - 1
    return states.count - 1
  }

  private static func load(_ state: inout State, _ database: Database) throws {
    let select = try RawStatement(
      database,
      """
      SELECT first, last, first_time_ms, last_time_ms FROM sequence_range
      WHERE source = ?1 ORDER BY first DESC LIMIT 1
      """)
    select.bind(state.source, at: 1)
    if try select.next() {
      state.tailFirst = select.integer(0)
      state.tailLast = select.integer(1)
      state.tailFirstTime = select.integer(2)
      state.tailLastTime = select.integer(3)
      select.finish()
    }
    state.unstoredHighest = try UnstoredNumbers(source: state.source, database: database).highest()
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

  /// Takes a number that follows the highest and of which nothing else is known; false for any other.
  @inline(__always)
  private mutating func takeNext(_ slot: Int, _ sequence: Int64, _ time: Int64) -> Bool {
    // Wrapping: nothing follows the largest number, and no number is negative.
    guard states[slot].tailLast > 0, sequence == states[slot].tailLast &+ 1,
      sequence > states[slot].unstoredHighest
    else { return false }
    states[slot].tailLast = sequence
    states[slot].tailLastTime = time
    states[slot].isTailDirty = true
    return true
  }

  private mutating func register(
    _ slot: Int, _ sequence: Int64, _ time: Int64, _ database: Database
  ) throws -> Arrival {
    let arrival = try place(slot, sequence, time, database)
    if arrival == .new, sequence <= states[slot].unstoredHighest {
      try UnstoredNumbers(source: states[slot].source, database: database).remove(sequence)
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
      states[slot].isTailDirty = true
      return .new
    }
    if sequence > tail.tailLast {
      guard try takeRoom(database) else { return .noRoom }
      try writeTail(slot, database)
      states[slot].tailFirst = sequence
      states[slot].tailLast = sequence
      states[slot].tailFirstTime = time
      states[slot].tailLastTime = time
      states[slot].isTailDirty = true
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
      try SequenceRangeTable.delete(source, first: states[slot].tailFirst, database)
      states[slot].tailFirst = lower?.first ?? sequence
      states[slot].tailFirstTime = lower?.firstTime ?? time
      states[slot].isTailDirty = true
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
        firstTime: lower?.firstTime ?? time, lastTime: upper?.lastTime ?? time),
      with: try RawStatement(database, SequenceRangeTable.writeSQL))
    return .new
  }

  /// Brings the table up to date with a source's tail.
  private mutating func writeTail(_ slot: Int, _ database: Database) throws {
    if states[slot].isTailDirty {
      try writeTail(slot, with: try RawStatement(database, SequenceRangeTable.writeSQL))
    }
  }

  private mutating func writeTail(_ slot: Int, with insert: RawStatement) throws {
    let state = states[slot]
    guard state.isTailDirty else { return }
    try SequenceRangeTable.write(
      state.source,
      SequenceRangeTable.Range(
        first: state.tailFirst, last: state.tailLast, firstTime: state.tailFirstTime,
        lastTime: state.tailLastTime), with: insert)
    states[slot].isTailDirty = false
  }
}
