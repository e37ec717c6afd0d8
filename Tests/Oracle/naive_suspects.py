#!/usr/bin/env python3
"""`rot --suspects`, read naively, and compared with the real command line.

    naive_suspects.py --waterline BINARY --seeds 0..99 [--jobs 2] [--keep DIR]

Each seed makes a random organisation and puts machines into it: accounts at all hours, accounts with a
steady beat, accounts with far too many events, features that run by themselves; most of them just at,
or just short of, what makes them suspect. It shares no code with the product.

Choices made where the methods page is silent; the product follows the same list.

 1. All events of the window that are not automatic count, of any kind and by anyone. Accounts are people
    after their aliases are resolved.
 2. `--where` chooses accounts, and `--app` and `--feature` the rows of features; nothing else changes.
 3. Pauses are whole milliseconds between successive starts, of an account over all its events, of an
    account in a feature over its events there. Half: regular pauses x 2 >= pauses. Close to the median:
    |pause - median| <= max(1 s, median div 50).
 4. A day's clock hours are civil hours: the hour that a change of clocks repeats is one hour.
 5. The median account is among all accounts with an event, marked ones too.
 6. Features: of the accounts that are not marked and have 50 such pauses in it, at least 3 and half are
    machines. Its row shows `people` = the machines, `events` of everybody, and the rhythm (days,
    hours, pauses) of the machine with most pauses, of equal ones the first by bytes.
 7. Marked accounts always have a row. Order: accounts by events (descending), then as shown, by
    bytes; features by application and feature. No row is suppressed: accounts are pseudonyms.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import check_expected
import compare
import naive
import random_organisation

PAUSE = 10_000
COLUMNS = ("kind", "account", "app", "feature")


def rhythm(starts: list[int], zone: str) -> dict[str, Any]:
    """What the starts of one account's events look like."""
    hours: dict[Any, set[int]] = defaultdict(set)
    for start in starts:
        local = (naive.EPOCH + timedelta(milliseconds=start)).astimezone(ZoneInfo(zone))
        hours[local.date()].add(local.hour)
    ordered = sorted(starts)
    pauses = [b - a for a, b in zip(ordered, ordered[1:]) if b - a >= PAUSE]
    middle = naive.median(pauses) if pauses else None
    regular = 0
    if middle is not None:
        regular = sum(abs(pause - middle) <= max(1000, middle // 50) for pause in pauses)
    return {
        "days": len(hours),
        "hours_max": max(len(found) for found in hours.values()),
        "long_days": sum(len(found) >= 18 for found in hours.values()),
        "pauses": len(pauses),
        "pause_median_ms": middle,
        "regular_share": naive.ratio(regular, len(pauses)),
        "machine": len(pauses) >= 50 and 2 * regular >= len(pauses),
    }


def suspects(evaluation: naive.Evaluation) -> list[dict[str, Any]]:
    """The rows, accounts by name and in the order of names where events are equal."""
    zone = evaluation.window.zone
    events = evaluation.window_events
    marked = {row.user for row in evaluation.organisation.roster if row.service}
    starts: dict[str, list[int]] = defaultdict(list)
    within: dict[tuple[str, str | None], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        starts[event.person].append(event.time)
        within[(event.app, event.feature)][event.person].append(event.time)
    rows = []
    usual = naive.median([len(found) for found in starts.values()]) if starts else 0
    for person, found in starts.items():
        if evaluation.selection.where and person not in evaluation.chosen:
            continue
        values = rhythm(found, zone)
        reasons = ["round_the_clock"] * (values["long_days"] >= 3)
        reasons += ["machine_pauses"] * values.pop("machine")
        reasons += ["share"] * (20 * len(found) >= len(events) and len(found) >= 10 * usual)
        if reasons or person in marked:
            row = {"kind": "account", "account": person, "app": None, "feature": None}
            row |= {"marked": person in marked, "reasons": ";".join(reasons), "people": 1}
            rows.append(row | {"events": len(found)} | values)
    rows.sort(key=lambda row: (-row["events"], row["account"]))
    for (app, feature), accounts in sorted(within.items(), key=lambda i: naive.column_order(i[0])):
        if not evaluation.selection.takes_app(app) or evaluation.selection.feature not in (None, feature):
            continue
        judged = [(p, rhythm(s, zone)) for p, s in sorted(accounts.items()) if p not in marked]
        judged = [(p, values) for p, values in judged if values["pauses"] >= 50]
        machines = [values for _, values in judged if values["machine"]]
        if len(machines) < 3 or 2 * len(machines) < len(judged):
            continue
        typical = max(machines, key=lambda values: values["pauses"])
        row = {"kind": "feature", "account": None, "app": app, "feature": feature, "marked": False}
        row |= {"reasons": "machine_pauses", "people": len(machines)}
        row |= {"events": sum(len(found) for found in accounts.values())} | typical
        del row["machine"]
        rows.append(row)
    for row in rows:
        row["event_share"] = naive.ratio(row["events"], len(events))
    return rows


# ---------------------------------------------------------------------------------------------
# Machines among the people of a random organisation


class Machines:
    """Adds events of machines to an organisation's file."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = random.Random(f"machines {seed}")
        options = json.loads((directory / "options.json").read_text(encoding="utf-8"))
        self.query = compare.query_of(options)
        self.directory = directory
        self.lines: list[str] = []

    def emit(self, time: int, user: str, app: str, feature: str | None, kind: str = "use") -> None:
        record: dict[str, Any] = {"time": time, "user": user, "app": app, "kind": kind}
        if feature is not None:
            record["feature"] = feature
        self.lines.append(json.dumps(record, ensure_ascii=False))

    def day_start(self) -> int:
        days = self.query.window.days
        day = self.query.window.first + timedelta(days=self.random.randrange(days))
        return naive.first_millisecond(day, self.query.window.zone)

    def beat(self, user: str, app: str, feature: str | None, kind: str = "use") -> None:
        """Steady pauses near the limits: 49 to 60 of them, about half of them steady."""
        count = self.random.choice((49, 50, 50, 51, 60))
        regular = self.random.choice((0.45, 0.5, 0.55, 1.0, 1.0))
        length = self.random.choice((9_999, 10_000, 20_000, 50_000, 75_000, 300_000))
        reach = max(1000, length // 50)
        steady = [length] * 8 + [length + reach, length - reach, length + reach + 1, length - reach - 1]
        time = self.query.window.start + self.random.randrange(naive.DAY // 4)
        self.emit(time, user, app, feature, kind)
        odd = count - round(count * regular)
        pauses = [self.random.choice(steady) for _ in range(count - odd)]
        pauses += [self.random.randrange(10_000, 5_000_000) for _ in range(odd)]
        self.random.shuffle(pauses)
        for pause in pauses:
            time += pause
            self.emit(time, user, app, feature, kind)

    def all_hours(self, user: str) -> None:
        """17 to 24 clock hours on 2 to 4 days."""
        days = min(self.query.window.days, self.random.choice((2, 3, 4)))
        for offset in self.random.sample(range(self.query.window.days), days):
            day = self.query.window.first + timedelta(days=offset)
            start = naive.first_millisecond(day, self.query.window.zone)
            for hour in self.random.sample(range(24), self.random.choice((17, 18, 18, 19, 24))):
                self.emit(start + hour * naive.HOUR + self.random.randrange(naive.HOUR), user, "crm", "open")

    def flood(self, user: str) -> None:
        for _ in range(self.random.choice((200, 700))):
            self.emit(self.day_start() + self.random.randrange(naive.DAY), user, "crm", "open")

    def write(self) -> None:
        users = ["bot", "u000", "svc-backup", "ghost", "ünit"]
        for user in users:
            deed = self.random.randrange(5)
            if deed == 0:
                self.all_hours(user)
            elif deed == 1:
                self.flood(user)
            elif deed == 2:
                self.beat(user, "crm", "open", self.random.choice(("use", "focus")))
        for feature in ("sync", "poll", None):
            kind = "use" if feature else "focus"
            people = [f"u{number:03}" for number in range(self.random.choice((0, 3, 4, 6, 8)))]
            for person in self.random.sample(people, len(people)):
                self.beat(person, "agent", feature, kind)
        if not self.lines:
            return
        path = self.directory / "events.ndjson"
        with open(path, "ab") as file:
            file.write(("\n".join(self.lines) + "\n").encode("utf-8"))


def row_differences(expected: list[dict[str, Any]], actual: list[dict[str, Any]]) -> list[str]:
    return compare.row_differences(list(COLUMNS), expected, actual)


def check_organisation(binary: Path, directory: Path, tally: Counter[str]) -> list[str]:
    options = json.loads((directory / "options.json").read_text(encoding="utf-8"))
    query = compare.query_of(options)
    waterline = compare.Waterline(binary, directory / "waterline.db")
    waterline.load(directory, set(), options["rejections"])
    organisation = check_expected.load(directory, Path("options.json"))
    evaluation = naive.Evaluation(organisation, query.window, query.selection)
    expected = suspects(evaluation)
    flags = ["rot", "--suspects", "--format", "json", *query.flags()]
    if query.min_group >= compare.DEFAULT_MIN_GROUP:
        flags += ["--purpose", "oracle"]
    report = json.loads(waterline.run(flags))
    totals = {
        "events": len(evaluation.window_events),
        "suspects": sum(not row["marked"] for row in expected),
        "marked": sum(row["marked"] for row in expected),
        "suppressed": 0,
    }
    found = compare.value_differences(totals, report["totals"], "totals")
    found += row_differences(expected, report["rows"])
    for row in expected:
        tally[row["kind"]] += 1
        for reason in row["reasons"].split(";"):
            tally[reason or "only marked"] += 1
    return found + without_names(waterline, query, expected)


def without_names(
    waterline: compare.Waterline, query: compare.Query, expected: list[dict[str, Any]]
) -> list[str]:
    """Without a purpose no name may show, and all else is the same."""
    plain = compare.Query(query.window, query.selection, compare.DEFAULT_MIN_GROUP)
    text = waterline.run(["rot", "--suspects", "--format", "json", *plain.flags()])
    rows = json.loads(text)["rows"]
    names = {row["account"] for row in expected} - {None}
    found = [f"the name {row['account']} shows" for row in rows if row["account"] in names]
    wanted = Counter((row["kind"], row["reasons"], row["events"], row["pauses"]) for row in expected)
    given = Counter((row["kind"], row["reasons"], row["events"], row["pauses"]) for row in rows)
    return found + (["pseudonymous rows differ"] if wanted != given else [])


def check_seed(seed: int, binary: Path, keep: Path | None) -> tuple[int, list[str], Counter[str]]:
    tally: Counter[str] = Counter()
    with compare.workspace(keep, f"suspects-{seed}") as directory:
        random_organisation.generate(seed, directory)
        Machines(seed, directory).write()
        try:
            return seed, check_organisation(binary, directory, tally), tally
        except compare.Failure as failure:
            return seed, [str(failure)], tally


if __name__ == "__main__":
    sys.exit(compare.run_seeds(__doc__, check_seed))
