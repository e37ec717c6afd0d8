import GRDB

/// A stretch of numbers of one source that are neither stored nor withheld, between two stored ones.
package struct MissingNumbers: Equatable, Sendable {
  package var source: Int64
  /// Start of the last event before the stretch, by number; milliseconds since 1970 UTC.
  package var timeBeforeMilliseconds: Int64
  /// Start of the first event after the stretch, by number.
  package var timeAfterMilliseconds: Int64
  package var count: Int64

  /// All of them, by source and number.
  ///
  /// - Complexity: O(ranges log ranges) of the sources that have more than one.
  package static func all(in database: Database) throws -> [MissingNumbers] {
    let select = try RawStatement(
      database,
      """
      SELECT source, first, last, first_time_ms, last_time_ms FROM sequence_range
      WHERE source IN (SELECT source FROM sequence_range_below) ORDER BY source, first
      """)
    var found: [MissingNumbers] = []
    var source: Int64 = -1
    var last: Int64 = 0
    var lastTime: Int64 = 0
    while try select.next() {
      let next = select.integer(0)
      if next == source {
        let first = select.integer(1)
        // What was withheld leaves no gap.
        let missing = first - last - 1 - (try withheldCount(of: source, after: last, before: first, database))
        if missing > 0 {
          found.append(
            MissingNumbers(
              source: source, timeBeforeMilliseconds: lastTime, timeAfterMilliseconds: select.integer(3),
              count: missing))
        }
      }
      source = next
      last = select.integer(2)
      lastTime = select.integer(4)
    }
    return found
  }

  private static func withheldCount(
    of source: Int64, after last: Int64, before first: Int64, _ database: Database
  ) throws -> Int64 {
    let select = try RawStatement(
      database,
      """
      SELECT ifnull(sum(last - first + 1), 0) FROM sequence_unstored
      WHERE source = ?1 AND kind = ?2 AND first > ?3 AND first < ?4
      """)
    select.bind(source, at: 1)
    select.bind(UnstoredNumbers.Kind.withheld.rawValue, at: 2)
    select.bind(last, at: 3)
    select.bind(first, at: 4)
    guard try select.next() else { return 0 }
    defer { select.finish() }
    return select.integer(0)
  }
}
