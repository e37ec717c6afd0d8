#!/usr/bin/env python3
"""Section 9 of the methods page, read naively, and compared with the real command line.

    naive_rot.py --waterline BINARY --seeds 0..99 [--jobs 2] [--keep DIR]

Each seed makes a random organisation with a long history (random_organisation.py), imports it into
a new database and asks `rot --all`, `rot`, `rot --versions` and `rot --laggards`. It shares no code
with the product. Counts and times must be equal, ratios within 1e-9, rows in the same order.

Choices made where the methods page is silent; the product follows the same list.

 1. A feature has a row if it is in the catalog and not automatic, or has a use event before `to`.
 2. `--where` chooses the people of each window by their attributes in that window. P of the window
    compared with is its own, so that people who came or went in between count where they were.
 3. Trivial: of the people expected (section 1), those with an ok use. Without people expected it is
    null. App's time: durations of all uses of the app by the chosen people, failed ones too.
 4. `A year earlier` is the same date of the year before (28 February for the 29th), n days long. It
    is taken if the day of the oldest event that is not automatic is not after its first day. Else
    the first full window begins on that oldest day, if it ends at or before `from`; else none.
 5. Obsolete needs at least one ok user then. The successor must have a new ok user.
 6. Redundant: less used is by ok uses in the window; of equal ones the later by bytes. A feature
    named in several pairs shows the one with the highest Jaccard of people, then the lowest of days,
    then the first by bytes. Without a category it is null.
 7. Keep: a use is near a boundary on the last five days before or the first five after it; it
    belongs to the boundary nearest by day (after it: day 1, 2, ...; before it: day 1, 2, ...; the
    earlier when equal). A period is seasonal if it has a use and at least 80% are near. All uses
    before `to`, whatever their outcome, by anyone but service accounts. The longest run counts, of
    equal ones the latest; months are tried before quarters, quarters before years.
 8. A row's group is the people expected or with an ok use in the window. Order: may_go, keep,
    in_use; then app, feature.
 9. A person is on the version of their newest event of the window in the app, of any kind, that
    carries one; of events of one moment the version first seen later, then the later by bytes.
    First seen: by anyone, before `to`, automatic events left out. Most used: by people of P; of equal
    ones the one first seen later, then the later by bytes.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import check_expected
import compare
import naive
import random_organisation

VERDICTS = ("may_go", "keep", "in_use")


def jaccard(left: set[Any], right: set[Any]) -> tuple[int, int]:
    return len(left & right), len(left | right)


def period_start(index: int, months: int) -> date:
    return date(index * months // 12, index * months % 12 + 1, 1)


def boundary_of(day: date, months: int) -> tuple[int, bool]:
    """The nearest boundary and whether the day is near it."""
    index = (day.year * 12 + day.month - 1) // months
    after = (day - period_start(index, months)).days + 1
    before = (period_start(index + 1, months) - day).days
    return (index, after <= 5) if after <= before else (index + 1, before <= 5)


def season(days: list[date]) -> dict[str, Any] | None:
    for name, months, least in (("month", 1, 3), ("quarter", 3, 3), ("year", 12, 2)):
        uses: Counter[int] = Counter()
        near: Counter[int] = Counter()
        for day in days:
            index, is_near = boundary_of(day, months)
            uses[index] += 1
            near[index] += is_near
        good = {index for index in uses if near[index] * 5 >= uses[index] * 4}
        best: list[int] = []
        for last in sorted(good):
            run = [last]
            while run[-1] - 1 in good:
                run.append(run[-1] - 1)
            if len(run) >= len(best):
                best = run
        if len(best) >= least:
            return {
                "season": name,
                "season_periods": len(best),
                "season_share": sum(near[i] for i in best) / sum(uses[i] for i in best),
                "season_last": period_start(max(best), months).isoformat(),
            }
    return None


class Rot(naive.Evaluation):
    """One organisation seen through section 9."""

    def chosen_uses(self) -> list[naive.Event]:
        return [e for e in self.window_events if e.is_use and e.person in self.chosen]

    @cached_property
    def ok_users(self) -> dict[naive.FeatureKey, set[str]]:
        users: dict[naive.FeatureKey, set[str]] = defaultdict(set)
        for event in self.chosen_uses():
            if event.ok:
                users[event.key].add(event.person)
        return users

    @cached_property
    def ok_days(self) -> dict[naive.FeatureKey, set[tuple[str, date]]]:
        days: dict[naive.FeatureKey, set[tuple[str, date]]] = defaultdict(set)
        for event in self.chosen_uses():
            if event.ok:
                day = naive.civil_day(event.time, self.window.zone)
                days[event.key].add((event.person, day))
        return days

    @cached_property
    def ok_count(self) -> Counter[naive.FeatureKey]:
        return Counter(event.key for event in self.chosen_uses() if event.ok)

    @cached_property
    def earlier(self) -> Rot | None:
        if not self.history:
            return None
        zone, first = self.window.zone, self.window.first
        oldest = naive.civil_day(min(event.time for event in self.history), zone)
        try:
            start = first.replace(year=first.year - 1)
        except ValueError:
            start = date(first.year - 1, 2, 28)
        if oldest > start:
            start = oldest
            if start + timedelta(days=self.window.days) > first:
                return None
        window = naive.Window(start, start + timedelta(days=self.window.days), zone)
        return Rot(self.organisation, window, self.selection)

    def known_features(self) -> list[naive.FeatureKey]:
        catalog = self.organisation.catalog
        known = {key for key, feature in catalog.items() if not feature.automatic}
        known |= {e.key for e in self.history if e.is_use and self.window.precedes(e.time)}
        return sorted(known)

    def category(self, key: naive.FeatureKey) -> str:
        feature = self.organisation.catalog.get(key)
        return "" if feature is None or feature.automatic else feature.category

    def siblings(self, key: naive.FeatureKey) -> list[naive.FeatureKey]:
        category = self.category(key)
        return [
            other
            for other in self.known_features()
            if category and other != key and self.category(other) == category
        ]

    def trivial(self, key: naive.FeatureKey, values: dict[str, Any]) -> None:
        expected = {c.person for c in self.expected_cells if c.key == key and c.person in self.chosen}
        users = expected & self.ok_users[key]
        own = sum(e.duration or 0 for e in self.chosen_uses() if e.key == key)
        app = sum(e.duration or 0 for e in self.chosen_uses() if e.app == key[0])
        is_trivial = None
        if expected:
            is_trivial = len(users) * 100 < len(expected) and (app == 0 or own * 1000 < app)
        values |= {
            "trivial": is_trivial,
            "expected": len(expected),
            "users": len(users),
            "user_share": naive.ratio(len(users), len(expected)),
            "use_ms": own,
            "app_use_ms": app,
            "time_share": naive.ratio(own, app),
        }

    def obsolete(self, key: naive.FeatureKey, values: dict[str, Any]) -> None:
        now = self.ok_users[key]
        names = ("obsolete", "users_then", "fall_share", "leavers")
        successor = ("successor_app", "successor_feature", "successor_users")
        values |= dict.fromkeys((*names, *successor)) | {"users_now": len(now)}
        if self.earlier is None:
            return
        then = self.earlier.ok_users[key]
        is_obsolete = len(then) > 0 and len(now) * 5 <= len(then)
        fall = 1 - len(now) / len(then) if then else None
        values |= dict(zip(names, (is_obsolete, len(then), fall, len(then - now))))
        best = 0
        for other in self.siblings(key) if is_obsolete else []:
            new = ((then - now) & self.ok_users[other]) - self.earlier.ok_users[other]
            if len(new) > best:
                best = len(new)
                values |= dict(zip(successor, (*other, best)))

    def redundant(self, key: naive.FeatureKey, values: dict[str, Any]) -> None:
        pairs = []
        for other in self.siblings(key):
            if not self.ok_users[key] or not self.ok_users[other]:
                continue
            people = jaccard(self.ok_users[key], self.ok_users[other])
            days = jaccard(self.ok_days[key], self.ok_days[other])
            is_pair = people[0] * 2 >= people[1] and days[0] * 5 <= days[1]
            less = (self.ok_count[key], tuple(-i for i in self.place(key)))
            if is_pair and less < (self.ok_count[other], tuple(-i for i in self.place(other))):
                pairs.append((-people[0] / people[1], days[0] / days[1], other))
        values["redundant"] = bool(pairs) if self.category(key) else None
        twin = ("twin_app", "twin_feature", "twin_people_share", "twin_days_share")
        values |= dict.fromkeys(twin)
        if pairs:
            people_share, days_share, other = min(pairs)
            values |= dict(zip(twin, (*other, -people_share, days_share)))

    def place(self, key: naive.FeatureKey) -> tuple[int]:
        return (self.known_features().index(key),)

    def keep(self, key: naive.FeatureKey, values: dict[str, Any]) -> None:
        service = {row.user for row in self.organisation.roster if row.service}
        days = [
            naive.civil_day(e.time, self.window.zone)
            for e in self.history
            if e.is_use and e.key == key and e.person not in service
            and self.window.precedes(e.time)
        ]
        feature = self.organisation.catalog.get(key)
        critical = feature is not None and not feature.automatic and feature.critical
        values["critical"] = critical
        values |= dict.fromkeys(("season", "season_periods", "season_share", "season_last"))
        found = season(days)
        values |= found or {}
        values["keep"] = critical or found is not None

    def row(self, key: naive.FeatureKey) -> naive.Row:
        values: dict[str, Any] = {"category": self.category(key) or None}
        self.trivial(key, values)
        self.obsolete(key, values)
        self.redundant(key, values)
        self.keep(key, values)
        candidate = values["trivial"] or values["obsolete"] or values["redundant"]
        verdict = "keep" if values["keep"] else "may_go" if candidate else "in_use"
        values["verdict"] = verdict
        people = {c.person for c in self.expected_cells if c.key == key and c.person in self.chosen}
        columns = {"app": key[0], "feature": key[1]}
        return naive.Row(columns, people | self.ok_users[key], values)

    def rot(self, everything: bool, min_group: int) -> tuple[list[dict[str, Any]], int]:
        taken = [key for key in self.known_features() if self.selection.takes_feature(key)]
        rows = [self.row(key) for key in taken]
        rows = [row for row in rows if everything or row.values["verdict"] != "in_use"]
        kept = naive.unsuppressed(rows, min_group)
        kept.sort(
            key=lambda row: (
                VERDICTS.index(row.values["verdict"]), row.columns["app"], row.columns["feature"]
            )
        )
        return [row.output() for row in kept], len(rows) - len(kept)

    # -- Versions

    @cached_property
    def first_seen(self) -> dict[tuple[str, str], int]:
        seen: dict[tuple[str, str], int] = {}
        for event in self.history:
            if event.version is not None and self.window.precedes(event.time):
                key = (event.app, event.version)
                seen[key] = min(seen.get(key, event.time), event.time)
        return seen

    @cached_property
    def version_of(self) -> dict[tuple[str, str], str]:
        """(person of P, app) to the version they are on."""
        newest: dict[tuple[str, str], tuple[int, int, str]] = {}
        for event in self.window_events:
            if event.version is None or event.person not in self.population:
                continue
            entry = (event.time, self.first_seen[(event.app, event.version)], event.version)
            seat = (event.person, event.app)
            newest[seat] = max(newest.get(seat, entry), entry)
        return {seat: entry[2] for seat, entry in newest.items()}

    @cached_property
    def most_used(self) -> dict[str, str]:
        counts: Counter[tuple[str, str]] = Counter(
            (app, version) for (_, app), version in self.version_of.items()
        )
        best: dict[str, tuple[int, int, str]] = {}
        for (app, version), count in counts.items():
            entry = (count, self.first_seen[(app, version)], version)
            best[app] = max(best.get(app, entry), entry)
        return {app: entry[2] for app, entry in best.items()}

    def behind(self, app: str, version: str) -> bool:
        return self.first_seen[(app, version)] < self.first_seen[(app, self.most_used[app])]

    def seats(self) -> list[tuple[str, str, str]]:
        return [
            (person, app, version)
            for (person, app), version in self.version_of.items()
            if person in self.chosen and self.selection.takes_app(app)
        ]

    def group_of(self, person: str, columns: list[str]) -> dict[str, str | None]:
        return {column: self.population[person][column] for column in columns}

    def versions(self, columns: list[str], min_group: int) -> list[dict[str, Any]]:
        people: dict[tuple[Any, ...], set[str]] = defaultdict(set)
        totals: dict[tuple[Any, ...], set[str]] = defaultdict(set)
        for person, app, version in self.seats():
            group = tuple(self.group_of(person, columns).values())
            people[(*group, app, version)].add(person)
            totals[(*group, app)].add(person)
        rows = []
        for key, members in people.items():
            app, version = key[-2:]
            values = {
                "people": len(members),
                "people_share": len(members) / len(totals[key[:-1]]),
                "first_seen": naive.civil_day(
                    self.first_seen[(app, version)], self.window.zone
                ).isoformat(),
                "most_used": self.most_used[app] == version,
                "behind": self.behind(app, version),
            }
            rows.append(naive.Row(dict(zip([*columns, "app", "version"], key)), members, values))
        return [row.output() for row in sorted(naive.unsuppressed(rows, min_group), key=lambda r: r.order)]

    def laggards(self, columns: list[str], min_group: int) -> list[dict[str, Any]]:
        people: dict[tuple[Any, ...], set[str]] = defaultdict(set)
        late: Counter[tuple[Any, ...]] = Counter()
        for person, app, version in self.seats():
            key = (*self.group_of(person, columns).values(), app)
            people[key].add(person)
            late[key] += self.behind(app, version)
        rows = []
        for key, members in people.items():
            values = {
                "people": len(members),
                "behind": late[key],
                "behind_share": late[key] / len(members),
                "most_used_version": self.most_used[key[-1]],
            }
            rows.append(naive.Row(dict(zip([*columns, "app"], key)), members, values))
        return [row.output() for row in sorted(naive.unsuppressed(rows, min_group), key=lambda r: r.order)]


def ask(waterline: compare.Waterline, query: compare.Query, *flags: str) -> dict[str, Any]:
    return json.loads(waterline.run(["rot", *flags, "--format", "json", *query.flags()]))


def check_organisation(binary: Path, directory: Path, tally: Counter[str]) -> list[str]:
    options = json.loads((directory / "options.json").read_text(encoding="utf-8"))
    query = compare.query_of(options)
    waterline = compare.Waterline(binary, directory / "waterline.db")
    waterline.load(directory, set(), options["rejections"])
    organisation = check_expected.load(directory, Path("options.json"))
    everything = compare.Query(query.window, naive.Selection(where=query.selection.where), 1)
    found = []
    for asked in (query, everything):
        found += rot_differences(waterline, Rot(organisation, asked.window, asked.selection), asked, tally)
    selection = naive.Selection(query.selection.app, None, query.selection.where)
    plain = compare.Query(query.window, selection, query.min_group)
    rot = Rot(organisation, plain.window, plain.selection)
    return found + version_differences(waterline, rot, plain, options["seed"], tally)


def rot_differences(
    waterline: compare.Waterline, rot: Rot, query: compare.Query, tally: Counter[str]
) -> list[str]:
    found = []
    for flags in ((), ("--all",)):
        expected, suppressed = rot.rot(bool(flags), query.min_group)
        actual = ask(waterline, query, *flags)
        if actual["totals"]["suppressed"] != suppressed:
            found.append(f"suppressed: {suppressed} expected, {actual['totals']['suppressed']}")
        columns = ["app", "feature"]
        found += [f"rot: {line}" for line in compare.row_differences(columns, expected, actual["rows"])]
    for row in expected:
        for name in ("trivial", "obsolete", "redundant", "keep"):
            tally[name] += bool(row[name])
        tally["rows"] += 1
        tally["successor"] += row["successor_app"] is not None
        tally["season " + str(row["season"])] += 1
    return found


def version_differences(
    waterline: compare.Waterline, rot: Rot, query: compare.Query, seed: int, tally: Counter[str]
) -> list[str]:
    found = []
    by = ("", "department", "role,site")[seed % 3]
    columns = [column for column in by.split(",") if column]
    group = ["--by", by] if by else []
    for flag, own, rows in (
        ("--versions", ["app", "version"], rot.versions(columns, query.min_group)),
        ("--laggards", ["app"], rot.laggards(columns, query.min_group)),
    ):
        actual = ask(waterline, query, flag, *group)
        lines = compare.row_differences(columns + own, rows, actual["rows"])
        found += [f"{flag}: {line}" for line in lines]
        tally[flag] += len(rows)
    return found


def check_seed(seed: int, binary: Path, keep: Path | None) -> tuple[int, list[str], Counter[str]]:
    tally: Counter[str] = Counter()
    with compare.workspace(keep, f"rot-{seed}") as directory:
        random_organisation.generate(seed, directory, long_history=True)
        try:
            return seed, check_organisation(binary, directory, tally), tally
        except compare.Failure as failure:
            return seed, [str(failure)], tally


if __name__ == "__main__":
    sys.exit(compare.run_seeds(__doc__, check_seed))
