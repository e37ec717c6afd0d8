import GRDB

/// How the store is doing: what `waterline status` shows.
package struct StoreStatus: Equatable, Sendable {
  /// One source's ledger.
  package struct Source: Equatable, Sendable {
    package var name: String
    package var stored: Int64
    package var duplicate: Int64
    package var conflict: Int64
    package var rejected: Int64
    package var highestSequence: Int64?
    /// Numbers between the first and the highest that were neither stored nor refused.
    package var lost: Int64
    package var gapCount: Int64
    /// Numbers whose event was refused, and that were not stored later.
    package var refusedNumbers: Int64
    /// Numbers that were left out on purpose.
    package var withheld: Int64
    /// Events received more than a day after their end.
    package var late: Int64
    /// Numbers that the sender's spool dropped, by its own account; lost, and counted there too.
    package var dropped: Int64
    /// Receipt less the sender's clock, the last time and the largest ever.
    package var clockOffsetMilliseconds: Int64?
    package var largestClockOffsetMilliseconds: Int64?
    package var lastReceivedMilliseconds: Int64?
    /// `time 3, too_long 1`; nil when nothing was refused.
    package var rejectedByReason: String?
    /// The first ``gapsNamedMax`` gaps: `5, 7-9`; nil without any.
    package var firstGaps: String?

    /// Gaps named for one source: the view `sequence_gaps` has them all.
    package static let gapsNamedMax = 5
  }

  package var eventCount: Int64
  package var chunkCount: Int64
  /// Chunks not merged yet.
  package var arrivalChunkCount: Int64
  package var chunkBytes: Int64
  package var fileBytes: Int64
  package var oldestMilliseconds: Int64?
  package var newestMilliseconds: Int64?
  package var sourceCount: Int64
  package var stored: Int64
  package var duplicate: Int64
  package var conflict: Int64
  package var rejected: Int64
  package var lost: Int64
  package var withheld: Int64
  package var late: Int64
  /// Events in chunks that were set aside as damaged, and so in no report.
  package var damagedEventCount: Int64
  /// Events that retention deleted; daily cells stand for them.
  package var pruned: PrunedEvents
  package var cellCount: Int64
  package var cellBytes: Int64
  /// Packets refused at the envelope, by reason.
  package var refusedPackets: [(reason: String, count: Int64)]
  package var deadLetterCount: Int64
  package var rejectedByReason: [(reason: String, count: Int64)]
  package var counters: [String: Int64]
  package var rosterPeople: Int64
  package var catalogFeatures: Int64
  package var ticketCount: Int64

  package static func == (left: StoreStatus, right: StoreStatus) -> Bool {
    left.eventCount == right.eventCount && left.counters == right.counters
  }
}

extension StoreStatus {
  /// Reads the status in one snapshot.
  ///
  /// - Complexity: O(chunks + sequence ranges).
  package init(in database: Database) throws {
    func integer(_ sql: String) throws -> Int64 { try Int64.fetchOne(database, sql: sql) ?? 0 }
    let chunks = try Row.fetchOne(
      database,
      sql: """
        SELECT ifnull(sum(row_count), 0), count(*), ifnull(sum(day IS NULL), 0), ifnull(sum(byte_count), 0),
          min(time_min_ms), max(time_max_ms) FROM chunk
        """)
    eventCount = chunks?[0] ?? 0
    chunkCount = chunks?[1] ?? 0
    arrivalChunkCount = chunks?[2] ?? 0
    chunkBytes = chunks?[3] ?? 0
    oldestMilliseconds = chunks?[4]
    newestMilliseconds = chunks?[5]
    fileBytes = try integer("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    let ledger = try Row.fetchOne(
      database,
      sql: """
        SELECT sum(id <> 0), sum(stored), sum(duplicate), sum(conflict), sum(rejected) FROM source
        """)
    sourceCount = ledger?[0] ?? 0
    stored = ledger?[1] ?? 0
    duplicate = ledger?[2] ?? 0
    conflict = ledger?[3] ?? 0
    rejected = ledger?[4] ?? 0
    lost = try integer("SELECT CAST(min(total(lost), 9e18) AS INTEGER) FROM (\(Self.gapsSQL))")
    withheld = try integer(
      "SELECT CAST(min(total(last - first + 1), 9e18) AS INTEGER) FROM sequence_unstored WHERE kind = 2")
    late = try integer("SELECT sum(late) FROM source")
    damagedEventCount = try integer("SELECT sum(row_count) FROM damaged_chunk")
    pruned = try PrunedEvents(in: database)
    cellCount = try integer("SELECT sum(row_count) FROM rollup WHERE kind = 1")
    cellBytes = try integer("SELECT sum(byte_count) FROM rollup")
    refusedPackets = try Row.fetchAll(
      database, sql: "SELECT reason, sum(count) FROM packet_refusal GROUP BY reason ORDER BY reason"
    ).map { ($0[0], $0[1]) }
    deadLetterCount = try integer("SELECT count(*) FROM dead_letter")
    rejectedByReason = try Row.fetchAll(
      database, sql: "SELECT reason, sum(count) FROM source_rejection GROUP BY reason ORDER BY reason"
    ).map { ($0[0], $0[1]) }
    counters = try Counters.all(in: database)
    rosterPeople = try integer("SELECT count(DISTINCT user) FROM roster")
    catalogFeatures = try integer("SELECT count(*) FROM catalog")
    ticketCount = try integer("SELECT count(*) FROM ticket")
  }

  /// Every source's ledger, those with losses first.
  package static func sources(in database: Database) throws -> [Source] {
    let sql = """
      SELECT s.name, s.stored, s.duplicate, s.conflict, s.rejected,
        (SELECT max(last) FROM (\(knownNumbersSQL)) r WHERE r.source = s.id), ifnull(g.lost, 0),
        ifnull(g.gaps, 0), s.last_received_ms,
        (SELECT ifnull(sum(last - first + 1), 0) FROM sequence_unstored u WHERE u.source = s.id AND kind = 1),
        (SELECT ifnull(sum(last - first + 1), 0) FROM sequence_unstored u WHERE u.source = s.id AND kind = 2),
        s.late, s.dropped, s.clock_offset_ms, s.clock_offset_largest_ms,
        (\(reasonsOfSourceSQL)), (\(gapsOfSourceSQL))
      FROM source s LEFT JOIN (\(gapsSQL)) g ON g.source = s.id
      WHERE s.id <> 0 OR s.stored + s.rejected > 0
      ORDER BY ifnull(g.lost, 0) DESC, s.stored DESC, s.name
      """
    return try Row.fetchAll(database, sql: sql).map {
      Source(
        name: $0[0], stored: $0[1], duplicate: $0[2], conflict: $0[3], rejected: $0[4],
        highestSequence: $0[5], lost: $0[6], gapCount: $0[7], refusedNumbers: $0[9], withheld: $0[10],
        late: $0[11], dropped: $0[12], clockOffsetMilliseconds: $0[13],
        largestClockOffsetMilliseconds: $0[14], lastReceivedMilliseconds: $0[8], rejectedByReason: $0[15],
        firstGaps: $0[16])
    }
  }

  /// Every number of which something is known, as ranges: stored, refused or withheld.
  static let knownNumbersSQL = """
    SELECT source, first, last FROM sequence_range
    UNION ALL SELECT source, first, last FROM sequence_unstored
    """

  /// Of source `s`.
  private static let reasonsOfSourceSQL = """
    SELECT group_concat(reason || ' ' || count, ', ') FROM (
      SELECT reason, count FROM source_rejection j WHERE j.source = s.id ORDER BY reason)
    """

  /// Of source `s`.
  private static let gapsOfSourceSQL = """
    SELECT group_concat(numbers, ', ') FROM (
      SELECT (last + 1) || CASE WHEN next - 2 > last THEN '-' || (next - 1) ELSE '' END AS numbers FROM (
        SELECT last, lead(first) OVER (ORDER BY first) AS next
        FROM (\(knownNumbersSQL)) k WHERE k.source = s.id)
      WHERE next - 1 > last ORDER BY last LIMIT \(Source.gapsNamedMax))
    """

  /// Per source: numbers between the lowest and the highest known of which nothing is.
  private static let gapsSQL = """
    SELECT source, sum(next - last - 1) AS lost, count(*) AS gaps
    FROM (SELECT source, last, lead(first) OVER (PARTITION BY source ORDER BY first) AS next
      FROM (\(knownNumbersSQL)))
    WHERE next - 1 > last GROUP BY source
    """
}
