#!/usr/bin/env python3
"""Black-box tests of `waterline` and `waterlined`: what a user types, what comes back.

    run.py --bin DIR [--only WORD] [--record] [--list] [--times]

DIR holds both programs and, for the checks of the SQLite extension, libwaterline_events.so. Help
and reports are compared with Snapshots/*.txt; `--record` writes those anew: read the difference.
Only the loopback interface and temporary directories are used.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import snapshots
from harness import Failed, Skipped, place
from registry import CHECKS, Check

import checks_agent  # noqa: F401
import checks_care  # noqa: F401
import checks_configuration  # noqa: F401
import checks_daemon  # noqa: F401
import checks_export  # noqa: F401
import checks_import  # noqa: F401
import checks_live  # noqa: F401
import checks_query  # noqa: F401
import checks_sending  # noqa: F401
import checks_service  # noqa: F401
import checks_shell  # noqa: F401
import checks_sockets  # noqa: F401
import checks_story  # noqa: F401
import checks_terminal  # noqa: F401
import checks_trust  # noqa: F401
import checks_usage  # noqa: F401

JOBS = 2
SHOWN_CHARACTERS = 900


def shortened(text: str) -> str:
    text = text.replace("\n", "\\n")
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"


def run(binaries: Path, function: Check) -> str:
    """An empty text if the check held, else what it found."""
    try:
        with place(binaries) as own:
            function(own)
    except Failed as failure:
        return shortened(str(failure))
    except Skipped:
        raise
    except Exception as error:  # whatever a check trips over is its failure, not the run's end
        where = traceback.extract_tb(error.__traceback__)[-1]
        return shortened(f"{type(error).__name__} in {where.name}:{where.lineno}: {error}")
    return ""


def outcome(binaries: Path, name: str) -> tuple[str, str, float]:
    started = time.monotonic()
    try:
        problem = run(binaries, CHECKS[name])
    except Skipped as skipped:
        return f"skip {name}: {skipped}", "skip", time.monotonic() - started
    seconds = time.monotonic() - started
    return (f"FAIL {name}: {problem}", "FAIL", seconds) if problem else (
        f"ok {name}", "ok", seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description="Black-box tests of the command line.")
    parser.add_argument("--bin", type=Path, required=True, help="where the programs are")
    parser.add_argument("--only", default="", help="only checks with this in their name")
    parser.add_argument("--record", action="store_true", help="write the snapshots anew")
    parser.add_argument("--list", action="store_true", help="name the checks")
    parser.add_argument("--times", action="store_true", help="show seconds of each check")
    options = parser.parse_args()
    names = [name for name in CHECKS if options.only in name]
    if options.list:
        print("\n".join(names))
        return 0
    snapshots.is_recording = options.record
    started = time.monotonic()
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    with ThreadPoolExecutor(JOBS) as pool:
        for text, kind, seconds in pool.map(lambda n: outcome(options.bin.resolve(), n), names):
            counts[kind] += 1
            print(f"{text} ({seconds:.1f} s)" if options.times else text, flush=True)
    skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
    seconds = time.monotonic() - started
    print(f"{counts['ok']} passed, {counts['FAIL']} failed{skipped} ({seconds:.0f} s)")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
