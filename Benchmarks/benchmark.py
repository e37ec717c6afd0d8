#!/usr/bin/env python3
"""Measures Waterline against raw limits and peers, and prints tables of ratios with the targets they must reach.

    scripts/benchmark [--full | --tiny] [--only reports,storage,ingest,streams,idle] [--peers DIR] [--format json]

The short set takes under five minutes at 1 M events; `--full` goes on to 10 M and 100 M, an hour and more, and wants 40 GB
for its data; `--tiny` only shows that everything still runs and agrees. Each table is printed when it is measured.
Without `--peers` (see Benchmarks/install-peers) only raw limits are compared.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator

import ingest
import reports
from bench import Bench
from measuring import BenchmarkError, say
from tables import Figure, text

SECTIONS = ("reports", "storage", "ingest", "streams", "idle")
MARKERS = ("<!-- figures: begin -->", "<!-- figures: end -->")


@dataclass(frozen=True)
class Size:
    """Events of one organisation, and how often everything is run with them."""

    title: str
    events: int
    pairs: int
    is_received: bool = True  # a hundred million lines would take 25 GB, and say no more than ten
    parameters: dict[str, int] = field(default_factory=dict)

    def data(self, bench: Bench) -> Path:
        forms = {} if self.is_received else {"forms": "wlb,columns"}
        return bench.data(f"data-{self.events}", self.events, **self.parameters, **forms)


SIZES = {
    "tiny": [Size("20 k", 20_000, 1, parameters={"people": 400, "features": 100})],
    "short": [Size("1 M", 1_000_000, 3)],
    "full": [Size("1 M", 1_000_000, 5), Size("10 M", 10_000_000, 5), Size("100 M", 100_000_000, 3, is_received=False)],
}
IDLE_SECONDS = {"tiny": 2, "short": 20, "full": 60}
SOURCES = {"tiny": [10], "short": [10, 10_000], "full": [10, 100, 1_000, 10_000]}
STREAMS = {  # events, people
    "tiny": [(20_000, 50), (20_000, 200)],
    "short": [(4_000_000, 1_000), (2_000_000, 10_000)],
    "full": [(10_000_000, 1_000), (10_000_000, 10_000)],
}


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="10 M and 100 M events too")
    size.add_argument("--tiny", action="store_true", help="a few seconds, for the tests")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, comma-separated (default: all)")
    parser.add_argument("--bin", type=Path, required=True, help="directory of waterline and waterlined")
    parser.add_argument("--peers", type=Path, help="what Benchmarks/install-peers made")
    parser.add_argument("--work", type=Path, help="keep data here, and use it again")
    parser.add_argument("--pairs", type=int, help="interleaved runs of each (default 3; --full 5, with 100 M events 3; --tiny 1)")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the markers of this document")
    arguments = parser.parse_args()
    unknown = set(arguments.only.split(",")) - set(SECTIONS)
    if unknown:
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}; known are {', '.join(SECTIONS)}")
    return arguments


def measure(bench: Bench, scale: str, sections: list[str], pairs: int | None) -> Iterator[list[Figure]]:
    """The figures of one section after the other, as they are measured."""
    bench.compile()
    for size in SIZES[scale]:
        title = f"{size.title} events"
        bench.pairs = pairs or size.pairs
        data = size.data(bench)
        if "reports" in sections:
            yield reports.measure(bench, data, title)
        if "storage" in sections:
            yield reports.storage(bench, data, title)
        if "ingest" in sections and size.is_received:
            yield ingest.measure(bench, data, title, min(size.events, 1_000_000))
        if "ingest" in sections and size is SIZES[scale][0]:
            yield ingest.peers(bench, data, title, min(size.events, 1_000_000))
    bench.pairs = pairs or SIZES[scale][0].pairs
    if "ingest" in sections and len(SIZES[scale]) > 1:
        yield ingest.growth(bench, [(size.title, size.data(bench)) for size in SIZES[scale]])
    if "ingest" in sections:
        yield from many_sources(bench, scale)
    for events, people in STREAMS[scale] if "streams" in sections else []:
        data = bench.data(f"streams-{events}-{people}", events, people=people, features=200, forms="ndjson,wlb,datagrams")
        yield ingest.streams(bench, f"Ingest, {events:,} events of {people:,} people", data)
    if "idle" in sections:
        say("Idle daemon")
        yield ingest.idle(bench, IDLE_SECONDS[scale])


def many_sources(bench: Bench, scale: str) -> Iterator[list[Figure]]:
    """The same number of events from ever more sources, each beside the fewest."""
    fewest: list[Figure] = []
    for sources in SOURCES[scale]:
        events = 5_000 if scale == "tiny" else 1_000_000
        data = bench.data(f"sources-{sources}", events, people=sources, features=100, forms="ndjson")
        arguments = ["lines", data / "events.ndjson", 0, events]
        figures = ingest.paired(bench, f"Ingest from {sources} sources", "Unix datagram, JSON", "unix-datagram", arguments)
        fewest = fewest or figures
        yield figures + ([] if fewest is figures else [ingest.flatness(fewest, figures)])


def machine() -> dict[str, object]:
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    load = os.getloadavg()[0]
    return {"date": datetime.date.today().isoformat(), "processor": model, "cores": os.cpu_count(),
            "kernel": platform.release(), "load_at_start": round(load, 2), "command": " ".join(["scripts/benchmark", *sys.argv[1:]])}


def write_document(path: Path, about: dict[str, object], figures: list[Figure]) -> None:
    document = path.read_text(encoding="utf-8")
    if not all(marker in document for marker in MARKERS):
        raise BenchmarkError(f"{path} lacks the markers {MARKERS[0]} and {MARKERS[1]}")
    before, rest = document.split(MARKERS[0], 1)
    after = rest.split(MARKERS[1], 1)[1]
    quiet = "" if float(str(about["load_at_start"])) < 0.5 else " **The machine was not quiet: other work shared its cores.**"
    head = (f"Measured {about['date']} on {about['cores']} cores ({about['processor']}, Linux {about['kernel']}), load "
            f"{about['load_at_start']} at the start.{quiet}\n")
    path.write_text(f"{before}{MARKERS[0]}\n\n{head}\n```text\n{text(figures)}\n```\n\n{MARKERS[1]}{after}", encoding="utf-8")


def main() -> int:
    arguments = read_arguments()
    scale = "full" if arguments.full else "tiny" if arguments.tiny else "short"
    about = machine()
    work = arguments.work or Path(tempfile.mkdtemp(prefix="waterline-benchmark-"))
    is_table = arguments.format == "table"
    figures: list[Figure] = []
    try:
        bench = Bench(arguments.bin.resolve(), work.resolve(), arguments.peers and arguments.peers.resolve())
        if is_table:
            print(" · ".join(f"{name.replace('_', ' ')} {value}" for name, value in about.items() if name != "command"))
        for measured in measure(bench, scale, arguments.only.split(","), arguments.pairs):
            figures += measured
            if is_table:
                print("\n" + text(measured), flush=True)
        if arguments.write:
            write_document(arguments.write, about, figures)
    except BenchmarkError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    finally:
        if not arguments.work:
            shutil.rmtree(work, ignore_errors=True)
    if not is_table:
        json.dump({"machine": about, "scale": scale, "figures": [figure.json() for figure in figures]}, sys.stdout, indent=1)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
