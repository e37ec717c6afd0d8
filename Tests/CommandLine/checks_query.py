"""`send`, `exec`, `settings`, `benchmark`, `sql` and the SQLite extension."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import partial
from typing import Any

import fixture
import hostile
from harness import (Failed, Place, Skipped, environment, expect, expect_equal, line, poll, send_stream)
from registry import add, check

DOCUMENT = fixture.DIRECTORY.parents[2] / "docs" / "sql.md"
EVENT_COLUMNS = ("time user person app feature kind outcome duration_ms host session version cause "
                 "source seq attributes clock_offset_ms").split()


def documented_views() -> dict[str, list[str]]:
    """Views and their columns as docs/sql.md lists them, and the table `event`."""
    views = {"event": EVENT_COLUMNS}
    section = DOCUMENT.read_text("utf-8").split("\n## Views\n")[1].split("\n## ")[0]
    for view, columns in re.findall(r"^\| `(\w+)` \| [^|`]+ \| (`.*) \|$", section, re.MULTILINE):
        views[view] = re.findall(r"`(\w+)`", re.sub(r"\(.*?\)|;.*", "", columns))
    return views


VIEWS = documented_views()
TABLES = ("user_name", "roster", "secret", "label", "feature_name", "ticket", "dead_letter",
          "chunk_column", "purpose_log", "source", "alias", "setting", "grdb_migrations")
WRITES = (
    "DELETE FROM setting", "DELETE FROM settings", "UPDATE roster SET department = 'x'",
    "INSERT INTO setting VALUES ('a', 'b')", "CREATE TABLE t (x)", "CREATE TEMP TABLE t (x)",
    "DROP TABLE roster", "DROP VIEW people", "ATTACH DATABASE '{other}' AS other",
    "VACUUM INTO '{other}'", "PRAGMA user_version = 7", "PRAGMA writable_schema = 1", "BEGIN",
    "REINDEX", "ANALYZE", "CREATE VIEW v AS SELECT 1", "DETACH main", "SAVEPOINT s")
MARCH = "time >= 1772409600000 AND time < 1774828800000"


# Sending


def sent_event(place: Place, count: int = 1) -> dict[str, object]:
    place.wait_for_events(count)
    return place.sql("SELECT * FROM event ORDER BY time DESC LIMIT 1", "--purpose", "test")[0]


@check
def send_over_every_socket(place: Place) -> None:
    with place.daemon() as daemon:
        addresses = (f"127.0.0.1:{daemon.udp_port()}", place.datagram, place.stream)
        for count, address in enumerate(addresses, 1):
            place.program(["send", "--app", "crm", "--feature", "open", "--collector", address]
                          ).expect(0)
            place.wait_for_events(count)
        place.program(["send", "--app", "crm", "--kind", "help"],
                      env={"WATERLINE_COLLECTOR": str(place.stream)}).expect(0)
        place.wait_for_events(4)


@check
def send_carries_what_it_is_told(place: Place) -> None:
    with place.daemon():
        place.program(
            ["send", "--app", "crm \"x\"", "--feature", "Bestellung öffnen", "--outcome", "error",
             "--duration-ms", "5200", "--user", "ann", "--session", "s1", "--app-version", "2.0",
             "--cause", "timeout", "--time", "2026-03-03T12:00:00+02:00",
             "--collector", place.stream]).expect(0)
        event = sent_event(place)
    wanted = {"time": hostile.MOMENT, "user": "ann", "app": "crm \"x\"", "kind": "use",
              "feature": "Bestellung öffnen", "outcome": "error", "duration_ms": 5200,
              "session": "s1", "version": "2.0", "cause": "timeout"}
    expect_equal({name: event[name] for name in wanted}, wanted, "event")


@check
def send_to_nobody(place: Place) -> None:
    place.program(["send", "--app", "a", "--feature", "f", "--collector", place.stream]
                  ).expect_one_line(1, str(place.stream))


@check
def exec_passes_on_the_exit_status(place: Place) -> None:
    base = ["exec", "--app", "backup", "--feature", "nightly", "--collector", place.stream, "--"]
    cases = ((["true"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "exit 255"], 255),
             (["no-such-command-here"], 127), (["sh", "-c", "kill -KILL $$"], 137))
    with place.daemon():
        for count, (command, code) in enumerate(cases, 1):
            place.program([*base, *command]).expect(code)
            place.wait_for_events(count)
        rows = place.sql("SELECT outcome, count(*) AS n FROM event GROUP BY outcome")
        expect_equal({row["outcome"]: row["n"] for row in rows}, {"ok": 1, "error": 4}, "outcomes")


@check
def exec_measures_and_passes_everything_through(place: Place) -> None:
    base = ["exec", "--app", "backup", "--feature", "nightly", "--collector", place.stream, "--"]
    script = 'cat; echo "$1" "$ANSWER" >&2; sleep 0.3'
    with place.daemon():
        result = place.program([*base, "sh", "-c", script, "sh", "--db"], input=b"in\n",
                               env={"ANSWER": "42"}).expect(0)
        expect_equal((result.out, result.err), ("in\n", "--db 42\n"), "output")
        event = sent_event(place)
    expect(300 <= int(str(event["duration_ms"])) < 5_000, f"duration {event['duration_ms']}")
    expect_equal((event["app"], event["feature"], event["kind"]), ("backup", "nightly", "use"),
                 "event")


@check
def exec_without_a_collector_only_warns(place: Place) -> None:
    base = ["exec", "--app", "a", "--feature", "f", "--collector", place.stream, "--"]
    result = place.program([*base, "sh", "-c", "echo done; exit 3"]).expect(3)
    expect_equal(result.out, "done\n", "output")
    expect("not sent" in result.err, f"no warning: {result.err!r}")


# Settings and benchmarks


@check
def settings_are_kept(place: Place) -> None:
    fixture.load(place)

    def values() -> dict[str, object]:
        rows = place.report("settings", "get")["rows"]
        return {row["name"]: row["value"] for row in rows if row["name"].startswith("organisation.")}

    expect(set(values().values()) == {None}, f"settings from nowhere: {values()}")
    place.run("settings", "set", "organisation.timezone", "Europe/Oslo").expect(0)
    with place.daemon():
        place.run("settings", "set", "organisation.name", "Møller & Søn").expect(0)
        expect_equal(values(), {"organisation.timezone": "Europe/Oslo",
                                "organisation.name": "Møller & Søn"}, "settings")
    rows = place.report("settings", "get", "organisation.name")["rows"]
    expect_equal(rows, [{"name": "organisation.name", "value": "Møller & Søn"}], "one setting")
    window = place.report("coverage", *fixture.WINDOW)["window"]
    expect_equal(window["timezone"], "Europe/Oslo", "zone of a report")
    window = place.report("coverage", *fixture.WINDOW, "--timezone", "Asia/Tokyo")["window"]
    expect_equal(window["timezone"], "Asia/Tokyo", "zone that was asked for")
    place.run("settings", "set", "organisation.timezone", "").expect(0)
    expect_equal(values()["organisation.timezone"], None, "setting taken away")


@check
def zone_moves_events_between_days(place: Place) -> None:
    """23:30 in UTC is the next day in Oslo."""
    event = hostile.text(time="2026-03-03T23:30:00Z") + b"\n"
    place.import_text("events", event).expect(0)
    options = ("--from", "2026-03-03", "--to", "2026-03-04", "--min-group", "1", "--purpose", "t")
    utc = place.report("bottlenecks", *options)["rows"]
    oslo = place.report("bottlenecks", *options, "--timezone", "Europe/Oslo")["rows"]
    expect_equal((len(utc), len(oslo)), (1, 0), "rows")


@check
def benchmark_is_published_and_used(place: Place) -> None:
    fixture.load(place)
    place.run("benchmark", "publish", "march", *fixture.WINDOW).expect(0)
    sets = place.report("benchmark", "list")["rows"]
    expect_equal([(row["name"], row["from"], row["to"]) for row in sets],
                 [("march", "2026-03-02", "2026-03-30")], "sets")
    own = place.report("bottlenecks", *fixture.WINDOW)["rows"]
    frozen = place.report("bottlenecks", *fixture.WINDOW, "--benchmark", "march")["rows"]
    expect_equal(frozen, own, "rows with the frozen benchmark of the same window")
    shorter = fixture.DIRECTORY.joinpath("events.csv").read_text(encoding="utf-8")
    shorter = "".join(faster(text) + "\n" for text in shorter.splitlines())
    place.import_text("events", shorter).expect(0)

    def benchmark(*options: str) -> object:
        rows = place.report("bottlenecks", *fixture.WINDOW, *options)["rows"]
        return next(r["benchmark_ms"] for r in rows if r["feature"] == "order.create")

    known = next(r["benchmark_ms"] for r in own if r["feature"] == "order.create")
    expect_equal(benchmark("--benchmark", "march"), known, "frozen benchmark")
    expect(benchmark() != known, "the benchmark of now did not move")


def faster(text: str) -> str:
    """The same use by another source, in a tenth of the time."""
    head, duration, source, sequence = text.rsplit(",", 3)
    if source == "source":
        return text
    return f"{head},{int(duration) // 10},fast-{source},{sequence}"


@check
def benchmark_that_was_published_never_changes(place: Place) -> None:
    fixture.load(place)
    place.run("benchmark", "publish", "march", *fixture.WINDOW).expect(0)
    before = place.report("bottlenecks", *fixture.WINDOW, "--benchmark", "march")
    place.run("benchmark", "publish", "march", "--from", "2026-03-02", "--to", "2026-03-05"
              ).expect_one_line(1, "march")
    after = place.report("bottlenecks", *fixture.WINDOW, "--benchmark", "march")
    expect_equal(after, before, "report after publishing again")
    with place.daemon():
        place.run("benchmark", "publish", "by-daemon", *fixture.WINDOW).expect(0)
    expect_equal(len(place.report("benchmark", "list")["rows"]), 2, "sets")


# SQL


@check
def sql_answers_in_every_format(place: Place) -> None:
    fixture.load(place)
    query = "SELECT app, count(*) AS events FROM event GROUP BY app ORDER BY app"
    answer = place.report("sql", query)
    expect_equal(list(answer), ["rows"], "keys")
    out = place.run("sql", query, "--format", "csv").expect(0).out
    expect_equal(out.splitlines()[0], "app,events", "CSV header")
    lines = place.run("sql", query, "--format", "ndjson").expect(0).out.splitlines()
    expect_equal([json.loads(text) for text in lines], answer["rows"], "NDJSON")
    total = sum(row["events"] for row in answer["rows"])
    expect_equal(total, fixture.EVENTS, "events")


def check_view(view: str, place: Place) -> None:
    fixture.load(place)
    columns = VIEWS[view]
    names = ", ".join(f'"{name}"' for name in columns)
    place.sql(f"SELECT {names} FROM {view} LIMIT 3")
    rows = place.sql(f"SELECT * FROM {view} LIMIT 1")
    if rows:
        expect_equal(list(rows[0]), columns, "columns")


for name in VIEWS:
    add(f"sql-view-{name}", partial(check_view, name))


@check
def sql_pseudonyms_are_stable_and_names_need_a_purpose(place: Place) -> None:
    fixture.load(place)
    query = "SELECT DISTINCT person FROM event ORDER BY person"
    shown = [row["person"] for row in place.sql(query)]
    expect_equal([row["person"] for row in place.sql(query)], shown, "pseudonyms asked again")
    expect(all(str(name).startswith("p-") and len(str(name)) == 14 for name in shown),
           f"no pseudonyms: {shown[:3]}")
    expect_equal(len(set(shown)), 31, "people")
    people = {row["person"] for row in place.sql("SELECT person FROM people")}
    expect(people & set(shown), "people have another pseudonym in each place")
    asked = place.run("sql", "SELECT waterline_person('p04') AS p")
    asked.expect(2)  # Whose pseudonym is whose is a name too.
    expect_equal(place.report("audit")["rows"], [], "audit before")
    names = [row["person"] for row in place.sql(query, "--purpose", "roster check")]
    expect("p04" in names and "DOM\\p04" not in names, "aliases are not resolved")
    expect_equal([r["purpose"] for r in place.report("audit")["rows"]], ["roster check"], "audit")
    for source in place.sql("SELECT DISTINCT source FROM event"):
        expect("ws-" not in str(source["source"]), "a source shows by name")


@check
def sql_shows_no_names_in_any_view(place: Place) -> None:
    fixture.load(place)
    with place.daemon():
        place.import_text("events", hostile.text(user="p01", source="ws-p01", seq=999) + b"\n"
                          + hostile.text(user="p01", kind="x", source="ws-p01", seq=1000))
    for view in VIEWS:
        text = json.dumps(place.sql(f"SELECT * FROM {view}"))
        found = [n for n in ("p01", "p04", "p28", "ws-p", "DOM") if f'"{n}' in text]
        expect(not found, f"{view} shows {found}")


@check
def sql_base_tables_are_closed(place: Place) -> None:
    fixture.load(place)
    ways = ("SELECT * FROM {t}", "SELECT count(*) FROM {t}", "SELECT rowid FROM {t}",
            "SELECT (SELECT 1 FROM {t})", "SELECT * FROM main.{t}",
            "SELECT * FROM people WHERE person IN (SELECT * FROM {t})",
            "WITH x AS (SELECT * FROM {t}) SELECT * FROM x",
            "WITH people AS (SELECT * FROM {t}) SELECT * FROM people",
            "SELECT * FROM (SELECT * FROM {t}) AS people",
            "SELECT 1 UNION ALL SELECT count(*) FROM {t}")
    opened = []
    for table in TABLES:
        for way in ways:
            query = way.format(t=table)
            if place.run("sql", query).code == 0:
                opened.append(query)
    expect(not opened, f"{len(opened)} queries read a base table: {opened[:4]}")


@check
def sql_cannot_write(place: Place) -> None:
    fixture.load(place)
    for statement in WRITES:
        other = place.path("other.db")
        result = place.run("sql", statement.format(other=other))
        expect(result.code in (1, 2), f"{statement} ends with {result.code}")
        expect(not other.exists(), f"{statement} wrote a file")
        expect_equal(result.out, "", f"output of {statement}")
    expect_equal(place.status()["events"], fixture.EVENTS, "events")


@check
def sql_event_with_bounds(place: Place) -> None:
    fixture.load(place)
    rows = [text.split(",") for text in
            (fixture.DIRECTORY / "events.csv").read_text(encoding="utf-8").splitlines()[1:]]
    times = [int(row[0]) for row in rows]
    middle = sorted(times)[len(times) // 2]
    for condition, wanted in (
            (MARCH, sum(1772409600000 <= t < 1774828800000 for t in times)),
            (f"time < {middle}", sum(t < middle for t in times)),
            (f"time <= {middle}", sum(t <= middle for t in times)),
            (f"time > {middle}", sum(t > middle for t in times)),
            (f"time >= {middle}", sum(t >= middle for t in times)),
            (f"time = {middle}", times.count(middle)),
            (f"time BETWEEN {middle - 10**6} AND {middle}",
             sum(middle - 10**6 <= t <= middle for t in times)),
            (f"time >= {middle}.5", sum(t > middle for t in times)),
            (f"time < '{middle}'", sum(t < middle for t in times)),
            ("time IS NULL", 0), ("time < NULL", 0),
            (f"time <> {middle}", len(times) - times.count(middle)),
            ("time > 9223372036854775807", 0), ("time >= -9223372036854775808", len(times))):
        count = place.sql(f"SELECT count(*) AS n FROM event WHERE {condition}")[0]["n"]
        expect_equal(count, wanted, condition)


@check
def sql_event_columns_say_what_was_sent(place: Place) -> None:
    event = hostile.event(
        kind="interruption", duration_ms=7, host="pc-1", session="s", version="1", cause="crash",
        source="pc", seq=5, attributes={"k": "v \"w\"", "ü": ""}, feature=None)
    place.import_text("events", json.dumps(event) + "\n" + hostile.text().decode()).expect(0)
    rows = place.sql("SELECT * FROM event ORDER BY kind", "--purpose", "test")
    expect_equal(json.loads(rows[0].pop("attributes")), event["attributes"], "attributes")
    wanted = {**event, "person": "ann", "outcome": "ok", "feature": None, "clock_offset_ms": None}
    del wanted["attributes"]
    expect_equal(rows[0], wanted, "event")
    empty = {n: rows[1][n] for n in ("duration_ms", "host", "session", "source", "seq",
                                     "attributes", "version", "cause")}
    expect_equal(set(empty.values()), {None}, f"absent fields {empty}")


@check
def sql_while_the_daemon_writes(place: Place) -> None:
    with place.daemon():
        last = 0
        for index in range(8):
            data = b"".join(hostile.text(source="pc", seq=index * 300 + i + 1) + b"\n"
                            for i in range(300))
            send_stream(place.stream, data)
            count = place.sql("SELECT count(*) AS n FROM event")[0]["n"]
            expect(count >= last, f"{count} events after {last}")
            last = count
        poll(lambda: place.sql("SELECT count(*) AS n FROM event")[0]["n"] == 2400, "all events")


# The extension in the sqlite3 shell


def shell(place: Place, *statements: str, library: str = "libwaterline_events.so") -> str:
    path = place.binaries / library
    if shutil.which("sqlite3") is None or not path.exists():
        raise Skipped("needs the sqlite3 shell and libwaterline_events.so")
    done = subprocess.run(
        ["sqlite3", "-readonly", "-json", str(place.database), f".load {path}", *statements],
        capture_output=True, text=True, timeout=60, check=False,
        env=environment(place.directory))
    if done.returncode != 0 or done.stderr:
        raise Failed(f"sqlite3 ends with {done.returncode}: {done.stderr.strip()[:300]}")
    return done.stdout


@check
def extension_in_the_sqlite3_shell(place: Place) -> None:
    fixture.load(place)
    for query in ("SELECT app, count(*) AS n FROM event GROUP BY app ORDER BY app",
                  f"SELECT count(*) AS n, sum(duration_ms) AS ms FROM event WHERE {MARCH}",
                  "SELECT DISTINCT person FROM event ORDER BY person",
                  "SELECT person, department FROM people ORDER BY person, department",
                  "SELECT name, value FROM counters ORDER BY name"):
        expect_equal(json.loads(shell(place, query)), place.sql(query), query)


@check
def extension_while_the_daemon_runs(place: Place) -> None:
    with place.daemon():
        fixture.load(place)
        rows = json.loads(shell(place, "SELECT count(*) AS n FROM event"))
        expect_equal(rows, [{"n": fixture.EVENTS}], "rows")
        send_stream(place.stream, hostile.text(source="pc", seq=1))
        place.wait_for_events(fixture.EVENTS + 1)
        rows = json.loads(shell(place, "SELECT count(*) AS n FROM event"))
        expect_equal(rows, [{"n": fixture.EVENTS + 1}], "rows after one more event")


@check
def extension_joins_and_repeats(place: Place) -> None:
    fixture.load(place)
    query = ("SELECT p.department AS d, sum(e.n) AS n FROM (SELECT person, count(*) AS n FROM "
             "event GROUP BY person) e JOIN (SELECT DISTINCT person, department FROM people) p "
             "ON p.person = e.person GROUP BY 1 ORDER BY 1")
    expect_equal(json.loads(shell(place, query)), place.sql(query), "a join")
    nested = "SELECT count(*) AS n FROM event a WHERE EXISTS (SELECT 1 FROM event b " \
             "WHERE b.time = a.time AND b.person <> a.person)"
    expect_equal(json.loads(shell(place, nested)), place.sql(nested), "a correlated query")


@check
def documented_examples_run(place: Place) -> None:
    """Every statement of docs/sql.md."""
    statements = DOCUMENT.read_text(encoding="utf-8").split("```sql")[1:]
    fixture.load(place)
    for text in statements:
        place.run("sql", text.split("```")[0]).expect(0)


@check
def answers_about_finished_windows_are_kept_and_still_right(place: Place) -> None:
    """Asked again it comes from the cache; after any change it does not."""
    def events(first: int, count: int) -> bytes:
        return b"".join(
            line(**hostile.event(user=f"user{number % 9}", duration_ms=1_000 + number,
                                 time=f"2026-03-{number % 28 + 1:02}T10:00:{number % 60:02}Z"))
            for number in range(first, first + count))

    place.import_text("events", events(0, 300)).expect(0)
    window = ["--from", "2026-03-01", "--to", "2026-03-29"]
    answers = place.directory / "cache" / "waterline" / "answers"
    env = {"XDG_CACHE_HOME": str(place.directory / "cache")}

    def ask(*arguments: str, kept: int, keep: str = "") -> Any:
        result = place.run(*arguments, *window, "--format", "json",
                           env={**env, "WATERLINE_KEEP_ANSWERS": keep}).expect(0).json()
        expect_equal(len(list(answers.glob("*"))) if answers.exists() else 0, kept, f"answers after {arguments}")
        return result

    first = ask("erosion", kept=1)
    expect_equal(ask("erosion", kept=1), first, "asked again")
    expect_equal(ask("erosion", kept=1, keep="no"), first, "without a cache")
    file = next(answers.iterdir())
    expect_equal((file.stat().st_mode & 0o777, answers.stat().st_mode & 0o777), (0o600, 0o700), "modes")
    # What is in the file is what is shown: a planted figure proves that it was read.
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    expect_equal(ask("erosion", kept=1), first, "a changed byte in the cache")
    expect_equal(file.read_bytes(), whole, "the answer kept anew")
    for number, command in enumerate((["flow"], ["flow", "--ends"], ["strikeouts"], ["bottlenecks"],
                                      ["benchmark", "show"], ["erosion", "--by", "app"])):
        one = ask(*command, kept=number + 2)
        expect_equal(ask(*command, kept=number + 2), one, f"{command} asked again")
    ask("coverage", kept=7)
    ask("erosion", "--min-group", "1", "--purpose", "test", kept=7)
    place.run("erosion", env=env).expect(0)
    expect_equal(len(list(answers.iterdir())), 7, "answers after a window that may go on")

    place.import_text("events", events(300, 20)).expect(0)
    late = ask("erosion", kept=8)
    expect(late["rows"][0]["face_ms"] > first["rows"][0]["face_ms"], "a late event is not in the answer")
    place.import_text("roster", "user,department\nuser1,Sales\nuser2,Sales\n").expect(0)
    ask("erosion", kept=9)
    place.run("settings", "set", "cost.hour", "7").expect(0)
    ask("erosion", kept=10)
    place.run("forget", "user3", "--purpose", "asked to", "--yes").expect(0)
    ask("erosion", kept=11)
