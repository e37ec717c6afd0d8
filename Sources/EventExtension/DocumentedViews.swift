/// The views that admins may rely on (`docs/sql.md`); people appear through `waterline_person`.
package enum DocumentedViews {
  package struct View: Sendable {
    package var name: String
    package var purpose: String
    package var sql: String
  }

  package static let all: [View] = [
    View(
      name: "people", purpose: "one row a roster row: who is where, and when",
      sql: """
        SELECT waterline_person(user) AS person, department, role, site,
          CASE manager WHEN '' THEN NULL ELSE waterline_person(manager) END AS manager,
          active_from, active_to, service FROM main.roster
        """),
    View(
      name: "features", purpose: "every feature seen or in the catalog, with what the catalog says",
      sql: """
        SELECT f.app, f.feature, c.roles, c.target_days, c.target_ms, c.category, c.critical, c.automatic
        FROM (SELECT app, feature FROM main.feature_name WHERE feature IS NOT NULL
          UNION SELECT app, feature FROM main.catalog) f
        LEFT JOIN main.catalog c ON c.app = f.app AND c.feature = f.feature
        """),
    View(
      name: "tickets", purpose: "service-desk tickets; times in milliseconds since 1970 UTC",
      sql: """
        SELECT id, waterline_person(ifnull((SELECT a.user FROM main.roster_alias a
            WHERE a.alias = requester AND NOT EXISTS (SELECT 1 FROM main.roster r WHERE r.user = requester)),
            requester)) AS person,
          opened_ms, first_response_ms, resolved_ms, reopened, app, category, priority, state, satisfaction,
          effort_minutes, "group", CASE owner WHEN '' THEN NULL ELSE waterline_person(owner) END AS owner,
          reassignments, level FROM main.ticket
        """),
    View(
      name: "sources", purpose: "the ledger of each source: what arrived, twice, differing, refused",
      sql: """
        SELECT CASE s.id WHEN 0 THEN NULL ELSE waterline_person(s.name) END AS source, s.stored, s.duplicate, s.conflict, s.rejected,
          s.first_received_ms, s.last_received_ms, s.tail_last AS highest_seq,
          ifnull(s.tail_last - s.tail_first + 1, 0) + (SELECT ifnull(sum(r.last - r.first + 1), 0)
            FROM main.sequence_range_below r WHERE r.source = s.id) AS numbers_stored, s.late,
          s.clock_offset_ms, s.clock_offset_largest_ms, s.dropped AS spool_dropped
        FROM main.source s
        """),
    View(
      name: "sequence_gaps",
      purpose: "numbers that were not stored; refused of them arrived and were no good",
      sql: """
        SELECT CASE s.id WHEN 0 THEN NULL ELSE waterline_person(s.name) END AS source, g.last + 1 AS first_missing, g.next - 1 AS last_missing,
          (SELECT ifnull(sum(j.last - j.first + 1), 0) FROM main.sequence_unstored j WHERE j.kind = 1
            AND j.source = g.source AND j.first > g.last AND j.first < g.next) AS refused,
          g.last_time_ms AS time_before, g.next_time_ms AS time_after,
          (SELECT ifnull(sum(j.last - j.first + 1), 0) FROM main.sequence_unstored j WHERE j.kind = 2
            AND j.source = g.source AND j.first > g.last AND j.first < g.next) AS withheld,
          (SELECT ifnull(sum(j.last - j.first + 1), 0) FROM main.sequence_unstored j WHERE j.kind = 3
            AND j.source = g.source AND j.first > g.last AND j.first < g.next) AS dropped
        FROM (SELECT source, last, last_time_ms,
            lead(first) OVER w AS next, lead(first_time_ms) OVER w AS next_time_ms
          FROM main.sequence_range WINDOW w AS (PARTITION BY source ORDER BY first)) g
        JOIN main.source s ON s.id = g.source WHERE g.next IS NOT NULL
        """),
    View(
      name: "rejections", purpose: "refused events by source and reason",
      sql: """
        SELECT CASE s.id WHEN 0 THEN NULL ELSE waterline_person(s.name) END AS source, r.reason, r.count
        FROM main.source_rejection r JOIN main.source s ON s.id = r.source
        """),
    View(
      name: "chunks", purpose: "how the events are stored",
      sql: "SELECT id, day, run, row_count, time_min_ms, time_max_ms, byte_count FROM main.chunk"),
    View(
      name: "counters", purpose: "running totals of the collector",
      sql: "SELECT name, value FROM main.counter"),
    View(
      name: "settings", purpose: "settings kept in the database", sql: "SELECT name, value FROM main.setting"
    ),
    View(
      name: "purposes", purpose: "who looked at names, when and why",
      sql: "SELECT id, time_ms, login, command, purpose FROM main.purpose_log"),
  ]
}
