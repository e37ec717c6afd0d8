#!/usr/bin/env python3
"""How often the intervals of `impact` hold the truth: made-up organisations through the whole program.

    impact_coverage.py --waterline BINARY [--organisations 500] [--first-seed 1000] [--jobs 1]
                       [--design plain|departments|strugglers]

Unlike `impact-simulation`, which draws panels, this writes events, roster, tickets and interventions,
imports them with `waterline import` and reads `waterline impact NAME --format json`. Each organisation
has 150 people over 20 weeks: paces and abilities of their own, weeks that depend on the week before
(autocorrelation 0.5), weeks that are better or worse for all, 15% who leave, 8% dark weeks, aliases, a
busy service account, and three cohorts that start in weeks 9, 11 (on a Wednesday) and 13. What support did
changes the chance that an attempt succeeds and the rate of tickets by known amounts, which differ by
cohort and grow for six weeks. No chance leaves [0, 1] and no rate falls below 0, so that nothing is
clipped and the truth of each cell is exact:

    ok_share   the change of the chance of an ok use
    lost_ms    attempts a week x (minus that change) x mean duration of a failed use
    tickets    the change of the rate a week

Aggregates weigh cohorts by their probability, as estimates do by their size. The seeds are 1000, 1001, ...
and were fixed before the first run. With --design departments, cohorts are departments, and departments
have good and bad weeks of their own; with strugglers, those are trained whose last four weeks went
worst. Intervals are meant to fail there, and the table shows how much.

The exit code is 1 if in the plain design the coverage of any aggregate is below 93% by more than three
standard errors over organisations, or the simple estimates are off on average by more than four.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

NAME = "course"
MONDAY = date(2026, 1, 5)
MONDAY_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
DAY_MS = 86_400_000
WEEKS = 20
PEOPLE = 150
SHARES = (0.15, 0.20, 0.15)
STARTS = (9, 11, 13)  # first treated whole weeks, counted from 0
WEDNESDAY = 1  # the cohort that starts on the Wednesday before its first whole week
NEVER = -1
DEPARTMENTS = len(SHARES) + 3
FAILED_MS = 60_000
OK_MS = 10_000
OUTCOMES = ("ok_share", "lost_ms", "tickets")
AGGREGATES = ("simple", "weeks 0 to 5", "group and week", "placebos, weeks -6 to -2")
SECONDS = 300


def gain(group: int, event: int) -> float:
    """What support adds to the chance of an ok use; the fixed truth."""
    return 0.04 + 0.01 * group + 0.01 * min(event, 6)


def relief(group: int, event: int) -> float:
    """What support takes from the rate of tickets a week."""
    return 0.10 + 0.05 * group + 0.01 * min(event, 6)


MEAN_ATTEMPTS = 8.0


def truth(outcome: str, group: int, event: int) -> float:
    if outcome == "tickets":
        return -relief(group, event)
    if outcome == "ok_share":
        return gain(group, event)
    return -gain(group, event) * MEAN_ATTEMPTS * FAILED_MS


@dataclass
class Worker:
    """One person: habits, the lasting part of a week, and what came out."""

    name: str
    pace: float
    ability: float
    calls: float
    department: int
    group: int
    last_week: int
    lasting: float
    burden: float
    record: list[tuple[int, int]] = field(default_factory=list)  # (failed, attempts) a week


class Organisation:
    """One made-up organisation of a seed, written as files."""

    def __init__(self, seed: int, design: str) -> None:
        self.random = random.Random(seed)
        self.design = design
        self.events: list[str] = []
        self.tickets: list[tuple[str, int]] = []
        self.workers = [self.worker(number) for number in range(PEOPLE)]
        self.shocks = [self.random.uniform(-0.08, 0.08) for _ in range(DEPARTMENTS)]

    def worker(self, number: int) -> Worker:
        group = self.random_group() if self.design != "strugglers" else NEVER
        department = number % 3 + len(SHARES)
        if self.design == "departments" and group != NEVER:
            department = group
        leaves = self.random.random() < 0.15
        return Worker(
            name=f"u{number:03}",
            pace=self.random.uniform(0.5, 1.5),
            ability=self.random.uniform(0.50, 0.65),
            calls=self.random.uniform(0.5, 1.5),
            department=department,
            group=group,
            last_week=self.random.randint(4, WEEKS) if leaves else WEEKS,
            lasting=self.random.uniform(-0.1, 0.1),
            burden=self.random.uniform(-0.12, 0.12),
        )

    def random_group(self) -> int:
        rest = self.random.random()
        for group, share in enumerate(SHARES):
            if rest < share:
                return group
            rest -= share
        return NEVER

    def write(self, directory: Path) -> None:
        for week in range(WEEKS):
            if self.design == "strugglers" and week in STARTS:
                self.choose_strugglers(STARTS.index(week))
            self.live_through(week)
        (directory / "events.ndjson").write_text("\n".join(self.events) + "\n", encoding="utf-8")
        self.write_tables(directory)

    def choose_strugglers(self, group: int) -> None:
        """Of those left, the share whose last four weeks had most failures an attempt."""

        def failures(worker: Worker) -> float:
            weeks = worker.record[-4:]
            return sum(f for f, _ in weeks) / max(1, sum(n for _, n in weeks))

        left = sorted((w for w in self.workers if w.group == NEVER), key=failures, reverse=True)
        for worker in left[: int(SHARES[group] * PEOPLE)]:
            worker.group = group

    def live_through(self, week: int) -> None:
        common = self.random.uniform(-0.03, 0.03)
        self.shocks = [0.5 * s + self.random.uniform(-0.04, 0.04) for s in self.shocks]
        self.service_events(week)
        for worker in self.workers:
            worker.lasting = 0.5 * worker.lasting + self.random.uniform(-0.05, 0.05)
            worker.burden = 0.5 * worker.burden + self.random.uniform(-0.06, 0.06)
            dark = self.random.random() < 0.08
            if week >= worker.last_week or dark:
                worker.record.append((0, 0))
                continue
            self.work(worker, week, common)

    def work(self, worker: Worker, week: int, common: float) -> None:
        event = week - STARTS[worker.group] if worker.group != NEVER else -WEEKS
        chance = worker.ability + worker.lasting + common
        if self.design == "departments":
            chance += self.shocks[worker.department]
        rate = worker.calls + worker.burden + common
        failed = 0
        # At least one attempt, and on average MEAN_ATTEMPTS for the average pace.
        count = 1 + self.poisson((MEAN_ATTEMPTS - 1) * worker.pace)
        for _ in range(count):
            day = self.random.randrange(5)
            treated = event >= 0 or (worker.group == WEDNESDAY and event == -1 and day >= 2)
            added = gain(worker.group, max(0, event)) if treated else 0.0
            ok = self.random.random() < chance + added
            failed += not ok
            self.add_event(worker, week, day, ok)
        worker.record.append((failed, count))
        rate -= relief(worker.group, event) if event >= 0 else 0.0
        for _ in range(self.poisson(rate)):
            self.tickets.append((worker.name, self.moment(week, self.random.randrange(5))))

    def poisson(self, mean: float) -> int:
        limit, count, product = math.exp(-mean), 0, self.random.random()
        while product > limit:
            count += 1
            product *= self.random.random()
        return count

    def moment(self, week: int, day: int) -> int:
        return MONDAY_MS + (7 * week + day) * DAY_MS + self.random.randrange(7 * 3_600_000, 16 * 3_600_000)

    def add_event(self, worker: Worker, week: int, day: int, ok: bool) -> None:
        user = f"DOM/{worker.name}" if self.random.random() < 0.1 else worker.name
        feature = self.random.choice(("open", "save", "find"))
        duration = OK_MS if ok else int(self.random.uniform(0, 2 * FAILED_MS + 1))
        self.events.append(
            f'{{"time":{self.moment(week, day)},"user":"{user}","app":"crm","feature":"{feature}",'
            f'"outcome":"{"ok" if ok else "error"}","duration_ms":{duration}}}'
        )

    def service_events(self, week: int) -> None:
        for _ in range(30):
            time = self.moment(week, self.random.randrange(5))
            self.events.append(
                f'{{"time":{time},"user":"svc","app":"crm","feature":"open","outcome":"error"}}'
            )

    def write_tables(self, directory: Path) -> None:
        rows: list[list[Any]] = [["user", "department", "role", "aliases", "active_to", "service"]]
        for w in self.workers:
            end = "" if w.last_week == WEEKS else (MONDAY + timedelta(weeks=w.last_week)).isoformat()
            rows.append([w.name, f"D{w.department}", "clerk", f"DOM/{w.name}", end, ""])
        rows.append(["svc", "D0", "", "", "", "true"])
        write_csv(directory / "roster.csv", rows)
        tickets = [[f"T{i}", user, time, "crm"] for i, (user, time) in enumerate(self.tickets)]
        write_csv(directory / "tickets.csv", [["id", "requester", "opened", "app"], *tickets])
        initiatives = [["name", "kind", "cohort", "start"]]
        for group, week in enumerate(STARTS):
            start = MONDAY + timedelta(weeks=week)
            start -= timedelta(days=5) if group == WEDNESDAY else timedelta()
            initiatives.append([NAME, "training", self.cohort(group), start.isoformat()])
        write_csv(directory / "interventions.csv", initiatives)

    def cohort(self, group: int) -> str:
        if self.design == "departments":
            return f"department=D{group}"
        return "people=" + ";".join(w.name for w in self.workers if w.group == group)


def write_csv(path: Path, rows: list[list[Any]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"exit {done.returncode}: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


# ---------------------------------------------------------------------------------------------
# Estimates against the truth


def group_of_monday(monday: str) -> int:
    return STARTS.index((date.fromisoformat(monday) - MONDAY).days // 7)


def mean_truth(outcome: str, cells: list[tuple[int, int]]) -> float:
    """Over (group, event) cells, weighed by the groups' probability."""
    weights = sum(SHARES[group] for group, _ in cells)
    return sum(SHARES[group] * truth(outcome, group, event) for group, event in cells) / weights


def judged(row: dict[str, Any], cells: dict[str, list[tuple[int, int]]]) -> tuple[str, float] | None:
    """Under which aggregate a row counts, and its truth."""
    outcome, kind, event = row["outcome"], row["aggregate"], row["event_week"]
    if row["status"] == "placebo":
        wanted = kind == "event_time" and -6 <= event <= -2
        return (AGGREGATES[3], 0.0) if wanted else None
    if row["status"] != "effect":
        return None
    if kind == "simple":
        return AGGREGATES[0], mean_truth(outcome, cells[outcome])
    if kind == "event_time":
        same = [cell for cell in cells[outcome] if cell[1] == event]
        return (AGGREGATES[1], mean_truth(outcome, same)) if event < 6 else None
    return AGGREGATES[2], truth(outcome, group_of_monday(row["group"]), event)


def events_of_cells(rows: list[dict[str, Any]]) -> dict[str, list[tuple[int, int]]]:
    """The (group, event) of every effect in the report, by outcome."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        if row["aggregate"] == "group_time" and row["status"] == "effect":
            group = group_of_monday(row["group"])
            week = (date.fromisoformat(row["week"]) - MONDAY).days // 7
            row["event_week"] = week - STARTS[group]
            found[row["outcome"]].append((group, row["event_week"]))
    return found


Figures = dict[tuple[str, str], list[tuple[bool, float]]]


def check(seed: int, binary: Path, design: str) -> Figures:
    """Whether each interval held the truth, and its error in standard errors."""
    with tempfile.TemporaryDirectory(prefix="waterline-coverage-") as name:
        directory = Path(name)
        Organisation(seed, design).write(directory)
        prefix = [str(binary), "--db", str(directory / "waterline.db")]
        for part in ("roster", "events", "tickets", "interventions"):
            file = "events.ndjson" if part == "events" else f"{part}.csv"
            run([*prefix, "import", part, str(directory / file)])
        rows = json.loads(run([*prefix, "impact", NAME, "--format", "json"]))["rows"]
    rows = [row for row in rows if row["outcome"] in OUTCOMES]
    cells = events_of_cells(rows)
    found: Figures = defaultdict(list)
    for row in rows:
        place = judged(row, cells)
        if place is None or row["low"] is None:
            continue
        name, value = place
        held = row["low"] <= value <= row["high"]
        found[(row["outcome"], name)].append((held, (row["estimate"] - value) / row["standard_error"]))
    return dict(found)


@dataclass
class Tally:
    """Coverage over organisations, which are independent; the intervals of one are not."""

    shares: list[float] = field(default_factory=list)
    intervals: int = 0
    errors: float = 0.0

    def add(self, figures: list[tuple[bool, float]]) -> None:
        self.shares.append(sum(held for held, _ in figures) / len(figures))
        self.intervals += len(figures)
        self.errors += sum(error for _, error in figures)

    @property
    def coverage(self) -> float:
        return sum(self.shares) / len(self.shares)

    @property
    def standard_error(self) -> float:
        n = len(self.shares)
        squares = sum((share - self.coverage) ** 2 for share in self.shares)
        return math.sqrt(squares / n / max(1, n - 1))

    @property
    def text(self) -> str:
        return f"{self.coverage:.1%} ± {self.standard_error:.1%} ({self.errors / self.intervals:+.2f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--waterline", type=Path, required=True)
    parser.add_argument("--organisations", type=int, default=500)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--design", choices=("plain", "departments", "strugglers"), default="plain")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    tallies: dict[tuple[str, str], Tally] = defaultdict(Tally)
    seeds = range(options.first_seed, options.first_seed + options.organisations)
    work = partial(check, binary=options.waterline, design=options.design)
    with ProcessPoolExecutor(max_workers=options.jobs) as pool:
        for found in pool.map(work, seeds):
            for place, figures in found.items():
                tallies[place].add(figures)
    print(f"design {options.design}, {len(seeds)} organisations of {PEOPLE} people from seed {seeds[0]}")
    print("coverage of 95% intervals ± its standard error (mean error in standard errors)")
    print("| outcome | " + " | ".join(AGGREGATES) + " |")
    print("|---" * (1 + len(AGGREGATES)) + "|")
    is_wrong = False
    for outcome in OUTCOMES:
        row = [tallies[(outcome, aggregate)] for aggregate in AGGREGATES]
        if not all(tally.shares for tally in row):
            print(f"| {outcome} | no estimate for some aggregates |")
            return 1
        print(f"| `{outcome}` | " + " | ".join(tally.text for tally in row) + " |")
        for tally in row:
            # What 95% of intervals may miss by chance alone, however few organisations were drawn.
            spread = max(tally.standard_error, math.sqrt(0.95 * 0.05 / len(tally.shares)))
            is_wrong |= tally.coverage < 0.93 - 3 * spread
        # Errors are in standard errors of one estimate, and there is one an organisation.
        is_wrong |= abs(row[0].errors / row[0].intervals) > 4 / math.sqrt(row[0].intervals)
    return 1 if is_wrong and options.design == "plain" else 0


if __name__ == "__main__":
    sys.exit(main())
