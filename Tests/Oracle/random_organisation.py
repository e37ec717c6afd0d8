#!/usr/bin/env python3
"""A small, adversarial, seeded organisation for comparing the product with the naive evaluator.

    random_organisation.py --seed N --out DIR

writes events.ndjson, roster.csv, catalog.csv, tickets.csv (some seeds leave one of the last three
out) and options.json: window, zone, filters, smallest group, and whether rejections were planned.
The same seed always gives the same files.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import naive

MINUTE = naive.MINUTE
HOUR = 60 * MINUTE
DAY = naive.DAY
UTC = timezone.utc
EDGE = (-1, 0, 0, 1)

# Zones with a day on which their clocks changed; two of them change at midnight.
ZONES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("UTC", ("2026-03-01",)),
    ("Europe/Oslo", ("2026-03-29", "2025-10-26")),
    ("America/New_York", ("2026-03-08", "2025-11-02")),
    ("America/St_Johns", ("2025-03-09", "2025-11-02")),
    ("Australia/Lord_Howe", ("2025-04-06", "2025-10-05")),
    ("Asia/Kathmandu", ("2026-01-15",)),
    ("America/Santiago", ("2025-09-07", "2025-04-05")),
    ("Africa/Cairo", ("2025-04-25", "2025-10-30")),
    ("America/Havana", ("2025-03-09", "2025-11-02")),
    ("Pacific/Chatham", ("2025-04-06", "2025-09-28")),
    ("Africa/Casablanca", ("2025-02-23", "2025-04-06")),
    ("Pacific/Kiritimati", ("2026-02-28",)),
    ("Europe/Dublin", ("2026-03-29", "2025-10-26")),
)

COMPOSED = unicodedata.normalize("NFC", "é")
DECOMPOSED = unicodedata.normalize("NFD", "é")
APPS = (
    "crm",
    "CRM",
    "File",
    "File submissions",
    'desk "9"',
    "Teams, new",
    "two\nlines",
    f"caf{COMPOSED}",
    f"caf{DECOMPOSED}",
    "a,b",
    "a",
    "工具",
    "🧰",
    "ﬀ",
)
FEATURES = (
    "open",
    "save",
    "save as…",
    f"r{COMPOSED}sum{COMPOSED}",
    f"r{DECOMPOSED}sum{DECOMPOSED}",
    'quote "x"',
    "b,c",
    "c",
    "line\nfeed",
    "x" * 256,
    "Export",
)
DEPARTMENTS = (
    "Sales",
    "Sales North",
    f"{unicodedata.normalize('NFC', 'É')}lan",
    f"{unicodedata.normalize('NFD', 'É')}lan",
    'R&D, "core"',
    "Finance",
)
ROLES = ("clerk", "analyst", f"g{COMPOSED}rant", f"g{DECOMPOSED}rant", "manager")
SITES = ("Oslo", "Lagos", "São Paulo")
NAMES = (f"Z{COMPOSED}", f"Z{DECOMPOSED}", 'o"brien, pat', "two\nlines", "名")


@dataclass
class Step:
    """An event before it has a sender and a number."""

    time: int
    user: str
    app: str
    kind: str = "use"
    feature: str | None = None
    outcome: str | None = None
    duration: int | None = None
    session: str | None = None
    version: str | None = None

    @property
    def end(self) -> int:
        return self.time + (self.duration or 0)

    @property
    def failed(self) -> bool:
        return self.outcome in ("error", "abandoned")


@dataclass
class Person:
    """Someone who acts, on the roster or not."""

    name: str
    aliases: list[str] = field(default_factory=list)
    role: str = ""


class Generator:
    """Builds one organisation."""

    def __init__(self, seed: int, long_history: bool = False) -> None:
        self.seed = seed
        self.long_history = long_history
        self.random = random.Random(seed)
        self.crowd = self.chance(0.45)
        self.even_departments = self.crowd and self.chance(0.7)
        self.huge_durations = self.chance(0.4)
        self.steps: list[Step] = []
        self.tickets: list[dict[str, str]] = []
        self.roster: list[dict[str, str]] = []
        self.rejections = False
        self.choose_window()
        self.people = self.make_people()
        self.features = self.make_features()
        self.catalog = self.make_catalog()

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    # -- Window and people

    def choose_window(self) -> None:
        """A window of 1 to 60 days, mostly with a clock change inside or at its edge."""
        self.zone, changes = self.random.choice(ZONES)
        change = date.fromisoformat(self.random.choice(changes))
        days = self.pick(1, 2, 7, 13, 14, 15, 21, 28, 28, 28, 60, self.random.randint(1, 60))
        before = self.pick(0, days, days - 1, self.random.randint(0, days))
        first = change - timedelta(days=before)
        self.window = naive.Window(first, first + timedelta(days=days), self.zone)

    def make_people(self) -> list[Person]:
        count = self.random.randint(46, 60) if self.crowd else self.random.randint(3, 14)
        people = [Person(f"u{number:03}") for number in range(count)]
        for name in NAMES:
            if self.chance(0.4):
                people.append(Person(name))
        for person in people:
            self.add_to_roster(person)
        for name in ("ghost", "Ghost", "svc-backup", "gone"):
            if self.chance(0.5):
                people.append(Person(name))
        self.add_unusual_rows()
        return people

    def roster_row(self, user: str, **cells: str) -> dict[str, str]:
        department = "" if self.chance(0.05) else self.random.choice(DEPARTMENTS)
        if self.even_departments:
            department = DEPARTMENTS[len(self.roster) % 4]
        row = {
            "user": user,
            "department": department,
            "role": "" if self.chance(0.05) else self.random.choice(ROLES),
            "site": "" if self.chance(0.2) else self.random.choice(SITES),
            "manager": self.pick("", "u000"),
            "active_from": "",
            "active_to": "",
            "aliases": "",
            "service": self.pick("", "", "false"),
        }
        return row | cells

    def add_to_roster(self, person: Person) -> None:
        """One or several rows, with aliases on some of them."""
        if self.chance(0.3):
            person.aliases.append(f"DOM\\{person.name}")
        if self.chance(0.1):
            person.aliases.append(f"{person.name}@example.org")
        aliases = ";".join(person.aliases)
        bounds = [""]
        if self.chance(0.3):
            bounds = [self.edge_day(), *([""] if self.chance(0.7) else [self.edge_day()])]
            bounds = ["", *sorted(b for b in bounds if b), *(b for b in bounds if not b)]
        elif self.chance(0.2):
            bounds = [self.edge_day(), ""] if self.chance(0.5) else ["", self.edge_day()]
        else:
            bounds = ["", ""]
        first_row = self.random.randrange(len(bounds) - 1) if self.chance(0.3) else 0
        for index in range(first_row, len(bounds) - 1):
            start, stop = bounds[index], bounds[index + 1]
            if stop and self.chance(0.15):
                stop = max(start, day_after(stop, -1))
            cells = {"active_from": start, "active_to": stop, "aliases": aliases}
            self.roster.append(self.roster_row(person.name, **cells))
        person.role = self.roster[-1]["role"]

    def edge_day(self) -> str:
        """A day near an edge of the window or its 14th day."""
        first, days = self.window.first, self.window.days
        offsets = (-40, -1, 0, 1, 13, 14, 15, days - 15, days - 14, days - 13, days - 1, days)
        offset = self.pick(*offsets, days + 1, self.random.randint(-5, days + 5))
        return (first + timedelta(days=offset)).isoformat()

    def add_unusual_rows(self) -> None:
        if self.chance(0.5):
            self.roster.append(self.roster_row("svc-backup", service="true"))
        if self.chance(0.5):
            stop = self.pick(self.window.first.isoformat(), "2001-01-01")
            self.roster.append(self.roster_row("gone", active_to=stop))
        if self.chance(0.1):
            day = self.edge_day()
            self.roster.append(self.roster_row("momentary", active_from=day, active_to=day))
        if self.chance(0.15):
            self.rejections = True
            overlapping = self.roster_row("u000", active_from="", active_to="")
            self.roster.append(overlapping | {"aliases": "never-known"})
        if self.chance(0.1):
            self.rejections = True
            dates = {"active_from": "2026-02-02", "active_to": "2026-02-01"}
            self.roster.append(self.roster_row("backwards", **dates))
        if self.chance(0.5):
            self.random.shuffle(self.roster)

    # -- Catalog

    def make_features(self) -> list[tuple[str, str]]:
        apps = self.random.sample(APPS, self.random.randint(1, 3 if self.crowd else 4))
        if self.chance(0.2):
            apps = ["File", "File submissions"]
        features = []
        for app in apps:
            names = self.random.sample(FEATURES, self.random.randint(1, 4))
            features.extend((app, name) for name in names)
        return features

    def make_catalog(self) -> list[dict[str, str]]:
        rows = []
        unused = [("crm", "nobody uses this"), ("unused, app", "open")]
        for app, feature in [*self.features, *unused]:
            if self.chance(0.15):
                continue
            some_roles = self.random.sample(ROLES, self.random.randint(1, 3))
            rows.append(
                {
                    "app": app,
                    "feature": feature,
                    "roles": "*" if self.chance(0.6) else ";".join(some_roles),
                    "target_days": self.pick("", "", "1", "2", "3", "7", "14", "28"),
                    "target_ms": self.pick("", "", "", "0", "500", "2500", "60000"),
                    "category": self.pick("", "ask", "post"),
                    "critical": self.pick("", "true", "false"),
                    "automatic": self.pick("", "false", *["true"] * self.chance(0.3)),
                }
            )
        return rows

    # -- What people do

    def some_time(self) -> int:
        """An instant; often near an edge of the window, a midnight or a clock change."""
        start, stop = self.window.start, self.window.stop
        kind = self.random.random()
        if kind < 0.65:
            return self.random.randrange(start, stop)
        if kind < 0.75:
            return self.random.choice((start, stop)) + self.pick(-1, 0, 1, -999, 1500, -HOUR)
        if kind < 0.85:
            day = self.window.first + timedelta(days=self.random.randint(0, self.window.days))
            midnight = naive.first_millisecond(day, self.zone)
            return midnight + self.pick(-1, 0, 1, HOUR, -HOUR, 2 * HOUR, 3 * HOUR)
        if kind < 0.95:
            return start - self.random.randrange(self.pick(30, 30, 30, 500) * DAY)
        return stop + self.random.randrange(5 * DAY)

    def some_duration(self) -> int | None:
        kind = self.random.random()
        if kind < 0.12:
            return None
        if kind < 0.2:
            return 0
        if kind < 0.21 and self.huge_durations:
            return self.pick(naive.LARGEST_DURATION, 90 * MINUTE, 5 * HOUR)
        if kind < 0.5:
            return self.pick(100, 250, 500, 501, 1000, 1001, 2500, 5000, 5001)
        return int(self.random.lognormvariate(7.5, 1.2))

    def some_break(self) -> int:
        """From the end of a use to the start of the next."""
        kind = self.random.random()
        if kind < 0.15:
            return 0
        if kind < 0.3:
            return 30 * MINUTE + self.random.choice(EDGE)
        if kind < 0.35:
            return -self.random.randrange(5 * MINUTE)
        if kind < 0.4:
            return self.random.randrange(29 * MINUTE, 33 * MINUTE)
        return self.random.randrange(2 * MINUTE)

    def some_session(self, person: Person) -> str | None:
        return self.pick(None, None, "shared", f"{person.name}-1", self.random.choice("abcdef"))

    def visit(self, person: Person) -> None:
        """One stretch of work, mostly in one app."""
        app, feature = self.random.choice(self.features)
        time, session = self.some_time(), self.some_session(person)
        failing = self.pick(0.05, 0.3, 0.8)
        run: list[Step] = []
        for _ in range(self.random.randint(1, 9)):
            if self.chance(0.25):
                app, feature = self.random.choice(self.features)
            elif self.chance(0.35):
                feature = self.pick(*(name for other, name in self.features if other == app))
            outcome = self.pick("error", "error", "abandoned") if self.chance(failing) else None
            outcome = outcome or self.pick(None, "ok")
            if self.chance(0.1):
                session = self.some_session(person)
            step = Step(
                time, person.name, app, "use", feature, outcome, self.some_duration(), session
            )
            self.steps.append(step)
            if step.failed and (not run or (run[-1].app, run[-1].feature) == (app, feature)):
                run.append(step)
            else:
                self.react(person, run)
                run = [step] if step.failed else []
            if self.chance(0.2):
                self.attend(person, step)
            if not self.chance(0.08):
                time = step.end + self.some_break()
        self.react(person, run)

    def react(self, person: Person, run: list[Step]) -> None:
        """After failures: sometimes a ticket or a search for help, near the edges."""
        if not run or self.chance(0.4):
            return
        first, last = run[0], run[-1]
        if self.chance(0.5):
            at = self.pick(
                first.time + self.random.choice(EDGE),
                last.end + DAY + self.random.choice(EDGE),
                last.end + self.random.randrange(30 * HOUR),
            )
            self.open_ticket(person, at, self.pick(last.app, "", "another app"))
        if self.chance(0.5):
            at = self.pick(
                first.time + self.random.choice(EDGE),
                last.end + 30 * MINUTE + self.random.choice(EDGE),
                last.end + self.random.randrange(40 * MINUTE),
            )
            app = last.app if self.chance(0.8) else self.random.choice(self.features)[0]
            feature = self.pick(None, last.feature)
            duration = self.some_duration()
            self.steps.append(Step(at, person.name, app, "help", feature, None, duration))

    def attend(self, person: Person, step: Step) -> None:
        """Focus, help and interruptions around a use."""
        kind = self.pick("focus", "focus", "interruption", "help")
        feature = self.pick(None, None, step.feature)
        at = step.time + self.pick(0, 1, -MINUTE, self.random.randrange(HOUR))
        duration = self.some_duration()
        if kind == "focus" and self.chance(0.3):
            duration = self.random.randrange(4 * HOUR)
        session = step.session if self.chance(0.5) else None
        self.steps.append(
            Step(at, person.name, step.app, kind, feature, None, duration, session)
        )

    def drill(self) -> None:
        """Many people using one feature at least five times: peers for a benchmark."""
        app, feature = self.random.choice(self.features)
        for person in self.people:
            if self.chance(0.3):
                continue
            pace = self.pick(0, 100, 400, 1000)
            for _ in range(self.random.randint(4, 7)):
                time = self.random.randrange(self.window.start, self.window.stop)
                duration = pace + self.pick(0, 1, self.random.randrange(800))
                session = self.some_session(person)
                self.steps.append(
                    Step(time, person.name, app, "use", feature, None, duration, session)
                )

    def open_ticket(self, person: Person, at: int, app: str) -> None:
        known_as = self.random.choice([person.name, *person.aliases])
        row = {
            "id": f"T{len(self.tickets):04}",
            "requester": known_as,
            "opened": self.time_text(at),
            "app": app,
            "category": self.pick("", "error", "how-to"),
            "priority": self.pick("", "1", "3"),
            "state": self.pick("open", "resolved"),
        }
        self.tickets.append(row)

    def act(self) -> None:
        """Fill the organisation with events and tickets."""
        wanted = self.random.randint(300, 2600)
        if self.crowd:
            for _ in range(self.random.randint(1, 3)):
                self.drill()
        silent = {person.name for person in self.people if self.chance(0.1)}
        active = [person for person in self.people if person.name not in silent]
        while active and len(self.steps) < wanted:
            self.visit(self.random.choice(active))
        for person in self.people:
            if self.chance(0.05):
                self.open_ticket(person, self.some_time(), "")
        if self.tickets and self.chance(0.4):
            again = dict(self.random.choice(self.tickets))
            again |= {"opened": self.time_text(self.some_time()), "app": ""}
            self.tickets.append(again)

    # -- Long history, for rot: seasons, decline, twins and versions

    def lengthen(self) -> None:
        """More history before the window, so that features age; versions on most events."""
        for row in self.catalog:
            row["category"] = self.pick("", "ask", "ask", "post", "ask ")
        self.crowd_in()
        for app, feature in self.features:
            habit = self.pick("season", "season", "decline", "decline", "twin", "none", "empty")
            if habit == "season":
                self.gather_around_boundaries(app, feature)
            elif habit == "decline":
                self.decline(app, feature)
            elif habit == "twin":
                self.alternate(app, feature)
            elif habit == "empty":
                self.steps = [s for s in self.steps if (s.app, s.feature) != (app, feature)]
        self.give_versions()

    def crowd_in(self) -> None:
        """Sometimes over a hundred people more, so that one of them is under 1%."""
        if not self.chance(0.3):
            return
        for number in range(self.random.randint(95, 130)):
            person = Person(f"m{number:03}")
            self.people.append(person)
            self.roster.append(self.roster_row(person.name))

    def gather_around_boundaries(self, app: str, feature: str) -> None:
        """Uses near the ends of months, quarters or years, some just outside the five days."""
        months = self.pick(1, 1, 3, 12)
        self.steps = [s for s in self.steps if (s.app, s.feature) != (app, feature)]
        count = self.random.randint(1, 6) if months < 12 else self.random.randint(1, 3)
        index = self.window.last.year * 12 + self.window.last.month - 1
        last = index // months - self.pick(0, 0, 1)
        for period in range(last - count + 1, last + 1):
            if self.chance(0.07):
                continue
            boundary = date(period * months // 12, period * months % 12 + 1, 1)
            for _ in range(self.random.randint(1, 9)):
                offset = self.pick(-5, 4, *range(-5, 5), *range(-5, 5))
                if self.chance(0.08):
                    offset = self.pick(-6, 5, 15, -15, self.random.randint(-16, 16))
                self.use_on(boundary + timedelta(days=offset), app, feature)

    def decline(self, app: str, feature: str) -> None:
        """Used by many a year before, or in the first days of history, and by few now."""
        days = self.window.days
        self.steps = [
            s for s in self.steps if (s.app, s.feature) != (app, feature) or self.chance(0.04)
        ]
        year_before = date(self.window.first.year - 1, self.window.first.month, 1)
        start = self.pick(
            year_before + timedelta(days=self.window.first.day - 1),
            self.window.first - timedelta(days=days * self.pick(1, 1, 2, 3)),
        )
        for person in self.people:
            if self.chance(0.7):
                day = start + timedelta(days=self.pick(-1, 0, 0, self.random.randint(0, days)))
                self.use_on(day, app, feature, person.name)

    def alternate(self, app: str, feature: str) -> None:
        """The same people use another feature on other days."""
        other_app, other = self.random.choice(self.features)
        overlap = self.pick(0.0, 0.05, 0.2, 0.3)
        for person in self.people:
            if self.chance(0.4):
                continue
            for offset in range(self.window.days):
                if self.chance(0.5):
                    continue
                day = self.window.first + timedelta(days=offset)
                even = offset % 2 == 0
                if even or self.chance(overlap):
                    self.use_on(day, app, feature, person.name)
                if not even or self.chance(overlap):
                    self.use_on(day, other_app, other, person.name)
                if offset > 6:
                    break

    def use_on(self, day: date, app: str, feature: str, user: str | None = None) -> None:
        low = naive.first_millisecond(day, self.zone)
        high = naive.first_millisecond(day + timedelta(days=1), self.zone)
        time = self.pick(low, high - 1, self.random.randrange(low, high))
        user = user or self.random.choice(self.people).name
        outcome = self.pick("error", "abandoned", "ok", *[None] * 6)
        duration = self.some_duration()
        self.steps.append(Step(time, user, app, "use", feature, outcome, duration))

    def give_versions(self) -> None:
        """Versions that people come to at different times, some of them back again."""
        names = ("1.0", "1.2", "1.10", "2", f"{COMPOSED}", f"{DECOMPOSED}")
        span = max(1, self.window.days)
        pace = {person.name: self.random.random() * 2 for person in self.people}
        for step in self.steps:
            if self.chance(0.3):
                continue
            age = (self.window.stop - step.time) / DAY / span
            place = len(names) - 1 - int(age + pace.get(step.user, 0) + self.random.random() * 0.6)
            step.version = names[min(len(names) - 1, max(0, place))]

    # -- Writing

    def time_text(self, time: int) -> str:
        """A time as RFC 3339 with some offset and fraction, or as milliseconds."""
        if self.chance(0.5):
            return str(time)
        return self.rfc3339(time)

    def rfc3339(self, time: int) -> str:
        offset = self.pick(0, 0, 60, -210, 345, 840, -720, 630)
        local = datetime.fromtimestamp(time // 1000, UTC) + timedelta(minutes=offset)
        text = local.strftime("%Y-%m-%dT%H:%M:%S")
        fraction = f"{time % 1000:03}"
        if self.chance(0.2):
            fraction += self.pick("0", "999", "999999", "123456")
        elif self.chance(0.5):
            fraction = fraction.rstrip("0")
        if fraction:
            text += "." + fraction
        if offset == 0 and self.chance(0.8):
            return text + "Z"
        sign = "-" if offset < 0 else "+"
        return f"{text}{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}"

    def record(self, step: Step) -> dict[str, Any]:
        """A step as a JSON event, without sender."""
        names = {person.name: person.aliases for person in self.people}
        user = self.random.choice([step.user, *names.get(step.user, [])])
        time = step.time if self.chance(0.5) else self.rfc3339(step.time)
        record: dict[str, Any] = {"time": time, "user": user, "app": step.app}
        if step.kind != "use" or self.chance(0.3):
            record["kind"] = step.kind
        optional = {
            "feature": step.feature,
            "outcome": step.outcome,
            "duration_ms": step.duration,
            "session": step.session,
            "version": step.version,
        }
        record |= {name: value for name, value in optional.items() if value is not None}
        if self.chance(0.05):
            record["attributes"] = {"tab": "überall", "n": "1"}
        if self.chance(0.05):
            record |= {"host": "ws-1", "cause": "crash"}
            record.setdefault("version", "1.2")
        if self.chance(0.03):
            record["unknown"] = self.pick(1, True, "text", [1, 2], {"a": 1})
        return record

    def number(self, records: list[dict[str, Any]]) -> None:
        """Give most events a source and a number; some numbers are lost, some run back."""
        last: dict[str, int] = {}
        losing = self.pick(0, 0.01, 0.05)
        for record in records:
            source = self.pick(f"ws-{record['user']}", f"ws-{record['user']}", "shared", None)
            if source is None or self.chance(0.05):
                continue
            skipped = self.random.randint(1, 3) if self.chance(losing) else 0
            last[source] = last.get(source, self.pick(0, 0, 7)) + 1 + skipped
            record |= {"source": source, "seq": last[source]}
        numbered = [record for record in records if "seq" in record]
        for first, second in zip(numbered, numbered[1:]):
            if first["source"] == second["source"] and self.chance(0.02):
                first["seq"], second["seq"] = second["seq"], first["seq"]

    def event_lines(self) -> list[bytes]:
        steps = self.steps
        if self.chance(0.7):
            steps = sorted(steps, key=lambda step: step.time)
        records = [self.record(step) for step in steps]
        self.number(records)
        if self.chance(0.3):
            self.random.shuffle(records)
        lines = [self.line(record) for record in records]
        self.redeliver(records, lines)
        if self.chance(0.4):
            self.rejections = True
            for line in self.bad_lines():
                lines.insert(self.random.randint(0, len(lines)), line)
        if self.chance(0.2):
            lines.insert(self.random.randint(0, len(lines)), b"")
        return lines

    def line(self, record: dict[str, Any]) -> bytes:
        """One JSON line, with or without escapes and spaces, keys in any order."""
        items = list(record.items())
        if self.chance(0.3):
            self.random.shuffle(items)
        separators = self.pick((",", ":"), (", ", ": "), (" , ", " : "))
        escaped = self.chance(0.5)
        text = json.dumps(dict(items), ensure_ascii=escaped, separators=separators)
        return text.encode("utf-8")

    def redeliver(self, records: list[dict[str, Any]], lines: list[bytes]) -> None:
        """Identical copies anywhere, conflicting ones after the original."""
        numbered = [record for record in records if "seq" in record]
        for record in self.random.sample(numbered, min(len(numbered), self.pick(0, 2, 10))):
            lines.insert(self.random.randint(0, len(lines)), self.line(record))
        for record in self.random.sample(numbered, min(len(numbered), self.pick(0, 2, 10))):
            position = last_position(lines, record)
            other = record | {"duration_ms": 123_456, "app": self.features[0][0]}
            lines.insert(self.random.randint(position + 1, len(lines)), self.line(other))

    def bad_lines(self) -> list[bytes]:
        """Records that must be rejected without harm to their neighbours."""
        time = self.window.start + 1000
        good = {"time": time, "user": "u000", "app": "crm", "feature": "open"}
        bad: list[dict[str, Any]] = [
            {name: value for name, value in good.items() if name != "user"},
            {name: value for name, value in good.items() if name != "feature"},
            {name: value for name, value in good.items() if name != "app"},
            {name: value for name, value in good.items() if name != "time"},
            good | {"user": ""},
            good | {"app": "é" * 129},
            good | {"feature": "y" * 257},
            good | {"duration_ms": -1},
            good | {"duration_ms": 2**32},
            good | {"kind": "glance"},
            good | {"outcome": "fine"},
            good | {"source": "ws-u000", "seq": 0},
            good | {"time": 1},
            good | {"time": "2100-01-01T00:00:00Z"},
            good | {"time": "2026-02-30T00:00:00Z"},
            good | {"time": "yesterday"},
        ]
        lines = [self.line(record) for record in bad]
        lines += [b"{", b"not json", b'{"time":1,"user":"\xff\xfe","app":"a","feature":"b"}']
        lines += [b"[]", b'"text"', b"17"]
        return self.random.sample(lines, self.random.randint(1, 8))

    def options(self) -> dict[str, Any]:
        """What compare.py asks for."""
        where: list[str] = []
        if self.roster and self.chance(0.45):
            row = self.random.choice(self.roster)
            columns = self.pick(["department"], ["role"], ["site"], ["department", "site"])
            where = [f"{column}={row[column]}" for column in columns if row[column]]
        app, feature = None, None
        if self.chance(0.2):
            app = self.random.choice(self.features)[0]
        if self.chance(0.12):
            feature = self.random.choice(self.features)[1]
        return {
            "seed": self.seed,
            "from": self.window.first.isoformat(),
            "to": self.window.last.isoformat(),
            "timezone": self.zone,
            "where": where,
            "app": app,
            "feature": feature,
            "min_group": self.pick(*((1, 2, 3, 5, 5, 8) if self.crowd else (1, 1, 1, 2, 3, 5))),
            "rejections": self.rejections,
        }

    def write(self, directory: Path) -> None:
        """Write the whole organisation."""
        directory.mkdir(parents=True, exist_ok=True)
        self.act()
        if self.long_history:
            self.lengthen()
        leave_out = self.random.random()
        if leave_out < 0.12:
            self.roster = []
        elif leave_out < 0.26:
            self.catalog = []
        elif leave_out < 0.4:
            self.tickets = []
        ending = self.pick(b"\n", b"\n", b"\r\n")
        lines = self.event_lines()
        (directory / "events.ndjson").write_bytes(b"".join(line + ending for line in lines))
        for name, rows in (
            ("roster", self.roster),
            ("catalog", self.catalog),
            ("tickets", self.tickets),
        ):
            if rows:
                self.write_table(directory / f"{name}.csv", rows)
        options = json.dumps(self.options(), ensure_ascii=False, indent=1)
        (directory / "options.json").write_text(options + "\n", encoding="utf-8")

    def write_table(self, path: Path, rows: list[dict[str, str]]) -> None:
        columns = list(rows[0])
        if self.chance(0.5):
            self.random.shuffle(columns)
        encoding = "utf-8-sig" if self.chance(0.2) else "utf-8"
        terminator = self.pick("\n", "\r\n")
        with open(path, "w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator=terminator)
            writer.writeheader()
            writer.writerows(rows)


def day_after(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def last_position(lines: list[bytes], record: dict[str, Any]) -> int:
    """Where the last line with the record's (source, seq) stands."""
    wanted = (record["source"], record["seq"])
    position = 0
    for index, line in enumerate(lines):
        other = json.loads(line)
        if (other.get("source"), other.get("seq")) == wanted:
            position = index
    return position


def generate(seed: int, directory: Path, long_history: bool = False) -> None:
    """Write the organisation of a seed into a directory."""
    Generator(seed, long_history).write(directory)


def main() -> int:
    parser = argparse.ArgumentParser(description="Write a seeded random organisation.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    generate(options.seed, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
