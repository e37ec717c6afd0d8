"""Reports against analytical engines: the same definitions on the same data, whole processes, checked to be equal."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from agreement import differences
from bench import HERE, Bench, parameters
from measuring import BenchmarkError, Run, interleaved, run, say
from tables import Figure

COMMANDS = {
    "coverage": ["coverage"], "coverage-department-feature": ["coverage", "--by", "department,feature"],
    "benchmark": ["benchmark", "show"], "bottlenecks": ["bottlenecks"], "erosion": ["erosion"],
    "strikeouts": ["strikeouts"], "flow": ["flow"],
}
PEERS = {"duckdb": "DuckDB", "clickhouse": "ClickHouse", "polars": "Polars"}
RATIOS = {"coverage": 10, "coverage-department-feature": 10}
AGAIN_RATIO = 10  # a finished window asked again
TARGETS_FROM_EVENTS = 10_000_000  # with fewer, starting a process is most of the time
PEAK_BYTES_MAX = 1 << 30


def fill(bench: Bench, data: Path) -> Path:
    """Our database of a data set; made once."""
    database = data / "waterline.db"
    if not database.exists():
        run([bench.waterline, "--db", database, "import", "events", data / "events.wlb"], bench.log)
        for table in ("roster", "catalog", "tickets"):
            run([bench.waterline, "--db", database, "import", table, data / f"{table}.csv"], bench.log)
        shutil.copyfile(database, data / "untouched.db")
    return database


def once(bench: Bench, data: Path, name: str, *arguments: Any) -> None:
    """Runs a Python program with the peers' packages, unless it was run for this data before."""
    done = data / f"{name}-is-ready"
    if bench.python() and not done.exists():
        run([bench.python(), *arguments], bench.log)
        done.touch()


def command(bench: Bench, data: Path, report: str, *more: str) -> list[Any]:
    window = parameters(data)
    return [bench.waterline, "--db", data / "waterline.db", *COMMANDS[report], "--from", window["from"],
            "--to", window["to"], "--format", "json", "--limit", "0", *more]


def measure(bench: Bench, data: Path, title: str) -> list[Figure]:
    fill(bench, data)
    python = bench.python()
    peers = {name: HERE / "Peers" / f"{name}_peer.py" for name in PEERS} if python else {}
    once(bench, data, "parquet", HERE / "Peers/prepare.py", data)
    for name, script in peers.items():
        once(bench, data, name, script, data, "prepare")
    section = f"Reports, {title}"
    has_targets = parameters(data)["events"] >= TARGETS_FROM_EVENTS
    figures: list[Figure] = []
    for report in COMMANDS:
        say(f"{section}: {report}")
        measures = {"first": lambda: run_first(bench, data, report),
                    "again": lambda: run(command(bench, data, report), bench.log, env=cache(data / "again"))}
        for name, script in peers.items():
            measures[name] = lambda script=script: run([python, script, data, report], bench.log)
        runs = interleaved(bench.pairs, measures)
        require_agreement(bench, data, report, {name: runs[name].output for name in peers})
        figures += judge(section, report, runs, has_targets)
    return figures


def require_agreement(bench: Bench, data: Path, report: str, answers: dict[str, bytes]) -> None:
    """What was timed must have been the same answer: every row of every peer."""
    ours = json.loads(
        run(command(bench, data, report, "--min-group", "1", "--purpose", "benchmark"), bench.log).output)["rows"]
    if not ours:
        raise BenchmarkError(f"{report}: no rows")
    for name, answer in answers.items():
        found = differences(ours, json.loads(answer))
        if found:
            raise BenchmarkError(f"{report}: {PEERS[name]} differs in {len(found)} places; {found[0]}")


def cache(directory: Path) -> dict[str, str]:
    """The environment of a user whose kept answers are there."""
    return {**os.environ, "XDG_CACHE_HOME": str(directory)}


def run_first(bench: Bench, data: Path, report: str) -> Run:
    """Asks a copy of the database that was never asked before, as a user who has kept no answer."""
    shutil.rmtree(data / "first", ignore_errors=True)
    database = bench.clear(data / "first.db")
    shutil.copyfile(data / "untouched.db", database)
    asked = command(bench, data, report)
    asked[asked.index("--db") + 1] = database
    return run(asked, bench.log, env=cache(data / "first"))


def judge(section: str, report: str, runs: dict[str, Run], has_targets: bool) -> list[Figure]:
    """The first ask and the one after it, each against every peer; only the best peer carries the target."""
    ours = {"first ask": runs.pop("first"), "asked again": runs.pop("again")}
    figures: list[Figure] = []
    best = min(runs, key=lambda name: runs[name].seconds, default=None)
    for which, own in ours.items():
        ratio_min = AGAIN_RATIO if which == "asked again" else RATIOS.get(report, 3)
        for name, other in runs.items():
            figures.append(Figure(section, f"{report}, {which}", own.seconds, "s", PEERS[name], other.seconds,
                                  other.seconds / own.seconds,
                                  at_least=ratio_min if has_targets and name == best else None))
        if not runs:
            figures.append(Figure(section, f"{report}, {which}", own.seconds, "s"))
    own = ours["first ask"]
    figures.append(Figure(section, f"{report}, peak memory", own.peak_bytes / 2**20, "MiB",
                          PEERS[best] if best else "", runs[best].peak_bytes / 2**20 if best else None,
                          at_most=PEAK_BYTES_MAX / 2**20))
    return figures


def storage(bench: Bench, data: Path, title: str) -> list[Figure]:
    """Bytes an event of merged chunks, against Parquet with zstd of the same columns in both orders."""
    section = f"Storage, {title}"
    ours = bench.status(fill(bench, data))
    each = ours["chunk_bytes"] / ours["events"]
    figures = [Figure(section, "merged chunks", each, "bytes/event")]
    python = bench.python()
    if python:
        once(bench, data, "parquet", HERE / "Peers/prepare.py", data)
        sizes = json.loads(run([python, HERE / "Peers/parquet_sizes.py", data], bench.log).output)
        best = min(sizes, key=sizes.get)
        for name, size in sizes.items():
            theirs = size / ours["events"]
            figures.append(Figure(section, "merged chunks", each, "bytes/event", f"Parquet zstd, {name}", theirs,
                                  each / theirs, at_most=1 if name == best else None))
    return figures
