#!/usr/bin/env python3
"""Runs the benchmarks at their smallest, so that they cannot rot: check_benchmarks.py --bin DIR [--peers DIR].

Their figures mean nothing at this size. What must hold: the same seed gives the same bytes, all forms of the data
hold the same events, the independent evaluator agrees with `waterline` on them, every section gives figures, and
`--write` puts tables between the markers. With --peers all engines must agree with `waterline` too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Benchmarks"), str(ROOT / "Tests" / "Oracle")]

import agreement  # noqa: E402
import naive  # noqa: E402
import reports  # noqa: E402
from bench import Bench, parameters  # noqa: E402
from measuring import BenchmarkError, Run, far_behind, interleaved, run  # noqa: E402
from tables import Figure  # noqa: E402

EVENTS = 4_000
PEOPLE = 150
NAIVE = {"coverage": ("coverage", ()), "coverage-department-feature": ("coverage", ("department", "feature")),
         "benchmark": ("benchmark", ()), "bottlenecks": ("bottlenecks", ()), "erosion": ("erosion", ()),
         "strikeouts": ("strikeouts", ()), "flow": ("flow", ())}


def digest(directory: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        whole.update(path.relative_to(directory).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()


def check_generator(bench: Bench) -> Path:
    made = [bench.data(name, EVENTS, people=PEOPLE, features=60, seed=seed)
            for name, seed in (("a", 7), ("b", 7), ("c", 8))]
    digests = [digest(directory) for directory in made]
    expect(digests[0] == digests[1], "the same seed gives the same bytes")
    expect(digests[0] != digests[2], "another seed gives other bytes")
    answers = []
    for form in ("events.ndjson", "events.wlb", "datagrams.wlb"):
        database = bench.clear(bench.work / f"{form}.db")
        result = bench.ask(database, "import", "events", made[0] / form)
        expect(result["accepted"] == EVENTS and result["rejected"] == 0, f"{form} holds {EVENTS} good events: {result}")
        answers.append(bench.ask(database, "sql", """
            SELECT time, app, feature, kind, outcome, duration_ms, seq FROM event ORDER BY 1, 2, 3, 4, 5, 6, 7"""))
    expect(answers[0] == answers[1] == answers[2], "all forms hold the same events")
    sizes = [8 + int.from_bytes(frame, "little") for frame in frames(made[0] / "datagrams.wlb")]
    expect(max(sizes) <= 1400, f"no frame outgrows its datagram: {max(sizes)}")
    expect(sum(sizes) / len(sizes) > 1000, "frames fill their datagrams")
    return made[0]


def frames(path: Path) -> list[bytes]:
    content, at, found = path.read_bytes(), 0, []
    while at < len(content):
        found.append(content[at + 4:at + 8])
        at += 8 + int.from_bytes(found[-1], "little")
    return found


def check_answers(bench: Bench, data: Path) -> None:
    """The benchmarks' comparison, against the independent evaluator, and that it finds a difference."""
    reports.fill(bench, data)
    window = parameters(data)
    organisation = naive.Organisation.load(
        *(str(data / name) for name in ("events.ndjson", "roster.csv", "catalog.csv", "tickets.csv")))
    days = (naive.date.fromisoformat(window["from"]), naive.date.fromisoformat(window["to"]))
    evaluation = naive.Evaluation(organisation, naive.Window(*days, "UTC"))
    for report, (name, by) in NAIVE.items():
        command = reports.command(bench, data, report, "--min-group", "1", "--purpose", "benchmark")
        ours = json.loads(run(command, bench.log).output)["rows"]
        theirs = [row.output() for row in evaluation.rows(name, by)]
        expect(len(ours) > 0, f"{report}: the data give rows")
        found = agreement.differences(ours, theirs)
        expect(not found, f"{report}: {len(found)} differences, {found[:1]}")
        changed = [dict(row) for row in theirs]
        changed[0] = {**changed[0], **{key: value + 1 for key, value in changed[0].items() if type(value) is int}}
        expect(agreement.differences(ours, changed), f"{report}: a changed figure is found")
        expect(agreement.differences(ours, theirs[1:]), f"{report}: a missing row is found")


def check_tables() -> None:
    cases = [(Figure("s", "w", 2, "s", "p", 20, 10, at_least=10), "met"), (Figure("s", "w", 2, "s", "p", 20, 9.99, at_least=10), "not met"),
             (Figure("s", "w", 1.5, "µs", at_most=1.4), "not met"), (Figure("s", "w", 1.4, "µs", at_most=1.4), "met"),
             (Figure("s", "w", 1, "s"), "")]
    for figure, verdict in cases:
        expect(figure.verdict == verdict, f"{figure}: {verdict} expected")
    expect(not agreement.same(1.0, 1.0 + 3e-9) and agreement.same(1.0, 1.0 + 1e-10), "ratios are compared to 1e-9")
    expect(not agreement.same(None, 0) and not agreement.same(7, 8), "null and counts are compared exactly")


def check_repetition() -> None:
    """What is far behind is run once; everything else as often as was asked for, in turn."""
    for seconds, expected in (({"a": 1, "b": 40, "c": 90}, "c"), ({"a": 1, "b": 50, "c": 90}, None), ({"a": 1, "b": 20, "c": 59}, None),
                              ({"a": 90}, None), ({}, None)):
        expect(far_behind(seconds) == expected, f"{expected} of {seconds} is far behind")
    order: list[str] = []

    def measure(name: str, seconds: float) -> Run:
        order.append(name)
        return Run(seconds, 0, len(order), f"{name}{len(order)}".encode())

    found = interleaved(3, {"a": lambda: measure("a", 1), "b": lambda: measure("b", 2), "slow": lambda: measure("slow", 100)})
    expect(order == ["a", "b", "slow", "b", "a", "a", "b"], f"runs are in turn: {order}")
    expect(found["a"] == Run(1, 0, 6, b"a6") and found["slow"].output == b"slow3", f"the last output, the largest peak: {found}")


def check_program(bench: Bench, peers: Path | None) -> None:
    document = bench.work / "performance.md"
    document.write_text((ROOT / "docs/performance.md").read_text(encoding="utf-8"), encoding="utf-8")
    more = ["--peers", str(peers)] if peers else []
    command = [sys.executable, str(ROOT / "Benchmarks/benchmark.py"), "--tiny", "--bin", str(bench.binaries), "--format",
               "json", "--write", str(document), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    expect(done.returncode == 0, f"--tiny ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    figures = json.loads(done.stdout)["figures"]
    expected = {"Reports", "Storage", "Ingest", "Idle daemon"}
    if peers and (peers / "debian/usr/sbin").is_dir():
        expected.add("Collectors")
    sections = {figure["section"].split(",")[0].split(" from")[0] for figure in figures}
    expect(sections == expected, f"every section gives figures: {sections}")
    stored = {figure["what"]: figure["ours"] for figure in figures}
    may_be_none = ("dropped", "processor", "kernel")
    measured = {what: value for what, value in stored.items() if not any(word in what for word in may_be_none)}
    expect(all(value > 0 for value in measured.values()), f"figures are positive: {measured}")
    written = document.read_text(encoding="utf-8")
    expect("\nUDP, JSON " in written and "## What bounds each figure" in written, "tables go between the markers")


def expect(condition: object, what: str) -> None:
    if not condition:
        raise BenchmarkError(what)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--peers", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="check-benchmarks-") as name:
        bench = Bench(arguments.bin.resolve(), Path(name), arguments.peers, 1)
        try:
            bench.compile()
            check_tables()
            check_repetition()
            check_answers(bench, check_generator(bench))
            check_program(bench, arguments.peers)
        except BenchmarkError as error:
            print(f"check-benchmarks: {error}", file=sys.stderr)
            return 1
    print("benchmarks: generator, comparison, tables and all sections work")
    return 0


if __name__ == "__main__":
    sys.exit(main())
