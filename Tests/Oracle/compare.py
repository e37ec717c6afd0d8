#!/usr/bin/env python3
"""Compare the real command line with the naive evaluator, or with an expected file.

    compare.py --waterline BINARY --seeds 0..199 [--jobs 2] [--keep DIR] [--every-variant]
    compare.py --waterline BINARY --expected DIR_WITH_INPUTS EXPECTED.json

Each seed makes a random organisation, imports it into a new database and asks for every report.
Counts and times must be equal, ratios within 1e-9 (relative or absolute), null equal to null;
rows are matched by their columns and must also come in the same order. Keys a report has beyond
those of the naive evaluator are ignored. The exit code is 1 if anything differs.

To keep the number of processes low each seed takes some of the `--by` variants, in turn;
`--every-variant` takes them all.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator

import check_expected
import check_rollups
import naive
import random_organisation

FILES = (
    ("roster", "roster.csv"),
    ("catalog", "catalog.csv"),
    ("tickets", "tickets.csv"),
    ("events", "events.ndjson"),
)
VARIANTS: dict[str, tuple[str, ...]] = {
    "coverage": ("", "app", "department", "department,app,feature", "role", "site", "feature"),
    "gaps": ("", "department", "role", "app"),
    "bottlenecks": ("", "department"),
    "erosion": ("", "app", "department", "role", "department,app", "site"),
    "strikeouts": ("", "department", "role"),
    "flow": ("", "site"),
    "ends": ("", "site", "department"),
    "benchmark": ("",),
}
TAKEN = {"coverage": 4, "erosion": 3}  # variants of one seed; 1 for the others
DEFAULT_REPORTS = ("coverage", "gaps", "bottlenecks", "erosion", "strikeouts", "flow", "ends")
TOTALS = ("people", "outside_people", "outside_events", "too_new", "suppressed")
COLUMNS = {
    "gaps": ("app", "feature"),
    "bottlenecks": ("app", "feature"),
    "strikeouts": ("app", "feature"),
    "flow": ("app", "from_feature", "to_feature"),
    "ends": ("app", "feature"),
    "benchmark": ("app", "feature"),
}
COST_TOTALS = {"cost_currency", "cost_hour", "cost_ticket"}
COMMANDS = {"benchmark": ["benchmark", "show"], "ends": ["flow", "--ends"]}
DEFAULT_MIN_GROUP = 5
# A report may call itself otherwise than we do.
NAMES = {"ends": "flow-ends"}
# What daily cells answer is asked of them and of events alone.
ROLLUPS = {"coverage": ("always", "never"), "gaps": ("always", "never")}
SECONDS = 300
SHOWN = 3


class Failure(Exception):
    """The command line did something it must not."""


@dataclass(frozen=True)
class Query:
    """Window, zone and filters, for both sides."""

    window: naive.Window
    selection: naive.Selection
    min_group: int

    def flags(self) -> list[str]:
        selection, window = self.selection, self.window
        flags = ["--from", window.first.isoformat(), "--to", window.last.isoformat()]
        flags += ["--timezone", window.zone, "--min-group", str(self.min_group)]
        if self.min_group < DEFAULT_MIN_GROUP:
            flags += ["--purpose", "oracle"]
        for column, value in selection.where:
            flags += ["--where", f"{column}={value}"]
        if selection.app is not None:
            flags += ["--app", selection.app]
        if selection.feature is not None:
            flags += ["--feature", selection.feature]
        return flags


class Waterline:
    """The real command line on one database."""

    def __init__(self, binary: Path, database: Path) -> None:
        self.prefix = [str(binary), "--db", str(database)]

    def run(self, arguments: list[str], allowed: tuple[int, ...] = (0,), rollups: str = "") -> str:
        command = self.prefix + arguments
        env = {**os.environ, "WATERLINE_ROLLUPS": rollups}
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, env=env)
        except subprocess.TimeoutExpired:
            raise Failure(f"no end after {SECONDS} s: {shlex.join(command)}") from None
        if done.returncode not in allowed:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise Failure(f"exit {done.returncode}: {shlex.join(command)}: {said}")
        return done.stdout.decode("utf-8")

    def load(self, directory: Path, left_out: set[str], rejections: bool) -> None:
        allowed = (0, 3) if rejections else (0,)
        for name, file in FILES:
            path = directory / file
            if path.exists() and name not in left_out:
                self.run(["import", name, str(path)], allowed)

    def report(self, report: str, by: str, query: Query, rollups: str = "") -> dict[str, Any]:
        command = COMMANDS.get(report, [report])
        command = [*command, "--format", "json", *query.flags()]
        if by:
            command += ["--by", by]
        output = self.run(command, rollups=rollups)
        try:
            return json.loads(output)
        except ValueError:
            raise Failure(f"no JSON from {shlex.join(self.prefix + command)}") from None


# ---------------------------------------------------------------------------------------------
# Comparing reports


def column_names(report: str, by: str) -> list[str]:
    """The columns that tell the rows of a report apart."""
    columns = naive.with_implied_app([column for column in by.split(",") if column])
    own = COLUMNS.get(report)
    if own is None:
        return columns
    return [column for column in columns if column in naive.PERSON_COLUMNS] + list(own)


def row_differences(
    columns: list[str], expected: list[dict[str, Any]], actual: list[dict[str, Any]]
) -> list[str]:
    """Rows matched by their columns; then their order."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(column, "(no such key)") for column in columns)

    expected_keys, actual_keys = [key(row) for row in expected], [key(row) for row in actual]
    found = [f"row {k}: missing" for k in expected_keys if k not in set(actual_keys)]
    found += [f"row {k}: not expected" for k in actual_keys if k not in set(expected_keys)]
    if len(set(actual_keys)) < len(actual_keys):
        found.append("rows with the same columns")
    actual_by_key = dict(zip(actual_keys, actual))
    for row in expected:
        other = actual_by_key.get(key(row))
        if other is not None:
            found += value_differences(row, other, f"row {key(row)}")
    if not found:
        for position, pair in enumerate(zip(expected_keys, actual_keys)):
            if pair[0] != pair[1]:
                return [f"order: row {position} should be {pair[0]}, is {pair[1]}"]
    return found


def value_differences(expected: dict[str, Any], actual: dict[str, Any], where: str) -> list[str]:
    """The expected keys only: reports may say more."""
    known = {name: actual[name] for name in expected if name in actual}
    return check_expected.differences(expected, known, where)


def ledger_differences(rows: list[dict[str, Any]]) -> list[str]:
    """The six states of coverage add up in every row."""
    return [
        f"states do not add up in {row}"
        for row in rows
        if sum(row.get(state, 0) for state in naive.STATES) != row.get("expected")
    ]


def report_differences(
    report: str, by: str, expected: dict[str, Any], actual: dict[str, Any]
) -> list[str]:
    """All differences between two whole reports."""
    found = []
    if not isinstance(actual.get("rows"), list):
        return ["no rows"]
    if actual.get("report") not in (report, NAMES.get(report)):
        found.append(f"report is named {actual.get('report')!r}")
    found += value_differences(expected["window"], actual.get("window") or {}, "window")
    for name in ("population", "catalog"):
        observed = (expected[name] == "observed", actual.get(name) == "observed")
        if observed[0] != observed[1]:
            found.append(f"{name} is {actual.get(name)!r}, should be {expected[name]!r}")
    totals = actual.get("totals") or {}
    found += value_differences(expected["totals"], totals, "totals")
    if set(totals) & COST_TOTALS != set(expected["totals"]) & COST_TOTALS:
        found.append("totals: rates are named without all three settings, or the reverse")
    if expected["rows"] and actual["rows"] and (
        ("cost_lost" in expected["rows"][0]) != ("cost_lost" in actual["rows"][0])
    ):
        found.append("rows: cost_lost is there without all three settings, or the reverse")
    found += row_differences(column_names(report, by), expected["rows"], actual["rows"])
    if report == "coverage":
        found += ledger_differences(actual["rows"])
    return found


# ---------------------------------------------------------------------------------------------
# Random organisations


def variants(report: str, seed: int, every: bool) -> list[str]:
    """The `--by` variants a seed takes of a report; the plain one is the commonest."""
    known = VARIANTS[report]
    if every or len(known) == 1:
        return list(known)
    taken = TAKEN.get(report, 1)
    if taken == 1:
        return [known[(seed // 2) % len(known)] if seed % 2 else ""]
    others = known[1:]
    return ["", *(others[(seed + i * 2) % len(others)] for i in range(taken - 1))]


def query_of(options: dict[str, Any]) -> Query:
    window = naive.Window(
        date.fromisoformat(options["from"]),
        date.fromisoformat(options["to"]),
        options["timezone"],
    )
    where = tuple(naive.parse_where(text) for text in options["where"])
    selection = naive.Selection(options["app"], options["feature"], where)
    return Query(window, selection, options["min_group"])


def random_cost(seed: int) -> dict[str, str]:
    """The settings of cost of a seed: all three, or some of them, or none."""
    rng = random.Random(f"cost {seed}")
    settings = {
        "cost.hour": rng.choice(("0", "54.5", "1", "33.33", "1200")),
        "cost.ticket": rng.choice(("0", "18", "7.25", "0.01")),
        "cost.currency": rng.choice(("EUR", "NOK", "JPY")),
    }
    if rng.random() < 0.25:
        del settings[rng.choice(sorted(settings))]
    return settings if rng.random() < 0.85 else {}


def set_cost(waterline: Waterline, seed: int) -> naive.Cost | None:
    """Set them in a database; the rates, if all are there."""
    settings = random_cost(seed)
    for name, value in settings.items():
        waterline.run(["settings", "set", name, value])
    if len(settings) < 3:
        return None
    hour, ticket = float(settings["cost.hour"]), float(settings["cost.ticket"])
    return naive.Cost(hour, ticket, settings["cost.currency"])


def check_organisation(
    binary: Path, directory: Path, database: Path, reports: list[str], every: bool
) -> list[str]:
    """All differences on the organisation in a directory."""
    options = json.loads((directory / "options.json").read_text(encoding="utf-8"))
    query = query_of(options)
    waterline = Waterline(binary, database)
    if options["seed"] % 2:
        # Daily cells are counted in the organisation's zone; of another they are counted for the report.
        waterline.run(["settings", "set", "organisation.timezone", options["timezone"]])
    waterline.load(directory, set(), options["rejections"])
    organisation = check_expected.load(directory, Path("options.json"))
    cost = set_cost(waterline, options["seed"])
    evaluation = naive.Evaluation(organisation, query.window, query.selection, cost)
    found = [f"daily cells: {line}" for line in check_rollups.problems(database)]
    for report in reports:
        if report == "erosion" and query.selection.feature is not None:
            continue
        for by in variants(report, options["seed"], every):
            columns = [column for column in by.split(",") if column]
            expected = evaluation.report(report, columns, query.min_group)
            for rollups in ROLLUPS.get(report, ("",)):
                actual = waterline.report(report, by, query, rollups)
                name = f"{report} --by {by}" if by else report
                different = report_differences(report, by, expected, actual)
                found += [f"{name}{rollups and ' rollups ' + rollups}: {line}" for line in different]
    return found


@contextmanager
def workspace(keep: Path | None, name: str) -> Iterator[Path]:
    """A directory for one database: a temporary one, or a new one that stays."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="waterline-oracle-") as directory:
            yield Path(directory)
        return
    directory = keep / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    yield directory


def check_seed(
    seed: int, binary: Path, keep: Path | None, reports: list[str], every: bool
) -> tuple[int, list[str]]:
    with workspace(keep, f"seed-{seed}") as directory:
        random_organisation.generate(seed, directory)
        database = directory / "waterline.db"
        try:
            found = check_organisation(binary, directory, database, reports, every)
        except Failure as failure:
            found = [str(failure)]
    return seed, found


def parse_seeds(text: str) -> list[int]:
    """`7`, `0..199` (both included) or `1,5,9`."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dots, last = part.partition("..")
        seeds += range(int(first), int(last) + 1) if dots else [int(first)]
    return seeds


def failure_line(seed: int, found: list[str], options: argparse.Namespace) -> str:
    """One line: the first differences and how to see them again."""
    shown = "; ".join(line.replace("\n", "\\n") for line in found[:SHOWN])
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    command = [sys.argv[0], "--waterline", str(options.waterline), "--seeds", str(seed)]
    command += ["--reports", ",".join(options.reports), "--keep", "kept"]
    if options.every_variant:
        command.append("--every-variant")
    return f"seed {seed}: {shown}{more} | again: python3 {shlex.join(command)}"


def compare_seeds(options: argparse.Namespace) -> int:
    check = partial(
        check_seed,
        binary=options.waterline,
        keep=options.keep,
        reports=options.reports,
        every=options.every_variant,
    )
    failed = 0
    with ProcessPoolExecutor(max_workers=options.jobs) as pool:
        for seed, found in pool.map(check, options.seeds):
            if found:
                failed += 1
                print(failure_line(seed, found, options), flush=True)
    print(f"{len(options.seeds) - failed} passed, {failed} failed")
    return 1 if failed else 0


# ---------------------------------------------------------------------------------------------
# Expected files

EXPECTED_PARTS = (
    ("coverage", "coverage", "feature"),
    ("coverage_total", "coverage", ""),
    ("bottlenecks", "bottlenecks", ""),
    ("erosion", "erosion", ""),
    ("erosion_by_app", "erosion", "app"),
    ("strikeouts", "strikeouts", ""),
    ("flow", "flow", ""),
    ("coverage_by_department", "coverage", "department"),
    ("coverage_by_department_app_feature", "coverage", "department,app,feature"),
    ("erosion_by_department", "erosion", "department"),
)


def check_expected_file(
    binary: Path, directory: Path, path: Path, keep: Path | None
) -> list[str]:
    """All differences between the command line and one expected file."""
    expected = json.loads(path.read_text(encoding="utf-8"))
    organisation = check_expected.load(directory, path)
    where = check_expected.where_of(expected, organisation)
    window = check_expected.window_of(expected)
    query = Query(window, naive.Selection(where=where), min_group=1)
    left_out = {name for name, _ in FILES if f"without-{name}" in path.name}
    found = []
    with workspace(keep, path.stem) as work:
        waterline = Waterline(binary, work / "waterline.db")
        waterline.load(directory, left_out, rejections=True)
        for part, report, by in EXPECTED_PARTS:
            if part in expected:
                actual = waterline.report(report, by, query)
                columns = column_names(report, by)
                different = row_differences(columns, expected[part], actual["rows"])
                if report == "coverage":
                    different += ledger_differences(actual["rows"])
                found += [f"{part}: {line}" for line in different]
                totals = {name: expected[name] for name in TOTALS if name in expected}
                found += value_differences(totals, actual["totals"], f"{part}: totals")
    return found


def compare_expected(options: argparse.Namespace) -> int:
    directory, *paths = options.expected
    failed = 0
    for path in paths:
        try:
            found = check_expected_file(options.waterline, directory, path, options.keep)
        except Failure as failure:
            found = [str(failure)]
        print(f"{path.name}: {'ok' if not found else f'{len(found)} differences'}")
        for line in found[: check_expected.SHOWN]:
            print("  " + line)
        failed += bool(found)
    print(f"{len(paths) - failed} passed, {failed} failed")
    return 1 if failed else 0


def run_seeds(title: str, check: Callable[..., tuple[int, list[str], Counter[str]]]) -> int:
    """The command line of an evaluator that compares itself: seeds in, differences and tallies out."""
    parser = argparse.ArgumentParser(description=title.splitlines()[0])
    parser.add_argument("--waterline", type=Path, required=True)
    parser.add_argument("--seeds", type=parse_seeds, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep inputs and databases there")
    options = parser.parse_args()
    failed = 0
    sums: Counter[str] = Counter()
    work = partial(check, binary=options.waterline, keep=options.keep)
    with ProcessPoolExecutor(max_workers=options.jobs) as pool:
        for seed, found, tally in pool.map(work, options.seeds):
            sums += tally
            if found:
                failed += 1
                print(f"seed {seed}: {'; '.join(found[:SHOWN])} ({len(found)} in all)", flush=True)
    print(", ".join(f"{name}: {count}" for name, count in sorted(sums.items())))
    print(f"{len(options.seeds) - failed} passed, {failed} failed")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare waterline with the naive evaluator.")
    parser.add_argument("--waterline", type=Path, required=True)
    parser.add_argument("--seeds", type=parse_seeds)
    parser.add_argument("--expected", type=Path, nargs="+", metavar="PATH")
    parser.add_argument("--keep", type=Path, help="keep inputs and databases there")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--reports", type=lambda text: text.split(","))
    parser.add_argument("--every-variant", action="store_true")
    options = parser.parse_args()
    options.reports = options.reports or list(DEFAULT_REPORTS)
    if (options.seeds is None) == (options.expected is None):
        parser.error("give either --seeds or --expected")
    if options.expected is not None and len(options.expected) < 2:
        parser.error("--expected takes the directory of the inputs and at least one file")
    return compare_expected(options) if options.expected else compare_seeds(options)


if __name__ == "__main__":
    sys.exit(main())
