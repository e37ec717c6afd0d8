"""`export`: pages, slides and machine forms; what they say, and how they are written."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import time
from functools import partial
from html.parser import HTMLParser
from typing import Any

import fixture
from harness import Place, environment, expect, expect_equal
from registry import add, check

KINDS = ("erosion", "coverage", "desk", "story")
# What a weekly job on a small host may cost; half a second and 100 MB are usual.
WEEKLY_SECONDS_MAX, WEEKLY_MEGABYTES_MAX = 5, 300
SUFFIXES = {"html": "html", "json": "json", "csv": "csv", "markdown": "md"}
VOID = {"meta", "br", "link", "img", "input", "hr"}
HOSTILE = ("</script><script>alert(1)</script>", "\" onload=\"x", "a\u202etxt.exe", "<img src=x>",
           "line\u2028two", "=1+1", "a|b [x](javascript:1)", "&lt;", "Größe 日本")


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order; figures and tables kept."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.figures: list[tuple[str, str]] = []  # source, value
        self.cells: list[tuple[str, int, str, str]] = []  # part, row, column, value
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.classes: list[str] = []
        self.part, self.row, self.names, self.column = "", -1, [], -1
        self.feed(text)
        self.close()
        expect_equal(self.open, [], "elements left open")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in values.items()]
        self.classes += values.get("class", "").split()
        if tag not in VOID:
            self.open.append(tag)
        if tag == "data":
            self.figures.append((values["data-source"], values["value"]))
        elif tag == "table":
            self.part, self.names = values["data-part"], []
        elif tag == "th":
            self.names.append(values["data-name"])
        elif tag == "tr":
            self.row, self.column = int(values.get("data-row", -1)), -1
        elif tag == "td":
            self.column += 1
            if "data-value" in values:
                self.cells.append((self.part, self.row, self.names[self.column], values["data-value"]))

    def handle_endtag(self, tag: str) -> None:
        expect(bool(self.open) and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def load(place: Place) -> None:
    """The small organisation, with enough tickets for a desk, words, an intervention and rates."""
    fixture.load(place)
    rows = ["id,requester,opened,first_response,resolved,reopened,app,category,priority,satisfaction,"
            "effort_minutes,group,owner,reassignments,level,comment"]
    for number in range(60):
        day, person = 2 + number % 27, 1 + number % 20
        resolved = "" if number % 5 == 0 else f"2026-03-{day:02}T{10 + number % 9}:00:00Z"
        rows.append(f"X{number},p{person:02},2026-03-{day:02}T08:00:00Z,2026-03-{day:02}T08:{number:02}:00Z,"
                    f"{resolved},{number % 7 == 0:d},crm,error,{1 + number % 3},{1 + number % 5},"
                    f"{5 + number},{('apps', 'field')[number % 2]},{'' if number % 9 == 0 else 'agent1'},"
                    f"{number % 4 == 0:d},1,\"It freezes when I save, p{person:02} says agent1.\"")
    place.import_text("tickets", "\n".join(rows)).expect(0)
    place.run("intervention", "add", "CRM course", "--kind", "training", "--app", "crm", "--cohort",
              "people=p01;p02;p03;p04;p05;p06", "--start", "2026-03-16").expect(0)


def export(place: Place, kind: str, form: str = "html", *options: str, out: str = "out") -> bytes:
    place.run("export", kind, "--format", form, "--out", place.path(out), *options).expect(0)
    return (place.path(out) / f"{kind}.{SUFFIXES[form]}").read_bytes()


def lookup(reports: dict[str, Any], source: str) -> Any:
    """The value at `erosion.rows[0].lost_ms` or `erosion.totals.people`."""
    match = re.fullmatch(r"(\w+)\.(?:rows\[(\d+)\]|totals)\.(\w+)", source)
    expect(match is not None, f"no source: {source!r}")
    assert match is not None
    report = reports[match[1]]
    return report["rows"][int(match[2])][match[3]] if match[2] else report["totals"][match[3]]


def expect_same(value: Any, shown: str, where: str) -> None:
    same = float(shown) == value if isinstance(value, (int, float)) else shown == value
    expect(same, f"{where}: the page holds {shown!r}, the report {value!r}")


# What is in them


def figures_have_their_source(place: Place, kind: str) -> None:
    load(place)
    page = Page(export(place, kind, "html", *fixture.WINDOW).decode())
    reports = json.loads(export(place, kind, "json", *fixture.WINDOW))["reports"]
    expect(len(page.figures) > 5 and (kind == "story" or len(page.cells) > 10), f"{len(page.figures)} figures, {len(page.cells)} cells")
    for source, value in page.figures:
        expect_same(lookup(reports, source), value, source)
    for part, row, column, value in page.cells:
        expect_same(reports[part]["rows"][row][column], value, f"{part} {row} {column}")


def forms_agree(place: Place, kind: str) -> None:
    load(place)
    reports = json.loads(export(place, kind, "json", *fixture.WINDOW))["reports"]
    rows = list(csv.DictReader(io.StringIO(export(place, kind, "csv", *fixture.WINDOW).decode())))
    seen = 0
    for row in rows:
        if row["row"] != "":
            value = reports[row["report"]]["rows"][int(row["row"])][row["name"]]
            seen += 1
        elif row["name"] in reports[row["report"]]["totals"]:
            value = reports[row["report"]]["totals"][row["name"]]
        else:
            continue
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else value
        expect(row["value"] == text or float(row["value"]) == text, f"{row} in CSV, {value!r} in JSON")
    expect_equal(seen, sum(len(row) for report in reports.values() for row in report["rows"]), "cells in CSV")
    page = Page(export(place, kind, "html", *fixture.WINDOW).decode())
    markdown = export(place, kind, "markdown", *fixture.WINDOW).decode()
    for title in re.findall(r"^#+ (.*)$", markdown, re.MULTILINE):
        expect(title.replace("\\", "") in "".join(page.texts), f"the page lacks the heading {title!r}")


@check
def exported_reports_are_those_of_the_commands(place: Place) -> None:
    fixture.load(place)
    reports = json.loads(export(place, "erosion", "json", *fixture.WINDOW))["reports"]
    commands = {"erosion": ["erosion"], "erosion_by_app": ["erosion", "--by", "app"],
                "erosion_by_department": ["erosion", "--by", "department"],
                "bottlenecks": ["bottlenecks"], "coverage": ["coverage"],
                "coverage_by_department": ["coverage", "--by", "department"],
                "friction": ["support", "--view", "friction"],
                "friction_by_app": ["support", "--view", "friction", "--by", "app"]}
    for name, command in commands.items():
        expect_equal(reports[name], place.report(*command, *fixture.WINDOW), name)


def pages_load_nothing(place: Place, kind: str) -> None:
    load(place)
    text = export(place, kind, "html", *fixture.WINDOW).decode()
    page = Page(text)
    expect(not re.search(r"(?:https?:)?//\w", text), "the page names an address")
    for tag, name, value in page.attributes:
        expect(name not in ("src", "srcset", "style", "action", "ping", "xlink:href") and not name.startswith("on"),
               f"<{tag} {name}>")
        expect(name != "href" or value.startswith("#"), f"a link to {value}")
    policy = dict((name, value) for tag, name, value in page.attributes if tag == "meta").get("content", "")
    expect("url(" not in text.replace("url(#hatch)", ""), "the style sheet loads something")
    policies = [value for tag, name, value in page.attributes if tag == "meta" and "default-src" in value]
    expect_equal(len(policies), 1, f"policies; {policy}")
    expect("default-src 'none'" in policies[0] and "unsafe" not in policies[0], policies[0])
    expect_equal(page.classes.count("wide"), page.classes.count("narrow"), "charts for screen and telephone")


def hostile_names_stay_names(place: Place, kind: str) -> None:
    lines = []
    for person in range(12):
        for number, name in enumerate(HOSTILE):
            for use in range(6):
                lines.append(json.dumps({
                    "time": 1_772_532_000_000 + person * 600_000 + use * 60_000, "user": f"p{person}",
                    "app": name, "feature": HOSTILE[-number - 1], "duration_ms": 1000 * (person + 1),
                    "outcome": "error" if use == 0 else "ok"}))
    place.import_text("events", "\n".join(lines)).expect(0)
    roster = "user,department,role\n" + "".join(
        f'p{person},"{HOSTILE[person % 2].replace(chr(34), chr(34) * 2)}",r\n' for person in range(12))
    place.import_text("roster", roster).expect(0)
    page = Page(export(place, kind, "html", *fixture.WINDOW).decode())
    expect_equal([tag for tag, _, _ in page.attributes if tag in ("img", "iframe", "object")], [], "foreign elements")
    expect(not any("\u202e" in text or "\u2028" in text for text in page.texts), "text that turns direction")
    for form in ("json", "csv", "markdown"):
        export(place, kind, form, *fixture.WINDOW)
    json.loads((place.path("out") / f"{kind}.json").read_text("utf-8"))


def nobody_is_named(place: Place, kind: str) -> None:
    load(place)
    people = {row.split(",")[0] for row in (fixture.DIRECTORY / "roster.csv").read_text().splitlines()[1:]}
    expect(len(people) > 10, "the fixture lost its people")
    for form in SUFFIXES:
        text = export(place, kind, form, *fixture.WINDOW).decode()
        found = [name for name in people if re.search(rf"\b{re.escape(name)}\b", text)]
        expect_equal(found, [], f"people in {form}")


def small_groups_are_left_out(place: Place, kind: str) -> None:
    load(place)
    for form in SUFFIXES:
        text = export(place, kind, form, *fixture.WINDOW).decode()
        expect("Board" not in text, f"a department of three shows in {form}")


# How they are written


def the_same_bytes_again(place: Place, kind: str) -> None:
    load(place)
    for form in SUFFIXES:
        first = export(place, kind, form, *fixture.WINDOW)
        expect_equal(export(place, kind, form, *fixture.WINDOW, out="again") == first, True, f"{form} again")


def empty_stores_give_pages(place: Place, kind: str) -> None:
    place.import_text("events", "").expect(0)
    for form in SUFFIXES:
        expect(len(export(place, kind, form)) > 50, f"{form} is empty")
    Page((place.path("out") / f"{kind}.html").read_text("utf-8"))


@check
def export_leaves_the_old_file_where_the_disk_is_full(place: Place) -> None:
    fixture.load(place)
    old = export(place, "erosion")
    expect(len(old) > 48 << 10, f"a page of {len(old)} bytes tests nothing")
    # Files may grow to 40 KiB only, enough for SQLite's index of its log: the new one is begun and not ended.
    command = ["bash", "-c", 'trap "" XFSZ; ulimit -f 40; exec "$@"', "-", str(place.binaries / "waterline"),
               "--db", str(place.database), "export", "erosion", "--out", str(place.path("out"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    expect_equal(done.returncode, 1, f"exit code; {done.stderr}")
    expect_equal(len(done.stderr.splitlines()), 1, f"lines: {done.stderr!r}")
    expect("the old one is still there" in done.stderr, done.stderr)
    expect_equal((place.path("out") / "erosion.html").read_bytes(), old, "the old export")
    expect_equal(os.listdir(place.path("out")), ["erosion.html"], "files")


@check
def export_says_where_it_cannot_write(place: Place) -> None:
    fixture.load(place)
    place.write("file", "x")
    for out, advice in ((place.path("file"), "another --out: a file is in the way"),
                        (place.path("no/such/place"), f"mkdir -p '{place.path('no/such/place')}'"),
                        ("/proc", "--out")):
        place.run("export", "erosion", "--out", out).expect_one_line(1, "export:", "not written", advice)
    place.path("out/erosion.html").mkdir(parents=True)
    place.run("export", "erosion", "--out", place.path("out")).expect_one_line(1, "not written", "move the directory")
    if os.geteuid() == 0:
        return
    locked = place.path("locked")
    locked.mkdir(mode=0o500)
    place.run("export", "erosion", "--out", locked).expect_one_line(1, "not written", "where you may write")


@check
def export_replaces_a_name_not_what_it_points_to(place: Place) -> None:
    fixture.load(place)
    target = place.write("precious", "keep me")
    place.path("out").mkdir()
    os.symlink(target, place.path("out") / "erosion.html")
    export(place, "erosion")
    expect_equal(target.read_text(), "keep me", "the file behind the link")
    expect(not (place.path("out") / "erosion.html").is_symlink(), "the link is still there")
    expect_equal(oct((place.path("out") / "erosion.html").stat().st_mode & 0o777), "0o640", "mode")


@check
def export_takes_no_other_words(place: Place) -> None:
    fixture.load(place)
    for wrong in (["nonsense", "--out", "."], ["erosion"], ["erosion", "--out", ""],
                  ["erosion", "--out", ".", "--format", "pdf"], ["erosion", "--out", ".", "--by", "app"]):
        place.run("export", *wrong).expect(2)
    place.run("export", "erosion", "--out", ".", "--where", "manager=x", "--timezone", "Nowhere/Land").expect(2)


# The story


def story(place: Place, *options: str) -> tuple[Page, dict[str, Any]]:
    page = Page(export(place, "story", "html", *options).decode())
    return page, json.loads(export(place, "story", "json", *options))["reports"]


def expect_spoken(reports: dict[str, Any], where: str) -> None:
    summary = reports["summary"]["rows"][0]
    words = len(summary["text"].split())
    expect(60 <= words <= 75, f"{where}: {words} words: {summary['text']}")
    expect_equal(summary["words"], words, f"{where}: words")


@check
def story_has_eight_to_ten_slides(place: Place) -> None:
    load(place)
    page, reports = story(place, *fixture.WINDOW)
    slides = page.classes.count("slide")
    expect(8 <= slides <= 10, f"{slides} slides")
    expect_equal(page.classes.count("notes"), 1, "spoken summaries")
    expect_equal(sum("Sources: " in text for text in page.texts) >= slides - 3, True, "slides with sources")
    expect_spoken(reports, "fixture")
    text = "".join(page.texts)
    for words in ("no rate given", "it freezes when i save", "CRM course", "Days 1 to 30", "Days 61 to 90"):
        expect(words in text, f"the story does not say {words!r}")
    expect("people=(6)" in text, "the cohort's size")
    effects = reports["impact"]["rows"]
    command = place.report("impact", "CRM course", "--from", "2026-02-10", "--to", "2026-03-30")["rows"]
    expected = {row["outcome"]: row["estimate"] for row in command if row["aggregate"] == "simple"}
    expect_equal({row["outcome"]: row["estimate"] for row in effects}, expected, "impact")
    for name, value in (("cost.hour", "60"), ("cost.ticket", "25"), ("cost.currency", "EUR")):
        place.run("settings", "set", name, value).expect(0)
    page, reports = story(place, *fixture.WINDOW)
    expect("no rate given" not in "".join(page.texts) and "EUR" in "".join(page.texts), "rates are not used")
    expect("EUR" in export(place, "erosion", "markdown", *fixture.WINDOW).decode(), "rates in erosion")


@check
def losses_of_small_groups_are_not_denied(place: Place) -> None:
    """Where rows are too small to be shown, a page does not say that there is nothing."""
    lines = [json.dumps({"time": 1_772_532_000_000 + person * 60_000 + use, "user": f"u{person}", "app": f"a{person}",
                         "feature": "f", "duration_ms": 60_000, "outcome": "error"})
             for person in range(8) for use in range(5)]
    place.import_text("events", "\n".join(lines)).expect(0)
    text = export(place, "erosion", "markdown", *fixture.WINDOW).decode()
    expect("as far as enough people use it" in text, "the page denies a loss")
    expect("Lost time: **0.7 h**" in text, "the loss of all does not show")
    page, reports = story(place, *fixture.WINDOW)
    expect("– of what" not in "".join(page.texts) + reports["summary"]["rows"][0]["text"], "a share of nothing")
    expect_spoken(reports, "small groups")


@check
def summaries_take_half_a_minute(place: Place) -> None:
    place.import_text("events", "").expect(0)
    expect_spoken(story(place)[1], "empty store")
    base = 1_772_532_000_000
    long_name = " ".join(["word"] * 50)
    for people, uses, failed, name in ((1, 1, 0, "a"), (3, 9, 9, "b"), (12, 6, 1, long_name),
                                       (12, 6, 6, "日本語 の 名前"), (30, 12, 2, "</script>")):
        lines = [json.dumps({"time": base + use * 60_000 + person, "user": f"{name}-{person}"[-40:], "app": name,
                             "feature": f"f{use % 2} {long_name[:100]}", "duration_ms": 500 * (person + 1),
                             "outcome": "error" if use < failed else "ok"})
                 for person in range(people) for use in range(uses)]
        place.import_text("events", "\n".join(lines)).expect(0)
        for options in (fixture.WINDOW, ("--window", "1d"), ("--from", "2026-01-01", "--to", "2026-12-31")):
            expect_spoken(story(place, *options)[1], f"{people} people {options}")


for _kind in KINDS:
    for _function in (figures_have_their_source, forms_agree, pages_load_nothing, hostile_names_stay_names,
                      nobody_is_named, small_groups_are_left_out, the_same_bytes_again,
                      empty_stores_give_pages):
        add(f"export-{_kind}-{_function.__name__}", partial(lambda place, f, k: f(place, k), f=_function, k=_kind))


@check
def weekly_exports_of_two_thousand_people_are_quick(place: Place) -> None:
    place.program(["demo", "--people", "2000", "--quiet", "--directory", place.directory]).expect(0)
    for kind in KINDS:
        began = time.monotonic()
        process = subprocess.Popen(
            [str(place.binaries / "waterline"), "--db", str(place.path("demo.db")), "export", kind,
             "--out", str(place.path("pages"))], stdout=subprocess.DEVNULL, env=environment(place.directory))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        expect_equal(process.returncode, 0, f"exit code of {kind}")
        seconds, megabytes = time.monotonic() - began, usage.ru_maxrss / 1024
        expect(seconds < WEEKLY_SECONDS_MAX and megabytes < WEEKLY_MEGABYTES_MAX,
               f"{kind}: {seconds:.1f} s, {megabytes:.0f} MB")
