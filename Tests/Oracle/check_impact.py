#!/usr/bin/env python3
"""Group-time effects against an independent implementation, csdid on PyPI.

    python3 -m venv venv && venv/bin/pip install csdid
    venv/bin/python Tests/Oracle/check_impact.py --write      makes the fixtures anew
    venv/bin/python Tests/Oracle/check_impact.py --program PATH/impact-simulation

The first writes panels and csdid's results to Tests/AggregationTests/Fixtures, where the unit tests
compare ours with them (and need neither Python nor csdid). The second compares through the program,
and checks that the fixtures are still what csdid says.

Panels without missing values go through csdid as a whole (panel, universal base period, not yet
treated, no covariates, analytic errors). csdid treats a panel with missing values as repeated cross
sections; ours compares the people present in both periods. So there each cell goes through its
two-period estimator (drdid.reg_did) on those people, and the cells' influence functions through its
aggregation (compute_aggte).
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import math
import random
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from csdid.aggte_fnc.compute_aggte import compute_aggte
from csdid.att_gt import ATTgt
from drdid import reg_did

FIXTURES = Path(__file__).resolve().parent.parent / "AggregationTests" / "Fixtures"
TOLERANCE = 1e-6
NEVER = 0

Key = tuple[str, str, str, str]  # aggregate, event, group, period: as in the files
Result = dict[Key, tuple[float, float | None]]


@dataclass(frozen=True)
class Plan:
    """How one panel is made up."""

    name: str
    seed: int
    units: int
    periods: int
    starts: tuple[int, ...]  # first treated periods, counted from 0
    never: float  # share never treated
    missing: float = 0.0
    leavers: float = 0.0
    counts: bool = False  # small whole numbers instead of real ones


PLANS = (
    Plan("one-start", 1, 40, 8, (4,), 0.5),
    Plan("staggered", 2, 90, 10, (3, 5, 8), 0.4),
    Plan("no-never-treated", 3, 60, 9, (3, 5, 7), 0.0),
    Plan("counts", 4, 80, 8, (2, 5), 0.5, counts=True),
    Plan("long", 5, 50, 30, (10, 20), 0.3),
    Plan("dark-weeks", 6, 90, 10, (3, 5, 8), 0.4, missing=0.2),
    Plan("leavers", 7, 80, 12, (4, 6), 0.5, missing=0.1, leavers=0.4),
    Plan("sparse-counts", 8, 120, 9, (3, 4, 6), 0.3, missing=0.3, leavers=0.2, counts=True),
)


def make(plan: Plan) -> list[tuple[int, int | None, int, float]]:
    """(unit, group, period, value) of every observation; group None is never treated."""
    draw = random.Random(plan.seed)
    rows: list[tuple[int, int | None, int, float]] = []
    for unit in range(plan.units):
        group = None if draw.random() < plan.never else draw.choice(plan.starts)
        own, lasting = draw.gauss(0, 1), draw.gauss(0, 1)
        last = draw.randint(2, plan.periods) if draw.random() < plan.leavers else plan.periods
        for period in range(plan.periods):
            lasting = 0.5 * lasting + draw.gauss(0, 0.9)
            treated = group is not None and period >= group
            value = own + lasting + 0.2 * period + (0.6 if treated else 0)
            if plan.counts:
                value = float(max(0, round(value)))
            if period < last and draw.random() >= plan.missing:
                rows.append((unit, group, period, value))
    return rows


# ---------------------------------------------------------------------------------------------
# csdid


def frame(rows: list[tuple[int, int | None, int, float]]) -> pd.DataFrame:
    """Periods from 1: csdid takes 0 for never."""
    table = [(u + 1, NEVER if g is None else g + 1, t + 1, y) for u, g, t, y in rows]
    return pd.DataFrame(table, columns=["id", "g", "t", "y"])


def number(value: float) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def whole(data: pd.DataFrame) -> ATTgt:
    """csdid's own way, for panels without missing values."""
    model = ATTgt(
        yname="y", tname="t", idname="id", gname="g", data=data, xformla="y~1",
        control_group="notyettreated", panel=True, allow_unbalanced_panel=False,
    )  # fmt: skip
    model.fit(est_method="reg", base_period="universal", bstrap=False)
    return model


def cell_by_cell(data: pd.DataFrame) -> dict:
    """What ATTgt would hand to the aggregation, made of two-period estimates."""
    wide = data.pivot(index="id", columns="t", values="y")
    group = data.groupby("id")["g"].first().reindex(wide.index).to_numpy()
    n = len(wide)
    groups, times, effects, influences = [], [], [], []
    for g in sorted(set(group) - {NEVER}):
        base = g - 1
        for t in wide.columns:
            present = wide[t].notna().to_numpy() & wide[base].notna().to_numpy()
            control = (group == NEVER) | ((group > max(t, base)) & (group != g))
            chosen = present & ((group == g) | control)
            treated = (group == g)[chosen]
            influence = np.zeros(n)
            if t == base:
                effect = 0.0
            elif treated.sum() == 0 or treated.all():
                continue
            else:
                effect, own = reg_did.reg_did_panel(
                    wide[t].to_numpy()[chosen], wide[base].to_numpy()[chosen],
                    treated.astype(float), np.ones((chosen.sum(), 1)), np.ones(chosen.sum()),
                )  # fmt: skip
                influence[chosen] = np.asarray(own).ravel() * n / chosen.sum()
            groups.append(g)
            times.append(t)
            effects.append(float(effect))
            influences.append(influence)
    parameters = {
        "data": data.assign(w1=1.0, w=1.0), "tlist": np.sort(data["t"].unique()),
        "glist": np.array(sorted(set(groups))), "gname": "g", "tname": "t", "idname": "id",
        "panel": False, "clustervars": None, "bstrap": False, "biters": 0, "alp": 0.05,
        "cband": False, "n": n, "fix_weights": None, "input_panel": True,
        "control_group": "notyettreated", "anticipation": 0, "est_method": "reg",
    }  # fmt: skip
    return {
        "group": np.array(groups), "t": np.array(times), "att": np.array(effects), "n": n,
        "inffunc": {"inffunc": np.array(influences).T}, "DIDparams": parameters,
    }  # fmt: skip


def aggregated(parts: dict) -> Result:
    """Simple and event-time aggregates by csdid's aggregation."""
    found: Result = {}
    with contextlib.redirect_stdout(io.StringIO()):
        simple = compute_aggte(parts, typec="simple", bstrap=False, cband=False)
        dynamic = compute_aggte(parts, typec="dynamic", bstrap=False, cband=False)
    simple, dynamic = as_dict(simple), as_dict(dynamic)
    found[("simple", "", "", "")] = (
        float(simple["overall_att"]), number(float(np.ravel(simple["overall_se"])[0])),
    )  # fmt: skip
    for event, effect, error in zip(dynamic["egt"], dynamic["att_egt"], np.ravel(dynamic["se_egt"])):
        found[("event_time", str(int(event)), "", "")] = (float(effect), number(float(error)))
    return found


def as_dict(value) -> dict:
    return value if isinstance(value, dict) else vars(value)


def reference(plan: Plan) -> Result:
    """csdid's estimates, keyed as in the files."""
    data = frame(make(plan))
    if plan.missing or plan.leavers:
        parts = cell_by_cell(data)
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            parts = whole(data).MP
    found = aggregated(parts)
    influence = np.asarray(parts["inffunc"]["inffunc"])
    for index, (g, t, effect) in enumerate(zip(parts["group"], parts["t"], parts["att"])):
        error = math.sqrt(float((influence[:, index] ** 2).sum())) / parts["n"]
        key = ("group_time", str(int(t - g)), str(int(g - 1)), str(int(t - 1)))
        found[key] = (float(effect), error if error > 0 else None)
    return found


# ---------------------------------------------------------------------------------------------
# Files and comparison


def panel_text(plan: Plan) -> str:
    lines = ["unit,group,period,value"]
    for unit, group, period, value in make(plan):
        lines.append(f"{unit},{'' if group is None else group},{period},{value!r}")
    return "\n".join(lines) + "\n"


def result_text(result: Result) -> str:
    lines = ["aggregate,event,group,period,estimate,standard_error"]
    for key in sorted(result):
        estimate, error = result[key]
        lines.append(",".join(key) + f",{estimate!r},{'' if error is None else repr(error)}")
    return "\n".join(lines) + "\n"


def ours(program: Path, panel: str) -> Result:
    done = subprocess.run(
        [program, "--panel"], input=panel, capture_output=True, text=True, check=True
    )
    found: Result = {}
    for row in csv.DictReader(io.StringIO(done.stdout)):
        # csdid has no group without controls, not even its base period.
        if row["status"] == "no control" or (row["status"] == "base" and row["controls"] == "0"):
            continue
        key = (row["aggregate"], row["event"], row["group"], row["period"])
        error = float(row["standard_error"]) if row["standard_error"] else None
        found[key] = (float(row["estimate"]), error)
    return found


def differences(expected: Result, actual: Result) -> tuple[list[str], float]:
    found = [f"{key}: missing" for key in sorted(expected) if key not in actual]
    found += [f"{key}: not expected" for key in sorted(actual) if key not in expected]
    largest = 0.0
    for key in sorted(set(expected) & set(actual)):
        for name, wanted, given in zip(("estimate", "error"), expected[key], actual[key]):
            if wanted is None or given is None:
                if (wanted is None) != (given is None):
                    found.append(f"{key}: {name} {given}, should be {wanted}")
                continue
            largest = max(largest, abs(wanted - given))
            if abs(wanted - given) > TOLERANCE:
                found.append(f"{key}: {name} {given}, should be {wanted}")
    return found, largest


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare group-time effects with csdid.")
    parser.add_argument("--write", action="store_true", help="make the fixtures anew")
    parser.add_argument("--program", type=Path, help="impact-simulation")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    failed = 0
    for plan in PLANS:
        panel, result = panel_text(plan), reference(plan)
        if options.write:
            FIXTURES.mkdir(parents=True, exist_ok=True)
            (FIXTURES / f"impact-{plan.name}-panel.csv").write_text(panel)
            (FIXTURES / f"impact-{plan.name}-expected.csv").write_text(result_text(result))
        if options.program:
            found, largest = differences(result, ours(options.program, panel))
            kept = (FIXTURES / f"impact-{plan.name}-panel.csv").read_text()
            found += [] if kept == panel else ["the fixture is another panel: --write"]
            verdict = "ok" if not found else f"{len(found)} differences"
            print(f"{plan.name}: {len(result)} estimates, largest difference {largest:.1e}: {verdict}")
            for line in found[:3]:
                print("  " + line)
            failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
