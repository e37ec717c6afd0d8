"""Help, exit codes, which database, formats, terminals and pipes."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
from functools import partial

import fixture
from harness import (Failed, Place, Result, environment, expect, expect_equal)
from registry import add, check
from snapshots import expect_snapshot

COMMANDS = (
    "", "coverage", "gaps", "benchmark", "benchmark show", "benchmark publish", "benchmark list",
    "bottlenecks", "erosion", "strikeouts", "flow", "import", "import events", "import roster",
    "import catalog", "import tickets", "send", "exec", "shell", "status", "top", "settings", "settings get",
    "settings set", "config", "config check", "sql", "audit", "demo",
    "export")
REPORTS = {
    "coverage": ("coverage", "--by", "department"),
    "coverage-by-feature": ("coverage", "--by", "department,feature"),
    "gaps": ("gaps",),
    "bottlenecks": ("bottlenecks",),
    "erosion": ("erosion", "--by", "department"),
    "strikeouts": ("strikeouts",),
    "flow": ("flow", "--app", "crm"),
    "benchmark": ("benchmark", "show"),
}
FORMATS = ("table", "json", "ndjson", "csv", "markdown")
ROW_KEYS = {
    "coverage": "expected adopted tried struggling dark lapsed never unexpected coverage reach "
                "depth observed low high",
    "bottlenecks": "app feature attempts failed eroded people people_affected benchmark_ms "
                   "benchmark_kind lost_ms frequency reach severity score points",
    "erosion": "people face_ms lost_ms failed_ms slow_ms help_ms interruption_ms erosion points "
               "unjudged face_time low high",
    "strikeouts": "app feature strikeouts people recovered called helped silent longest",
    "flow": "app from_feature to_feature count people wait_median_ms wait_p90_ms wait_total_ms "
            "retry repeat bounce",
    "gaps": "app feature expected adopted missing adoption_benchmark gap",
}
TOTALS = ("people", "outside_people", "outside_events", "too_new", "suppressed")
WRONG_USAGE = {
    "unknown-command": ("nonsense",),
    "unknown-option": ("coverage", "--colour"),
    "unknown-format": ("coverage", "--format", "xml"),
    "option-without-value": ("coverage", "--app"),
    "from-without-to": ("coverage", "--from", "2026-03-01"),
    "to-without-from": ("coverage", "--to", "2026-03-01"),
    "from-and-window": ("coverage", *fixture.WINDOW, "--window", "28d"),
    "window-backwards": ("coverage", "--from", "2026-03-30", "--to", "2026-03-02"),
    "window-empty": ("coverage", "--from", "2026-03-02", "--to", "2026-03-02"),
    "date-that-is-none": ("coverage", "--from", "2026-02-30", "--to", "2026-03-02"),
    "window-that-is-none": ("coverage", "--window", "4 weeks"),
    "window-of-nothing": ("coverage", "--window", "0d"),
    "where-without-value": ("coverage", "--where", "department"),
    "where-unknown-column": ("coverage", "--where", "salary=1"),
    "by-unknown-column": ("coverage", "--by", "salary"),
    "zone-that-is-none": ("coverage", "--timezone", "Europe/Atlantis"),
    "min-group-negative": ("coverage", "--min-group", "-1"),
    "min-group-without-purpose": ("coverage", "--min-group", "4"),
    "min-group-blank-purpose": ("coverage", "--min-group", "1", "--purpose", "  "),
    "names-without-purpose": ("gaps", "--by", "user"),
    "limit-negative": ("coverage", "--limit", "-1"),
    "benchmark-unknown": ("bottlenecks", "--benchmark", "nobody"),
    "benchmark-named-self": ("benchmark", "publish", "self"),
    "import-without-file": ("import", "events"),
    "import-unknown-kind": ("import", "people", "x.csv"),
    "setting-unknown": ("settings", "set", "organisation.colour", "blue"),
    "setting-wrong-zone": ("settings", "set", "organisation.timezone", "Mars/Olympus"),
    "sql-error": ("sql", "SELEC 1"),
    "sql-nothing": ("sql", ""),
    "sql-two-statements": ("sql", "SELECT 1; SELECT 2"),
    "exec-without-command": ("exec", "--app", "a", "--feature", "f"),
    "send-use-without-feature": ("send", "--app", "a"),
    "send-wrong-kind": ("send", "--app", "a", "--feature", "f", "--kind", "click"),
    "send-wrong-time": ("send", "--app", "a", "--feature", "f", "--time", "yesterday"),
    "sources-without-purpose": ("status", "--sources"),
}


def file_name(command: str) -> str:
    return "help-" + (command.replace(" ", "-") or "waterline")


def check_help(command: str, place: Place) -> None:
    result = place.program([*command.split(), "--help"]).expect(0)
    expect_equal(result.err, "", "standard error")
    expect_snapshot(file_name(command), result.out)
    expect("EXAMPLES:" in result.out, "there are no EXAMPLES")
    program = f"waterline {command}".strip()
    examples = result.out.split("EXAMPLES:")[1]
    expect(program in examples, f"no example begins with '{program}'")


for name in COMMANDS:
    add(file_name(name), partial(check_help, name))


@check
def help_of_the_daemon(place: Place) -> None:
    result = place.program(["--help"], name="waterlined").expect(0)
    expect_snapshot("help-waterlined", result.out)
    expect("EXAMPLES:" in result.out, "there are no EXAMPLES")


@check
def help_of_the_agent(place: Place) -> None:
    result = place.program(["--help"], name="waterline-agent").expect(0)
    expect_snapshot("help-waterline-agent", result.out)
    expect("EXAMPLES:" in result.out, "there are no EXAMPLES")


@check
def help_without_arguments(place: Place) -> None:
    expect("SUBCOMMANDS" in place.program([]).expect(0).out, "no list of commands")


@check
def version_of_all(place: Place) -> None:
    texts = {place.program(["--version"], name=n).expect(0).out for n in
             ("waterline", "waterlined", "waterline-agent")}
    expect(len(texts) == 1 and re.fullmatch(r"\d+\.\d+\.\d+\S*\n", texts.pop()) is not None,
           "the programs do not say one version")


def check_wrong_usage(arguments: tuple[str, ...], place: Place) -> None:
    fixture.load(place)
    result = place.run(*arguments).expect(2)
    expect_equal(result.out, "", "standard output")
    expect(result.err.strip() != "", "standard error is empty")


for name, arguments in WRONG_USAGE.items():
    add(f"usage-{name}", partial(check_wrong_usage, arguments))


@check
def fails_without_a_database(place: Place) -> None:
    for command in (*REPORTS.values(), ("status",), ("audit",), ("sql", "SELECT 1"),
                    ("settings", "get"), ("benchmark", "list")):
        place.run(*command).expect_one_line(1, str(place.database))
        expect(not place.database.exists(), f"{command} made a database")


@check
def fails_on_a_file_that_is_missing(place: Place) -> None:
    place.run("import", "events", place.path("none.csv")).expect_one_line(1, "none.csv", "check its name")


@check
def fails_on_a_directory_as_file(place: Place) -> None:
    place.run("import", "events", place.directory).expect_one_line(1)


def check_foreign_file(content: bytes, place: Place) -> None:
    """A file that is not ours is named and left alone."""
    path = place.write("waterline.db", content)
    for arguments in (("coverage",), ("status",), ("sql", "SELECT 1"),
                      ("import", "roster", "-"), ("settings", "set", "organisation.name", "x")):
        place.run(*arguments, input=b"user\nann\n").expect_one_line(1, str(path))
        expect(path.read_bytes() == content, f"{arguments[0]} changed the file")
    result = place.program(place.usual_arguments(), name="waterlined")
    result.expect_one_line(1, str(path))
    expect(path.read_bytes() == content, "waterlined changed the file")


add("foreign-text-file", partial(check_foreign_file, b"just some notes\n" * 500))


@check
def foreign_sqlite_database(place: Place) -> None:
    other = place.path("other.db")
    subprocess.run(["sqlite3", str(other), "CREATE TABLE t (x); INSERT INTO t VALUES (1)"],
                   check=True)
    check_foreign_file(other.read_bytes(), place)


@check
def damaged_database_is_no_crash(place: Place) -> None:
    fixture.load(place)
    data = bytearray(place.database.read_bytes())
    for offset in range(8192, len(data), 97):
        data[offset] ^= 0x5A
    place.database.write_bytes(data)
    for command in REPORTS.values():
        result = place.run(*command, *fixture.WINDOW)
        expect(result.code == 1, f"{command[0]} ends with {result.code}")
        result.expect_one_line(1)


# Which database


@check
def database_before_after_and_by_environment(place: Place) -> None:
    fixture.load(place)
    path = str(place.database)
    wanted = place.program(["--db", path, "status", "--format", "json"]).expect(0).out
    for arguments, variables in (
            (["status", "--format", "json", "--db", path], {}),
            ([f"--db={path}", "status", "--format", "json"], {}),
            (["status", f"--db={path}", "--format", "json"], {}),
            (["status", "--format", "json"], {"WATERLINE_DB": path}),
            (["--db", path, "status", "--format", "json"], {"WATERLINE_DB": "/nonexistent/x"}),
            (["status", "--format", "json", "--db", path], {"WATERLINE_DB": "/nonexistent/x"})):
        result = place.program(arguments, env=variables).expect(0)
        expect_equal(result.out, wanted, f"{arguments} with {variables}")


@check
def database_option_without_value(place: Place) -> None:
    place.program(["--db"]).expect(2)
    place.program(["status", "--db"]).expect(2)


# Formats


def rows_of(result: Result, form: str) -> list[dict[str, str]]:
    """Rows as texts, whatever the format."""
    def text(value: object) -> str:
        return "" if value is None else json.dumps(value) if not isinstance(value, str) else value

    if form == "csv":
        return list(csv.DictReader(io.StringIO(result.out, newline="")))
    rows = result.json()["rows"] if form == "json" else [
        json.loads(line) for line in result.out.splitlines()]
    return [{name: text(value) for name, value in row.items()} for row in rows]


def check_report(name: str, place: Place) -> None:
    fixture.load(place)
    text, rows = "", {}
    for form in FORMATS:
        command = [*REPORTS[name], *fixture.WINDOW, "--format", form]
        result = place.run(*command).expect(0)
        text += f"$ waterline {' '.join(command)}\n{result.out}"
        text += "".join(f"(standard error) {line}\n" for line in result.err.splitlines()) + "\n"
        if form in ("json", "ndjson", "csv"):
            rows[form] = rows_of(result, form)
    expect_snapshot(f"report-{name}", text)
    expect(rows["json"] != [], "there are no rows")
    expect_equal(rows["ndjson"], rows["json"], "rows as NDJSON and JSON")
    expect_equal(rows["csv"], rows["json"], "rows as CSV and JSON")


for name in REPORTS:
    add(f"report-{name}", partial(check_report, name))


@check
def json_reports_keep_the_contract(place: Place) -> None:
    fixture.load(place)
    for report, keys in ROW_KEYS.items():
        document = place.report(report, *fixture.WINDOW)
        for key in ("report", "method", "window", "population", "catalog", "totals", "rows",
                    "warnings"):
            expect(key in document, f"{report} has no {key}")
        expect_equal(document["report"], report, "name")
        expect_equal(document["window"],
                     {"from": "2026-03-02", "to": "2026-03-30", "timezone": "UTC"}, "window")
        missing = [key for key in TOTALS if key not in document["totals"]]
        expect(not missing, f"{report}: totals lack {missing}")
        for row in document["rows"]:
            lost = [key for key in keys.split() if key not in row]
            expect(not lost, f"{report}: a row lacks {lost}")


@check
def six_states_add_up(place: Place) -> None:
    fixture.load(place)
    states = ("adopted", "tried", "struggling", "dark", "lapsed", "never")
    for by in ("", "department", "role,feature", "site,app"):
        rows = place.report("coverage", *fixture.WINDOW, "--by", by)["rows"]
        for row in rows:
            expect_equal(sum(row[state] for state in states), row["expected"], f"sum in {row}")


@check
def empty_database_gives_empty_reports(place: Place) -> None:
    place.import_text("roster", "user,department\n").expect(0)
    for command in REPORTS.values():
        for form in FORMATS:
            result = place.run(*command, "--format", form).expect(0)
            if form == "json":
                expect_equal(len(result.json()["rows"]) <= 1, True, f"rows of {command[0]}")


@check
def tables_show_twenty_rows_other_formats_all(place: Place) -> None:
    events = "".join(
        f'{{"time":"2026-03-03T10:00:00Z","user":"u{u}","app":"a","feature":"f{f:02}"}}\n'
        for u in range(6) for f in range(30))
    place.import_text("events", events).expect(0)

    def count(*options: str) -> int:
        out = place.run("coverage", "--by", "feature", *fixture.WINDOW, *options).expect(0).out
        return len(re.findall(r"\bf\d\d\b", out))

    for form in FORMATS:
        wanted = 20 if form == "table" else 30
        expect_equal(count("--format", form), wanted, f"rows as {form}")
        expect_equal(count("--format", form, "--limit", "0"), 30, f"all rows as {form}")
        expect_equal(count("--format", form, "--limit", "3"), 3, f"three rows as {form}")


@check
def where_app_and_feature_choose(place: Place) -> None:
    fixture.load(place)
    by = ("--by", "department", *fixture.WINDOW)
    rows = place.report("coverage", *by, "--where", "department=Sales")["rows"]
    expect_equal([row["department"] for row in rows], ["Sales"], "departments")
    rows = place.report("bottlenecks", *fixture.WINDOW, "--app", "erp")["rows"]
    expect_equal({row["app"] for row in rows}, {"erp"}, "apps")
    rows = place.report("bottlenecks", *fixture.WINDOW, "--feature", "quote, long")["rows"]
    expect_equal([row["feature"] for row in rows], ["quote, long"], "features")
    both = ("--where", "department=Sales", "--where", "site=Bergen")
    expect_equal(place.report("coverage", *by, *both)["rows"], [], "rows of nobody")


@check
def default_window_ends_with_the_newest_day(place: Place) -> None:
    fixture.load(place)
    document = place.report("coverage")
    expect_equal(document["window"]["to"], "2026-03-27", "end")
    expect_equal(document["window"]["from"], "2026-02-27", "start")
    expect(any("2026-03-26" in text or "yesterday" in text for text in document["warnings"]),
           f"no warning that collection ended: {document['warnings']}")


# Small groups and names


@check
def small_groups_are_suppressed(place: Place) -> None:
    fixture.load(place)
    document = place.report("coverage", "--by", "department", *fixture.WINDOW)
    names = [row["department"] for row in document["rows"]]
    expect_equal(names, ["Sales", "Service"], "departments shown")
    expect_equal(document["totals"]["suppressed"], 2, "suppressed rows")
    for form in FORMATS:
        out = place.run("coverage", "--by", "department", *fixture.WINDOW, "--format", form).out
        expect("Board" not in out and "Finance" not in out, f"{form} shows a suppressed group")


@check
def small_groups_with_a_purpose_are_logged(place: Place) -> None:
    fixture.load(place)
    result = place.run("coverage", "--by", "department", *fixture.WINDOW, "--min-group", "1",
                       "--purpose", "board review, \"March\"", "--format", "json").expect(0).json()
    names = [row["department"] for row in result["rows"]]
    expect_equal(names, ["Board", "Finance", "Sales", "Service"], "departments shown")
    expect_equal(result["totals"]["suppressed"], 0, "suppressed rows")
    rows = place.report("audit")["rows"]
    expect_equal([row["purpose"] for row in rows], ["board review, \"March\""], "purposes")
    expect(rows[0]["login"] and "coverage" in rows[0]["command"] and rows[0]["time"],
           f"the audit row says too little: {rows[0]}")


@check
def larger_min_group_needs_no_purpose(place: Place) -> None:
    fixture.load(place)
    rows = place.report("coverage", "--by", "department", *fixture.WINDOW,
                        "--min-group", "12")["rows"]
    expect("Service" not in [row["department"] for row in rows], "9 people are shown")


@check
def names_only_with_a_purpose(place: Place) -> None:
    fixture.load(place)
    options = ("gaps", "--by", "user", *fixture.WINDOW, "--format", "json")
    place.run(*options).expect(2)
    expect_equal(place.report("audit")["rows"], [], "audit before")
    document = place.run(*options, "--purpose", "training").expect(0).json()
    people = {row["user"] for row in document["rows"]}
    expect("p13" in people and "p21" in people, "people without events are missing")
    expect_equal([row["purpose"] for row in place.report("audit")["rows"]], ["training"], "audit")


@check
def nothing_is_shown_when_the_purpose_cannot_be_logged(place: Place) -> None:
    """The lock is held and nobody answers at the control socket."""
    fixture.load(place)
    with place.daemon():
        place.path("waterline.db.control").unlink()
        result = place.run("gaps", "--by", "user", "--purpose", "training", *fixture.WINDOW)
        result.expect_one_line(1, "waterlined")


# Terminals and pipes


def on_terminal(place: Place, arguments: list[str], **variables: str) -> str:
    """What a command writes to a terminal."""
    master, slave = pty.openpty()
    env = environment(place.directory, TERM="xterm-256color", WATERLINE_PAGER="cat", **variables)
    program = str(place.binaries / "waterline")
    process = subprocess.Popen([program, "--db", str(place.database), *arguments], stdout=slave,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=env)
    os.close(slave)
    text = b""
    while True:
        try:
            part = os.read(master, 65_536)
        except OSError:
            break
        if not part:
            break
        text += part
    os.close(master)
    expect_equal(process.wait(), 0, "exit code")
    return text.decode().replace("\r\n", "\n")


@check
def table_on_a_terminal_json_elsewhere(place: Place) -> None:
    fixture.load(place)
    command = ["coverage", "--by", "department", *fixture.WINDOW]
    place.run(*command).expect(0).json()
    expect("department" in on_terminal(place, command, NO_COLOR="1"), "no table on a terminal")
    expect("{" not in on_terminal(place, command, NO_COLOR="1"), "JSON on a terminal")


@check
def no_color_is_respected(place: Place) -> None:
    fixture.load(place)
    command = ["coverage", "--by", "department", *fixture.WINDOW]
    expect("\x1b[" in on_terminal(place, command), "no colour on a colour terminal")
    expect("\x1b" not in on_terminal(place, command, NO_COLOR="1"), "colour despite NO_COLOR")
    piped = place.run(*command, "--format", "table", env={"TERM": "xterm-256color"}).expect(0)
    expect("\x1b" not in piped.out, "colour in a pipe")


@check
def columns_are_respected(place: Place) -> None:
    fixture.load(place)
    for columns in (40, 60, 100, 300):
        out = on_terminal(place, ["bottlenecks", *fixture.WINDOW], NO_COLOR="1",
                          COLUMNS=str(columns))
        table = [text for text in out.splitlines()
                 if not text.startswith(("no room for", "warning:"))]
        widest = max(map(len, table))
        expect(widest <= columns, f"a table line of {widest} characters in {columns} columns")


@check
def closed_pipe_is_no_error(place: Place) -> None:
    fixture.load(place)
    for command in (["coverage", "--by", "department,feature", *fixture.WINDOW],
                    ["sql", "SELECT * FROM counters"]):
        read, write = os.pipe()
        os.close(read)
        process = subprocess.run(
            [str(place.binaries / "waterline"), "--db", str(place.database), *command],
            stdout=write, stderr=subprocess.PIPE, env=environment(place.directory), check=False)
        os.close(write)
        expect_equal((process.returncode, process.stderr), (0, b""), f"{command[0]} ends with")


@check
def full_disk_under_the_output_is_an_error(place: Place) -> None:
    fixture.load(place)
    for command in (["coverage", *fixture.WINDOW], ["status"]):
        with open("/dev/full", "wb") as full:
            process = subprocess.run(
                [str(place.binaries / "waterline"), "--db", str(place.database), *command],
                stdout=full, stderr=subprocess.PIPE, env=environment(place.directory),
                check=False)
        if process.returncode != 1 or not process.stderr:
            raise Failed(f"{command[0]} > /dev/full ends with {process.returncode}")


@check
def hostile_names_cannot_steer_a_terminal(place: Place) -> None:
    """Escapes and direction marks in names are shown, not obeyed."""
    hostile = "\\u001b[31mred\\u202e\\r\\nx|y"
    events = "".join(
        f'{{"time":"2026-03-03T10:00:00Z","user":"u{u}","app":"a","feature":"{hostile}"}}\n'
        for u in range(6))
    place.import_text("events", events).expect(0)
    for form in ("table", "markdown"):
        result = place.run("bottlenecks", *fixture.WINDOW, "--format", form).expect(0)
        expect("\x1b" not in result.out and "\u202e" not in result.out, f"raw escapes as {form}")
        expect("\r" not in result.out, f"a carriage return as {form}")
    rows = place.report("bottlenecks", *fixture.WINDOW)["rows"]
    expect_equal(rows[0]["feature"], json.loads(f'"{hostile}"'), "feature as JSON")


@check
def demo_makes_a_small_organisation(place: Place) -> None:
    directory = place.path("demo")
    place.program(["demo", "--people", "100", "--events", "3000", "--quiet",
                   "--directory", directory]).expect(0)
    expect((directory / "planted.json").exists(), "there is no planted.json")
    databases = list(directory.glob("*.db"))
    expect_equal(len(databases), 1, "databases")
    status = place.program(["--db", databases[0], "status", "--format", "json"]).expect(0).json()
    values = {row["name"]: row["value"] for row in status["rows"]}
    expect(values["events"] >= 1000 and values["rejected"] == 0, f"status says {values}")
