#!/usr/bin/env python3
"""How often `alerts` cries wolf: quiet made-up organisations through the real command line.

    alert_false_alarms.py --waterline BINARY [--organisations 200] [--looks 3] [--days 1,7,28] [--jobs 2] [--trouble]

Each organisation has 25 to 40 people with habits and paces of their own, a failure rate that wanders
from week to week (autocorrelated), weekends, ten public holidays, a quiet week at the end of December,
holidays of one to three weeks (more of them in July), and a month's end with other work, more failures
and longer uses. Nothing gets worse. It is looked at on days of its last three months, a few times
over each length. The seeds are 0, 1, 2, ... and were fixed before the first run. Printed: the share of looks with
an alert, which the method promises to keep at or below the level that the report names, by metric, and
apart for July, when many are away at once as at no time before.

With --trouble something does get worse in the last week, another thing in each organisation, and the
share that was noticed is printed: failures doubled and tripled in one app, a fifth of the agents
stopped, half of the people no longer using half of the features.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

APPS = ("crm", "desk", "ledger")
FEATURES = ("open", "save", "find")
HISTORY_DAYS = 330
LAST_DAY = date(2026, 10, 31)
TROUBLES = ("failures doubled", "failures tripled", "agents stopped", "features dropped")
SECONDS = 600


class Organisation:
    """One made-up organisation; `trouble` begins a week before `until`."""

    def __init__(self, seed: int, trouble: str | None = None) -> None:
        self.random = random.Random(seed)
        self.last = LAST_DAY - timedelta(days=self.random.randrange(365))
        self.first = self.last - timedelta(days=HISTORY_DAYS)
        self.trouble = trouble
        self.people = [f"u{n:02}" for n in range(self.random.randint(25, 40))]
        self.pace = {u: self.random.lognormvariate(0, 0.3) for u in self.people}
        self.care = {u: self.random.lognormvariate(0, 0.4) for u in self.people}
        self.likes = {
            u: {(a, f): self.random.random() * 2 for a in APPS for f in FEATURES}
            for u in self.people
        }
        self.holidays = {
            self.first + timedelta(days=self.random.randrange(HISTORY_DAYS)) for _ in range(10)
        }
        self.absences = {u: self.absence() for u in self.people}
        self.hit = set(self.random.sample(self.people, len(self.people) // 5))
        self.drop = set(self.random.sample(self.people, len(self.people) // 2))
        self.wander = 0.0
        self.sequence: Counter[str] = Counter()

    def absence(self) -> list[tuple[date, date]]:
        """A few stretches away, more of them in July."""
        found = []
        for _ in range(self.random.randint(1, 3)):
            start = self.first + timedelta(days=self.random.randrange(HISTORY_DAYS))
            if self.random.random() < 0.4:
                start = date(self.last.year, 7, self.random.randint(1, 20))
            found.append((start, start + timedelta(days=7 * self.random.randint(1, 3))))
        return found

    def is_there(self, user: str, day: date) -> bool:
        if any(start <= day < end for start, end in self.absences[user]):
            return False
        chance = 0.95 if day.weekday() < 5 else 0.03
        if day in self.holidays:
            chance = 0.04
        if (day.month, day.day) >= (12, 24) or (day.month, day.day) == (1, 1):
            chance *= 0.5
        return self.random.random() < chance

    def is_troubled(self, day: date) -> bool:
        return day > self.last - timedelta(days=7)

    def failure(self, user: str, app: str, day: date, busy: bool) -> float:
        rate = 0.05 * self.care[user] * math.exp(self.wander)
        if busy and app == "ledger":
            rate *= 2.5
        if self.is_troubled(day) and app == "crm" and self.trouble is not None:
            rate *= {"failures doubled": 2, "failures tripled": 3}.get(self.trouble, 1)
        return min(0.7, rate)

    def features(self, user: str, day: date, busy: bool) -> list[tuple[str, str]]:
        weights = dict(self.likes[user])
        if busy:
            weights = {key: w * (4 if key[0] == "ledger" else 1) for key, w in weights.items()}
        if self.trouble == "features dropped" and self.is_troubled(day) and user in self.drop:
            weights = {key: w for key, w in weights.items() if key[1] != "find" and key[0] != "desk"}
        count = 1 + sum(self.random.random() < 0.5 for _ in range(8 if busy else 6))
        return self.random.choices(list(weights), list(weights.values()), k=count)

    def day_lines(self, user: str, day: date) -> list[str]:
        month_end = (day + timedelta(days=3)).day <= 3 or day.day <= 2
        busy = month_end and day.weekday() < 5
        midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()
        time = int(midnight * 1000) + self.random.randrange(7 * 3_600_000, 10 * 3_600_000)
        lines = []
        for app, feature in self.features(user, day, busy):
            tries = 0
            while tries < 6:
                tries += 1
                failed = self.random.random() < self.failure(user, app, day, busy) * (2 if tries > 1 else 1)
                duration = int(20_000 * self.pace[user] * self.random.lognormvariate(0, 0.5))
                self.sequence[user] += 1
                lines.append(
                    f'{{"time":{time},"user":"{user}","app":"{app}","feature":"{feature}",'
                    f'"outcome":"{"error" if failed else "ok"}","duration_ms":{duration},'
                    f'"source":"ws-{user}","seq":{self.sequence[user]}}}'
                )
                time += duration + self.random.randrange(5_000, 60_000)
                if not failed:
                    break
            time += self.random.randrange(60_000, 50 * 60_000)
        return lines

    def write(self, directory: Path) -> None:
        lines: list[str] = []
        day = self.first
        while day <= self.last:
            if day.weekday() == 0:
                self.wander = 0.6 * self.wander + self.random.gauss(0, 0.08)
            for user in self.people:
                stopped = self.trouble == "agents stopped" and self.is_troubled(day)
                if self.is_there(user, day) and not (stopped and user in self.hit):
                    lines += self.day_lines(user, day)
            day += timedelta(days=1)
        (directory / "events.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
        roster = ["user,department,role"] + [f"{u},D{i % 3},clerk" for i, u in enumerate(self.people)]
        (directory / "roster.csv").write_text("\n".join(roster) + "\n", encoding="utf-8")
        catalog = ["app,feature,roles"] + [f"{a},{f},*" for a in APPS for f in FEATURES]
        (directory / "catalog.csv").write_text("\n".join(catalog) + "\n", encoding="utf-8")


def run(arguments: list[str]) -> str:
    done = subprocess.run(arguments, capture_output=True, timeout=SECONDS, check=False, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"exit {done.returncode}: {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def look(prefix: list[str], since: date, until: date) -> dict[str, Any]:
    flags = ["--since", since.isoformat(), "--until", until.isoformat()]
    return json.loads(run([*prefix, "alerts", *flags, "--format", "json"]))


def check(
    seed: int, binary: Path, looks: int, lengths: list[int], trouble: bool
) -> list[tuple[str, dict[str, Any]]]:
    """The looks at one organisation, each with its name."""
    kind = TROUBLES[seed % len(TROUBLES)] if trouble else None
    organisation = Organisation(seed, kind)
    chooser = random.Random(f"looks {seed}")
    with tempfile.TemporaryDirectory(prefix="waterline-alerts-") as name:
        directory = Path(name)
        organisation.write(directory)
        prefix = [str(binary), "--db", str(directory / "waterline.db")]
        for part, file in (("roster", "roster.csv"), ("catalog", "catalog.csv"), ("events", "events.ndjson")):
            run([*prefix, "import", part, str(directory / file)])
        if kind is not None:
            until = organisation.last + timedelta(days=1)
            return [(kind, look(prefix, until - timedelta(days=7), until))]
        found = []
        for days in lengths:
            for _ in range(looks):
                until = organisation.last - timedelta(days=chooser.randrange(90))
                season = " in July" if (until - timedelta(days=1)).month == 7 else ""
                found.append((f"{days} days{season}", look(prefix, until - timedelta(days=days), until)))
        return found


def counts(report: dict[str, Any], trouble: bool) -> bool:
    """Whether a look counts: one without a test cannot cry wolf."""
    return trouble or report["totals"]["tests"] > 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--waterline", type=Path, required=True)
    parser.add_argument("--organisations", type=int, default=200)
    parser.add_argument("--looks", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--days", type=lambda t: [int(d) for d in t.split(",")], default=[1, 7, 28])
    parser.add_argument("--trouble", action="store_true")
    options = parser.parse_args()
    looks: Counter[str] = Counter()
    alarmed: Counter[str] = Counter()
    metrics: Counter[str] = Counter()
    tests = organisations = untested = 0
    work = partial(
        check, binary=options.waterline, looks=options.looks, lengths=options.days, trouble=options.trouble
    )
    level = 0.0
    with ProcessPoolExecutor(max_workers=options.jobs) as pool:
        for found in pool.map(work, range(options.organisations)):
            organisations += any(report["totals"]["alerts"] for _, report in found)
            for name, report in found:
                if not counts(report, options.trouble):
                    untested += 1
                    continue
                looks[name] += 1
                alarmed[name] += report["totals"]["alerts"] > 0
                tests += report["totals"]["tests"]
                level = report["totals"]["false_alarm_rate"]
                for row in report["rows"]:
                    metrics[row["metric"]] += 1
    for name in sorted(looks):
        print(f"{name}: {alarmed[name]} of {looks[name]} looks with an alert")
    total, wrong = sum(looks.values()), sum(alarmed.values())
    print(f"alerts by metric: {dict(metrics)}; tests: {tests}; looks without a test: {untested}")
    share = f"{wrong} of {total} looks ({wrong / total:.1%})"
    print(f"{share}, {organisations} of {options.organisations} organisations")
    if options.trouble:
        return 0
    # The level and three standard errors of a share that really is at the level.
    limit = level + 3 * math.sqrt(level * (1 - level) / total)
    print(f"promised: {level:.0%} of looks; fails above {limit:.1%}")
    return 1 if wrong / total > limit else 0


if __name__ == "__main__":
    sys.exit(main())
