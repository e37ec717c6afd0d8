import GRDB

/// Numbers of a source that are known and yet not stored: their event was refused, withheld on purpose, or dropped by
/// the sender's spool.
///
/// Dropped numbers are lost, as those are of which nothing is known; they tell how far a source's numbers reach.
/// Kept as ranges in `sequence_unstored`, apart from each other and from the stored ones. What came first stays,
/// except that a number that is stored after all leaves.
struct UnstoredNumbers {
  enum Kind: Int64 {
    case refused = 1
    case withheld = 2
    case dropped = 3
  }

  /// Ranges kept for one source: numbers beyond pass for lost, so that nobody fills the disk with bad events.
  static let rangesMax = 4_096

  let source: Int64
  let database: Database

  /// The highest such number, 0 for none, and how many ranges there are.
  func extent() throws -> (highest: Int64, rangeCount: Int) {
    let select = try RawStatement(
      database, "SELECT ifnull(max(last), 0), count(*) FROM sequence_unstored WHERE source = ?1")
    select.bind(source, at: 1)
    guard try select.next() else { return (0, 0) }
    defer { select.finish() }
    return (select.integer(0), Int(select.integer(1)))
  }

  /// Notes numbers, as far as nothing is known of them yet and there is room.
  ///
  /// - Parameters:
  ///   - tail: the topmost range of stored numbers, which only memory knows up to date.
  ///   - room: ranges that may be added at most.
  /// - Returns: by how many ranges there are more now.
  /// - Complexity: O(log ranges) a known range that it meets, of which ``rangesMax`` are looked at.
  func add(
    _ range: ClosedRange<Int64>, _ kind: Kind, besideTail tail: SequenceRangeTable.Range?, room: Int
  ) throws -> Int {
    // Nothing is looked for in vain: who sends bad events may send many.
    guard room > 0 else { return 0 }
    var added = 0
    var next = range.lowerBound
    for known in try overlapping(range, tail) {
      if known.lowerBound > next, added < room { added += try join(next...known.lowerBound - 1, kind) }
      if known.upperBound >= range.upperBound { return added }
      next = max(next, known.upperBound + 1)
    }
    if added < room && next <= range.upperBound { added += try join(next...range.upperBound, kind) }
    return added
  }

  /// Takes out a number that is now stored, or whose refusal is taken back (`ifOnly`).
  ///
  /// - Returns: by how many ranges there are more now: -1 to 1.
  func remove(_ number: Int64, ifOnly wanted: Kind? = nil) throws -> Int {
    guard let (range, kind) = try atOrBelow(number), range.contains(number), kind == wanted ?? kind else {
      return 0
    }
    try delete(range)
    var added = -1
    if range.lowerBound < number {
      try insert(range.lowerBound...number - 1, kind)
      added += 1
    }
    if number < range.upperBound {
      try insert(number + 1...range.upperBound, kind)
      added += 1
    }
    return added
  }

  /// Known ranges that meet a range, ascending; a range cut by more than ``rangesMax`` ends there.
  private func overlapping(
    _ range: ClosedRange<Int64>, _ tail: SequenceRangeTable.Range?
  ) throws -> [ClosedRange<Int64>] {
    let select = try RawStatement(
      database,
      """
      SELECT first, last FROM sequence_range_below WHERE source = ?1 AND last >= ?2 AND first BETWEEN
        ifnull((SELECT max(first) FROM sequence_range_below WHERE source = ?1 AND first <= ?2), ?2) AND ?3
      UNION ALL SELECT ?4, ?5 WHERE ?4 <= ?3 AND ?5 >= ?2
      UNION ALL SELECT first, last FROM sequence_unstored WHERE source = ?1 AND last >= ?2 AND first BETWEEN
        ifnull((SELECT max(first) FROM sequence_unstored WHERE source = ?1 AND first <= ?2), ?2) AND ?3
      ORDER BY first LIMIT \(Self.rangesMax)
      """)
    select.bind(source, at: 1)
    select.bind(range.lowerBound, at: 2)
    select.bind(range.upperBound, at: 3)
    select.bind(tail?.first, orNullAt: 4)
    select.bind(tail?.last, orNullAt: 5)
    var found: [ClosedRange<Int64>] = []
    while try select.next() { found.append(select.integer(0)...select.integer(1)) }
    // Behind so many nothing is known any more: claim nothing there.
    if found.count == Self.rangesMax, let last = found.last {
      found[found.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
    }
    return found
  }

  /// Inserts, joined with neighbours of the same kind; returns by how many ranges there are more: -1 to 1.
  private func join(_ range: ClosedRange<Int64>, _ kind: Kind) throws -> Int {
    var (first, last) = (range.lowerBound, range.upperBound)
    var added = 1
    if let (below, other) = try atOrBelow(first), below.upperBound == first - 1, other == kind {
      try delete(below)
      first = below.lowerBound
      added -= 1
    }
    if last < .max, let (above, other) = try atOrBelow(last + 1), above.lowerBound == last + 1, other == kind
    {
      try delete(above)
      last = above.upperBound
      added -= 1
    }
    try insert(first...last, kind)
    return added
  }

  private func atOrBelow(_ number: Int64) throws -> (ClosedRange<Int64>, Kind)? {
    let select = try RawStatement(
      database,
      """
      SELECT first, last, kind FROM sequence_unstored WHERE source = ?1 AND first <= ?2
      ORDER BY first DESC LIMIT 1
      """)
    select.bind(source, at: 1)
    select.bind(number, at: 2)
    guard try select.next() else { return nil }
    defer { select.finish() }
    return (select.integer(0)...select.integer(1), Kind(rawValue: select.integer(2)) ?? .refused)
  }

  private func insert(_ range: ClosedRange<Int64>, _ kind: Kind) throws {
    let insert = try RawStatement(
      database, "INSERT INTO sequence_unstored (source, first, last, kind) VALUES (?1, ?2, ?3, ?4)")
    for (index, value) in [source, range.lowerBound, range.upperBound, kind.rawValue].enumerated() {
      insert.bind(value, at: Int32(index + 1))
    }
    try insert.run()
  }

  private func delete(_ range: ClosedRange<Int64>) throws {
    let delete = try RawStatement(database, "DELETE FROM sequence_unstored WHERE source = ?1 AND first = ?2")
    delete.bind(source, at: 1)
    delete.bind(range.lowerBound, at: 2)
    try delete.run()
  }
}
