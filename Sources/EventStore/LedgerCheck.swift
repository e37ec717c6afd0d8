import GRDB

/// Whether the ledger adds up, source by source.
///
/// From the lowest number seen to the highest: sent = stored + refused + withheld + lost; duplicates apart.
package enum LedgerCheck {
  /// Findings reported one by one; a damaged table must not make a report without end.
  private static let findingsMax = 20

  /// What does not add up, one line each; empty when all does.
  ///
  /// - Complexity: O(sources + ranges).
  package static func problems(in database: Database) throws -> [String] {
    try Row.fetchAll(
      database, sql: "SELECT source, what FROM (\(findingsSQL)) ORDER BY source, what LIMIT \(findingsMax)"
    ).map { "ledger of source \($0[0] as Int64): \($0[1] as String)" }
  }

  private static let findingsSQL = """
    SELECT source, 'numbers ' || first || ' to ' || last || ' stand backwards' AS what
      FROM (\(StoreStatus.knownNumbersSQL)) WHERE first > last OR first < 1
    UNION ALL
    SELECT source, 'number ' || next || ' is booked twice' FROM (
      SELECT source, last, lead(first) OVER (PARTITION BY source ORDER BY first) AS next
      FROM (\(StoreStatus.knownNumbersSQL))) WHERE next <= last
    UNION ALL
    SELECT s.id, 'stored ' || s.stored || ' events under ' || ifnull(r.numbers, 0) || ' numbers'
      FROM source s LEFT JOIN (
        SELECT source, sum(last - first + 1) AS numbers FROM sequence_range GROUP BY source) r
        ON r.source = s.id
      WHERE s.id <> 0 AND s.stored <> ifnull(r.numbers, 0)
    UNION ALL
    SELECT s.id, 'refused ' || s.rejected || ' events for ' || ifnull(j.count, 0) || ' reasons counted'
      FROM source s LEFT JOIN (
        SELECT source, sum(count) AS count FROM source_rejection GROUP BY source) j ON j.source = s.id
      WHERE s.rejected <> ifnull(j.count, 0)
    UNION ALL
    SELECT id, 'more conflicts (' || conflict || ') than duplicates (' || duplicate || ')'
      FROM source WHERE conflict > duplicate
    """
}
