import GRDB

/// What became of the numbers of one source, from the lowest of which anything is known to the highest.
///
/// highest - lowest + 1 = stored + refused + withheld + lost. What lies below the lowest is no part of it: a source
/// may be older than the database.
package struct NumberAccount: Equatable, Sendable {
  package private(set) var lowest: Int64
  package private(set) var highest: Int64
  package private(set) var stored: Int64 = 0
  /// Their event was refused, and none was stored under them later.
  package private(set) var refused: Int64 = 0
  /// Left out on purpose.
  package private(set) var withheld: Int64 = 0
  /// All others: nothing is known of them, or that the sender's spool dropped them.
  package private(set) var lost: Int64 = 0
  /// Stretches of lost numbers.
  package private(set) var gapCount: Int64 = 0
  /// The first ``gapsNamedMax`` of them.
  package private(set) var firstGaps: [ClosedRange<Int64>] = []
  /// The stretch that may go on with the next number.
  private var openGap: ClosedRange<Int64>?

  /// Gaps named for one source: a line must hold them.
  package static let gapsNamedMax = 5

  private init(from lowest: Int64) {
    self.lowest = lowest
    highest = lowest &- 1
  }

  /// Calls `body` with each source that has numbers, in the order of their ids.
  ///
  /// - Complexity: O(ranges), which come sorted from their tables.
  package static func forEach(
    in database: Database, _ body: (_ source: Int64, NumberAccount) throws -> Void
  ) throws {
    let select = try RawStatement(
      database,
      """
      SELECT source, first, last, 0 FROM sequence_range_below
      UNION ALL SELECT id, tail_first, tail_last, 0 FROM source WHERE tail_last IS NOT NULL
      UNION ALL SELECT source, first, last, kind FROM sequence_unstored ORDER BY 1, 2
      """)
    var source: Int64?
    var account = NumberAccount(from: 1)
    func end() throws {
      account.closeGap()
      if let source { try body(source, account) }
    }
    while try select.next() {
      let (next, first) = (select.integer(0), select.integer(1))
      if next != source {
        try end()
        source = next
        account = NumberAccount(from: first)
      }
      account.add(first, select.integer(2), UnstoredNumbers.Kind(rawValue: select.integer(3)))
    }
    try end()
  }

  /// Adds the next range; nil stands for stored numbers.
  ///
  /// Wrapping, as a damaged table may say anything; what a sound one says cannot overflow.
  private mutating func add(_ first: Int64, _ last: Int64, _ kind: UnstoredNumbers.Kind?) {
    if first > highest &+ 1 { lose(highest &+ 1, first &- 1) }
    let count = last &- first &+ 1
    switch kind {
    case .dropped: lose(first, last)
    case .refused: refused &+= count
    case .withheld: withheld &+= count
    case nil: stored &+= count
    }
    if kind != .dropped { closeGap() }
    highest = max(highest, last)
  }

  private mutating func lose(_ first: Int64, _ last: Int64) {
    guard first <= last else { return }
    lost &+= last &- first &+ 1
    if let gap = openGap {
      openGap = gap.lowerBound...max(gap.upperBound, last)
    } else {
      gapCount += 1
      openGap = first...last
    }
  }

  private mutating func closeGap() {
    guard let gap = openGap else { return }
    if firstGaps.count < Self.gapsNamedMax { firstGaps.append(gap) }
    openGap = nil
  }

  /// `5, 7-9`; nil without any.
  package var firstGapsText: String? {
    guard !firstGaps.isEmpty else { return nil }
    return firstGaps.map { gap in
      gap.lowerBound == gap.upperBound ? "\(gap.lowerBound)" : "\(gap.lowerBound)-\(gap.upperBound)"
    }.joined(separator: ", ")
  }
}
