import GRDB
import UsageModel

/// How the store is doing: what `waterline status` shows.
package struct StoreStatus: Equatable, Sendable {
  /// One source's ledger.
  package struct Source: Equatable, Sendable {
    package var name: String
    package var stored: Int64
    package var duplicate: Int64
    package var conflict: Int64
    /// Refused events, each time that one came.
    package var rejected: Int64
    /// What became of its numbers; nil while none is known.
    package var numbers: NumberAccount?
    /// Events received more than a day after their end.
    package var late: Int64
    /// Numbers that the sender's spool dropped, by its own account; they are among the lost, unless they came after all.
    package var dropped: Int64
    /// Receipt less the sender's clock, the last time and the largest ever.
    package var clockOffsetMilliseconds: Int64?
    package var largestClockOffsetMilliseconds: Int64?
    package var lastReceivedMilliseconds: Int64?
    /// `time 3, too_long 1`; nil when nothing was refused.
    package var rejectedByReason: String?

    package var lost: Int64 { numbers?.lost ?? 0 }
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
  /// Refused events, each time that one came.
  package var rejected: Int64
  /// Numbers whose event was refused, and under which none was stored later.
  package var refusedNumbers: Int64
  package var lost: Int64
  package var withheld: Int64
  package var dropped: Int64
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
    var (refused, lost, withheld): (Int64, Int64, Int64) = (0, 0, 0)
    try NumberAccount.forEach(in: database) { _, account in
      refused = Self.sum(refused, account.refused)
      lost = Self.sum(lost, account.lost)
      withheld = Self.sum(withheld, account.withheld)
    }
    (refusedNumbers, self.lost, self.withheld) = (refused, lost, withheld)
    dropped = try Int64.fetchAll(database, sql: "SELECT dropped FROM source WHERE dropped > 0")
      .reduce(0, Self.sum)
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

  /// Adds counts that senders claim; a sum that no integer holds stays at the largest.
  private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, isOverflow) = left.addingReportingOverflow(right)
    return isOverflow ? .max : sum
  }

  /// Every source's ledger, those with losses first.
  ///
  /// - Complexity: O(sources log sources + ranges).
  package static func sources(in database: Database) throws -> [Source] {
    var accounts: [Int64: NumberAccount] = [:]
    try NumberAccount.forEach(in: database) { accounts[$0] = $1 }
    let sql = """
      SELECT s.id, s.name, s.stored, s.duplicate, s.conflict, s.rejected, s.late, s.dropped, s.clock_offset_ms,
        s.clock_offset_largest_ms, s.last_received_ms, (\(reasonsOfSourceSQL))
      FROM source s WHERE s.id <> 0 OR s.stored + s.rejected > 0
      """
    return try Row.fetchAll(database, sql: sql).map {
      Source(
        name: $0[1], stored: $0[2], duplicate: $0[3], conflict: $0[4], rejected: $0[5],
        numbers: accounts[$0[0]], late: $0[6], dropped: $0[7], clockOffsetMilliseconds: $0[8],
        largestClockOffsetMilliseconds: $0[9], lastReceivedMilliseconds: $0[10], rejectedByReason: $0[11])
    }.sorted {
      ($1.lost, $1.stored, Utf8Key($0.name)) < ($0.lost, $0.stored, Utf8Key($1.name))
    }
  }

  /// Every number of which something is known, as ranges: stored, refused, withheld or dropped.
  static let knownNumbersSQL = """
    SELECT source, first, last FROM sequence_range
    UNION ALL SELECT source, first, last FROM sequence_unstored
    """

  /// Of source `s`.
  private static let reasonsOfSourceSQL = """
    SELECT group_concat(reason || ' ' || count, ', ') FROM (
      SELECT reason, count FROM source_rejection j WHERE j.source = s.id ORDER BY reason)
    """
}
