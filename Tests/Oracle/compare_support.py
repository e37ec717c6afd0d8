#!/usr/bin/env python3
"""Compare `waterline support` with the naive evaluator of section 8.

    compare_support.py --waterline BINARY --seeds 0..99 [--jobs 2] [--keep DIR]

Each seed makes a random organisation, gives its tickets everything a service desk knows, imports it
into a new database and asks for every view. Counts and times must be equal, ratios within 1e-9, rows
in the same order. The exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import check_expected
import compare
import naive
import naive_support
import random_organisation

HOUR = 60 * naive.MINUTE
DAY = naive.DAY
DESK_BY = ("", "priority", "group", "level", "app", "priority,group", "category,app,level")
VIEWS = (("friction", ""), ("friction", "app"), ("sides", ""), ("lorenz", ""))


def furnish(seed: int, directory: Path) -> None:
    """Fill in what random_organisation leaves out of tickets, and add older tickets and callers."""
    path = directory / "tickets.csv"
    if not path.exists():
        return
    rng = random.Random(f"desk {seed}")
    rows = naive.read_table(str(path))
    people = sorted({row["requester"] for row in rows})
    for number in range(rng.choice((0, 5, 40))):
        row = dict(rng.choice(rows))
        row["id"] = f"A{number:03}"
        row["requester"] = rng.choice([*people, *people, "caller", f"caller {number % 3}"])
        opened = naive_support.time_of(row["opened"]) or 0
        row["opened"] = str(opened - rng.choice((0, 1, 2, 7, 8, 30, 31, 45)) * DAY + rng.randrange(DAY))
        rows.append(row)
    extra = ("first_response", "resolved", "reopened", "satisfaction", "effort_minutes", "group")
    extra += ("owner", "reassignments", "level")
    for row in rows:
        opened = naive_support.time_of(row["opened"]) or 0
        later = opened + rng.choice((0, 1, HOUR, DAY, rng.randrange(40 * DAY)))
        row |= {
            "first_response": rng.choice(("", str(opened + rng.randrange(2 * DAY)))),
            "resolved": rng.choice(("", str(later), str(later))),
            "reopened": rng.choice(("", "0", "0", "1", "3")),
            "satisfaction": rng.choice(("", "1", "4.5", "5")),
            "effort_minutes": rng.choice(("", "0", "7", str(rng.randrange(600)))),
            "group": rng.choice(("", "desk", "net, core", "Élan")),
            "owner": rng.choice(("", "ann", "bo")),
            "reassignments": rng.choice(("", "0", "2")),
            "level": rng.choice(("", "1", "2", "3")),
        }
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def queries(seed: int) -> list[tuple[str, str]]:
    """(view, --by) of one seed: every view, some groupings in turn."""
    desk = [("desk", ""), ("desk", DESK_BY[1 + seed % (len(DESK_BY) - 1)])]
    by = ("", "role", "department,site")[seed % 3]
    return [*desk, *VIEWS, ("distraction", by)]


def cost_names(part: dict[str, Any] | list[dict[str, Any]]) -> set[str]:
    """The names about cost in the totals, or in all rows."""
    dictionaries = [part] if isinstance(part, dict) else part
    return {name for found in dictionaries for name in found if name.startswith("cost")}


def differences(
    view: str, by: str, expected: dict[str, Any], actual: dict[str, Any]
) -> list[str]:
    found = compare.value_differences(expected["totals"], actual["totals"], "totals")
    missing = [name for name in expected["totals"] if name not in actual["totals"]]
    found += [f"totals.{name}: missing" for name in missing]
    columns = [column for column in by.split(",") if column]
    if view == "friction":
        columns = ["app"] if by == "app" else ["app", "feature"]
    elif view == "sides":
        columns = ["app"]
    elif view == "distraction":
        columns = columns or ["department"]
    elif view == "lorenz":
        columns = ["people"]
    found += compare.row_differences(columns, expected["rows"], actual["rows"])
    for place in ("totals", "rows"):
        wanted, given = (cost_names(report[place]) for report in (expected, actual))
        if wanted != given and expected["rows"]:
            found.append(f"{place}: costs are {sorted(given)}, should be {sorted(wanted)}")
    for row in expected["rows"][:1]:
        lacking = [name for name in row if actual["rows"] and name not in actual["rows"][0]]
        found += [f"rows lack {name}" for name in lacking]
    return [f"{view} --by {by}: {line}" for line in found]


def check_seed(seed: int, binary: Path, keep: Path | None) -> tuple[int, list[str], int]:
    """The differences of one seed, and how many tickets its window holds."""
    with compare.workspace(keep, f"support-{seed}") as directory:
        random_organisation.generate(seed, directory)
        furnish(seed, directory)
        options = json.loads((directory / "options.json").read_text(encoding="utf-8"))
        options["feature"] = None
        query = compare.query_of(options)
        waterline = compare.Waterline(binary, directory / "waterline.db")
        found = []
        try:
            waterline.load(directory, set(), True)
            organisation = check_expected.load(directory, Path("options.json"))
            cost = compare.set_cost(waterline, seed)
            evaluation = naive.Evaluation(organisation, query.window, query.selection, cost)
            path = check_expected.existing(directory, "tickets.csv")
            tickets = naive_support.read_desk(path, organisation.roster)
            support = naive_support.Support(evaluation, tickets, query.min_group)
            for view, by in queries(seed):
                command = ["support", "--view", view, "--format", "json", *query.flags()]
                actual = json.loads(waterline.run(command + (["--by", by] if by else [])))
                columns = [column for column in by.split(",") if column]
                found += differences(view, by, support.report(view, columns), actual)
        except compare.Failure as failure:
            found = [str(failure)]
        return seed, found, len(support.desk) if not found else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare waterline support with section 8.")
    parser.add_argument("--waterline", type=Path, required=True)
    parser.add_argument("--seeds", type=compare.parse_seeds, required=True)
    parser.add_argument("--keep", type=Path, help="keep inputs and databases there")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    check = partial(check_seed, binary=options.waterline, keep=options.keep)
    failed = tickets = 0
    with ProcessPoolExecutor(max_workers=options.jobs) as pool:
        for seed, found, count in pool.map(check, options.seeds):
            tickets += count
            if found:
                failed += 1
                print(f"seed {seed}: " + "; ".join(found[: compare.SHOWN]), flush=True)
    print(f"{len(options.seeds) - failed} passed, {failed} failed; {tickets} tickets in windows")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
