"""What every peer shares: its arguments, and the answer it prints."""

from __future__ import annotations

import argparse
import datetime
import decimal
import json
import sys
from pathlib import Path
from typing import Any, Callable

from definitions import REPORTS, Window


def day_number(text: str) -> int:
    return (datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days


def plain(value: Any) -> Any:
    """A number as JSON has it: engines give decimals, or whole numbers as floats never."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def run(prepare: Callable[[Path], None], answer: Callable[[Path, str, Window], list[dict[str, Any]]]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path, help="a directory made by `generate` and prepare.py")
    parser.add_argument("report", choices=("prepare", *REPORTS))
    arguments = parser.parse_args()
    if arguments.report == "prepare":
        prepare(arguments.data)
        return
    parameters = json.loads((arguments.data / "parameters.json").read_text())
    window = Window(day_number(parameters["from"]), day_number(parameters["to"]))
    rows = answer(arguments.data, arguments.report, window)
    json.dump([{name: plain(value) for name, value in row.items()} for row in rows], sys.stdout)
    print()
