"""The definitions of docs/methods.md as SQL, for the engines that Waterline is measured against.

Each report is a list of steps, (name, select): all but the last become temporary tables. Numbers stand for names,
in the order of the names' bytes (see generate.c). (source, seq) is unique in the data, so `time, source, seq` is the
whole order of a person's events. Days are UTC days. Rows come without suppression, as `--min-group 1` gives them.

Where it makes the engines faster, the queries do what a good analyst would: days are counted as bits of a word,
`dark` and `never` cells are counted rather than listed, gaps are looked for only in sources that have one, runs only
where somebody failed three times.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400_000
REPORTS = ("coverage", "coverage-department-feature", "benchmark", "bottlenecks", "erosion", "strikeouts", "flow")
STATES = ("adopted", "tried", "struggling", "dark", "lapsed", "never")


@dataclass(frozen=True)
class Window:
    """Whole UTC days, as numbers since 1970."""

    first: int
    last: int

    @property
    def days(self) -> int:
        return self.last - self.first

    @property
    def start(self) -> int:
        return self.first * DAY

    @property
    def stop(self) -> int:
        return self.last * DAY


class DuckDB:
    """How DuckDB spells what engines spell differently."""

    wide = "BIGINT"
    arg_max = "arg_max"
    bit_or = "bit_or"
    bit_count = "bit_count"
    no_bits = "CAST(0 AS BIGINT)"
    cube_root = "cbrt"

    def div(self, a: str, b: str) -> str:
        return f"(({a}) // ({b}))"

    def bit(self, n: str) -> str:
        return f"(CAST(1 AS BIGINT) << CAST({n} AS INTEGER))"

    def quantile(self, value: str, numerator: int, denominator: int) -> str:
        return f"quantile_disc({value}, {numerator}/{denominator})"

    def median(self, value: str) -> str:
        return f"quantile_disc({value}, 0.5)"

    def lead(self, value: str, n: int, window: str) -> str:
        return f"lead({value}, {n}) OVER ({window})"

    def lag(self, value: str, window: str) -> str:
        return f"lag({value}) OVER ({window})"


class ClickHouse(DuckDB):
    """How ClickHouse spells it."""

    wide = "Int64"
    arg_max = "argMax"
    bit_or = "groupBitOr"
    bit_count = "bitCount"
    no_bits = "toUInt64(0)"

    def div(self, a: str, b: str) -> str:
        return f"intDiv({a}, {b})"

    def bit(self, n: str) -> str:
        return f"bitShiftLeft(toUInt64(1), toUInt8(greatest({n}, 0)))"

    def quantile(self, value: str, numerator: int, denominator: int) -> str:
        position = f"toUInt64(greatest(1, intDiv({numerator} * count() + {denominator - 1}, {denominator})))"
        return f"arrayElement(arraySort(groupArray({value})), {position})"

    def median(self, value: str) -> str:
        return f"quantileExactLow(0.5)({value})"

    def lead(self, value: str, n: int, window: str) -> str:
        frame = "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"
        return f"leadInFrame(toNullable({value}), {n}) OVER ({window} {frame})"

    def lag(self, value: str, window: str) -> str:
        frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
        return f"lagInFrame(toNullable({value}), 1) OVER ({window} {frame})"


Steps = list[tuple[str, str]]


class Definitions:
    """The reports over one window, in one engine's SQL."""

    def __init__(self, engine: DuckDB, window: Window) -> None:
        self.engine = engine
        self.window = window
        self.in_window = f"e.time >= {window.start} AND e.time < {window.stop}"

    def steps(self, report: str) -> Steps:
        if report == "coverage":
            return self.coverage(())
        if report == "coverage-department-feature":
            return self.coverage(("department", "feature"))
        return {
            "benchmark": self.benchmark, "bottlenecks": self.bottlenecks, "erosion": self.erosion,
            "strikeouts": self.strikeouts, "flow": self.flow,
        }[report]()

    # -- Terms

    def events(self, condition: str, columns: str) -> str:
        """Acts of people: events with their person, automatic features left out."""
        return (f"(SELECT n.person AS person, {columns} FROM event e JOIN user_name n ON e.user = n.number "
                f"WHERE {condition} AND e.feature NOT IN (SELECT feature FROM catalog WHERE automatic = 1))")

    def terms(self) -> Steps:
        first, last = self.window.first, self.window.last
        arg_max = self.engine.arg_max
        target = self.engine.div(f"2 * target_days * {self.window.days} + 28", "56")
        return [
            ("member", f"""
                SELECT person, {arg_max}(department, active_from) AS department, {arg_max}(role, active_from) AS role,
                  CAST(sum(least(active_to, {last}) - greatest(active_from, {first})) AS {self.engine.wide}) AS active_days
                FROM roster
                WHERE greatest(active_from, {first}) < least(active_to, {last})
                  AND person NOT IN (SELECT person FROM roster WHERE service = 1)
                GROUP BY person"""),
            ("target", f"SELECT feature, greatest(1, {target}) AS target, target_ms FROM catalog WHERE automatic = 0"),
        ]

    # -- Coverage

    def ledger(self) -> Steps:
        """Cells by department and feature: expected, in each state, and of uncertain people."""
        engine, window = self.engine, self.window
        days = engine.div("e.time", str(DAY))
        bit = engine.bit(f"{days} - {window.first}")
        ok = "e.outcome = 2"
        return [
            ("gap_source", "SELECT source FROM event GROUP BY source HAVING max(seq) - min(seq) + 1 > count(*)"),
            ("uncertain_source", f"""
                SELECT DISTINCT source FROM (
                  SELECT source, seq, time, {engine.lead('seq', 1, 'PARTITION BY source ORDER BY seq')} AS next_seq,
                    {engine.lead('time', 1, 'PARTITION BY source ORDER BY seq')} AS next_time
                  FROM event WHERE source IN (SELECT source FROM gap_source)) AS numbers
                WHERE next_seq > seq + 1 AND least(time, next_time) < {window.stop}
                  AND greatest(time, next_time) >= {window.start}"""),
            ("seen", f"""
                SELECT person, max(CASE WHEN source IN (SELECT source FROM uncertain_source) THEN 1 ELSE 0 END)
                  AS uncertain
                FROM {self.events(self.in_window, 'e.source AS source')} AS x GROUP BY person"""),
            ("used", f"""
                SELECT person, feature, CAST({engine.bit_count}({engine.bit_or}(day_bit)) AS INTEGER) AS d,
                  sum(attempt) AS a, max(ok_before) AS ok_before
                FROM {self.events(f"e.kind = 3 AND e.time < {window.stop}", f'''e.feature AS feature,
                  CASE WHEN {ok} AND e.time >= {window.start} THEN {bit} ELSE {engine.no_bits} END
                    AS day_bit,
                  CASE WHEN e.time >= {window.start} THEN 1 ELSE 0 END AS attempt,
                  CASE WHEN {ok} AND e.time < {window.start} THEN 1 ELSE 0 END AS ok_before''')} AS x
                GROUP BY person, feature"""),
            ("expectation", """
                SELECT DISTINCT r.feature AS feature, m.role AS role
                FROM catalog_role r CROSS JOIN (SELECT DISTINCT role FROM member) m
                WHERE (r.role = '*' OR r.role = m.role) AND r.feature IN (SELECT feature FROM target)"""),
            ("eligible", f"""
                SELECT m.person AS person, m.department AS department, m.role AS role,
                  CASE WHEN s.person IS NULL THEN 1 ELSE 0 END AS dark, coalesce(s.uncertain, 0) AS uncertain
                FROM member m LEFT JOIN seen s ON m.person = s.person
                WHERE m.active_days >= {min(14, window.days)}"""),
            ("cell", """
                SELECT g.department AS department, u.feature AS feature, g.uncertain AS uncertain, g.dark AS dark,
                  u.d AS d, u.a AS a, u.ok_before AS ok_before, t.target AS target
                FROM used u JOIN eligible g ON u.person = g.person
                JOIN expectation x ON x.feature = u.feature AND x.role = g.role
                JOIN target t ON t.feature = u.feature"""),
            ("part", """
                SELECT q.department AS department, x.feature AS feature, q.people AS expected, q.dark AS dark,
                  q.uncertain AS uncertain, 0 AS adopted, 0 AS tried, 0 AS struggling, 0 AS lapsed,
                  0 AS uncertain_adopted, CAST(0 AS DOUBLE) AS depth
                FROM (SELECT department, role, count(*) AS people, sum(dark) AS dark, sum(uncertain) AS uncertain
                      FROM eligible GROUP BY department, role) q
                JOIN expectation x ON x.role = q.role
                UNION ALL
                SELECT department, feature, 0, 0, 0, CASE WHEN d >= target THEN 1 ELSE 0 END,
                  CASE WHEN d >= 1 AND d < target THEN 1 ELSE 0 END, CASE WHEN d = 0 AND a > 0 THEN 1 ELSE 0 END,
                  CASE WHEN a = 0 AND dark = 0 AND ok_before = 1 THEN 1 ELSE 0 END,
                  CASE WHEN d >= target AND uncertain = 1 THEN 1 ELSE 0 END,
                  least(CAST(d AS DOUBLE) / CAST(target AS DOUBLE), CAST(1 AS DOUBLE))
                FROM cell"""),
        ]

    def coverage(self, by: tuple[str, ...]) -> Steps:
        group = f"GROUP BY {', '.join(by)}" if by else ""
        columns = f"{', '.join(by)}, " if by else ""
        names = "r.department AS department, f.app AS app, f.feature AS feature, " if by else ""
        join = "LEFT JOIN feature_name f ON f.number = r.feature" if by else ""
        counts = ("expected", "dark", "uncertain", "adopted", "tried", "struggling", "lapsed", "uncertain_adopted",
                  "depth", "unexpected")
        zeros = ", ".join(f"0 AS {name}" for name in counts[:-2])
        sums = ", ".join(f"sum({name}) AS {name}" for name in counts)
        return [
            *self.terms(), *self.ledger(),
            ("unexpected_use", """
                SELECT u.person AS person, m.department AS department, u.feature AS feature
                FROM used u JOIN member m ON m.person = u.person
                LEFT JOIN (SELECT person, 1 AS is_there FROM eligible) g ON g.person = u.person
                LEFT JOIN (SELECT feature, role, 1 AS is_there FROM expectation) x
                  ON x.feature = u.feature AND x.role = m.role
                WHERE u.d > 0 AND (g.is_there IS NULL OR x.is_there IS NULL)"""),
            ("summed", f"""
                SELECT {columns}{sums} FROM (
                  SELECT {columns}{', '.join(counts[:-1])}, 0 AS unexpected FROM part
                  UNION ALL
                  SELECT {columns}{zeros}, CAST(0 AS DOUBLE) AS depth, count(DISTINCT person) AS unexpected
                  FROM unexpected_use {group}) AS p {group}"""),
            ("answer", f"""
                SELECT {names}expected, adopted, tried, struggling, dark, lapsed,
                  expected - adopted - tried - struggling - dark - lapsed AS never, unexpected,
                  adopted / nullif(CAST(expected AS DOUBLE), 0) AS coverage,
                  (adopted + tried) / nullif(CAST(expected AS DOUBLE), 0) AS reach,
                  r.depth / nullif(CAST(expected AS DOUBLE), 0) AS depth,
                  1 - dark / nullif(CAST(expected AS DOUBLE), 0) AS observed,
                  adopted / nullif(CAST(expected AS DOUBLE), 0) AS low,
                  (adopted + dark + uncertain - uncertain_adopted) / nullif(CAST(expected AS DOUBLE), 0) AS high
                FROM summed r {join}"""),
        ]

    # -- Benchmark times

    def times(self) -> Steps:
        """k and m of each person and feature, then b of each feature."""
        timed = self.events(
            f"{self.in_window} AND e.kind = 3 AND e.outcome = 2 AND e.duration >= 0",
            "e.feature AS feature, e.duration AS duration")
        return [
            ("pair", f"""
                SELECT person, feature, count(*) AS k, {self.engine.median('duration')} AS m
                FROM {timed} AS x WHERE person IN (SELECT person FROM member) GROUP BY person, feature"""),
            ("peer", f"""
                SELECT feature, count(*) AS people, {self.engine.quantile('m', 1, 4)} AS b
                FROM pair WHERE k >= 5 GROUP BY feature"""),
            ("best", """
                SELECT f.number AS feature, coalesce(p.people, 0) AS people,
                  nullif(CASE WHEN p.people >= 10 THEN p.b ELSE t.target_ms END, 0) AS b,
                  CASE WHEN nullif(CASE WHEN p.people >= 10 THEN p.b ELSE t.target_ms END, 0) IS NULL THEN 'none'
                    WHEN p.people >= 10 THEN 'peers' ELSE 'target' END AS kind
                FROM feature_name f LEFT JOIN peer p ON p.feature = f.number
                LEFT JOIN target t ON t.feature = f.number"""),
        ]

    def benchmark(self) -> Steps:
        return [
            *self.terms(), *self.ledger(), *self.times(),
            ("adoption", f"""
                SELECT feature, {self.engine.quantile('c', 3, 4)} AS a, count(*) AS departments FROM (
                  SELECT department, feature, sum(adopted) / CAST(sum(expected) AS DOUBLE) AS c
                  FROM part GROUP BY department, feature HAVING sum(expected) >= 10) AS x
                GROUP BY feature HAVING count(*) >= 4"""),
            ("answer", """
                SELECT f.app AS app, f.feature AS feature, b.b AS benchmark_ms, b.kind AS benchmark_kind,
                  b.people AS people, a.a AS adoption_benchmark
                FROM best b JOIN feature_name f ON f.number = b.feature
                LEFT JOIN adoption a ON a.feature = b.feature
                WHERE b.feature IN (SELECT feature FROM target)
                  OR b.feature IN (SELECT feature FROM used WHERE a > 0 AND person IN (SELECT person FROM member))"""),
        ]

    # -- Erosion and bottlenecks

    def slow_time(self) -> Steps:
        timed = self.events(
            f"{self.in_window} AND e.kind = 3 AND e.outcome = 2 AND e.duration >= 0",
            "e.feature AS feature, e.duration AS duration")
        return [
            ("judged", """
                SELECT p.person AS person, p.feature AS feature, p.k AS k, p.m AS m, b.b AS b
                FROM pair p JOIN best b ON b.feature = p.feature WHERE b.b IS NOT NULL"""),
            ("slow", f"""
                SELECT j.person AS person, j.feature AS feature,
                  least(max(j.k * (j.m - j.b)), sum(greatest(0, x.duration - j.b))) AS slow
                FROM {timed} AS x JOIN (SELECT * FROM judged WHERE k >= 5 AND m > b) AS j
                  ON x.person = j.person AND x.feature = j.feature
                GROUP BY j.person, j.feature"""),
        ]

    def face_time(self) -> Steps:
        events = self.events(
            self.in_window, "e.app AS app, e.kind AS kind, e.outcome AS outcome, greatest(e.duration, 0) AS duration")

        def total(condition: str) -> str:
            return f"sum(CASE WHEN {condition} THEN duration ELSE 0 END)"

        return [("app_time", f"""
            SELECT person, app, {total('kind = 0')} AS focus, {total('kind <> 0')} AS other,
              {total('kind = 3 AND outcome <> 2')} AS failed, {total('kind = 1')} AS help,
              {total('kind = 2')} AS interruption
            FROM {events} AS x WHERE person IN (SELECT person FROM member) GROUP BY person, app""")]

    def erosion(self) -> Steps:
        return [
            *self.terms(), *self.times(), *self.slow_time(), *self.face_time(),
            ("person_time", f"""
                SELECT a.person AS person, sum(greatest(focus, other)) AS y,
                  sum(failed + help + interruption) + coalesce(max(s.slow), 0) AS x
                FROM app_time a
                LEFT JOIN (SELECT person, sum(slow) AS slow FROM slow GROUP BY person) s ON s.person = a.person
                GROUP BY a.person HAVING y > 0 OR x > 0"""),
            ("whole", """
                SELECT count(*) AS n, sum(x) AS sx, sum(y) AS sy, sum(CAST(y AS DOUBLE) * y) AS sy2,
                  sum(x) / CAST(sum(y) AS DOUBLE) AS r FROM person_time"""),
            ("spread", """
                SELECT max(w.n) AS n, max(w.sx) AS sx, max(w.sy) AS sy, max(w.r) AS r,
                  sqrt((max(w.n) - 1) / CAST(max(w.n) AS DOUBLE)
                    * sum(pow((w.sx - p.x) / CAST(w.sy - p.y AS DOUBLE) - w.r, 2))) AS se,
                  CAST(max(w.sy) AS DOUBLE) * max(w.sy) / max(w.sy2) AS n_eff
                FROM person_time p CROSS JOIN whole w"""),
            ("parts", """
                SELECT sum(failed) AS failed_ms, sum(help) AS help_ms, sum(interruption) AS interruption_ms,
                  sum(CASE WHEN focus > other THEN 1 ELSE 0 END) AS measured,
                  sum(CASE WHEN greatest(focus, other) > 0 THEN 1 ELSE 0 END) AS timed FROM app_time"""),
            ("answer", """
                SELECT s.n AS people, s.sy AS face_ms, s.sx AS lost_ms, p.failed_ms AS failed_ms,
                  (SELECT coalesce(sum(slow), 0) FROM slow) AS slow_ms, p.help_ms AS help_ms,
                  p.interruption_ms AS interruption_ms, s.r AS erosion, 100 * s.r AS points,
                  (SELECT count(*) FROM judged WHERE k < 5) AS unjudged,
                  CASE WHEN p.measured = 0 THEN 'estimated' WHEN p.measured = p.timed THEN 'measured'
                    ELSE 'mixed' END AS face_time,
                  CASE WHEN s.n_eff < 10 THEN NULL ELSE greatest(0, s.r - t * s.se) END AS low,
                  CASE WHEN s.n_eff < 10 THEN NULL ELSE least(1, s.r + t * s.se) END AS high
                FROM (SELECT n, sx, sy, r, se, n_eff, 1.959964 + (pow(1.959964, 3) + 1.959964) / (4 * (n_eff - 1))
                    + (5 * pow(1.959964, 5) + 16 * pow(1.959964, 3) + 3 * 1.959964) / (96 * pow(n_eff - 1, 2)) AS t
                  FROM spread) AS s CROSS JOIN parts p"""),
        ]

    def bottlenecks(self) -> Steps:
        uses = self.events(f"{self.in_window} AND e.kind = 3",
                           "e.feature AS feature, e.outcome AS outcome, e.duration AS duration")
        return [
            *self.terms(), *self.times(), *self.slow_time(), *self.face_time(),
            ("attempt", f"""
                SELECT x.person AS person, x.feature AS feature, count(*) AS attempts,
                  sum(CASE WHEN outcome <> 2 THEN 1 ELSE 0 END) AS failed,
                  sum(CASE WHEN outcome <> 2 OR duration > 2 * b.b THEN 1 ELSE 0 END) AS eroded,
                  sum(CASE WHEN outcome <> 2 THEN greatest(duration, 0) ELSE 0 END) AS failed_ms,
                  sum(greatest(duration, 0)) AS used_ms
                FROM {uses} AS x JOIN best b ON b.feature = x.feature
                WHERE x.person IN (SELECT person FROM member) GROUP BY x.person, x.feature"""),
            ("lost", """
                SELECT feature, sum(attempts) AS attempts, sum(failed) AS failed, sum(eroded) AS eroded,
                  count(*) AS people, sum(CASE WHEN 5 * eroded >= attempts THEN 1 ELSE 0 END) AS people_affected,
                  sum(failed_ms) AS failed_ms, sum(used_ms) AS used_ms FROM attempt GROUP BY feature"""),
            ("scored", f"""
                SELECT l.feature AS feature, l.attempts AS attempts, l.failed AS failed, l.eroded AS eroded,
                  l.people AS people, l.people_affected AS people_affected, l.failed_ms + coalesce(s.slow, 0) AS lost_ms, b.b AS b, b.kind AS kind,
                  CAST(l.eroded AS DOUBLE) / l.attempts AS frequency,
                  CAST(l.people_affected AS DOUBLE) / l.people AS reach_share,
                  (l.failed_ms + coalesce(s.slow, 0)) / nullif(CAST(l.used_ms AS DOUBLE), 0) AS severity
                FROM lost l JOIN best b ON b.feature = l.feature
                LEFT JOIN (SELECT feature, sum(slow) AS slow FROM slow GROUP BY feature) s ON s.feature = l.feature"""),
            ("answer", f"""
                SELECT f.app AS app, f.feature AS feature, attempts, failed, eroded, people, people_affected,
                  b AS benchmark_ms, kind AS benchmark_kind, lost_ms, frequency, reach_share AS reach, severity,
                  CASE WHEN people < 10 THEN NULL
                    ELSE 100 * {self.engine.cube_root}(frequency * reach_share * severity) END AS score,
                  100 * lost_ms / nullif(CAST((SELECT sum(greatest(focus, other)) FROM app_time) AS DOUBLE), 0)
                    AS points
                FROM scored r JOIN feature_name f ON f.number = r.feature
                ORDER BY lost_ms DESC, eroded DESC, f.app, f.feature"""),
        ]

    # -- Strike-outs and flow

    def strikeouts(self) -> Steps:
        engine, window = self.engine, self.window
        order = "PARTITION BY person, feature ORDER BY time, source, seq"
        uses = self.events(
            "e.kind = 3", "e.feature AS feature, e.app AS app, e.time AS time, e.source AS source, e.seq AS seq, "
            f"e.time + greatest(e.duration, 0) AS stop, CASE WHEN e.outcome <> 2 THEN 1 ELSE 0 END AS failed")
        failures = self.events("e.kind = 3 AND e.outcome <> 2", "e.feature AS feature")
        helps = self.events("e.kind = 1", "e.app AS app, e.time AS time")
        return [
            *self.terms(),
            ("failing", f"""
                SELECT person, feature FROM {failures} AS x WHERE person IN (SELECT person FROM member)
                GROUP BY person, feature HAVING count(*) >= 3"""),
            ("step", f"""
                SELECT person, feature, app, time, source, seq, stop, failed,
                  CASE WHEN before IS NULL OR time > before + 1800000 THEN 1 ELSE 0 END AS begins
                FROM (SELECT x.person AS person, x.feature AS feature, app, time, source, seq, stop, failed,
                    {engine.lag('stop', order.replace('person, feature', 'x.person, x.feature'))} AS before
                  FROM {uses} AS x JOIN failing g ON g.person = x.person AND g.feature = x.feature) AS y"""),
            ("numbered", f"""
                SELECT person, feature, app, time, stop, failed,
                  sum(CASE WHEN failed = 0 OR begins = 1 THEN 1 ELSE 0 END) OVER ({order}
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run,
                  row_number() OVER ({order}) AS place, {engine.lead('begins', 1, order)} AS next_begins
                FROM step"""),
            ("strike", f"""
                SELECT person, feature, run, max(app) AS app, sum(failed) AS length, min(time) AS first_start,
                  {engine.arg_max}(stop, place) AS last_stop,
                  {engine.arg_max}(CASE WHEN next_begins = 0 THEN 1 ELSE 0 END, place) AS recovered
                FROM numbered WHERE failed = 1 GROUP BY person, feature, run
                HAVING sum(failed) >= 3 AND min(time) >= {window.start} AND min(time) < {window.stop}"""),
            ("called", """
                SELECT DISTINCT s.person AS person, s.feature AS feature, s.run AS run
                FROM strike s JOIN ticket t ON t.person = s.person
                WHERE (t.app = -1 OR t.app = s.app) AND t.time >= s.first_start AND t.time <= s.last_stop + 86400000"""),
            ("helped", f"""
                SELECT DISTINCT s.person AS person, s.feature AS feature, s.run AS run
                FROM {helps} AS h JOIN strike s ON h.person = s.person AND h.app = s.app
                WHERE h.time >= s.first_start AND h.time <= s.last_stop + 1800000"""),
            ("ending", """
                SELECT s.person AS person, s.feature AS feature, s.length AS length,
                  CASE WHEN s.recovered = 1 THEN 1 WHEN c.run IS NOT NULL THEN 2 WHEN h.run IS NOT NULL THEN 3
                    ELSE 4 END AS ending
                FROM strike s
                LEFT JOIN called c ON c.person = s.person AND c.feature = s.feature AND c.run = s.run
                LEFT JOIN helped h ON h.person = s.person AND h.feature = s.feature AND h.run = s.run"""),
            ("answer", """
                SELECT f.app AS app, f.feature AS feature, count(*) AS strikeouts, count(DISTINCT person) AS people,
                  sum(CASE WHEN ending = 1 THEN 1 ELSE 0 END) AS recovered,
                  sum(CASE WHEN ending = 2 THEN 1 ELSE 0 END) AS called,
                  sum(CASE WHEN ending = 3 THEN 1 ELSE 0 END) AS helped,
                  sum(CASE WHEN ending = 4 THEN 1 ELSE 0 END) AS silent, max(length) AS longest
                FROM ending e JOIN feature_name f ON f.number = e.feature GROUP BY f.app, f.feature"""),
        ]

    def flow(self) -> Steps:
        engine, window = self.engine, self.window
        wide = engine.wide
        columns = ("e.session AS session, e.app AS app, e.feature AS feature, e.kind AS kind, e.time AS time, "
                   "e.source AS source, e.seq AS seq, e.time + greatest(e.duration, 0) AS stop, "
                   "CASE WHEN e.outcome <> 2 THEN 1 ELSE 0 END AS failed")
        order = "ORDER BY time, source, seq"
        kept = "person, app, feature, kind, time, source, seq, stop, failed"
        sessions = f"PARTITION BY person, session, app {order}"
        return [
            *self.terms(),
            ("use_step", f"""
                SELECT CAST(session AS {wide}) AS session, {kept} FROM {self.events('e.session >= 0 AND e.kind = 3', columns)} AS x
                WHERE person IN (SELECT person FROM member)
                UNION ALL
                SELECT -1 - CAST(sum(CASE WHEN reached IS NULL OR time > reached + 1800000 THEN 1 ELSE 0 END)
                    OVER (PARTITION BY person {order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS {wide}) AS session,
                  {kept}
                FROM (SELECT *, {self.reached(order)} AS reached
                  FROM {self.events('e.session < 0', columns)} AS x
                  WHERE person IN (SELECT person FROM member)) AS y"""),
            ("transition", f"""
                SELECT person, app, feature AS f, failed, time, stop, {engine.lead('feature', 1, sessions)} AS g,
                  {engine.lead('time', 1, sessions)} AS next_time, {engine.lead('feature', 2, sessions)} AS h
                FROM use_step WHERE kind = 3"""),
            ("counted", f"""
                SELECT app, f, g, count(*) AS n, count(DISTINCT person) AS people, {engine.median('wait')} AS median,
                  {engine.quantile('wait', 9, 10)} AS p90, sum(wait) AS total,
                  sum(CASE WHEN f = g AND failed = 1 THEN 1 ELSE 0 END) AS retry,
                  sum(CASE WHEN f = g AND failed = 0 THEN 1 ELSE 0 END) AS again,
                  sum(CASE WHEN f <> g AND h = f THEN 1 ELSE 0 END) AS bounce
                FROM (SELECT app, f, assumeNotNull(g) AS g, h, person, failed, greatest(0, assumeNotNull(next_time) - stop) AS wait FROM transition
                  WHERE g IS NOT NULL AND time >= {window.start} AND time < {window.stop}) AS x
                GROUP BY app, f, g""".replace("assumeNotNull", "assumeNotNull" if wide == "Int64" else "")),
            ("answer", """
                SELECT a.app AS app, a.feature AS from_feature, b.feature AS to_feature, n AS "count", people,
                  median AS wait_median_ms, p90 AS wait_p90_ms, total AS wait_total_ms, retry, again AS "repeat", bounce
                FROM counted c JOIN feature_name a ON a.number = c.f JOIN feature_name b ON b.number = c.g
                ORDER BY n DESC, a.app, a.feature, b.feature"""),
        ]

    def reached(self, order: str) -> str:
        """The latest end of a person's earlier events; absent for the first."""
        value = "toNullable(stop)" if self.engine.wide == "Int64" else "stop"
        return (f"max({value}) OVER (PARTITION BY person {order} "
                "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)")
