import GRDB

/// Whether the ledger adds up, source by source.
///
/// Of every source's numbers: highest - lowest + 1 = stored + refused + withheld + lost, as `status --sources` shows
/// them, where stored are the events booked under the source.
package enum LedgerCheck {
  /// Findings reported one by one; a damaged table must not make a report without end.
  private static let findingsMax = 20

  /// What does not add up, one line each; empty when all does.
  ///
  /// - Complexity: O(sources + ranges).
  package static func problems(in database: Database) throws -> [String] {
    let found = try Row.fetchAll(
      database, sql: "SELECT source, what FROM (\(findingsSQL)) ORDER BY source, what LIMIT \(findingsMax)"
    ).map { (source: $0[0] as Int64, what: $0[1] as String) }
    return (try sums(in: database) + found).prefix(findingsMax).map {
      "ledger of source \($0.source): \($0.what)"
    }
  }

  /// Sources whose numbers are not what they add up to.
  private static func sums(in database: Database) throws -> [(source: Int64, what: String)] {
    var storedEvents: [Int64: Int64] = [:]
    let select = try RawStatement(database, "SELECT id, stored FROM source WHERE id <> 0")
    while try select.next() { storedEvents[select.integer(0)] = select.integer(1) }
    var found: [(source: Int64, what: String)] = []
    try NumberAccount.forEach(in: database) { source, numbers in
      let stored = storedEvents.removeValue(forKey: source) ?? 0
      // Wrapping, as a damaged table may say anything.
      let span = numbers.highest &- numbers.lowest &+ 1
      let sum = stored &+ numbers.refused &+ numbers.withheld &+ numbers.lost
      guard span != sum, found.count < findingsMax else { return }
      found.append(
        (
          source,
          """
          numbers \(numbers.lowest) to \(numbers.highest) are \(span), but stored \(stored), refused \
          \(numbers.refused), withheld \(numbers.withheld) and lost \(numbers.lost) are \(sum)
          """
        ))
    }
    for (source, stored) in storedEvents.sorted(by: { $0.key < $1.key }).filter({ $0.value != 0 })
    where found.count < findingsMax {
      found.append((source, "stored \(stored) events under no number"))
    }
    return found
  }

  private static let findingsSQL = """
    SELECT source, 'numbers ' || first || ' to ' || last || ' stand backwards' AS what
      FROM (\(StoreStatus.knownNumbersSQL)) WHERE first > last OR first < 1
    UNION ALL
    SELECT source, 'number ' || next || ' is booked twice' FROM (
      SELECT source, last, lead(first) OVER (PARTITION BY source ORDER BY first) AS next
      FROM (\(StoreStatus.knownNumbersSQL))) WHERE next <= last
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
