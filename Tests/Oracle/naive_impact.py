#!/usr/bin/env python3
"""Section 10 of the methods page, naively: slow, obvious, standard library only.

It builds on `naive.py` for the terms of sections 1 to 6, evaluated week by week, and shares no code
with the product. Choices where the methods page is silent are those of docs/methods.md, section 10.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import naive

OUTCOMES = ("erosion", "ok_share", "depth", "strikeouts", "tickets", "lost_ms")
Z = 1.959964
ROUNDING = 1e-12
BENCHMARK_WEEKS = 8

Values = dict[tuple[str, date], float]  # by person and Monday


@dataclass(frozen=True)
class Initiative:
    """One row of a name: a cohort and when it was reached."""

    name: str
    cohort: str
    start: int


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def weekly_start(start: int, zone: str) -> tuple[date, bool]:
    """g as a Monday, and whether the week before is partial."""
    monday = monday_of(naive.civil_day(start, zone))
    if start <= naive.first_millisecond(monday, zone):
        return monday, False
    return monday + timedelta(days=7), True


class Week(naive.Evaluation):
    """One week as a window, with frozen benchmarks and the panel's observed catalog."""

    def __init__(self, organisation, window, selection, frozen, panel_end) -> None:
        super().__init__(organisation, window, selection)
        self.frozen = frozen
        self.panel_end = panel_end

    def benchmark(self, key):
        return self.frozen.get(key, (None, "none"))

    @cached_property
    def features(self):
        if self.organisation.catalog:
            return super().features
        everyone = naive.CatalogFeature(("*",), 1, None, False)
        zone = self.window.zone
        return {
            event.key: everyone
            for event in self.history
            if event.is_use and naive.civil_day(event.time, zone) < self.panel_end
        }


class Impact:
    """The study of one name."""

    def __init__(
        self,
        organisation: naive.Organisation,
        initiatives: list[Initiative],
        zone: str,
        selection: naive.Selection,
        bounds: tuple[date, date] | None = None,
    ) -> None:
        self.organisation = organisation
        self.initiatives = initiatives
        self.zone = zone
        self.selection = selection
        self.bounds = bounds

    @cached_property
    def weeks(self) -> list[date]:
        """Mondays of the whole weeks."""
        if self.bounds is None:
            days = [naive.civil_day(e.time, self.zone) for e in self.organisation.events]
            first, stop = min(days), max(days) + timedelta(days=1)
        else:
            first, stop = self.bounds
        found = []
        monday = monday_of(first)
        while monday + timedelta(days=7) <= stop:
            if monday >= first:
                found.append(monday)
            monday += timedelta(days=7)
        return found

    @cached_property
    def panel_window(self) -> naive.Window:
        return naive.Window(self.weeks[0], self.weeks[-1] + timedelta(days=7), self.zone)

    @cached_property
    def whole(self) -> naive.Evaluation:
        return naive.Evaluation(self.organisation, self.panel_window, self.selection)

    @cached_property
    def frozen(self) -> dict[naive.FeatureKey, tuple[int | None, str]]:
        earliest = min(weekly_start(i.start, self.zone)[0] for i in self.initiatives)
        window = naive.Window(earliest - timedelta(weeks=BENCHMARK_WEEKS), earliest, self.zone)
        evaluation = naive.Evaluation(self.organisation, window)
        keys = set(evaluation.features) | {key for _, key in evaluation.attempts}
        return {key: evaluation.benchmark(key) for key in keys}

    # -- Who was reached when

    def attribute_on(self, person: str, column: str, day: date) -> str | None:
        rows = [row for row in self.organisation.roster if row.user == person]
        rows.sort(key=lambda row: row.active_from)
        if not rows or any(row.service for row in rows):
            return None
        for row in rows:
            if row.active_from <= day < row.active_to:
                return row.attributes[column]
        later = [row for row in rows if row.active_from > day]
        return (later[0] if later else rows[-1]).attributes[column]

    def is_member(self, person: str, initiative: Initiative) -> bool:
        column, _, value = initiative.cohort.partition("=")
        if initiative.cohort == "":
            return not any(r.user == person and r.service for r in self.organisation.roster)
        if column == "people":
            names = naive.people_by_name(self.organisation.roster)
            return person in {names.get(name, name) for name in value.split(";") if name}
        if column == "app":
            return (person, value) in self.first_use and self.first_use[
                (person, value)
            ] < initiative.start
        day = naive.civil_day(initiative.start, self.zone)
        return self.attribute_on(person, column, day) == value

    @cached_property
    def first_use(self) -> dict[tuple[str, str], int]:
        first: dict[tuple[str, str], int] = {}
        for event in self.whole.history:
            if event.is_use:
                key = (event.person, event.app)
                first[key] = min(event.time, first.get(key, event.time))
        return first

    @cached_property
    def group_of(self) -> dict[str, date]:
        """By person reached: g."""
        return {
            person: weekly_start(initiative.start, self.zone)[0]
            for person, initiative in self.reached_by.items()
        }

    @cached_property
    def reached_by(self) -> dict[str, Initiative]:
        people = {event.person for event in self.organisation.events}
        people |= {row.user for row in self.organisation.roster}
        people |= {ticket.requester for ticket in self.organisation.tickets}
        reached = {}
        for person in people:
            mine = [i for i in self.initiatives if self.is_member(person, i)]
            if mine:
                reached[person] = min(mine, key=lambda i: i.start)
        return reached

    @cached_property
    def base_of(self) -> dict[date, date]:
        """By g: the week compared with."""
        bases: dict[date, date] = {}
        for initiative in self.reached_by.values():
            g, partial = weekly_start(initiative.start, self.zone)
            base = g - timedelta(days=14 if partial else 7)
            bases[g] = min(base, bases.get(g, base))
        return bases

    # -- The panel

    @cached_property
    def panel(self) -> dict[str, Values]:
        panel: dict[str, Values] = {outcome: {} for outcome in OUTCOMES}
        for monday in self.weeks:
            for person, outcomes in self.week(monday).items():
                if person not in self.whole.chosen or self.is_dropped(person, monday):
                    continue
                for outcome, value in outcomes.items():
                    panel[outcome][(person, monday)] = value
        return panel

    def is_dropped(self, person: str, monday: date) -> bool:
        g = self.group_of.get(person)
        return g is not None and self.base_of[g] < monday < g

    def week(self, monday: date) -> dict[str, dict[str, float]]:
        """Outcomes of everybody observed."""
        window = naive.Window(monday, monday + timedelta(days=7), self.zone)
        selection = naive.Selection(app=self.selection.app)
        week = Week(self.organisation, window, selection, self.frozen, self.panel_window.last)
        return {
            person: self.outcomes(week, person)
            for person in week.seen_in_window
            if person in week.population
        }

    def outcomes(self, week: Week, person: str) -> dict[str, float]:
        found: dict[str, float] = {}
        takes = self.selection.takes_app
        times = [t for (p, app), t in week.app_times.items() if p == person and takes(app)]
        lost, face = sum(t.lost for t in times), sum(t.face for t in times)
        if face:
            found["erosion"] = lost / face
        attempts = [
            e for (p, key), uses in week.attempts.items() if p == person and takes(key[0]) for e in uses
        ]
        if attempts:
            found["ok_share"] = sum(e.ok for e in attempts) / len(attempts)
        cells = [c for c in week.expected_cells if c.person == person and takes(c.key[0])]
        if cells:
            found["depth"] = sum(min(c.days / c.target, 1) for c in cells) / len(cells)
        found["strikeouts"] = sum(s.person == person for s in week.strikeouts)
        found["tickets"] = sum(
            t.requester == person
            and week.window.holds(t.opened)
            and self.selection.app in (None, t.app)
            for t in self.organisation.tickets
        )
        found["lost_ms"] = lost
        return found

    # -- Estimates

    def rows(self, min_group: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for outcome in OUTCOMES:
            found += Estimates(self, self.panel[outcome]).rows(outcome, min_group)
        return found


@dataclass
class Cell:
    """ATT(g, t), with everybody's share in it."""

    g: date
    t: date
    event: int
    status: str
    estimate: float
    influence: dict[str, float]  # of the estimate itself: their squares add up to its variance
    treated: set[str]
    controls: set[str]
    largest: float


class Estimates:
    """One outcome."""

    def __init__(self, study: Impact, values: Values) -> None:
        self.study = study
        self.values = values
        self.people = {person for person, _ in values}
        self.group_of = {p: g for p, g in study.group_of.items() if p in self.people}
        self.size: dict[date, int] = defaultdict(int)
        for g in self.group_of.values():
            self.size[g] += 1
        self.cells = []
        for g in sorted(self.size):
            for t in study.weeks:
                cell = self.cell(g, t)
                if cell is not None:
                    self.cells.append(cell)

    def cell(self, g: date, t: date) -> Cell | None:
        base = self.study.base_of[g]
        change = {
            p: self.values[(p, t)] - self.values[(p, base)]
            for p in self.people
            if (p, t) in self.values and (p, base) in self.values
        }
        treated = {p for p in change if self.group_of.get(p) == g}
        controls = {
            p
            for p in change
            if p not in self.group_of or self.group_of[p] != g and self.group_of[p] > max(t, base)
        }
        if not treated:
            return None
        influence: dict[str, float] = {}
        estimate = 0.0
        for side, sign in ((treated, 1), (controls, -1)):
            if side:
                mean = math.fsum(change[p] for p in side) / len(side)
                estimate += sign * mean
                for p in side:
                    influence[p] = sign * (change[p] - mean) / len(side)
        if t == base:
            status = "base"
        elif not controls:
            status = "no control"
        else:
            status = "effect" if t >= g else "placebo"
        largest = max(abs(change[p]) for p in treated | controls)
        event = (t - g).days // 7
        return Cell(g, t, event, status, estimate, influence, treated, controls, largest)

    def error(self, cells: list[Cell], influence: dict[str, float]) -> float | None:
        """The standard error, or None where it cannot be had."""
        for cell in cells:
            if cell.status == "base" or len(cell.treated) < 2:
                return None
            if cell.status != "no control" and len(cell.controls) < 2:
                return None
        error = math.sqrt(math.fsum(value * value for value in influence.values()))
        return error if error > ROUNDING * max(cell.largest for cell in cells) else None

    def aggregate(self, candidates: list[Cell]) -> dict[str, Any] | None:
        for status in ("effect", "placebo", "no control", "base"):
            cells = [cell for cell in candidates if cell.status == status]
            if cells:
                return self.mean(cells, status)
        return None

    def mean(self, cells: list[Cell], status: str) -> dict[str, Any]:
        total = sum(self.size[cell.g] for cell in cells)
        mean = math.fsum(self.size[cell.g] * cell.estimate for cell in cells) / total
        influence: dict[str, float] = defaultdict(float)
        for cell in cells:
            for person, value in cell.influence.items():
                influence[person] += self.size[cell.g] / total * value
            # Group sizes are estimates, too: one more person of a group moves the weights.
            for person, g in self.group_of.items():
                if g == cell.g:
                    influence[person] += (cell.estimate - mean) / total
        treated = set().union(*(cell.treated for cell in cells))
        controls = set().union(*(cell.controls for cell in cells))
        return self.row(status, mean, self.error(cells, influence), treated, controls)

    @staticmethod
    def row(status, estimate, error, treated, controls) -> dict[str, Any]:
        return {
            "estimate": estimate,
            "standard_error": error,
            "low": None if error is None else estimate - Z * error,
            "high": None if error is None else estimate + Z * error,
            "people": len(treated),
            "controls": len(controls),
            "status": status,
        }

    def hidden(self, min_group: int) -> set[date]:
        """Groups too small to show, and the next smallest while a reader could subtract."""
        if min_group <= 1:
            return set()
        order = sorted(self.size, key=lambda g: (self.size[g], g))
        hidden = [g for g in order if self.size[g] < min_group]
        for g in order:
            if not hidden or g in hidden:
                continue
            if len(hidden) > 1 and sum(self.size[h] for h in hidden) >= min_group:
                break
            hidden.append(g)
        return set(hidden)

    def rows(self, outcome: str, min_group: int) -> list[dict[str, Any]]:
        hidden = self.hidden(min_group)
        found: list[dict[str, Any]] = []

        def add(columns: dict[str, Any], row: dict[str, Any] | None, is_hidden=False) -> None:
            if row is None:
                return
            few = row["people"] < min_group or 0 < row["controls"] < min_group
            if min_group > 1 and (is_hidden or few):
                return
            empty = {"outcome": outcome, "event_week": None, "group": None, "week": None}
            found.append(empty | columns | row)

        simple = self.aggregate([cell for cell in self.cells if cell.t >= cell.g])
        add({"aggregate": "simple"}, simple)
        for event in sorted({cell.event for cell in self.cells}):
            row = self.aggregate([cell for cell in self.cells if cell.event == event])
            add({"aggregate": "event_time", "event_week": event}, row)
        for cell in self.cells:
            columns = {
                "aggregate": "group_time",
                "event_week": cell.event,
                "group": cell.g.isoformat(),
                "week": cell.t.isoformat(),
            }
            error = self.error([cell], cell.influence)
            row = self.row(cell.status, cell.estimate, error, cell.treated, cell.controls)
            add(columns, row, cell.g in hidden)
        return found


# ---------------------------------------------------------------------------------------------
# The facts of a change


class Change:
    """What moved after a change, and whether collection was complete."""

    def __init__(
        self,
        organisation: naive.Organisation,
        initiatives: list[Initiative],
        zone: str,
        selection: naive.Selection,
    ) -> None:
        self.organisation = organisation
        self.zone = zone
        self.selection = selection
        start = min(i.start for i in initiatives)
        day = naive.civil_day(start, zone)
        days = [naive.civil_day(e.time, zone) for e in organisation.events]
        first = day if start <= naive.first_millisecond(day, zone) else day + timedelta(days=1)
        last = min(first + timedelta(days=28), max(days) + timedelta(days=1))
        self.before = naive.Window(day - timedelta(days=28), day, zone)
        self.after = naive.Window(first, last, zone)
        self.earlier = naive.Window(
            first - timedelta(days=28), min(day, last - timedelta(days=28)), zone
        )
        both = naive.Window(self.before.first, last, zone)
        self.evaluation = naive.Evaluation(organisation, both, selection)
        study = Impact(organisation, initiatives, zone, selection)
        study.__dict__["weeks"] = [monday_of(day)]
        self.reached = {p for p in self.evaluation.chosen if p in study.reached_by}

    def per_day(self, moments: list[tuple[str, int]]) -> tuple[float, float, int]:
        """Before and after per day, and how many people."""
        before: dict[int, int] = defaultdict(int)
        after, people = 0, set()
        for person, time in moments:
            day = naive.civil_day(time, self.zone)
            if self.before.first <= day < self.before.last:
                before[day.weekday()] += 1
            elif self.after.first <= day < self.after.last:
                after += 1
            else:
                continue
            people.add(person)
        days = [self.after.first + timedelta(days=n) for n in range(self.after.days)]
        mean = sum(before[day.weekday()] / 4 for day in days) / len(days)
        return mean, after / len(days), len(people)

    def moments(self) -> dict[str, list[tuple[str, int]]]:
        takes = self.selection.takes_app
        uses = [
            e for e in self.evaluation.history if e.is_use and e.person in self.reached and takes(e.app)
        ]
        strikes = []
        for (person, key), own in self.evaluation.uses_in_order.items():
            if person in self.reached and takes(key[0]):
                for episode in self.evaluation.episodes(own):
                    strikes += self.runs(episode)
        tickets = [
            (t.requester, t.opened)
            for t in self.organisation.tickets
            if t.requester in self.reached and self.selection.app in (None, t.app)
        ]
        return {
            "attempts": [(e.person, e.time) for e in uses],
            "failures": [(e.person, e.time) for e in uses if e.failed],
            "strikeouts": strikes,
            "tickets": tickets,
        }

    @staticmethod
    def runs(episode: list[naive.Event]) -> list[tuple[str, int]]:
        found, run = [], []
        for use in [*episode, None]:
            if use is not None and use.failed:
                run.append(use)
                continue
            if len(run) >= 3:
                found.append((run[0].person, run[0].time))
            run = []
        return found

    def features(self) -> list[tuple[float, naive.FeatureKey, tuple[float, float, int]]]:
        """The ten whose attempts moved most."""
        by_key: dict[naive.FeatureKey, list[tuple[str, int]]] = defaultdict(list)
        for e in self.evaluation.history:
            if e.is_use and e.person in self.reached and self.selection.takes_app(e.app):
                by_key[e.key].append((e.person, e.time))
        facts = [(key, self.per_day(moments)) for key, moments in by_key.items()]
        moved = [(-abs(f[1] - f[0]), key, f) for key, f in facts if f[0] != f[1]]
        return sorted(moved)[:10]

    # -- Collection

    def days_of(self, window: naive.Window) -> list[date]:
        return [window.first + timedelta(days=n) for n in range(window.days)]

    def collection(self) -> tuple[dict[str, tuple[Any, Any]], bool]:
        """The figures of both sides, and whether they can be compared."""
        both = naive.Window(self.before.first, self.after.last, self.zone)
        events = [e for e in self.evaluation.history if both.holds(e.time)]
        spoken = {naive.civil_day(e.time, self.zone) for e in events}
        sides = (self.before, self.after)
        counts = tuple(sum(side.holds(e.time) for e in events) for side in sides)
        empty = tuple([d for d in self.days_of(side) if d not in spoken] for side in sides)
        sources = {e.source for e in events if e.source is not None}
        length = min(7, self.after.days)
        silent = []
        for stop in (self.earlier.last, self.after.last):
            week = naive.Window(stop - timedelta(days=length), stop, self.zone)
            silent.append(len(sources - {e.source for e in events if week.holds(e.time)}))
        missing = tuple(self.missing(side) for side in sides)
        dark = tuple(self.dark(window, events) for window in (self.earlier, self.after))
        complete = all(counts) and all(m <= 0.01 * n for m, n in zip(missing, counts))
        complete = complete and abs(silent[1] - silent[0]) <= 0.05 * max(1, len(sources))
        if None not in dark and abs(dark[1] - dark[0]) > 0.05:
            complete = False
        for own, other in ((0, 1), (1, 0)):
            for day in empty[own]:
                peers = [d for d in self.days_of(sides[other]) if d.weekday() == day.weekday()]
                if peers and all(d in spoken for d in peers):
                    complete = False
        figures = {
            "events": counts,
            "empty_days": (len(empty[0]), len(empty[1])),
            "sources": (len(sources), len(sources)),
            "silent_sources": tuple(silent),
            "missing_numbers": missing,
            "dark_share": dark,
        }
        return figures, complete

    def missing(self, window: naive.Window) -> int:
        received: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for event in self.organisation.events:
            if event.source is not None:
                received[event.source].append((event.seq, event.time))
        total = 0
        for numbers in received.values():
            numbers.sort()
            for (seq, time), (later, later_time) in zip(numbers, numbers[1:]):
                low, high = min(time, later_time), max(time, later_time)
                if later > seq + 1 and low < window.stop and high >= window.start:
                    total += later - seq - 1
        return total

    def dark(self, window: naive.Window, events: list[naive.Event]) -> float | None:
        people = {p for p in self.reached if self.is_active(p, window)}
        seen = {e.person for e in events if window.holds(e.time)}
        return len(people - seen) / len(people) if people else None

    def is_active(self, person: str, window: naive.Window) -> bool:
        if not self.organisation.roster:
            return True
        return any(
            max(row.active_from, window.first) < min(row.active_to, window.last)
            for row in self.organisation.roster
            if row.user == person
        )

    def rows(self) -> list[dict[str, Any]]:
        figures, complete = self.collection()
        facts = [("total", None, None, name, self.per_day(m)) for name, m in self.moments().items()]
        facts += [("feature", *key, "attempts", fact) for _, key, fact in self.features()]
        status = "complete" if complete else "incomplete collection"
        rows = []
        for section, app, feature, measure, (before, after, people) in facts:
            rows.append(
                {
                    "section": section,
                    "app": app,
                    "feature": feature,
                    "measure": measure,
                    "before": before,
                    "after": after,
                    "difference": after - before if complete else None,
                    "ratio": after / before if complete and before else None,
                    "people": people,
                    "status": status,
                }
            )
        for measure, (before, after) in figures.items():
            empty = dict.fromkeys(("app", "feature", "difference", "ratio", "people"))
            row = {"section": "collection", "measure": measure, "before": before, "after": after}
            rows.append(empty | row | {"status": status})
        return rows
