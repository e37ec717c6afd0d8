#!/usr/bin/env python3
"""Measures Waterline against raw limits and peers, and prints tables of ratios with the targets they must reach.

    scripts/benchmark [--full | --tiny] [--only reports,storage,ingest,streams,idle] [--peers DIR] [--format json]

The short set takes under five minutes at 1 M events; `--full` goes on to 10 M and 100 M; `--tiny` only shows that
everything still runs and agrees. Without `--peers` (see Benchmarks/install-peers) only raw limits are compared.
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
from pathlib import Path

import ingest
import reports
from bench import Bench
from measuring import BenchmarkError
from tables import Figure, markdown, text

SECTIONS = ("reports", "storage", "ingest", "streams", "idle")
MARKERS = ("<!-- figures: begin -->", "<!-- figures: end -->")
SIZES = {
    "tiny": [("20 k", 20_000, {"people": 400, "features": 100})],
    "short": [("1 M", 1_000_000, {})],
    "full": [("1 M", 1_000_000, {}), ("10 M", 10_000_000, {}), ("100 M", 100_000_000, {})],
}
PAIRS = {"tiny": 1, "short": 3, "full": 5}
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
    parser.add_argument("--pairs", type=int, help="interleaved runs of each (default 3; --full 5, --tiny 1)")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the markers of this document")
    arguments = parser.parse_args()
    unknown = set(arguments.only.split(",")) - set(SECTIONS)
    if unknown:
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}; known are {', '.join(SECTIONS)}")
    return arguments


def measure(bench: Bench, scale: str, sections: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    bench.compile()
    for title, events, more in SIZES[scale]:
        data = bench.data(f"data-{events}", events, **more)
        say(f"{title} events")
        if "reports" in sections:
            figures += reports.measure(bench, data, f"{title} events")
        if "storage" in sections:
            figures += reports.storage(bench, data, f"{title} events")
        if "ingest" in sections:
            figures += ingest.measure(bench, data, f"{title} events", min(events, 1_000_000))
    if "ingest" in sections and len(SIZES[scale]) > 1:
        say("growth")
        stored = [(title, bench.data(f"data-{events}", events, **more)) for title, events, more in SIZES[scale]]
        for _, data in stored:
            reports.fill(bench, data)
        figures += ingest.growth(bench, stored)
    per_source: list[Figure] = []
    for sources in SOURCES[scale] if "ingest" in sections else []:
        say(f"{sources} sources")
        events = 5_000 if scale == "tiny" else 1_000_000
        data = bench.data(f"sources-{sources}", events, people=sources, features=100, forms="ndjson")
        arguments = ["lines", data / "events.ndjson", 0, events]
        per_source += ingest.paired(bench, f"Ingest from {sources} sources", "Unix datagram, JSON", "unix-datagram", arguments)
    figures += per_source + ingest.flatness(per_source)
    for events, people in STREAMS[scale] if "streams" in sections else []:
        say(f"{events:,} events of {people:,} people")
        data = bench.data(f"streams-{events}-{people}", events, people=people, features=200, forms="ndjson,wlb,datagrams")
        figures += ingest.streams(bench, f"Ingest, {events:,} events of {people:,} people", data)
    if "idle" in sections:
        say("idle")
        figures += ingest.idle(bench, IDLE_SECONDS[scale])
    return figures


def say(what: str) -> None:
    print(f"benchmark: {what}", file=sys.stderr, flush=True)


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
    path.write_text(f"{before}{MARKERS[0]}\n\n{head}\n{markdown(figures)}\n{MARKERS[1]}{after}", encoding="utf-8")


def main() -> int:
    arguments = read_arguments()
    scale = "full" if arguments.full else "tiny" if arguments.tiny else "short"
    about = machine()
    work = arguments.work or Path(tempfile.mkdtemp(prefix="waterline-benchmark-"))
    pairs = arguments.pairs or PAIRS[scale]
    try:
        bench = Bench(arguments.bin.resolve(), work.resolve(), arguments.peers and arguments.peers.resolve(), pairs)
        figures = measure(bench, scale, arguments.only.split(","))
        if arguments.write:
            write_document(arguments.write, about, figures)
    except BenchmarkError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    finally:
        if not arguments.work:
            shutil.rmtree(work, ignore_errors=True)
    if arguments.format == "json":
        json.dump({"machine": about, "scale": scale, "figures": [figure.json() for figure in figures]}, sys.stdout, indent=1)
        print()
    else:
        print(" · ".join(f"{name.replace('_', ' ')} {value}" for name, value in about.items() if name != "command"))
        print(text(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
