#!/usr/bin/env python3
"""Compare the naive evaluator with an expected file.

    check_expected.py DIR_WITH_INPUTS EXPECTED.json [EXPECTED.json ...]

Counts and times must be equal, ratios within 1e-9. `without-roster` and `without-catalog` in the
name of the expected file leave that import out. Window and zone come from the file. A
`--where department=...` is found in the file: its coverage rows name one department only,
although the roster has several.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import naive

TOLERANCE = 1e-9
SHOWN = 20


def close(left: float, right: float) -> bool:
    """Ratios equal to 1e-9, relative or absolute."""
    return abs(left - right) <= TOLERANCE * max(1.0, abs(left), abs(right))


def differences(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Every place where two JSON values differ."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return object_differences(expected, actual, path)
    if isinstance(expected, list) and isinstance(actual, list):
        found = []
        if len(expected) != len(actual):
            found.append(f"{path}: {len(expected)} rows expected, {len(actual)} given")
        for index, pair in enumerate(zip(expected, actual)):
            found.extend(differences(*pair, f"{path}[{index}]"))
        return found
    if not same_scalar(expected, actual):
        return [f"{path}: {expected!r} expected, {actual!r} given"]
    return []


def object_differences(expected: dict[str, Any], actual: dict[str, Any], path: str) -> list[str]:
    found = []
    for name in expected.keys() | actual.keys():
        if name not in actual:
            found.append(f"{path}.{name}: missing")
        elif name not in expected:
            found.append(f"{path}.{name}: not expected")
    for name in expected:
        if name in actual:
            found.extend(differences(expected[name], actual[name], f"{path}.{name}"))
    return found


def same_scalar(expected: Any, actual: Any) -> bool:
    """Whole numbers and text equal; a ratio may be written as a whole number."""
    numbers = (int, float)
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, numbers) and isinstance(actual, numbers):
        if isinstance(expected, int) and isinstance(actual, int):
            return expected == actual
        return close(expected, actual)
    return type(expected) is type(actual) and expected == actual


def existing(directory: Path, name: str, left_out: bool = False) -> str | None:
    path = directory / name
    return str(path) if path.exists() and not left_out else None


def load(directory: Path, expected_path: Path) -> naive.Organisation:
    """The organisation an expected file is about."""
    name = expected_path.name
    return naive.Organisation.load(
        str(directory / "events.ndjson"),
        existing(directory, "roster.csv", "without-roster" in name),
        existing(directory, "catalog.csv", "without-catalog" in name),
        existing(directory, "tickets.csv", "without-tickets" in name),
    )


def window_of(expected: dict[str, Any]) -> naive.Window:
    window = expected["window"]
    first, last = date.fromisoformat(window["from"]), date.fromisoformat(window["to"])
    return naive.Window(first, last, window["timezone"])


def where_of(
    expected: dict[str, Any], organisation: naive.Organisation
) -> tuple[tuple[str, str], ...]:
    """The filter an expected file was made with."""
    shown = {row["department"] for row in expected.get("coverage_by_department", [])}
    known = {row.attributes["department"] for row in organisation.roster}
    if len(shown) == 1 and len(known) > 1:
        (department,) = shown
        if department is not None:
            return (("department", department),)
    return ()


def check(directory: Path, expected_path: Path) -> list[str]:
    """The differences between the naive evaluation and one expected file."""
    expected = json.loads(expected_path.read_text(encoding="utf-8"))
    organisation = load(directory, expected_path)
    selection = naive.Selection(where=where_of(expected, organisation))
    evaluation = naive.Evaluation(organisation, window_of(expected), selection)
    return differences(expected, evaluation.everything(min_group=1))


def main() -> int:
    parser = argparse.ArgumentParser(description="Check naive.py against expected files.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("expected", type=Path, nargs="+")
    options = parser.parse_args()
    failed = False
    for path in options.expected:
        found = check(options.directory, path)
        print(f"{path.name}: {'ok' if not found else f'{len(found)} differences'}")
        for line in found[:SHOWN]:
            print("  " + line)
        failed = failed or bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
