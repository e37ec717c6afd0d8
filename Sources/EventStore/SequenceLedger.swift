import GRDB

/// Which numbers of which sources are stored: the (source, seq) rule, across restarts.
///
/// A source's numbers are kept as ranges in the table `sequence_range`. The range with the highest
/// numbers (the *tail*) lives in memory, as nearly every event extends it; anything out of order goes
/// through the table. Changes reach the table in ``flush(receivedMilliseconds:in:)``, inside the
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
    var tailFirst: Int64 = 0
    var tailLast: Int64 = 0
    var tailFirstTime: Int64 = 0
    var tailLastTime: Int64 = 0
    var isTailDirty = false
    /// No number above is known to be refused or withheld.
    var unstoredHighest: Int64 = 0
    var counts = Counts()
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

    /// Adds what a sender claims, which may be any number.
    mutating func addDropped(_ count: Int64) {
      dropped = min(SequenceLedger.droppedMax, dropped + min(count, SequenceLedger.droppedMax))
    }
  }

  private var states: [Int64: State] = [:]
  private var touched: Set<Int64> = []

  mutating func forget() {
    states.removeAll()
    touched.removeAll()
  }

  /// Makes room if the cache has reached its bound; call between transactions.
  mutating func trim() {
    if states.count > Self.cachedSourcesMax { forget() }
  }

  /// Adds to a source's counts; source 0 stands for events without one.
  mutating func count(_ source: Int64, in database: Database, _ change: (inout Counts) -> Void) throws {
    try load(source, in: database)
    touched.insert(source)
    change(&states[source, default: State()].counts)
  }

  /// Notes that a number arrived.
  ///
  /// - Returns: whether it is new, so that its event is to be stored.
  mutating func register(
    _ source: Int64, _ sequence: Int64, timeMilliseconds: Int64, in database: Database
  ) throws -> Bool {
    try load(source, in: database)
    let isNew = try Self.register(
      &states[source, default: State()], source, sequence, timeMilliseconds, database)
    if isNew, sequence <= states[source]?.unstoredHighest ?? 0 {
      try UnstoredNumbers(source: source, database: database).remove(sequence)
    }
    return isNew
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
    try load(source, in: database)
    var state = states[source, default: State()]
    if state.isTailDirty { try Self.writeTail(source, state, database) }
    state.isTailDirty = false
    try UnstoredNumbers(source: source, database: database).add(range, kind)
    state.unstoredHighest = max(state.unstoredHighest, range.upperBound)
    states[source] = state
  }

  /// Writes all changes; the same transaction must hold the events.
  mutating func flush(receivedMilliseconds: Int64, in database: Database) throws {
    for source in touched {
      guard var state = states[source] else { continue }
      if state.isTailDirty { try Self.writeTail(source, state, database) }
      let update = try RawStatement(
        database,
        """
        UPDATE source SET stored = stored + ?2, duplicate = duplicate + ?3, conflict = conflict + ?4,
          rejected = rejected + ?5, late = late + ?7, dropped = min(dropped + ?8, \(Self.droppedMax)), first_received_ms = ifnull(first_received_ms, ?6),
          last_received_ms = max(ifnull(last_received_ms, ?6), ?6) WHERE id = ?1
        """)
      let counts = state.counts
      for (index, value) in [
        source, counts.stored, counts.duplicate, counts.conflict, counts.rejected, receivedMilliseconds,
        counts.late, counts.dropped,
      ].enumerated() {
        update.bind(value, at: Int32(index + 1))
      }
      try update.run()
      state.isTailDirty = false
      state.counts = Counts()
      states[source] = state
    }
    touched.removeAll(keepingCapacity: true)
  }

  // MARK: Ranges

  private mutating func load(_ source: Int64, in database: Database) throws {
    guard states[source] == nil else { return }
    var state = State()
    let select = try RawStatement(
      database,
      """
      SELECT first, last, first_time_ms, last_time_ms FROM sequence_range
      WHERE source = ?1 ORDER BY first DESC LIMIT 1
      """)
    select.bind(source, at: 1)
    if try select.next() {
      state.tailFirst = select.integer(0)
      state.tailLast = select.integer(1)
      state.tailFirstTime = select.integer(2)
      state.tailLastTime = select.integer(3)
      select.finish()
    }
    state.unstoredHighest = try UnstoredNumbers(source: source, database: database).highest()
    states[source] = state
  }

  private static func register(
    _ state: inout State, _ source: Int64, _ sequence: Int64, _ time: Int64, _ database: Database
  ) throws -> Bool {
    // Wrapping: nothing follows the largest number, and no number is negative.
    if state.tailLast > 0 && sequence == state.tailLast &+ 1 {
      state.tailLast = sequence
      state.tailLastTime = time
      state.isTailDirty = true
      return true
    }
    if sequence > state.tailLast {
      if state.isTailDirty { try writeTail(source, state, database) }
      state.tailFirst = sequence
      state.tailLast = sequence
      state.tailFirstTime = time
      state.tailLastTime = time
      state.isTailDirty = true
      return true
    }
    if sequence >= state.tailFirst { return false }
    return try registerBelowTail(&state, source, sequence, time, database)
  }

  /// A number under the tail: extends, joins or adds a range in the table.
  private static func registerBelowTail(
    _ state: inout State, _ source: Int64, _ sequence: Int64, _ time: Int64, _ database: Database
  ) throws -> Bool {
    var lower = try range(atOrBelow: sequence, source, database)
    if let lower, lower.last >= sequence { return false }
    if let found = lower, found.last != sequence - 1 { lower = nil }
    let joinsTail = state.tailFirst == sequence + 1
    if joinsTail {
      // The tail grows downwards, and swallows the range below when they now touch.
      try delete(source, first: state.tailFirst, database)
      state.tailFirst = lower?.first ?? sequence
      state.tailFirstTime = lower?.firstTime ?? time
      state.isTailDirty = true
      if let lower { try delete(source, first: lower.first, database) }
      return true
    }
    let upper = try range(startingAt: sequence + 1, source, database)
    if let upper { try delete(source, first: upper.first, database) }
    try write(
      source,
      Range(
        first: lower?.first ?? sequence, last: upper?.last ?? sequence,
        firstTime: lower?.firstTime ?? time, lastTime: upper?.lastTime ?? time), database)
    return true
  }

  private struct Range {
    var first: Int64
    var last: Int64
    var firstTime: Int64
    var lastTime: Int64
  }

  private static func range(
    atOrBelow sequence: Int64, _ source: Int64, _ database: Database
  ) throws -> Range? {
    try range(
      """
      SELECT first, last, first_time_ms, last_time_ms FROM sequence_range
      WHERE source = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1
      """, source, sequence, database)
  }

  private static func range(startingAt first: Int64, _ source: Int64, _ database: Database) throws -> Range? {
    try range(
      """
      SELECT first, last, first_time_ms, last_time_ms FROM sequence_range WHERE source = ?1 AND first = ?2
      """, source, first, database)
  }

  private static func range(
    _ sql: String, _ source: Int64, _ number: Int64, _ database: Database
  ) throws -> Range? {
    let select = try RawStatement(database, sql)
    select.bind(source, at: 1)
    select.bind(number, at: 2)
    guard try select.next() else { return nil }
    defer { select.finish() }
    return Range(
      first: select.integer(0), last: select.integer(1), firstTime: select.integer(2),
      lastTime: select.integer(3))
  }

  private static func delete(_ source: Int64, first: Int64, _ database: Database) throws {
    let delete = try RawStatement(database, "DELETE FROM sequence_range WHERE source = ?1 AND first = ?2")
    delete.bind(source, at: 1)
    delete.bind(first, at: 2)
    try delete.run()
  }

  private static func writeTail(_ source: Int64, _ state: State, _ database: Database) throws {
    try write(
      source,
      Range(
        first: state.tailFirst, last: state.tailLast, firstTime: state.tailFirstTime,
        lastTime: state.tailLastTime), database)
  }

  private static func write(_ source: Int64, _ range: Range, _ database: Database) throws {
    let insert = try RawStatement(
      database,
      """
      INSERT OR REPLACE INTO sequence_range (source, first, last, first_time_ms, last_time_ms)
      VALUES (?1, ?2, ?3, ?4, ?5)
      """)
    for (index, value) in [source, range.first, range.last, range.firstTime, range.lastTime].enumerated() {
      insert.bind(value, at: Int32(index + 1))
    }
    try insert.run()
  }
}
