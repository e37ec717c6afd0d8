#!/usr/bin/env python3
"""The naive evaluator of section 8: support, above and below the waterline.

Like naive.py it is a slow, obvious reading of the methods page that shares no code with the product;
it takes events, population, face time, strike-outs and suppression from there.

Choices made where the page is silent. The product follows the same list.

 1. Desk tickets are those opened in the window; `--app` takes those that name the app, `--where`
    those of the chosen people. Without `--where` tickets of people outside P and of nobody count too.
    `unrostered_tickets` follows `--app` only. `--feature` is a usage error: tickets have none.
 2. `requesters`: different people with a name who opened desk tickets, in P or not. A ticket without
    requester belongs to nobody; nobody is not in P, with or without a roster.
 3. Times to response and resolution are differences as they stand, negative ones too. A ticket is
    resolved if it has a time of resolution, whatever its state says.
 4. Backlog: opened on a day before `to`, without a resolution on a day before `to`. Age: civil days
    from the day of opening to the last day of the window.
 5. Concentration is over the chosen people of P. Top people: ceil(n / 20), by desk tickets descending,
    then user. Shares are of what the chosen people of P carry; null when that is 0. Lost time: the four
    parts of section 4 in the selected apps. Gini: null under two people or without tickets.
 6. touched = desk tickets (all of them) / attempts of chosen people in selected apps.
 7. Strikes: desk tickets of people of P; failed attempts starting from 24 h before the opening to
    the opening, ends included, before the window too.
 8. Silent friction: friction events of chosen people in selected apps that start in the window;
    a ticket of the person, whenever opened, from the event's start to 24 h after its end, ends included.
    In rows `tickets` are the different tickets that brought an event of the row above. Ranks: 1 + the
    number of rows with more (friction time; tickets), suppressed rows included.
 9. Sides: a row for each app with an event of a chosen person in the window, a desk ticket or backlog;
    tickets without app have a row of their own.
10. Distraction: a span belongs to the day of its start; an event without a duration is a span of no
    length and may join two others. Stretches count whole, with the joints. Distractions are those that
    start in the window; one on the edge of a stretch cuts nothing. Attention is over all apps.
11. Columns of tickets are blocks of their own for suppression. Totals about 1 to N - 1 people are null:
    desk figures by the people of P behind tickets and backlog, and so on.
12. Lorenz: people in the reverse order of 5; k = min(20, n div max(1, N)) steps, the i-th up to person
    n * i div k.
13. Cost, with all three rates: `cost_lost` beside `lost_ms` and `cost_tickets` beside `tickets`, in totals
    and rows, `cost_friction` beside the `friction_ms` of a friction row; null where those are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Iterable, Sequence

import naive

DAY = naive.DAY
PIECE = 25 * naive.MINUTE
JOINT = naive.MINUTE
AGES = ((0, 1), (2, 7), (8, 30), (31, 10**9))
AGE_NAMES = ("backlog_0_1_days", "backlog_2_7_days", "backlog_8_30_days", "backlog_over_30_days")


@dataclass(frozen=True)
class DeskTicket:
    """One ticket, all of it."""

    id: str
    person: str
    opened: int
    first_response: int | None
    resolved: int | None
    reopened: int
    app: str | None
    category: str | None
    priority: str | None
    satisfaction: float | None
    effort: int
    group: str | None
    owner: str | None
    reassignments: int
    level: str | None


def time_of(text: str) -> int | None:
    if not text:
        return None
    return int(text) if text.lstrip("-").isdigit() else naive.parse_time_text(text)


def read_desk(path: str | None, roster: list[naive.RosterRow]) -> list[DeskTicket]:
    """The stored tickets: the last sound row of each id."""
    if path is None:
        return []
    person_of = naive.people_by_name(roster)
    tickets: dict[str, DeskTicket] = {}
    for row in naive.read_table(path):
        try:
            opened = time_of(row.get("opened", ""))
            if not row.get("id") or not row.get("requester") or opened is None:
                continue
            answer = row.get("satisfaction", "")
            tickets[row["id"]] = DeskTicket(
                id=row["id"],
                person=person_of.get(row["requester"], row["requester"]),
                opened=opened,
                first_response=time_of(row.get("first_response", "")),
                resolved=time_of(row.get("resolved", "")),
                reopened=int(row.get("reopened") or 0),
                app=row.get("app") or None,
                category=row.get("category") or None,
                priority=row.get("priority") or None,
                satisfaction=float(answer) if answer else None,
                effort=int(row.get("effort_minutes") or 0),
                group=row.get("group") or None,
                owner=row.get("owner") or None,
                reassignments=int(row.get("reassignments") or 0),
                level=row.get("level") or None,
            )
        except naive.Rejected:
            continue
    return list(tickets.values())


class Support:
    """Section 8 on top of an evaluation of the sections before."""

    def __init__(
        self, evaluation: naive.Evaluation, tickets: list[DeskTicket], min_group: int
    ) -> None:
        self.evaluation = evaluation
        self.window = evaluation.window
        self.selection = evaluation.selection
        self.chosen = evaluation.chosen
        self.population = evaluation.population
        self.all_tickets = tickets
        self.min_group = min_group
        self.desk = [t for t in tickets if self.window.holds(t.opened) and self.takes(t)]
        self.backlog = [t for t in tickets if self.is_backlog(t) and self.takes(t)]
        self.rostered = [t for t in self.desk if t.person in self.chosen]
        events = evaluation.window_events
        self.events = [
            e for e in events if e.person in self.chosen and self.selection.takes_app(e.app)
        ]

    def takes(self, ticket: DeskTicket) -> bool:
        if self.selection.app is not None and ticket.app != self.selection.app:
            return False
        return not self.selection.where or ticket.person in self.chosen

    def is_backlog(self, ticket: DeskTicket) -> bool:
        if not self.window.precedes(ticket.opened):
            return False
        return ticket.resolved is None or not self.window.precedes(ticket.resolved)

    def age(self, ticket: DeskTicket) -> int:
        return (self.window.last - naive.civil_day(ticket.opened, self.window.zone)).days - 1

    # -- Desk

    def behind(self, tickets: Iterable[DeskTicket]) -> set[str]:
        return {ticket.person for ticket in tickets if ticket.person in self.population}

    def desk_values(
        self, desk: list[DeskTicket], backlog: list[DeskTicket]
    ) -> dict[str, Any]:
        resolved = [t.resolved - t.opened for t in desk if t.resolved is not None]
        answered = [t.first_response - t.opened for t in desk if t.first_response is not None]
        answers = [t.satisfaction for t in desk if t.satisfaction is not None]
        values: dict[str, Any] = {
            "tickets": len(desk),
            "people": len(self.behind([*desk, *backlog])),
            "resolved": len(resolved),
            "resolution_rate": naive.ratio(len(resolved), len(desk)),
            "first_response_median_ms": naive.median(answered) if answered else None,
            "first_response_p90_ms": naive.quantile(answered, 9, 10) if answered else None,
            "resolution_median_ms": naive.median(resolved) if resolved else None,
            "resolution_p90_ms": naive.quantile(resolved, 9, 10) if resolved else None,
            "reopened": sum(t.reopened > 0 for t in desk),
            "escalated": sum(t.reassignments > 0 for t in desk),
            "without_owner": sum(t.owner is None for t in desk),
            "satisfaction": sum(answers) / len(answers) if answers else None,
            "satisfaction_answers": len(answers),
            "effort_minutes": sum(t.effort for t in desk),
            "backlog": len(backlog),
        }
        for name, (low, high) in zip(AGE_NAMES, AGES):
            values[name] = sum(low <= self.age(t) <= high for t in backlog)
        return values

    def desk_rows(self, by: Sequence[str]) -> list[naive.Row]:
        groups: dict[tuple[Any, ...], tuple[list[DeskTicket], list[DeskTicket]]] = {}
        if not by:
            groups[()] = ([], [])
        for place, tickets in enumerate((self.desk, self.backlog)):
            for ticket in tickets:
                key = tuple(getattr(ticket, column) for column in by)
                groups.setdefault(key, ([], []))[place].append(ticket)
        rows = []
        for key in sorted(groups, key=naive.group_order):
            desk, backlog = groups[key]
            people = self.behind([*desk, *backlog])
            rows.append(naive.Row(dict(zip(by, key)), people, self.desk_values(desk, backlog)))
        return rows

    # -- Totals

    def lost_of(self) -> Counter[str]:
        lost: Counter[str] = Counter()
        for (person, app), time in self.evaluation.app_times.items():
            if person in self.chosen and self.selection.takes_app(app):
                lost[person] += time.lost
        return lost

    def ranked(self) -> list[str]:
        """Most tickets first, ties by user."""
        tickets = Counter(t.person for t in self.rostered)
        return sorted(self.chosen, key=lambda person: (-tickets[person], person))

    def carried(self, people: Iterable[str]) -> tuple[int, int, int]:
        """Tickets, effort and lost time of these people."""
        wanted = set(people)
        own = [t for t in self.rostered if t.person in wanted]
        lost = self.lost_of()
        return len(own), sum(t.effort for t in own), sum(lost[person] for person in wanted)

    def gini(self) -> float | None:
        counts = Counter(t.person for t in self.rostered)
        values = sorted(counts[person] for person in self.chosen)
        n, total = len(values), sum(values)
        if n < 2 or total == 0:
            return None
        differences = sum(abs(x - y) for x in values for y in values)
        return differences / (2 * n * total) * n / (n - 1)

    def strikes(self) -> list[int]:
        found = []
        for ticket in self.rostered:
            found.append(
                sum(
                    event.failed
                    and event.person == ticket.person
                    and ticket.app in (None, event.app)
                    and ticket.opened - DAY <= event.time <= ticket.opened
                    for event in self.evaluation.history
                )
            )
        return found

    def friction_events(self) -> list[naive.Event]:
        return [e for e in self.events if e.failed or e.kind in ("help", "interruption")]

    def calls(self, event: naive.Event) -> set[str]:
        """The tickets that brought a friction event above the waterline."""
        return {
            t.id
            for t in self.all_tickets
            if t.person == event.person
            and t.app in (None, event.app)
            and event.time <= t.opened <= event.end + DAY
        }

    def friction_values(self, events: list[naive.Event]) -> dict[str, Any]:
        above = [e for e in events if self.calls(e)]
        lost = sum(e.duration or 0 for e in events)
        lost_above = sum(e.duration or 0 for e in above)
        return {
            "friction_events": len(events),
            "friction_ms": lost,
            "above_ms": lost_above,
            "silent_ms": lost - lost_above,
            "silent": None if lost == 0 else 1 - lost_above / lost,
            "silent_count": None if not events else 1 - len(above) / len(events),
        }

    def slow_of(self) -> dict[tuple[str, naive.FeatureKey], int]:
        slow = {}
        for person, key in self.evaluation.ok_durations:
            if person in self.chosen and self.selection.takes_app(key[0]):
                time = self.evaluation.slow_time(person, key)
                if time > 0:
                    slow[(person, key)] = time
        return slow

    def totals(self) -> dict[str, Any]:
        desk_people = len(self.behind([*self.desk, *self.backlog]))
        time_people = len({e.person for e in self.events})
        slow = self.slow_of()
        friction = self.friction_events()
        friction_people = len({e.person for e in friction} | {person for person, _ in slow})
        chosen = len(self.chosen)
        totals: dict[str, Any] = {}

        def add(values: dict[str, Any], *counts: int) -> None:
            withheld = any(0 < count < self.min_group for count in counts)
            totals.update({name: None if withheld else value for name, value in values.items()})

        values = self.desk_values(self.desk, self.backlog)
        del values["people"]
        values["requesters"] = len({t.person for t in self.desk})
        add(values, desk_people)
        totals["unrostered_tickets"] = sum(
            self.window.holds(t.opened)
            and t.person not in self.population
            and self.selection.app in (None, t.app)
            for t in self.all_tickets
        )
        ranked = self.ranked()
        top = ranked[: -(-len(ranked) // 20)]
        shares = [naive.ratio(p, w) for p, w in zip(self.carried(top), self.carried(ranked))]
        totals["top5_people"] = len(top)
        names = ("top5_share", "top5_effort_share", "top5_lost_share")
        add(dict(zip(names, shares)), chosen, desk_people)
        add({"gini": self.gini()}, chosen, desk_people)
        attempts = sum(e.is_use for e in self.events)
        lost = sum(self.lost_of().values())
        add({"attempts": attempts, "lost_ms": lost}, time_people)
        add({"touched": naive.ratio(len(self.desk), attempts)}, time_people, desk_people)
        strikes = self.strikes()
        spread = {f"strikes_{n}": strikes.count(n) for n in range(5)}
        spread["strikes_5_or_more"] = sum(n >= 5 for n in strikes)
        spread["strikes_median"] = naive.median(strikes) if strikes else None
        add(spread, desk_people)
        add(self.friction_values(friction) | {"slow_ms": sum(slow.values())}, friction_people)
        return totals

    # -- Rows of the other views

    def friction_rows(self, by_app: bool) -> list[naive.Row]:
        events: dict[tuple[Any, ...], list[naive.Event]] = defaultdict(list)
        slow: dict[tuple[Any, ...], dict[str, int]] = defaultdict(Counter)
        for event in self.friction_events():
            events[(event.app,) if by_app else (event.app, event.feature)].append(event)
        for (person, (app, feature)), time in self.slow_of().items():
            slow[(app,) if by_app else (app, feature)][person] += time
        found = {}
        for key in set(events) | set(slow):
            values = self.friction_values(events[key])
            values["events"] = values.pop("friction_events")
            values["people"] = len({e.person for e in events[key]} | set(slow[key]))
            values["tickets"] = len(set().union(*(self.calls(e) for e in events[key])))
            values["slow_ms"] = sum(slow[key].values())
            found[key] = values
        rows = []
        for key, values in found.items():
            for rank, name in (("rank_pain", "friction_ms"), ("rank_tickets", "tickets")):
                values[rank] = 1 + sum(other[name] > values[name] for other in found.values())
            people = {e.person for e in events[key]} | set(slow[key])
            rows.append(naive.Row(dict(zip(("app", "feature"), key)), people, values))
        return sorted(
            rows,
            key=lambda row: (-row.values["silent_ms"], naive.column_order(row.columns.values())),
        )

    def sides_rows(self) -> list[naive.Row]:
        apps = {e.app for e in self.events} | {t.app for t in [*self.desk, *self.backlog]}
        rows = [self.sides_row(app) for app in apps]
        return sorted(rows, key=lambda row: row.order)

    def sides_row(self, app: str | None) -> naive.Row:
        desk = [t for t in self.desk if t.app == app]
        backlog = [t for t in self.backlog if t.app == app]
        events = [e for e in self.events if e.app == app and app is not None]
        people = self.behind([*desk, *backlog]) | {e.person for e in events}
        values = self.desk_values(desk, backlog)
        times = [
            time
            for (person, other), time in self.evaluation.app_times.items()
            if other == app and person in self.chosen
        ]
        face, lost = sum(t.face for t in times), sum(t.lost for t in times)
        attempts = sum(e.is_use for e in events)
        cells = [
            cell
            for cell in self.evaluation.expected_cells
            if cell.person in self.chosen and cell.key[0] == app
        ]
        adopted = sum(cell.state == "adopted" for cell in cells)
        interruptions = [e for e in events if e.kind == "interruption"]
        strikeouts = [s for s in self.evaluation.strikeouts if s.key[0] == app]
        hours = face / (60 * naive.MINUTE)
        minutes = sum(e.duration or 0 for e in interruptions) / naive.MINUTE
        values |= {
            "people": len(people),
            "coverage": naive.ratio(adopted, len(cells)),
            "attempts": attempts,
            "ok_share": naive.ratio(sum(e.ok for e in events), attempts),
            "interruptions_per_face_hour": naive.ratio(len(interruptions), hours),
            "interruption_minutes_per_face_hour": naive.ratio(minutes, hours),
            "erosion": naive.ratio(lost, face),
            "strikeouts_per_1000": naive.ratio(1000 * len(strikeouts), attempts),
            "help_per_1000": naive.ratio(1000 * sum(e.kind == "help" for e in events), attempts),
            "lost_ms": lost,
        }
        return naive.Row({"app": app}, people, values)

    def distraction_rows(self, by: Sequence[str]) -> list[naive.Row]:
        groups: dict[tuple[Any, ...], list[str]] = defaultdict(list)
        for person in sorted(self.chosen):
            key = tuple(self.population[person][column] for column in by)
            groups[key].append(person)
        rows = []
        for key in sorted(groups, key=naive.group_order):
            row = self.distraction_row(dict(zip(by, key)), groups[key])
            if row.values["attention_ms"] > 0:
                rows.append(row)
        return rows

    def distraction_row(self, columns: dict[str, Any], group: list[str]) -> naive.Row:
        people, days, attention, undisturbed, distractions = set(), 0, 0, 0, 0
        for person in group:
            own = [e for e in self.evaluation.window_events if e.person == person]
            cuts = [e.time for e in own if e.failed or e.kind in ("help", "interruption")]
            cuts += [
                t.opened
                for t in self.all_tickets
                if t.person == person and self.window.holds(t.opened)
            ]
            if own:
                distractions += len(cuts)
            by_day: dict[Any, list[naive.Event]] = defaultdict(list)
            for event in own:
                by_day[naive.civil_day(event.time, self.window.zone)].append(event)
            for events in by_day.values():
                stretches = self.stretches(events)
                whole = sum(end - start for start, end in stretches)
                attention += whole
                days += whole > 0
                if whole > 0:
                    people.add(person)
                for start, end in stretches:
                    edges = [start, *sorted(c for c in cuts if start < c < end), end]
                    pieces = [b - a for a, b in zip(edges, edges[1:])]
                    undisturbed += sum(piece for piece in pieces if piece >= PIECE)
        values = {
            "people": len(people),
            "person_days": days,
            "attention_ms": attention,
            "undisturbed_ms": undisturbed,
            "undisturbed_share": naive.ratio(undisturbed, attention),
            "distractions": distractions,
        }
        return naive.Row(columns, people, values)

    @staticmethod
    def stretches(events: list[naive.Event]) -> list[tuple[int, int]]:
        focus = [e for e in events if e.kind == "focus"]
        stretches: list[tuple[int, int]] = []
        for start, end in sorted((e.time, e.end) for e in (focus or events)):
            if stretches and start - stretches[-1][1] < JOINT:
                stretches[-1] = (stretches[-1][0], max(stretches[-1][1], end))
            else:
                stretches.append((start, end))
        return stretches

    def lorenz(self) -> list[dict[str, Any]]:
        people = self.ranked()[::-1]
        n = len(people)
        steps = min(20, n // max(1, self.min_group))
        callers = len(self.behind([*self.desk, *self.backlog]))
        if steps == 0 or not self.rostered or 0 < callers < self.min_group:
            return []
        whole = self.carried(people)
        points = []
        for step in range(steps + 1):
            count = n * step // steps
            shares = [naive.ratio(p, w) for p, w in zip(self.carried(people[:count]), whole)]
            names = ("ticket_share", "effort_share", "lost_share")
            points.append(
                {"people_share": count / n, "people": count} | dict(zip(names, shares))
            )
        return points

    # -- Reports

    def with_cost(self, values: dict[str, Any], view: str | None) -> dict[str, Any]:
        """The values of a row of a view, or of the totals, and what they cost."""
        cost = self.evaluation.cost
        if cost is None or view in ("lorenz", "distraction"):
            return values
        found = dict(values)
        if "lost_ms" in values:
            found["cost_lost"] = cost.of_time(values["lost_ms"])
        if view == "friction":
            found["cost_friction"] = cost.of_time(values["friction_ms"])
        else:
            found["cost_tickets"] = cost.of_tickets(values["tickets"])
        return found

    def rows(self, view: str, by: Sequence[str]) -> list[naive.Row]:
        if view == "desk":
            return self.desk_rows(by)
        if view == "friction":
            return self.friction_rows(list(by) == ["app"])
        if view == "sides":
            return self.sides_rows()
        return self.distraction_rows(by or ["department"])

    def report(self, view: str, by: Sequence[str] = ()) -> dict[str, Any]:
        """Totals and rows of a view."""
        if view == "lorenz":
            rows, suppressed = self.lorenz(), 0
        else:
            found = self.rows(view, by)
            together = view in ("friction", "sides")
            kept = shown(found, self.min_group, together)
            rows, suppressed = [row.output() for row in kept], len(found) - len(kept)
        rows = [self.with_cost(row, view) for row in rows]
        evaluation = self.evaluation
        rates = evaluation.cost.rates() if evaluation.cost else {}
        totals = {
            "people": len(self.chosen),
            "outside_people": len({e.person for e in evaluation.outside_events}),
            "outside_events": len(evaluation.outside_events),
            "too_new": len(evaluation.too_new),
            "suppressed": suppressed,
        }
        own = self.with_cost(self.totals(), None)
        return {"totals": totals | own | rates, "rows": rows}


def shown(rows: list[naive.Row], min_group: int, together: bool) -> list[naive.Row]:
    """Section 11; each column is a block of its own, or all of them together are one."""
    if min_group <= 1 or not rows:
        return rows
    columns = list(rows[0].columns)
    totals: list[list[int]] = []
    if len(columns) > 1 and not together:
        for column in columns:
            totals += naive.totals_without(rows, [c for c in columns if c != column])
    totals.append(list(range(len(rows))))
    hidden = {i for i, row in enumerate(rows) if len(row.people) < min_group}
    changed = True
    while changed:
        changed = False
        for total in totals:
            changed = naive.complete_suppression(rows, total, hidden, min_group) or changed
    return [row for i, row in enumerate(rows) if i not in hidden]
