#!/usr/bin/env python3
"""`waterline impact` and `waterline changes` against the naive evaluator, on random organisations.

    compare_impact.py --waterline PATH --seeds 0..99 [--jobs N]

The organisations are small and unpleasant: weeks with changes of clock, aliases, movers, leavers,
service accounts, dark weeks, starts within and at the edge of weeks, cohorts of all kinds that
overlap; some without roster, catalog or tickets.
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
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import naive
import naive_impact

ZONES = (
    ("UTC", date(2026, 1, 5)),
    ("Europe/Oslo", date(2026, 3, 2)),
    ("America/Havana", date(2025, 2, 3)),
    ("Pacific/Chatham", date(2025, 3, 3)),
    ("Asia/Kathmandu", date(2025, 6, 2)),
    ("Africa/Cairo", date(2025, 4, 7)),
)
APPS = ("crm", "mail, new", "café")
FEATURES = ("open", "save", "c")
DEPARTMENTS = ("Sales", "Sales North", "Élan")
ROLES = ("clerk", "analyst")
KEYS = {
    "impact": ("outcome", "aggregate", "event_week", "group", "week"),
    "changes": ("section", "app", "feature", "measure"),
}
REAL = ("estimate", "low", "high", "before", "after", "difference", "ratio")
TOLERANCE = 1e-9
NAME = "Course, \"one\""


class Generator:
    """One organisation of a seed."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = random.Random(seed)
        self.directory = directory
        self.zone, first = self.random.choice(ZONES)
        self.first = first + timedelta(days=self.random.randint(0, 6))
        self.days = self.random.randint(40, 80)
        self.people = [f"u{n:02}" for n in range(self.random.randint(6, 34))]
        self.alias = {p: f"DOM\\{p}" for p in self.people if self.chance(0.3)}
        self.has_roster = self.chance(0.85)
        self.has_catalog = self.chance(0.75)
        self.has_tickets = self.chance(0.85)
        self.is_calm = self.chance(0.35)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def moment(self, day: int, minute: float) -> int:
        start = naive.first_millisecond(self.first + timedelta(days=day), self.zone)
        return start + int(minute * naive.MINUTE)

    def write(self) -> dict[str, Any]:
        self.write_events()
        if self.has_roster:
            self.write_csv("roster", self.roster())
        if self.has_catalog:
            self.write_csv("catalog", self.catalog())
        if self.has_tickets:
            self.write_csv("tickets", self.tickets())
        rows = self.interventions()
        self.write_csv("interventions", rows)
        bounds = None
        if self.chance(0.3):
            last = self.first + timedelta(days=self.days)
            bounds = (
                self.first - timedelta(days=self.random.randint(-3, 9)),
                last + timedelta(days=self.random.randint(-3, 3)),
            )
        where = [f"department={self.random.choice(DEPARTMENTS)}"] if self.chance(0.15) else []
        return {
            "app": self.random.choice(APPS) if self.chance(0.3) else None,
            "where": where if self.has_roster else [],
            "min_group": self.random.choice((1, 1, 2, 5)),
            "bounds": bounds,
        }

    def write_csv(self, name: str, rows: list[dict[str, Any]]) -> None:
        with open(self.directory / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def write_events(self) -> None:
        records: list[dict[str, Any]] = []
        for person in [*self.people, "svc", "guest"]:
            last = self.random.randint(10, self.days) if self.chance(0.2) else self.days
            dark = {self.random.randrange(12) for _ in range(self.random.randint(0, 3))}
            habit = self.random.random()
            presence = 0.25 + 0.5 * habit
            if self.is_calm:
                last, dark, presence = self.days, set(), 0.97
            for day in range(last):
                if day // 7 in dark or not self.chance(presence):
                    continue
                self.day(records, person, day, habit)
        self.number(records)
        self.random.shuffle(records)
        with open(self.directory / "events.ndjson", "w", encoding="utf-8") as file:
            for record in records:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def number(self, records: list[dict[str, Any]]) -> None:
        """Sources and numbers, with gaps now and then."""
        draw = random.Random(len(records))
        has_gaps = draw.random() < (0.1 if self.is_calm else 0.4)
        seq: dict[str, int] = {}
        for record in sorted(records, key=lambda r: r["time"]):
            source = "ws-" + record["user"][-2:]
            gap = draw.randint(1, 5) if has_gaps and draw.random() < 0.02 else 0
            seq[source] = seq.get(source, 0) + 1 + gap
            record |= {"source": source, "seq": seq[source]}

    def day(self, records: list[dict[str, Any]], person: str, day: int, habit: float) -> None:
        time = self.moment(day, self.random.choice((0, 1, 300, 600, 1380)))
        app = self.random.choice(APPS)
        feature = self.random.choice(FEATURES)
        for _ in range(self.random.randint(1, 7)):
            user = person
            if person in self.alias and self.has_roster and self.chance(0.4):
                user = self.alias[person]
            kind = self.random.choices(("use", "focus", "help", "interruption"), (12, 2, 1, 1))[0]
            record: dict[str, Any] = {"time": time, "user": user, "app": app, "kind": kind}
            if self.chance(0.3):
                feature = self.random.choice(FEATURES)
            if kind == "use":
                record["feature"] = feature
                failing = self.chance(0.25 + 0.3 * habit)
                record["outcome"] = self.random.choice(("error", "abandoned")) if failing else "ok"
            if self.chance(0.9):
                record["duration_ms"] = int(self.random.lognormvariate(8, 1))
            records.append(record)
            time += record.get("duration_ms", 0) + self.random.choice((0, 1000, 60_000, 1_800_000))
            if self.chance(0.1):
                time += naive.DAY // 3
                app = self.random.choice(APPS)

    def roster(self) -> list[dict[str, Any]]:
        rows = []
        for person in self.people:
            if self.chance(0.05):
                continue
            stops = [""]
            if self.chance(0.25):
                stops = [str(self.first + timedelta(days=self.random.randint(5, self.days))), ""]
                if self.chance(0.5):
                    stops.pop()
            start = ""
            if self.chance(0.15):
                start = str(self.first + timedelta(days=self.random.randint(0, 4)))
            for stop in stops:
                rows.append(
                    {
                        "user": person,
                        "department": self.random.choice(DEPARTMENTS),
                        "role": self.random.choice((*ROLES, "")),
                        "site": self.random.choice(("Oslo", "Lagos")),
                        "active_from": start,
                        "active_to": stop,
                        "aliases": self.alias.get(person, ""),
                        "service": "",
                    }
                )
                start = stop
        service = dict.fromkeys(rows[0], "") | {"user": "svc", "department": "Sales", "service": "true"}
        return [*rows, service]

    def catalog(self) -> list[dict[str, Any]]:
        return [
            {
                "app": app,
                "feature": feature,
                "roles": self.random.choice(("*", "*", "clerk", "clerk;analyst")),
                "target_days": self.random.choice(("", "1", "4", "8", "20")),
                "target_ms": self.random.choice(("", "500", "3000")),
                "automatic": "true" if self.chance(0.08) else "",
            }
            for app in APPS
            for feature in FEATURES
            if (app, feature) == (APPS[0], FEATURES[0]) or self.chance(0.8)
        ]

    def tickets(self) -> list[dict[str, Any]]:
        return [
            {
                "id": str(number),
                "requester": self.random.choice((*self.people, *self.alias.values(), "guest")),
                "opened": self.moment(self.random.randrange(self.days), self.random.randint(0, 1439)),
                "app": self.random.choice(("", *APPS)),
            }
            for number in range(self.random.randint(1, 60))
        ]

    def interventions(self) -> list[dict[str, Any]]:
        rows = []
        cohorts: set[str] = set()
        for _ in range(self.random.choice((1, 2, 3, 4))):
            cohort = self.cohort()
            if cohort in cohorts:
                continue
            cohorts.add(cohort)
            # Four weeks before the start, where collection shall be complete.
            earliest = min(34, self.days - 11) if self.is_calm else 10
            day = self.random.randint(earliest, self.days - 10)
            if self.chance(0.6):
                day -= (self.first + timedelta(days=day)).weekday()
            when = self.first + timedelta(days=day)
            start: str = when.isoformat()
            if self.chance(0.4):
                edge = naive.first_millisecond(when, self.zone)
                moment = edge + self.random.choice((-1000, 0, 1000, 9 * 3_600_000))
                start = datetime.fromtimestamp(moment // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            rows.append({"name": NAME, "kind": "training", "cohort": cohort, "start": start})
        return rows

    def cohort(self) -> str:
        kind = self.random.random()
        if kind < 0.5:
            size = self.random.randint(1, max(2, len(self.people) // 3))
            chosen = self.random.sample(self.people, size)
            return "people=" + ";".join(self.alias.get(p, p) if self.chance(0.3) else p for p in chosen)
        if kind < 0.65:
            return f"department={self.random.choice(DEPARTMENTS)}"
        if kind < 0.8:
            return f"role={self.random.choice(ROLES)}"
        if kind < 0.87:
            return "site=Oslo"
        if kind < 0.95:
            return f"app={self.random.choice(APPS)}"
        return ""


def start_of(text: str, zone: str) -> int:
    if len(text) == 10:
        return naive.first_millisecond(date.fromisoformat(text), zone)
    return naive.parse_time_text(text)


def expected_rows(
    directory: Path, zone: str, options: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    def path(name: str) -> str | None:
        file = directory / f"{name}.csv"
        return str(file) if file.exists() else None

    organisation = naive.Organisation.load(
        str(directory / "events.ndjson"), path("roster"), path("catalog"), path("tickets")
    )
    table = naive.read_table(str(directory / "interventions.csv"))
    initiatives = [
        naive_impact.Initiative(row["name"], row["cohort"], start_of(row["start"], zone)) for row in table
    ]
    where = tuple(naive.parse_where(text) for text in options["where"])
    selection = naive.Selection(app=options["app"], where=where)
    study = naive_impact.Impact(organisation, initiatives, zone, selection, options["bounds"])
    change = naive_impact.Change(organisation, initiatives, zone, selection)
    return {"impact": study.rows(options["min_group"]), "changes": change.rows()}


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"exit {done.returncode}: {command[3:]}: {done.stderr.decode().strip()}")
    return done.stdout.decode("utf-8")


def actual_rows(
    binary: Path, directory: Path, zone: str, options: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    prefix = [str(binary), "--db", str(directory / "waterline.db")]
    for name in ("events", "roster", "catalog", "tickets"):
        file = directory / ("events.ndjson" if name == "events" else f"{name}.csv")
        if file.exists():
            run([*prefix, "import", name, str(file)])
    run([*prefix, "import", "interventions", str(directory / "interventions.csv"), "--timezone", zone])
    flags = [NAME, "--format", "json", "--timezone", zone, "--purpose", "oracle"]
    for text in options["where"]:
        flags += ["--where", text]
    if options["app"] is not None:
        flags += ["--app", options["app"]]
    impact = [*flags, "--min-group", str(options["min_group"])]
    if options["bounds"] is not None:
        first, last = options["bounds"]
        impact += ["--from", str(first), "--to", str(last)]
    return {
        "impact": json.loads(run([*prefix, "impact", *impact]))["rows"],
        "changes": json.loads(run([*prefix, "changes", *flags, "--min-group", "1"]))["rows"],
    }


def same(wanted: Any, given: Any, scale: float) -> bool:
    if isinstance(wanted, float) and isinstance(given, (int, float)):
        return math.isclose(wanted, given, rel_tol=TOLERANCE, abs_tol=TOLERANCE * max(1, scale))
    return wanted == given


def differences(
    report: str, expected: list[dict[str, Any]], actual: list[dict[str, Any]]
) -> list[str]:
    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(column) for column in KEYS[report])

    if [key(row) for row in expected] != [key(row) for row in actual]:
        wanted, given = {key(row) for row in expected}, {key(row) for row in actual}
        return [f"rows: missing {sorted(map(str, wanted - given))[:2]}, "
                f"not expected {sorted(map(str, given - wanted))[:2]}"]  # fmt: skip
    found = []
    for row, other in zip(expected, actual):
        scale = abs(row.get("standard_error") or 0) + abs(row.get("estimate") or 0)
        for name, value in row.items():
            wanted = float(value) if name in REAL and value is not None else value
            if not same(wanted, other.get(name), scale):
                found.append(f"{key(row)}: {name} is {other.get(name)}, should be {value}")
    return found


def check(seed: int, binary: Path) -> tuple[int, list[str], int]:
    with tempfile.TemporaryDirectory(prefix="waterline-impact-") as name:
        directory = Path(name)
        generator = Generator(seed, directory)
        options = generator.write()
        expected = expected_rows(directory, generator.zone, options)
        try:
            actual = actual_rows(binary, directory, generator.zone, options)
        except RuntimeError as error:
            return seed, [str(error)], 0
        found = []
        for report, rows in expected.items():
            found += [f"{report} {line}" for line in differences(report, rows, actual[report])]
        return seed, found, sum(len(rows) for rows in expected.values())


def parse_seeds(text: str) -> list[int]:
    first, dots, last = text.partition("..")
    return list(range(int(first), int(last) + 1)) if dots else [int(first)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare impact with the naive evaluator.")
    parser.add_argument("--waterline", type=Path, required=True)
    parser.add_argument("--seeds", type=parse_seeds, default=parse_seeds("0..99"))
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    failed, rows = 0, 0
    with ProcessPoolExecutor(max_workers=options.jobs) as pool:
        for seed, found, count in pool.map(partial(check, binary=options.waterline), options.seeds):
            rows += count
            if found:
                failed += 1
                print(f"seed {seed}: {len(found)} differences: {'; '.join(found[:3])}", flush=True)
    print(f"{len(options.seeds) - failed} passed, {failed} failed ({rows} rows)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
