#!/usr/bin/env python3
"""The naive evaluator: a slow, obvious, independent reading of the methods page.

It reads the raw files and evaluates the definitions of sections 1 to 7 and 11 one by one, with
plain loops over everything. It shares no code with the product, which is tested against it.
Times are whole milliseconds in integers; floats appear only in the final ratios.

Choices made where the methods page is silent. The product follows the same list.

Reading input
 1. A fraction of a second is cut (not rounded) to milliseconds.
 2. A JSON field that is `null` counts as absent. `source` without `seq`, or the reverse, is bad.
 3. Only stored events count as received numbers; a rejected event's number does not.
 4. Roster: a row ending before it starts, sharing a day with an earlier row of the user, or with
    an alias an earlier row of another user holds, is rejected whole, its aliases too. A row that
    ends the day it starts is kept, is active on no day and overlaps nothing. An unreadable date
    rejects the row.
 5. A name that is itself a roster user is that user, even if someone else has it as an alias.
    Aliases are resolved once, never in chains.
 6. A user with `service` = true in any accepted row is a service account.
 7. Empty cells of the roster are absent attributes: `null` in rows, ordered first. A person with
    no role has only the features expected of `*`. An absent department is not a department for
    a(f).
 8. Catalog: a later row of the same (app, feature) replaces an earlier one. Roles are not
    trimmed, empty ones are dropped; no role at all means expected of nobody. An empty
    `target_days` is 1. A roster or catalog without rows is no roster or catalog.
 9. Tickets: the last row of an id stays; a row without id, requester or readable `opened` is
    rejected. An empty `app` is no app. (Local times and the presets are not read here.)

Terms
10. An event is in the window by its own civil date. Where the window meets a span, it is the
    instants from the first ms whose civil date is `from` or later to before the same for `to`.
11. `automatic`: events of any kind naming an automatic (app, feature) are left out of every
    figure: people seen, dark, outside, sessions, face time, benchmarks, sources of a person.
    Only their (source, seq) still count as received numbers when gaps are found. An automatic
    feature is no expected cell.
12. "Active on at least min(14, n) days" counts days over all rows of the person, in any role.
13. With no roster everybody in P is active on every day of the window, and all attributes are
    absent; with a catalog only the features of `*` are then expected. P is also the people who
    opened a ticket in the window.
14. With no catalog the features are those of `use` events before `to` by anyone, people outside
    P and service accounts included; the target is that of target_days = 1.
15. Text columns order as UTF-8 bytes: kind `focus` < `help` < `interruption` < `use`, outcome
    `abandoned` < `error` < `ok`. The outcome of an event that is not a use is taken as `ok`.
    Events equal in every term of the order keep the order of storing.
16. "All history" is everything stored, events after `to` included.
17. Peer benchmarks: people of P only. A peer benchmark of 0 is `none`; it does not fall back to
    the target. A target of 0 is `none`.
18. Every `--where` must hold. `people` and `too_new` of the totals follow `--where`; `too_new`
    also follows `--app` and `--feature` (features selected). `outside_people` and
    `outside_events` follow no selection.

Reports
19. Coverage: `unexpected` counts distinct people in a group, not (person, feature) pairs. Rows of
    coverage, gaps, erosion and strike-outs come in *group order*: the group columns' values joined
    with a comma (absent = nothing) as bytes, ties by the columns one by one, absent first. So
    (`File submissions`, x) stands before (`File`, y): the expected file of Moodle has that order.
20. A gap between numbers spans [min, max] of the two events' times (numbers order the pair, times
    may run back). It meets the window if some instant of the span lies in the window.
21. Gaps report: rows per (group columns, app, feature) with an expected cell, also where nothing
    is missing; missing = expected - adopted; a(f) and `gap` are null below 4 departments. The
    product a(f) x expected is exact (a rational number), not a float. Group order.
22. Unjudged counts only pairs that have b(f); a pair with 1 <= k < 5 without benchmark is not
    counted (the expected files show it).
23. Erosion: a group has a row if it has an attempt, or face time > 0 (the Moodle file has a row
    without time). Without `--by` there is one row always. `face_time` is `estimated` when no cell
    has time (same file). `Focus is greater` is strict. n_eff < 10 is tested exactly in whole
    numbers. `--feature` and `--by feature` are usage errors for erosion, since face time belongs
    to apps. `people` counts only those with lost or face time > 0. Group order.
24. Bottlenecks, strike-outs and flow always keep their own columns (app, feature or the
    transition); `--by` puts person columns in front, and `app`, `feature` in it change nothing.
    Order: bottlenecks by lost, eroded (descending), app, feature, then group columns;
    strike-outs in group order; flow by count (descending), app, from_feature,
    to_feature, then group columns (the expected files show the ungrouped orders).
25. Strike-outs: `last failure` is the last of the run in the order of the person's events, and
    its end is its own. The episode compares each attempt with the one just before it. A start
    before the previous end is the same episode.
26. Flow: automatic uses are not there, so their neighbours are adjacent. With `--feature F` the
    transitions from F or to F are reported. `wait` of a transition may reach past `to`.
27. `points` and the other ratios are null when the denominator is 0. In bottlenecks and flow the
    columns of an order are compared one by one, not joined (the Moodle file).

Suppression
28. The group size of a row of coverage or gaps is its people with an expected cell, so a row with
    unexpected users only has size 0; of the others it is the row's `people`. N <= 1 suppresses
    nothing, not even rows of size 0 (the expected files have such rows). The benchmark report
    is never suppressed: its figures need 10 people or 4 departments of 10.
29. Blocks: every person column of a row is one block; app, feature and transition columns
    together are one block. A total is the rows that agree in all blocks but one; with two or
    more blocks, all rows together are a total too. For each total `together` is the number of
    distinct people of its suppressed rows. `Next smallest`: by size, then in group order of all
    the row's columns. Totals are taken block by block in column order, each block's
    totals by their values, then all rows; this is repeated until nothing changes.
30. A row without group columns is suppressed like any other when it is too small.

Ends of sessions (`flow --ends`)
31. A session that counts has one start and one end: its first and its last use in whatever app, the
    last one also after `to`. A session without a use counts and has no ends. `--app` and
    `--feature` choose rows; `sessions` in the totals follows `--where` only, and is null when fewer
    than N, but some, people have a session that counts.
32. `people` of a row started or ended a session there. Order: started, ended (both descending), then
    group order.

Cost
33. With cost.hour, cost.ticket and cost.currency all set: the totals name the rates. Rows of erosion and
    bottlenecks have `cost_lost`: lost_ms / 3,600,000 x cost.hour, not rounded.

Not evaluated here: `warnings` (always empty), the default window, published benchmarks.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from functools import cached_property
from typing import Any, Iterable, Sequence
from zoneinfo import ZoneInfo

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * 60 * MINUTE
EPISODE_BREAK = 30 * MINUTE
SESSION_BREAK = 30 * MINUTE
CALL_REACH = DAY
HELP_REACH = 30 * MINUTE
LARGEST_DURATION = 2**32 - 1
OLDEST_TIME = 315_532_800_000  # 1980-01-01
STRING_LIMIT = 256
PERSON_COLUMNS = ("user", "department", "role", "site", "manager")
STATES = ("adopted", "tried", "struggling", "dark", "lapsed", "never")
REPORTS = ("coverage", "gaps", "benchmark", "bottlenecks", "erosion", "strikeouts", "flow", "ends")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

FeatureKey = tuple[str, str]  # (app, feature)


class Rejected(Exception):
    """One bad record, with its reason."""


class UsageError(Exception):
    """A request the methods do not define."""


# ---------------------------------------------------------------------------------------------
# Records


@dataclass(frozen=True)
class Event:
    """One stored event; `user` as sent, `person` after the aliases."""

    time: int
    person: str
    app: str
    feature: str | None
    kind: str
    outcome: str
    duration: int | None
    session: str | None
    source: str | None
    seq: int | None
    version: str | None = None

    @property
    def end(self) -> int:
        return self.time + (self.duration or 0)

    @property
    def is_use(self) -> bool:
        return self.kind == "use"

    @property
    def ok(self) -> bool:
        return self.is_use and self.outcome == "ok"

    @property
    def failed(self) -> bool:
        return self.is_use and self.outcome != "ok"

    @property
    def key(self) -> FeatureKey:
        return (self.app, self.feature or "")


@dataclass(frozen=True)
class RosterRow:
    """One stretch of a person's employment, [active_from, active_to)."""

    user: str
    attributes: dict[str, str | None]
    active_from: date
    active_to: date
    aliases: tuple[str, ...]
    service: bool

    def shares_a_day_with(self, other: RosterRow) -> bool:
        start = max(self.active_from, other.active_from)
        return start < min(self.active_to, other.active_to)


@dataclass(frozen=True)
class CatalogFeature:
    """One line of the catalog."""

    roles: tuple[str, ...]
    target_days: int
    target_ms: int | None
    automatic: bool
    category: str = ""
    critical: bool = False


@dataclass(frozen=True)
class Ticket:
    """The part of a ticket that strike-outs need."""

    requester: str
    opened: int
    app: str | None


@dataclass(frozen=True)
class Window:
    """Whole days [first, last) in a time zone."""

    first: date
    last: date
    zone: str

    @property
    def days(self) -> int:
        return (self.last - self.first).days

    @cached_property
    def start(self) -> int:
        return first_millisecond(self.first, self.zone)

    @cached_property
    def stop(self) -> int:
        return first_millisecond(self.last, self.zone)

    def holds(self, time: int) -> bool:
        return self.first <= civil_day(time, self.zone) < self.last

    def precedes(self, time: int) -> bool:
        """Whether `time` lies before `to`."""
        return civil_day(time, self.zone) < self.last


@dataclass(frozen=True)
class Selection:
    """What the caller asked to see."""

    app: str | None = None
    feature: str | None = None
    where: tuple[tuple[str, str], ...] = ()

    def takes_feature(self, key: FeatureKey) -> bool:
        return self.takes_app(key[0]) and self.feature in (None, key[1])

    def takes_app(self, app: str) -> bool:
        return self.app in (None, app)


def civil_day(time: int, zone: str) -> date:
    """The civil date of an instant."""
    return (EPOCH + timedelta(milliseconds=time)).astimezone(ZoneInfo(zone)).date()


def first_millisecond(day: date, zone: str) -> int:
    """The first instant whose civil date is `day` or later."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    low = (midnight - EPOCH) // timedelta(milliseconds=1) - 2 * DAY
    high = low + 4 * DAY
    while low < high:
        middle = (low + high) // 2
        if civil_day(middle, zone) >= day:
            high = middle
        else:
            low = middle + 1
    return low


# ---------------------------------------------------------------------------------------------
# Reading files

RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))",
    re.ASCII,
)


def parse_time_text(text: str) -> int:
    """RFC 3339 to milliseconds since 1970 UTC."""
    match = RFC3339.fullmatch(text)
    if match is None:
        raise Rejected("time")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        raise Rejected("time") from None
    milliseconds = int(((match[7] or "") + "000")[:3])
    offset = 0
    if match[9]:
        hours, minutes = int(match[10]), int(match[11])
        if hours > 23 or minutes > 59:
            raise Rejected("time")
        offset = (hours * 60 + minutes) * MINUTE * (1 if match[9] == "+" else -1)
    return (local - EPOCH) // timedelta(milliseconds=1) + milliseconds - offset


def parse_time(value: Any) -> int:
    """A time as events have it."""
    if isinstance(value, str):
        return parse_time_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Rejected("time")


def required_text(record: dict[str, Any], name: str) -> str:
    value = optional_text(record, name)
    if value is None:
        raise Rejected("missing_" + name)
    return value


def optional_text(record: dict[str, Any], name: str) -> str | None:
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Rejected("not_text_" + name)
    if value == "":
        raise Rejected("empty_" + name)
    if len(utf8(value)) > STRING_LIMIT:
        raise Rejected("too_long")
    return value


def utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise Rejected("not_utf8") from None


def optional_integer(record: dict[str, Any], name: str, low: int, high: int) -> int | None:
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Rejected(name)
    return value


def one_of(record: dict[str, Any], name: str, allowed: Sequence[str]) -> str:
    """The first of `allowed` is the default."""
    value = record.get(name)
    if value is None:
        return allowed[0]
    if value not in allowed:
        raise Rejected(name)
    return value


def check_attributes(record: dict[str, Any]) -> None:
    attributes = record.get("attributes")
    if attributes is None:
        return
    if not isinstance(attributes, dict) or len(attributes) > 16:
        raise Rejected("attributes")
    for key, value in attributes.items():
        if not isinstance(value, str) or len(utf8(key)) > 64 or len(utf8(value)) > 1024:
            raise Rejected("attributes")


def parse_event(line: bytes, latest: int, person_of: dict[str, str]) -> Event:
    """One line of events.ndjson."""
    try:
        record = json.loads(line.decode("utf-8"))
    except ValueError:
        raise Rejected("not_json") from None
    if not isinstance(record, dict):
        raise Rejected("not_json")
    if record.get("time") is None:
        raise Rejected("missing_time")
    time = parse_time(record["time"])
    if not OLDEST_TIME <= time <= latest:
        raise Rejected("time")
    user, app = required_text(record, "user"), required_text(record, "app")
    kind = one_of(record, "kind", ("use", "focus", "help", "interruption"))
    outcome = one_of(record, "outcome", ("ok", "error", "abandoned"))
    if kind == "use":
        feature: str | None = required_text(record, "feature")
    else:
        feature, outcome = optional_text(record, "feature"), "ok"
    source = optional_text(record, "source")
    seq = optional_integer(record, "seq", 1, 2**63 - 1)
    if (source is None) != (seq is None):
        raise Rejected("source_seq")
    for name in ("host", "version", "cause"):
        optional_text(record, name)
    check_attributes(record)
    duration = optional_integer(record, "duration_ms", 0, LARGEST_DURATION)
    return Event(
        time=time,
        person=person_of.get(user, user),
        app=app,
        feature=feature,
        kind=kind,
        outcome=outcome,
        duration=duration,
        session=optional_text(record, "session"),
        source=source,
        seq=seq,
        version=optional_text(record, "version"),
    )


def read_events(
    path: str, person_of: dict[str, str], latest: int
) -> tuple[list[Event], Counter[str]]:
    """The stored events, in the order they came, and what happened to the lines."""
    events: list[Event] = []
    counts: Counter[str] = Counter()
    seen: set[tuple[str, int]] = set()
    with open(path, "rb") as file:
        for line in file:
            if not line.strip():
                continue
            try:
                event = parse_event(line, latest, person_of)
            except Rejected as rejection:
                counts["rejected"] += 1
                counts["rejected:" + str(rejection)] += 1
                continue
            if event.source is not None and event.seq is not None:
                if (event.source, event.seq) in seen:
                    counts["duplicate"] += 1
                    continue
                seen.add((event.source, event.seq))
            events.append(event)
            counts["accepted"] += 1
    return events, counts


def read_table(path: str) -> list[dict[str, str]]:
    """A CSV file with a header; absent cells are empty."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        return [{k: v or "" for k, v in row.items() if k is not None} for row in rows]


def parse_roster_row(row: dict[str, str]) -> RosterRow:
    try:
        active_from = date.fromisoformat(row.get("active_from") or "0001-01-01")
        active_to = date.fromisoformat(row.get("active_to") or "9999-12-31")
    except ValueError:
        raise Rejected("date") from None
    if active_to < active_from:
        raise Rejected("ends_before_start")
    user = row.get("user", "")
    if not user:
        raise Rejected("missing_user")
    attributes: dict[str, str | None] = {"user": user}
    for column in PERSON_COLUMNS[1:]:
        attributes[column] = row.get(column) or None
    aliases = tuple(alias for alias in row.get("aliases", "").split(";") if alias)
    service = row.get("service") == "true"
    return RosterRow(user, attributes, active_from, active_to, aliases, service)


def read_roster(path: str) -> tuple[list[RosterRow], int]:
    """The accepted rows and the number of rejected ones."""
    accepted: list[RosterRow] = []
    holder: dict[str, str] = {}
    rejected = 0
    for cells in read_table(path):
        try:
            row = parse_roster_row(cells)
            for earlier in accepted:
                if earlier.user == row.user and earlier.shares_a_day_with(row):
                    raise Rejected("overlap")
            if any(holder.get(alias, row.user) != row.user for alias in row.aliases):
                raise Rejected("alias")
        except Rejected:
            rejected += 1
            continue
        accepted.append(row)
        for alias in row.aliases:
            holder[alias] = row.user
    return accepted, rejected


def people_by_name(roster: Iterable[RosterRow]) -> dict[str, str]:
    """Every name the roster knows, to its user."""
    names: dict[str, str] = {}
    rows = list(roster)
    for row in rows:
        for alias in row.aliases:
            names[alias] = row.user
    for row in rows:
        names[row.user] = row.user
    return names


def read_catalog(path: str) -> dict[FeatureKey, CatalogFeature]:
    catalog: dict[FeatureKey, CatalogFeature] = {}
    for row in read_table(path):
        target_ms = row.get("target_ms", "")
        catalog[(row["app"], row["feature"])] = CatalogFeature(
            roles=tuple(role for role in row.get("roles", "").split(";") if role),
            target_days=int(row.get("target_days") or 1),
            target_ms=int(target_ms) if target_ms else None,
            automatic=row.get("automatic") == "true",
            category=row.get("category", ""),
            critical=row.get("critical") == "true",
        )
    return catalog


def parse_ticket(row: dict[str, str], person_of: dict[str, str]) -> Ticket:
    opened, requester = row.get("opened", ""), row.get("requester", "")
    if not row.get("id") or not requester:
        raise Rejected("missing")
    time = int(opened) if re.fullmatch(r"-?\d+", opened) else parse_time_text(opened)
    return Ticket(person_of.get(requester, requester), time, row.get("app") or None)


def read_tickets(path: str, person_of: dict[str, str]) -> list[Ticket]:
    tickets: dict[str, Ticket] = {}
    for row in read_table(path):
        try:
            tickets[row["id"]] = parse_ticket(row, person_of)
        except Rejected:
            continue
    return list(tickets.values())


@dataclass
class Organisation:
    """Everything stored: events (all kinds, automatic ones too), roster, catalog, tickets."""

    events: list[Event]
    roster: list[RosterRow]
    catalog: dict[FeatureKey, CatalogFeature]
    tickets: list[Ticket]
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def load(
        cls,
        events: str,
        roster: str | None = None,
        catalog: str | None = None,
        tickets: str | None = None,
        received_at: int | None = None,
    ) -> Organisation:
        """Read the files; those not given were not imported."""
        now = datetime.now(timezone.utc)
        received = (now - EPOCH) // timedelta(milliseconds=1)
        latest = (received if received_at is None else received_at) + DAY
        rows, rejected_rows = read_roster(roster) if roster else ([], 0)
        person_of = people_by_name(rows)
        stored, counts = read_events(events, person_of, latest)
        counts["roster_rejected"] = rejected_rows
        return cls(
            events=stored,
            roster=rows,
            catalog=read_catalog(catalog) if catalog else {},
            tickets=read_tickets(tickets, person_of) if tickets else [],
            counts=counts,
        )

    def is_automatic(self, event: Event) -> bool:
        feature = self.catalog.get((event.app, event.feature or ""))
        return event.feature is not None and feature is not None and feature.automatic


# ---------------------------------------------------------------------------------------------
# Small mathematics


def quantile(values: Iterable[Any], numerator: int, denominator: int) -> Any:
    """The discrete quantile numerator/denominator of at least one value."""
    ordered = sorted(values)
    position = max(1, -(-numerator * len(ordered) // denominator))
    return ordered[position - 1]


def median(values: Iterable[Any]) -> Any:
    return quantile(values, 1, 2)


def ratio(part: float, whole: float) -> float | None:
    return None if whole == 0 else part / whole


def absent_first(value: Any) -> tuple[bool, Any]:
    """A sort key: absent before everything else."""
    return (value is not None, value)


def column_order(values: Iterable[Any]) -> tuple[Any, ...]:
    """Python orders text by code point, which is the order of its UTF-8 bytes."""
    return tuple(absent_first(value) for value in values)


def group_order(values: Iterable[str | None]) -> tuple[Any, ...]:
    """The order of a report's rows where the methods give none."""
    columns = list(values)
    return (",".join(value or "" for value in columns), column_order(columns))


def event_order(event: Event) -> tuple[Any, ...]:
    """The order of a person's events (section 1)."""
    return (
        event.time,
        absent_first(event.source),
        event.seq or 0,
        event.app,
        absent_first(event.feature),
        event.kind,
        event.outcome,
        absent_first(event.duration),
        absent_first(event.session),
    )


def erosion_interval(pairs: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """Section 4: the interval over people's (lost, face), or None if insufficient."""
    clusters = [(x, y) for x, y in pairs if x > 0 or y > 0]
    n = len(clusters)
    sum_x = sum(x for x, _ in clusters)
    sum_y = sum(y for _, y in clusters)
    sum_y_squared = sum(y * y for _, y in clusters)
    if sum_y == 0 or sum_y * sum_y < 10 * sum_y_squared:
        return None
    r = sum_x / sum_y
    squares = sum(((sum_x - x) / (sum_y - y) - r) ** 2 for x, y in clusters)
    standard_error = math.sqrt((n - 1) / n * squares)
    nu = sum_y * sum_y / sum_y_squared - 1
    z = 1.959964
    t = z + (z**3 + z) / (4 * nu) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * nu**2)
    return max(0.0, r - t * standard_error), min(1.0, r + t * standard_error)


# ---------------------------------------------------------------------------------------------
# Intermediate results


@dataclass(frozen=True)
class Cell:
    """One expected cell (u, f) of the ledger."""

    person: str
    key: FeatureKey
    state: str
    days: int
    target: int


@dataclass
class AppTime:
    """Where the time of one (person, app) went."""

    focus: int = 0
    other: int = 0
    failed: int = 0
    slow: int = 0
    help: int = 0
    interruption: int = 0
    unjudged: int = 0
    attempts: int = 0

    @property
    def face(self) -> int:
        return max(self.focus, self.other)

    @property
    def lost(self) -> int:
        return self.failed + self.slow + self.help + self.interruption


@dataclass(frozen=True)
class StrikeOut:
    """A maximal run of failures and how it ended."""

    person: str
    key: FeatureKey
    length: int
    ending: str


@dataclass(frozen=True)
class Transition:
    """One step from f to g within a session and app."""

    person: str
    app: str
    from_feature: str
    to_feature: str
    wait: int
    first_failed: bool
    bounced: bool


@dataclass(frozen=True)
class SessionEnd:
    """One end of a session: its first use, or its last."""

    person: str
    key: FeatureKey
    is_start: bool


@dataclass(frozen=True)
class Cost:
    """What the organisation says an hour and a ticket cost."""

    hour: float
    ticket: float
    currency: str

    def of_time(self, milliseconds: int | None) -> float | None:
        return None if milliseconds is None else milliseconds / HOUR * self.hour

    def of_tickets(self, count: int | None) -> float | None:
        return None if count is None else count * self.ticket

    def rates(self) -> dict[str, Any]:
        return {
            "cost_currency": self.currency,
            "cost_hour": self.hour,
            "cost_ticket": self.ticket,
        }


@dataclass
class Row:
    """A row of a report before suppression: columns, then figures."""

    columns: dict[str, str | None]
    people: set[str]
    values: dict[str, Any]

    def output(self) -> dict[str, Any]:
        return {**self.columns, **self.values}

    @property
    def order(self) -> tuple[Any, ...]:
        return group_order(self.columns.values())


# ---------------------------------------------------------------------------------------------
# The methods


class Evaluation:
    """One organisation seen through a window and a selection."""

    def __init__(
        self,
        organisation: Organisation,
        window: Window,
        selection: Selection = Selection(),
        cost: Cost | None = None,
    ) -> None:
        self.organisation = organisation
        self.window = window
        self.selection = selection
        self.cost = cost

    # -- Section 1: terms

    @cached_property
    def history(self) -> list[Event]:
        """All stored events that are acts of people."""
        automatic = self.organisation.is_automatic
        return [event for event in self.organisation.events if not automatic(event)]

    @cached_property
    def window_events(self) -> list[Event]:
        return [event for event in self.history if self.window.holds(event.time)]

    @cached_property
    def active_days(self) -> dict[str, int]:
        """Days of the window each person of P is active."""
        if not self.organisation.roster:
            return {person: self.window.days for person in self.population}
        days: Counter[str] = Counter()
        for row in self.organisation.roster:
            first = max(row.active_from, self.window.first)
            last = min(row.active_to, self.window.last)
            days[row.user] += max(0, (last - first).days)
        return {person: days[person] for person in self.population}

    @cached_property
    def population(self) -> dict[str, dict[str, str | None]]:
        """P with the attributes of each person's last active day."""
        if not self.organisation.roster:
            return self.observed_population()
        service = {row.user for row in self.organisation.roster if row.service}
        last_row: dict[str, RosterRow] = {}
        for row in self.organisation.roster:
            first = max(row.active_from, self.window.first)
            last = min(row.active_to, self.window.last)
            if first >= last or row.user in service:
                continue
            known = last_row.get(row.user)
            if known is None or known.active_from < row.active_from:
                last_row[row.user] = row
        return {user: row.attributes for user, row in last_row.items()}

    def observed_population(self) -> dict[str, dict[str, str | None]]:
        people = {event.person for event in self.window_events}
        for ticket in self.organisation.tickets:
            if self.window.holds(ticket.opened):
                people.add(ticket.requester)
        return {
            person: {"user": person} | dict.fromkeys(PERSON_COLUMNS[1:])
            for person in people
        }

    @cached_property
    def chosen(self) -> set[str]:
        """The people of P that `--where` chooses."""
        where = self.selection.where
        return {
            person
            for person, attributes in self.population.items()
            if all(attributes[column] == value for column, value in where)
        }

    @cached_property
    def outside_events(self) -> list[Event]:
        return [event for event in self.window_events if event.person not in self.population]

    @cached_property
    def features(self) -> dict[FeatureKey, CatalogFeature]:
        """The features something is expected of: the catalog, or the observed one."""
        catalog = self.organisation.catalog
        if catalog:
            return {key: feature for key, feature in catalog.items() if not feature.automatic}
        everyone = CatalogFeature(("*",), 1, None, False)
        return {
            event.key: everyone
            for event in self.history
            if event.is_use and self.window.precedes(event.time)
        }

    def has_role(self, person: str, feature: CatalogFeature) -> bool:
        role = self.population[person]["role"]
        return "*" in feature.roles or (role is not None and role in feature.roles)

    def long_enough(self, person: str) -> bool:
        return self.active_days[person] >= min(14, self.window.days)

    @cached_property
    def too_new(self) -> set[str]:
        """Chosen people with the role of a selected feature, but too few active days."""
        return {
            person
            for person in self.chosen
            if not self.long_enough(person)
            and any(
                self.has_role(person, feature)
                for key, feature in self.features.items()
                if self.selection.takes_feature(key)
            )
        }

    def target(self, feature: CatalogFeature) -> int:
        """target_days x n / 28, rounded half up, at least 1."""
        return max(1, (2 * feature.target_days * self.window.days + 28) // 56)

    @cached_property
    def attempts(self) -> dict[tuple[str, FeatureKey], list[Event]]:
        """Uses in the window by (person of P, feature)."""
        attempts: dict[tuple[str, FeatureKey], list[Event]] = defaultdict(list)
        for event in self.window_events:
            if event.is_use and event.person in self.population:
                attempts[(event.person, event.key)].append(event)
        return attempts

    # -- Section 2: the ledger

    @cached_property
    def seen_in_window(self) -> set[str]:
        return {event.person for event in self.window_events}

    @cached_property
    def ok_before_window(self) -> set[tuple[str, FeatureKey]]:
        return {
            (event.person, event.key)
            for event in self.history
            if event.ok and civil_day(event.time, self.window.zone) < self.window.first
        }

    @cached_property
    def expected_cells(self) -> list[Cell]:
        """All expected cells of P."""
        return [
            self.cell(person, key, feature)
            for person in sorted(self.population)
            for key, feature in sorted(self.features.items(), key=lambda item: item[0])
            if self.has_role(person, feature) and self.long_enough(person)
        ]

    def cell(self, person: str, key: FeatureKey, feature: CatalogFeature) -> Cell:
        attempts = self.attempts.get((person, key), [])
        zone = self.window.zone
        days = len({civil_day(event.time, zone) for event in attempts if event.ok})
        target = self.target(feature)
        if days >= target:
            state = "adopted"
        elif days >= 1:
            state = "tried"
        elif attempts:
            state = "struggling"
        elif person not in self.seen_in_window:
            state = "dark"
        elif (person, key) in self.ok_before_window:
            state = "lapsed"
        else:
            state = "never"
        return Cell(person, key, state, days, target)

    @cached_property
    def unexpected_pairs(self) -> set[tuple[str, FeatureKey]]:
        """(person of P, feature) with an ok use in the window and no expected cell."""
        expected = {(cell.person, cell.key) for cell in self.expected_cells}
        return {
            pair
            for pair, attempts in self.attempts.items()
            if pair not in expected and any(event.ok for event in attempts)
        }

    @cached_property
    def sources_with_gap(self) -> set[str]:
        """Sources with a gap whose span meets the window."""
        received: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for event in self.organisation.events:
            if event.source is not None and event.seq is not None:
                received[event.source].append((event.seq, event.time))
        return {
            source for source, numbers in received.items() if self.has_gap_in_window(numbers)
        }

    def has_gap_in_window(self, numbers: list[tuple[int, int]]) -> bool:
        ordered = sorted(numbers)
        for (seq, time), (next_seq, next_time) in zip(ordered, ordered[1:]):
            low, high = min(time, next_time), max(time, next_time)
            missing = next_seq > seq + 1
            if missing and low < self.window.stop and high >= self.window.start:
                return True
        return False

    @cached_property
    def uncertain(self) -> set[str]:
        return {
            event.person
            for event in self.window_events
            if event.source in self.sources_with_gap
        }

    @cached_property
    def adoption_benchmarks(self) -> dict[FeatureKey, Fraction]:
        """a(f): over the departments of all of P."""
        cells: dict[tuple[FeatureKey, str], list[Cell]] = defaultdict(list)
        for cell in self.expected_cells:
            department = self.population[cell.person]["department"]
            if department is not None:
                cells[(cell.key, department)].append(cell)
        coverages: dict[FeatureKey, list[Fraction]] = defaultdict(list)
        for (key, _), group in cells.items():
            if len(group) >= 10:
                adopted = sum(cell.state == "adopted" for cell in group)
                coverages[key].append(Fraction(adopted, len(group)))
        return {
            key: quantile(values, 3, 4) for key, values in coverages.items() if len(values) >= 4
        }

    # -- Section 3: benchmark time

    @cached_property
    def ok_durations(self) -> dict[tuple[str, FeatureKey], list[int]]:
        """Durations of ok uses that have one: their number is k, their median m."""
        durations: dict[tuple[str, FeatureKey], list[int]] = {}
        for pair, attempts in self.attempts.items():
            values = [e.duration for e in attempts if e.ok and e.duration is not None]
            if values:
                durations[pair] = values
        return durations

    def peer_medians(self, key: FeatureKey) -> list[int]:
        return [
            median(values)
            for (_, other), values in self.ok_durations.items()
            if other == key and len(values) >= 5
        ]

    def benchmark(self, key: FeatureKey) -> tuple[int | None, str]:
        """b(f) and its kind."""
        if key not in self._benchmarks:
            self._benchmarks[key] = self.evaluate_benchmark(key)
        return self._benchmarks[key]

    @cached_property
    def _benchmarks(self) -> dict[FeatureKey, tuple[int | None, str]]:
        return {}

    def evaluate_benchmark(self, key: FeatureKey) -> tuple[int | None, str]:
        medians = self.peer_medians(key)
        feature = self.features.get(key)
        value: int | None = None
        if len(medians) >= 10:
            value, kind = quantile(medians, 1, 4), "peers"
        elif feature is not None and feature.target_ms is not None:
            value, kind = feature.target_ms, "target"
        return (None, "none") if not value else (value, kind)

    # -- Section 4: erosion

    def slow_time(self, person: str, key: FeatureKey) -> int:
        values = self.ok_durations.get((person, key), [])
        b, _ = self.benchmark(key)
        if b is None or len(values) < 5:
            return 0
        steady = len(values) * max(0, median(values) - b)
        return min(steady, sum(max(0, value - b) for value in values))

    @cached_property
    def app_times(self) -> dict[tuple[str, str], AppTime]:
        """The time of each (person of P, app) with an event in the window."""
        times: dict[tuple[str, str], AppTime] = defaultdict(AppTime)
        for event in self.window_events:
            if event.person in self.population:
                self.add_event_time(times[(event.person, event.app)], event)
        for (person, key), values in self.ok_durations.items():
            times[(person, key[0])].slow += self.slow_time(person, key)
            if len(values) < 5 and self.benchmark(key)[0] is not None:
                times[(person, key[0])].unjudged += 1
        return times

    @staticmethod
    def add_event_time(time: AppTime, event: Event) -> None:
        duration = event.duration or 0
        if event.kind == "focus":
            time.focus += duration
        else:
            time.other += duration
        time.attempts += event.is_use
        if event.failed:
            time.failed += duration
        elif event.kind == "help":
            time.help += duration
        elif event.kind == "interruption":
            time.interruption += duration

    @cached_property
    def chosen_face_time(self) -> int:
        """What points divide by: chosen people, all apps."""
        return sum(t.face for (person, _), t in self.app_times.items() if person in self.chosen)

    def points(self, lost: int) -> float | None:
        return ratio(100 * lost, self.chosen_face_time)

    # -- Section 6: strike-outs

    @cached_property
    def uses_in_order(self) -> dict[tuple[str, FeatureKey], list[Event]]:
        """All uses of chosen people, all history, by (person, feature)."""
        uses: dict[tuple[str, FeatureKey], list[Event]] = defaultdict(list)
        for event in self.history:
            if event.is_use and event.person in self.chosen:
                uses[(event.person, event.key)].append(event)
        return {pair: sorted(events, key=event_order) for pair, events in uses.items()}

    @staticmethod
    def episodes(uses: list[Event]) -> list[list[Event]]:
        episodes: list[list[Event]] = []
        for use in uses:
            if episodes and use.time <= episodes[-1][-1].end + EPISODE_BREAK:
                episodes[-1].append(use)
            else:
                episodes.append([use])
        return episodes

    @cached_property
    def strikeouts(self) -> list[StrikeOut]:
        """The strike-outs of chosen people and selected features in the window."""
        found: list[StrikeOut] = []
        for (_, key), uses in self.uses_in_order.items():
            if self.selection.takes_feature(key):
                for episode in self.episodes(uses):
                    found.extend(self.strikeouts_of(episode))
        return found

    def strikeouts_of(self, episode: list[Event]) -> list[StrikeOut]:
        found: list[StrikeOut] = []
        start = 0
        while start < len(episode):
            stop = start
            while stop < len(episode) and episode[stop].failed:
                stop += 1
            run = episode[start:stop]
            if len(run) >= 3 and self.window.holds(run[0].time):
                recovered = stop < len(episode)
                ending = "recovered" if recovered else self.ending(run[0], run[-1])
                found.append(StrikeOut(run[0].person, run[0].key, len(run), ending))
            start = stop + 1
        return found

    def ending(self, first: Event, last: Event) -> str:
        """How a run that did not recover ended."""
        for ticket in self.organisation.tickets:
            about = ticket.requester == first.person and ticket.app in (None, first.app)
            if about and first.time <= ticket.opened <= last.end + CALL_REACH:
                return "called"
        for event in self.help_events.get((first.person, first.app), []):
            if first.time <= event.time <= last.end + HELP_REACH:
                return "helped"
        return "silent"

    @cached_property
    def help_events(self) -> dict[tuple[str, str], list[Event]]:
        events: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for event in self.history:
            if event.kind == "help":
                events[(event.person, event.app)].append(event)
        return events

    # -- Section 7: flow

    @cached_property
    def sessions(self) -> list[list[Event]]:
        """The sessions of chosen people over all history, each in order."""
        sessions: list[list[Event]] = []
        events_of: dict[str, list[Event]] = defaultdict(list)
        for event in self.history:
            if event.person in self.chosen:
                events_of[event.person].append(event)
        for events in events_of.values():
            sessions.extend(self.sessions_of(sorted(events, key=event_order)))
        return sessions

    @staticmethod
    def sessions_of(events: list[Event]) -> list[list[Event]]:
        """One person's sessions: by id, and cut where there is none."""
        named: dict[str, list[Event]] = defaultdict(list)
        unnamed: list[list[Event]] = []
        latest_end = 0
        for event in events:
            if event.session is not None:
                named[event.session].append(event)
                continue
            if unnamed and event.time <= latest_end + SESSION_BREAK:
                unnamed[-1].append(event)
            else:
                unnamed.append([event])
            latest_end = max(latest_end, event.end)
        return [*named.values(), *unnamed]

    @cached_property
    def transitions(self) -> list[Transition]:
        """The transitions of chosen people that count in the window."""
        found: list[Transition] = []
        for session in self.sessions:
            uses_of: dict[str, list[Event]] = defaultdict(list)
            for event in session:
                if event.is_use and self.selection.takes_app(event.app):
                    uses_of[event.app].append(event)
            for uses in uses_of.values():
                found.extend(self.transitions_of(uses))
        return found

    def transitions_of(self, uses: list[Event]) -> list[Transition]:
        """Adjacent pairs of one session and app."""
        found: list[Transition] = []
        for index in range(len(uses) - 1):
            first, second = uses[index], uses[index + 1]
            if not self.window.holds(first.time):
                continue
            f, g = first.key[1], second.key[1]
            if self.selection.feature not in (None, f, g):
                continue
            after = uses[index + 2].feature if index + 2 < len(uses) else None
            wait = max(0, second.time - first.end)
            bounced = f != g and after == f
            found.append(
                Transition(first.person, first.app, f, g, wait, first.failed, bounced)
            )
        return found

    @cached_property
    def counted_sessions(self) -> list[list[Event]]:
        """The sessions whose first event of any kind lies in the window."""
        return [session for session in self.sessions if self.window.holds(session[0].time)]

    @cached_property
    def session_ends(self) -> list[SessionEnd]:
        """The first and the last use of each session that counts."""
        found: list[SessionEnd] = []
        for session in self.counted_sessions:
            uses = [event for event in session if event.is_use]
            if uses:
                found.append(SessionEnd(uses[0].person, uses[0].key, True))
                found.append(SessionEnd(uses[-1].person, uses[-1].key, False))
        return [end for end in found if self.selection.takes_feature(end.key)]

    # -- Rows

    def person_values(self, person: str, columns: Sequence[str]) -> dict[str, str | None]:
        attributes = self.population[person]
        return {column: attributes[column] for column in columns}

    def group(
        self, items: Iterable[Any], by: Sequence[str], own: Any
    ) -> list[tuple[dict[str, str | None], list[Any]]]:
        """Group items that have a `person`; `own` gives an item's app and feature columns."""
        groups: dict[tuple[Any, ...], tuple[dict[str, str | None], list[Any]]] = {}
        for item in items:
            known = self.person_values(item.person, PERSON_COLUMNS) | own(item)
            columns = {column: known[column] for column in by}
            entry = groups.setdefault(tuple(columns.values()), (columns, []))
            entry[1].append(item)
        return [groups[key] for key in sorted(groups, key=group_order)]

    @property
    def selected_cells(self) -> list[Cell]:
        return [
            cell
            for cell in self.expected_cells
            if cell.person in self.chosen and self.selection.takes_feature(cell.key)
        ]

    def coverage_rows(self, by: Sequence[str]) -> list[Row]:
        """Section 2. An unexpected pair goes through the groups as a cell of its own state."""
        unexpected = [
            Cell(person, key, "unexpected", 0, 1)
            for person, key in sorted(self.unexpected_pairs)
            if person in self.chosen and self.selection.takes_feature(key)
        ]
        groups = self.group([*self.selected_cells, *unexpected], by, feature_columns)
        if not by and not groups:
            groups = [({}, [])]
        return [self.coverage_row(columns, cells) for columns, cells in groups]

    def coverage_row(self, columns: dict[str, str | None], cells: list[Cell]) -> Row:
        expected = [cell for cell in cells if cell.state != "unexpected"]
        unexpected = {cell.person for cell in cells if cell.state == "unexpected"}
        counts = Counter(cell.state for cell in expected)
        n = len(expected)
        maybe = sum(
            cell.state not in ("adopted", "dark") and cell.person in self.uncertain
            for cell in expected
        )
        depth = sum(min(cell.days / cell.target, 1.0) for cell in expected)
        values = {"expected": n} | {state: counts[state] for state in STATES}
        values |= {
            "unexpected": len(unexpected),
            "coverage": ratio(counts["adopted"], n),
            "reach": ratio(counts["adopted"] + counts["tried"], n),
            "depth": ratio(depth, n),
            "observed": ratio(n - counts["dark"], n),
            "low": ratio(counts["adopted"], n),
            "high": ratio(counts["adopted"] + counts["dark"] + maybe, n),
        }
        return Row(columns, {cell.person for cell in expected}, values)

    def gaps_rows(self, by: Sequence[str]) -> list[Row]:
        """Who has not adopted what."""
        rows = []
        columns_by = [*person_columns(by), "app", "feature"]
        for columns, cells in self.group(self.selected_cells, columns_by, feature_columns):
            expected = len(cells)
            adopted = sum(cell.state == "adopted" for cell in cells)
            a = self.adoption_benchmarks.get(cells[0].key)
            gap = None if a is None else max(0, math.ceil(a * expected) - adopted)
            values = {
                "expected": expected,
                "adopted": adopted,
                "missing": expected - adopted,
                "adoption_benchmark": None if a is None else float(a),
                "gap": gap,
            }
            rows.append(Row(columns, {cell.person for cell in cells}, values))
        return rows

    def benchmark_rows(self) -> list[Row]:
        """b(f) and a(f) of every feature of the catalog or used by P in the window."""
        keys = set(self.features) | {key for _, key in self.attempts}
        rows = []
        for key in sorted(keys):
            if not self.selection.takes_feature(key):
                continue
            b, kind = self.benchmark(key)
            a = self.adoption_benchmarks.get(key)
            values = {
                "benchmark_ms": b,
                "benchmark_kind": kind,
                "people": len(self.peer_medians(key)),
                "adoption_benchmark": None if a is None else float(a),
            }
            rows.append(Row({"app": key[0], "feature": key[1]}, set(), values))
        return rows

    def bottleneck_rows(self, by: Sequence[str] = ()) -> list[Row]:
        """Section 5."""
        uses = [
            use
            for (person, key), uses in self.attempts.items()
            if person in self.chosen and self.selection.takes_feature(key)
            for use in uses
        ]
        columns_by = [*person_columns(by), "app", "feature"]
        groups = self.group(uses, columns_by, feature_columns)
        rows = [self.bottleneck_row(columns, group) for columns, group in groups]
        return sorted(
            rows,
            key=lambda row: (
                -row.values["lost_ms"],
                -row.values["eroded"],
                row.columns["app"],
                row.columns["feature"],
                row.order,
            ),
        )

    def bottleneck_row(self, columns: dict[str, str | None], uses: list[Event]) -> Row:
        key = uses[0].key
        b, kind = self.benchmark(key)
        attempts_of = Counter(use.person for use in uses)
        eroded_of = Counter(use.person for use in uses if is_eroded(use, b))
        affected = [p for p, attempts in attempts_of.items() if 5 * eroded_of[p] >= attempts]
        failed_ms = sum(use.duration or 0 for use in uses if use.failed)
        lost = failed_ms + sum(self.slow_time(person, key) for person in attempts_of)
        eroded = sum(eroded_of.values())
        frequency = eroded / len(uses)
        reach = len(affected) / len(attempts_of)
        severity = ratio(lost, sum(use.duration or 0 for use in uses))
        score = None
        if severity is not None and len(attempts_of) >= 10:
            score = 100 * (frequency * reach * severity) ** (1 / 3)
        values = {
            "attempts": len(uses),
            "failed": sum(use.failed for use in uses),
            "eroded": eroded,
            "people": len(attempts_of),
            "people_affected": len(affected),
            "benchmark_ms": b,
            "benchmark_kind": kind,
            "lost_ms": lost,
            "frequency": frequency,
            "reach": reach,
            "severity": severity,
            "score": score,
            "points": self.points(lost),
        }
        return Row(columns, set(attempts_of), values)

    def erosion_rows(self, by: Sequence[str]) -> list[Row]:
        """Section 4."""
        if "feature" in by or self.selection.feature is not None:
            raise UsageError("face time belongs to apps: erosion has no features")
        times = [
            PersonAppTime(person, app, time)
            for (person, app), time in sorted(self.app_times.items(), key=lambda i: i[0])
            if person in self.chosen and self.selection.takes_app(app)
        ]
        if by:
            times = [item for item in times if item.time.attempts > 0 or item.time.face > 0]
        groups = self.group(times, by, lambda item: {"app": item.app, "feature": None})
        if not by and not groups:
            groups = [({}, [])]
        return [self.erosion_row(columns, items) for columns, items in groups]

    def erosion_row(self, columns: dict[str, str | None], items: list[PersonAppTime]) -> Row:
        lost_of: Counter[str] = Counter()
        face_of: Counter[str] = Counter()
        for item in items:
            lost_of[item.person] += item.time.lost
            face_of[item.person] += item.time.face
        people = {p for p in face_of if face_of[p] > 0 or lost_of[p] > 0}
        lost, face = sum(lost_of.values()), sum(face_of.values())
        bounds = erosion_interval([(lost_of[p], face_of[p]) for p in sorted(people)])
        times = [item.time for item in items]
        values = {
            "people": len(people),
            "face_ms": face,
            "lost_ms": lost,
            "failed_ms": sum(time.failed for time in times),
            "slow_ms": sum(time.slow for time in times),
            "help_ms": sum(time.help for time in times),
            "interruption_ms": sum(time.interruption for time in times),
            "erosion": ratio(lost, face),
            "points": self.points(lost),
            "unjudged": sum(time.unjudged for time in times),
            "face_time": face_time_kind(times),
            "low": bounds[0] if bounds else None,
            "high": bounds[1] if bounds else None,
        }
        return Row(columns, people, values)

    def strikeout_rows(self, by: Sequence[str] = ()) -> list[Row]:
        """Section 6."""
        rows = []
        columns_by = [*person_columns(by), "app", "feature"]
        for columns, found in self.group(self.strikeouts, columns_by, feature_columns):
            endings = Counter(strikeout.ending for strikeout in found)
            people = {strikeout.person for strikeout in found}
            values = {
                "strikeouts": len(found),
                "people": len(people),
                "recovered": endings["recovered"],
                "called": endings["called"],
                "helped": endings["helped"],
                "silent": endings["silent"],
                "longest": max(strikeout.length for strikeout in found),
            }
            rows.append(Row(columns, people, values))
        return rows

    def flow_rows(self, by: Sequence[str] = ()) -> list[Row]:
        """Section 7."""
        rows = []
        columns_by = [*person_columns(by), "app", "from_feature", "to_feature"]
        for columns, steps in self.group(self.transitions, columns_by, transition_columns):
            waits = [step.wait for step in steps]
            same = steps[0].from_feature == steps[0].to_feature
            people = {step.person for step in steps}
            retries = sum(step.first_failed for step in steps) if same else 0
            values = {
                "count": len(steps),
                "people": len(people),
                "wait_median_ms": median(waits),
                "wait_p90_ms": quantile(waits, 9, 10),
                "wait_total_ms": sum(waits),
                "retry": retries,
                "repeat": len(steps) - retries if same else 0,
                "bounce": sum(step.bounced for step in steps),
            }
            rows.append(Row(columns, people, values))
        return sorted(
            rows,
            key=lambda row: (
                -row.values["count"],
                row.columns["app"],
                row.columns["from_feature"],
                row.columns["to_feature"],
                row.order,
            ),
        )

    def ends_rows(self, by: Sequence[str] = ()) -> list[Row]:
        """Section 7: with which features sessions start and end."""
        rows = []
        columns_by = [*person_columns(by), "app", "feature"]
        for columns, ends in self.group(self.session_ends, columns_by, feature_columns):
            people = {end.person for end in ends}
            values = {
                "people": len(people),
                "started": sum(end.is_start for end in ends),
                "ended": sum(not end.is_start for end in ends),
            }
            rows.append(Row(columns, people, values))
        return sorted(
            rows,
            key=lambda row: (
                -row.values["started"],
                -row.values["ended"],
                row.order,
            ),
        )

    # -- Reports

    def rows(self, report: str, by: Sequence[str] = ()) -> list[Row]:
        by = with_implied_app(by)
        if report == "coverage":
            return self.coverage_rows(by)
        if report == "gaps":
            return self.gaps_rows(by)
        if report == "benchmark":
            return self.benchmark_rows()
        if report == "bottlenecks":
            return self.bottleneck_rows(by)
        if report == "erosion":
            return self.erosion_rows(by)
        if report == "strikeouts":
            return self.strikeout_rows(by)
        if report == "flow":
            return self.flow_rows(by)
        if report == "ends":
            return self.ends_rows(by)
        raise UsageError("no report named " + report)

    def own_totals(self, report: str, min_group: int) -> dict[str, Any]:
        """Totals that only some reports have."""
        totals: dict[str, Any] = {}
        if report == "ends":
            people = {session[0].person for session in self.counted_sessions}
            withheld = 0 < len(people) < min_group
            totals["sessions"] = None if withheld else len(self.counted_sessions)
        if report in ("erosion", "bottlenecks") and self.cost is not None:
            totals |= self.cost.rates()
        return totals

    def report(self, report: str, by: Sequence[str] = (), min_group: int = 5) -> dict[str, Any]:
        """The whole JSON report."""
        rows = self.rows(report, by)
        kept = rows if report == "benchmark" else unsuppressed(rows, min_group)
        if report in ("erosion", "bottlenecks") and self.cost is not None:
            for row in kept:
                row.values["cost_lost"] = self.cost.of_time(row.values["lost_ms"])
        return {
            "report": report,
            "method": "naive",
            "window": self.window_object(),
            "population": "roster" if self.organisation.roster else "observed",
            "catalog": "catalog" if self.organisation.catalog else "observed",
            "totals": {
                "people": len(self.chosen),
                "outside_people": len({event.person for event in self.outside_events}),
                "outside_events": len(self.outside_events),
                "too_new": len(self.too_new),
                "suppressed": len(rows) - len(kept),
            }
            | self.own_totals(report, min_group),
            "rows": [row.output() for row in kept],
            "warnings": [],
        }

    def window_object(self) -> dict[str, str]:
        return {
            "from": self.window.first.isoformat(),
            "to": self.window.last.isoformat(),
            "timezone": self.window.zone,
        }

    def everything(self, min_group: int = 1) -> dict[str, Any]:
        """The shape of the expected files; the department parts only with a roster."""

        def rows(report: str, *by: str) -> list[dict[str, Any]]:
            return self.report(report, by, min_group)["rows"]

        result: dict[str, Any] = {
            "window": self.window_object(),
            "coverage": rows("coverage", "feature"),
            "coverage_total": rows("coverage"),
            "bottlenecks": rows("bottlenecks"),
            "erosion": rows("erosion"),
            "erosion_by_app": rows("erosion", "app"),
            "strikeouts": rows("strikeouts"),
            "flow": rows("flow"),
        }
        totals = self.report("coverage")["totals"]
        for name in ("too_new", "outside_people", "outside_events"):
            result[name] = totals[name]
        if self.organisation.roster:
            result["coverage_by_department"] = rows("coverage", "department")
            result["coverage_by_department_app_feature"] = rows(
                "coverage", "department", "app", "feature"
            )
            result["erosion_by_department"] = rows("erosion", "department")
        return result


@dataclass(frozen=True)
class PersonAppTime:
    """An (app, person) time, for grouping."""

    person: str
    app: str
    time: AppTime


def feature_columns(item: Any) -> dict[str, str | None]:
    """The own columns of anything with a feature key."""
    return {"app": item.key[0], "feature": item.key[1]}


def transition_columns(step: Transition) -> dict[str, str | None]:
    return {
        "app": step.app,
        "from_feature": step.from_feature,
        "to_feature": step.to_feature,
    }


def person_columns(by: Sequence[str]) -> list[str]:
    return [column for column in by if column in PERSON_COLUMNS]


def with_implied_app(by: Sequence[str]) -> list[str]:
    """`feature` implies `app`, put just before it."""
    columns: list[str] = []
    for column in by:
        if column not in (*PERSON_COLUMNS, "app", "feature"):
            raise UsageError("no column named " + column)
        if column == "feature" and "app" not in by:
            columns.append("app")
        if column not in columns:
            columns.append(column)
    return columns


def is_eroded(use: Event, b: int | None) -> bool:
    """Failed, or ok and longer than twice the benchmark."""
    if use.failed:
        return True
    return b is not None and use.duration is not None and use.duration > 2 * b


def face_time_kind(times: Iterable[AppTime]) -> str:
    """Whether face time was measured, estimated or mixed."""
    measured = [time.focus > time.other for time in times if time.face > 0]
    if not any(measured):
        return "estimated"
    return "measured" if all(measured) else "mixed"


# ---------------------------------------------------------------------------------------------
# Section 11: suppression


def unsuppressed(rows: list[Row], min_group: int) -> list[Row]:
    """The rows that may be shown, in their order."""
    if min_group <= 1:
        return rows
    suppressed = {i for i, row in enumerate(rows) if len(row.people) < min_group}
    changed = True
    while changed:
        changed = False
        for total in totals_of(rows):
            if complete_suppression(rows, total, suppressed, min_group):
                changed = True
    return [row for i, row in enumerate(rows) if i not in suppressed]


def totals_of(rows: list[Row]) -> list[list[int]]:
    """Each total as indices of its rows: one block left out at a time, then all rows."""
    if not rows:
        return []
    columns = list(rows[0].columns)
    blocks = [[column] for column in person_columns(columns)]
    own = [column for column in columns if column not in PERSON_COLUMNS]
    if own:
        blocks.insert(block_position(columns, own[0]), own)
    totals: list[list[int]] = []
    if len(blocks) >= 2:
        for block in blocks:
            totals.extend(totals_without(rows, [c for c in columns if c not in block]))
    totals.append(list(range(len(rows))))
    return totals


def block_position(columns: list[str], column: str) -> int:
    """How many person columns stand before `column`."""
    return len(person_columns(columns[: columns.index(column)]))


def totals_without(rows: list[Row], kept: list[str]) -> list[list[int]]:
    """Rows that agree in the `kept` columns, totals in the order of their values."""
    totals: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        totals[column_order(row.columns[column] for column in kept)].append(index)
    return [totals[key] for key in sorted(totals)]


def complete_suppression(
    rows: list[Row], total: list[int], suppressed: set[int], min_group: int
) -> bool:
    """Suppress further rows of one total while the suppressed ones can be told."""
    changed = False
    while True:
        hidden = [index for index in total if index in suppressed]
        together: set[str] = set().union(*(rows[index].people for index in hidden))
        shown = [index for index in total if index not in suppressed]
        enough = len(hidden) != 1 and len(together) >= min_group
        if not hidden or not shown or enough:
            return changed
        smallest = min(shown, key=lambda index: (len(rows[index].people), rows[index].order))
        suppressed.add(smallest)
        changed = True


# ---------------------------------------------------------------------------------------------
# Command line


def parse_where(text: str) -> tuple[str, str]:
    column, sign, value = text.partition("=")
    if not sign or column not in PERSON_COLUMNS:
        raise argparse.ArgumentTypeError("expected COLUMN=VALUE")
    return (column, value)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Evaluate the methods page, slowly.")
    parser.add_argument("--events", required=True)
    parser.add_argument("--roster")
    parser.add_argument("--catalog")
    parser.add_argument("--tickets")
    parser.add_argument("--from", dest="first", required=True, type=date.fromisoformat)
    parser.add_argument("--to", dest="last", required=True, type=date.fromisoformat)
    parser.add_argument("--timezone", default="UTC")
    parser.add_argument("--where", nargs="+", action="extend", default=[], type=parse_where)
    parser.add_argument("--app")
    parser.add_argument("--feature")
    parser.add_argument("--by", default="")
    parser.add_argument("--min-group", type=int)
    parser.add_argument("--report", choices=REPORTS)
    parser.add_argument("--all", action="store_true", help="print like the expected files")
    return parser


def main() -> int:
    parser = arguments()
    options = parser.parse_args()
    if options.all == (options.report is not None):
        parser.error("give either --report or --all")
    organisation = Organisation.load(
        options.events, options.roster, options.catalog, options.tickets
    )
    window = Window(options.first, options.last, options.timezone)
    selection = Selection(options.app, options.feature, tuple(options.where))
    evaluation = Evaluation(organisation, window, selection)
    by = [column for column in options.by.split(",") if column]
    try:
        if options.all:
            least = 1 if options.min_group is None else options.min_group
            result = evaluation.everything(least)
        else:
            least = 5 if options.min_group is None else options.min_group
            result = evaluation.report(options.report, by, least)
    except UsageError as error:
        print(f"naive.py: {error}", file=sys.stderr)
        return 2
    json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
