#!/usr/bin/env python3
"""Hold schemas/event.schema.json against sample events, and against files if any are named.

    check_event_schema.py [EVENTS.ndjson ...]

Needs `jsonschema` from PyPI. Three tables: events that must pass, events that must not, each with the
collector's reason, and events that pass although the collector refuses them, since JSON Schema cannot
say so. Every line of a named file must pass. The exit code is 1 when anything is otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Iterator

from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "event.schema.json"
SHOWN = 20

Event = dict[str, Any]


def event(**changes: Any) -> Event:
    """A sound event with some members set; `...` takes a member away."""
    sound = {"time": 1_767_225_600_000, "user": "ann", "app": "erp", "feature": "post"}
    return {name: value for name, value in (sound | changes).items() if value is not ...}


GOOD: list[Any] = [
    event(),
    event(time="2026-01-01T00:00:00Z"),
    event(time="2026-01-01t00:00:00.123456z"),
    event(time="2026-01-01 00:00:00-03:30"),
    event(time="2016-12-31T23:59:60Z"),
    event(time=315_532_800_000),
    event(kind="use", outcome="abandoned"),
    event(kind="focus", feature=...),
    event(kind="help", feature=None),
    event(kind=None, outcome=None, duration_ms=None, session=None, seq=None, source=None),
    event(duration_ms=0),
    event(duration_ms=2**32 - 1),
    event(source="pc", seq=1),
    event(source="pc", seq=2**63 - 1),
    event(user="a" * 256),
    event(user="Ænne Ø. 李"),
    event(app="tab\tand\nline"),
    event(attributes={}),
    event(attributes=None),
    event(attributes={"k" * 64: "v" * 1_024, "empty": ""}),
    event(attributes={f"k{number}": "v" for number in range(16)}),
    event(unknown={"nested": [1, {"deep": None}]}, other=1.5, flag=True),
]

BAD: list[tuple[str, Any]] = [
    ("not_object", []),
    ("not_object", "text"),
    ("not_object", None),
    ("missing_time", event(time=...)),
    ("missing_time", event(time=None)),
    ("missing_user", event(user=...)),
    ("missing_user", event(user=None)),
    ("missing_app", event(app=...)),
    ("missing_feature", event(feature=...)),
    ("missing_feature", event(feature=None)),
    ("missing_feature", event(kind="use", feature=...)),
    ("missing_feature", event(kind=None, feature=...)),
    ("wrong_type", event(user=7)),
    ("wrong_type", event(time=True)),
    ("wrong_type", event(kind=1)),
    ("wrong_type", event(duration_ms="5")),
    ("wrong_type", event(seq="1", source="pc")),
    ("wrong_type", event(attributes=["k"])),
    ("too_long", event(user="a" * 257)),
    ("too_long", event(session="a" * 257)),
    ("empty", event(user="")),
    ("empty", event(host="")),
    ("nul_character", event(app="a\0b")),
    ("nul_character", event(attributes={"k": "a\0b"})),
    ("time", event(time=1_767_225_600)),
    ("time", event(time=-1)),
    ("time", event(time=1_767_225_600_000.5)),
    ("time", event(time="2026-01-01")),
    ("time", event(time="2026-01-01T00:00:00")),
    ("time", event(time="2026-13-01T00:00:00Z")),
    ("time", event(time="2026-01-01T24:00:00Z")),
    ("time", event(time="2026-01-01T00:00:00+0100")),
    ("time", event(time="1767225600000")),
    ("kind", event(kind="click")),
    ("kind", event(kind="Use")),
    ("outcome", event(outcome="failed")),
    ("duration", event(duration_ms=-1)),
    ("duration", event(duration_ms=2**32)),
    ("duration", event(duration_ms=1.5)),
    ("seq", event(source="pc")),
    ("seq", event(seq=1)),
    ("seq", event(source=None, seq=1)),
    ("seq", event(source="pc", seq=0)),
    ("seq", event(source="pc", seq=2**63)),
    ("attributes", event(attributes={"": "v"})),
    ("attributes", event(attributes={"k" * 65: "v"})),
    ("attributes", event(attributes={"k": "v" * 1_025})),
    ("attributes", event(attributes={"k": 1})),
    ("attributes", event(attributes={"k": {"nested": "v"}})),
    ("attributes", event(attributes={f"k{number}": "v" for number in range(17)})),
]

# What only the collector can tell: see the schema's description.
BEYOND_THE_SCHEMA: list[tuple[str, Any]] = [
    ("too_long", event(user="Æ" * 200)),
    ("attributes", event(attributes={"Æ" * 40: "v"})),
    ("time", event(time="1979-12-31T23:59:59Z")),
    ("time", event(time="3000-01-01T00:00:00Z")),
    ("time", event(time="2026-02-30T00:00:00Z")),
    ("time", event(time=1_767_225_600_000.0)),
    ("duration", event(duration_ms=1_000.0)),
]


def problems(validator: Draft202012Validator) -> Iterator[str]:
    """Everything about the schema and the tables that is not as it should be."""
    Draft202012Validator.check_schema(validator.schema)
    samples = GOOD + validator.schema["examples"]
    for sample in samples:
        for error in validator.iter_errors(sample):
            yield f"refused, should pass: {sample}: {error.message}"
    for reason, sample in BAD:
        if validator.is_valid(sample):
            yield f"passed, should be refused as {reason}: {sample}"
    for reason, sample in BEYOND_THE_SCHEMA:
        if not validator.is_valid(sample):
            yield f"refused, so it belongs to the bad ones ({reason}): {sample}"


def problems_of_file(validator: Draft202012Validator, path: Path) -> Iterator[str]:
    """Every line of an NDJSON file that does not pass."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                for error in validator.iter_errors(json.loads(line)):
                    yield f"{path}:{number}: {error.message}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="EVENTS.ndjson")
    options = parser.parse_args()
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    found = list(problems(validator))
    for path in options.files:
        found += problems_of_file(validator, path)
    for problem in found[:SHOWN]:
        print(problem, file=sys.stderr)
    count = len(GOOD) + len(BAD) + len(BEYOND_THE_SCHEMA)
    print(f"{count} samples and {len(options.files)} files: {len(found)} problems", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
