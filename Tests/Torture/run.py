#!/usr/bin/env python3
"""Hurts the built programs and looks at what is left: power, disk, clock, network, kill -9.

    run.py --bin DIR [--only WORD] [--large] [--seed N] [--list]

DIR holds the programs. Without --large each trial takes seconds; with it, up to an hour. Each prints its
seed, its time and its figures; docs/reliability.md says what each shows.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from trial import TRIALS, Run

import trials_agent  # noqa: F401
import trials_clock  # noqa: F401
import trials_connections  # noqa: F401
import trials_disk  # noqa: F401
import trials_kill  # noqa: F401
import trials_network  # noqa: F401
import trials_overload  # noqa: F401
import trials_reconnect  # noqa: F401
from harness import Failed, place

SEED = 20261124


def main() -> int:
    parser = argparse.ArgumentParser(description="Trials of what must survive.")
    parser.add_argument("--bin", type=Path, required=True, help="where the programs are")
    parser.add_argument("--only", default="", help="only trials with this in their name")
    parser.add_argument("--large", action="store_true", help="at full size, for the record")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--list", action="store_true", help="name the trials")
    options = parser.parse_args()
    names = [name for name in TRIALS if options.only in name]
    if options.list:
        print("\n".join(names))
        return 0
    failures = 0
    for name in names:
        started = time.monotonic()
        try:
            with place(options.bin.resolve()) as own:
                text = "ok", TRIALS[name](own, Run(options.seed, options.large))
        except Failed as failure:
            text = "FAIL", str(failure)
        except Exception as error:  # whatever a trial trips over is its failure, not the run's end
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = "FAIL", f"{type(error).__name__} in {where.name}:{where.lineno}: {error}"
        failures += text[0] == "FAIL"
        seconds = time.monotonic() - started
        print(f"{text[0]} {name} (seed {options.seed}, {seconds:.1f} s): {text[1]}", flush=True)
    print(f"{len(names) - failures} held, {failures} did not")
    return 1 if failures or not names else 0


if __name__ == "__main__":
    sys.exit(main())
