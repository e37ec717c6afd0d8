#!/usr/bin/env python3
"""Import a real ServiceNow audit trail and compare `waterline support` with a query by hand.

    check_servicenow.py --waterline BINARY --samples DIR [--seconds 60]

DIR holds `servicenow/incident_event_log.csv.gz` (UCI 498): 141,712 updates of 24,918 incidents. The file
is imported with `--preset servicenow` by the real command line; this program reads it with nothing but
Python's csv and works out the same figures. Counts and times must be equal, ratios within 1e-9.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import check_expected

MINUTE = 60_000
FROM, TO = "2016-02-01", "2017-03-01"
KNOWN_UNKNOWN = "-100"  # a state of five rows that says nothing

Incident = dict[str, str]


def moment(text: str) -> datetime | None:
    return None if text == "?" else datetime.strptime(text, "%d/%m/%Y %H:%M")


def between(start: str, end: str) -> int | None:
    """Milliseconds from start to end."""
    first, last = moment(start), moment(end)
    if first is None or last is None:
        return None
    return int((last - first).total_seconds()) * 1000


def quantile(values: list[int], numerator: int, denominator: int) -> int | None:
    ordered = sorted(values)
    return ordered[max(1, -(-numerator * len(ordered) // denominator)) - 1] if ordered else None


def incidents(path: Path) -> list[Incident]:
    """The last row of each incident, with its first response as `answered`."""
    latest: dict[str, Incident] = {}
    answered: dict[str, str] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            number = row["number"]
            begun = row["incident_state"] not in ("New", KNOWN_UNKNOWN) or row["assigned_to"] != "?"
            if begun and number not in answered:
                answered[number] = row["sys_updated_at"]
            latest[number] = row
    for number, row in latest.items():
        row["answered"] = answered.get(number, "?")
    return list(latest.values())


def desk(found: list[Incident]) -> dict[str, Any]:
    """Desk figures of some incidents."""
    resolution = [between(i["opened_at"], i["resolved_at"]) for i in found]
    response = [between(i["opened_at"], i["answered"]) for i in found]
    resolved = [value for value in resolution if value is not None]
    responded = [value for value in response if value is not None]
    return {
        "tickets": len(found),
        "resolved": len(resolved),
        "resolution_rate": len(resolved) / len(found),
        "resolution_median_ms": quantile(resolved, 1, 2),
        "resolution_p90_ms": quantile(resolved, 9, 10),
        "first_response_median_ms": quantile(responded, 1, 2),
        "first_response_p90_ms": quantile(responded, 9, 10),
        "reopened": sum(int(i["reopen_count"]) > 0 for i in found),
        "escalated": sum(int(i["reassignment_count"]) > 0 for i in found),
        "without_owner": sum(i["assigned_to"] == "?" for i in found),
        "backlog": sum(value is None for value in resolution),
    }


def concentration(found: list[Incident]) -> dict[str, Any]:
    counts = Counter(i["caller_id"] for i in found if i["caller_id"] != "?")
    n, total = len(counts), sum(counts.values())
    values = sorted(counts.values())
    weighted = sum((place + 1) * value for place, value in enumerate(values))
    gini = (2 * weighted / (n * total) - (n + 1) / n) * n / (n - 1)
    return {
        "requesters": n,
        "unrostered_tickets": sum(i["caller_id"] == "?" for i in found),
        "top5_share": sum(values[n - -(-n // 20) :]) / total,
        "gini": gini,
    }


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        sys.exit(f"exit {done.returncode}: {' '.join(command)}: {done.stderr.strip()}")
    return done


def compare(name: str, expected: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    known = {key: actual.get(key) for key in expected}
    return check_expected.differences(expected, known, name)


def check(binary: Path, packed: Path, directory: Path, seconds_max: float) -> list[str]:
    table = directory / "incidents.csv"
    with gzip.open(packed, "rb") as source, open(table, "wb") as target:
        shutil.copyfileobj(source, target)
    waterline = [str(binary), "--db", str(directory / "waterline.db")]
    start = time.monotonic()
    done = run([*waterline, "import", "tickets", str(table), "--preset", "servicenow", "--format", "json"])
    seconds = time.monotonic() - start
    print(f"imported in {seconds:.1f} s: {done.stdout.strip()}")
    found = [f"import took {seconds:.1f} s"] if seconds > seconds_max else []
    if f"'{KNOWN_UNKNOWN}' (5 rows)" not in done.stderr:
        found.append("the unknown state is not listed")
    all_of_them = incidents(packed)
    counts = json.loads(done.stdout)
    found += compare("import", {"accepted": len(all_of_them), "rejected": 0}, counts)
    report = [*waterline, "support", "--format", "json"]
    window = ["--from", FROM, "--to", TO]
    actual = json.loads(run([*report, *window]).stdout)
    expected = desk(all_of_them) | concentration(all_of_them)
    found += compare("totals", expected, actual["totals"])
    if not any("2016-05-31" in line for line in actual["warnings"]):
        found.append("no warning that the data practically end with 2016-05-31")
    by_priority = json.loads(run([*report, *window, "--by", "priority"]).stdout)["rows"]
    for row in by_priority:
        own = [i for i in all_of_them if i["priority"] == row["priority"]]
        found += compare(f"priority {row['priority']}", desk(own), row)
    if sum(row["tickets"] for row in by_priority) != len(all_of_them):
        found.append("the priorities do not add up")
    spring = [
        i for i in all_of_them if "2016-03-01" <= str(moment(i["opened_at"]))[:10] < "2016-06-01"
    ]
    part = json.loads(run([*report, "--from", "2016-03-01", "--to", "2016-06-01"]).stdout)
    wanted = {name: value for name, value in desk(spring).items() if name != "backlog"}
    found += compare("March to May", wanted | concentration(spring), part["totals"])
    default = json.loads(run(report).stdout)
    if not any("no event is stored" in line for line in default["warnings"]):
        found.append("the default window does not say that the data ended")
    print(json.dumps(expected))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the ServiceNow preset on real data.")
    parser.add_argument("--waterline", type=Path, required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60, help="longest time an import may take")
    options = parser.parse_args()
    packed = options.samples / "servicenow" / "incident_event_log.csv.gz"
    with tempfile.TemporaryDirectory(prefix="waterline-servicenow-") as directory:
        found = check(options.waterline, packed, Path(directory), options.seconds)
    for line in found:
        print(line)
    print("servicenow: ok" if not found else f"servicenow: {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
