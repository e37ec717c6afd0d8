#!/usr/bin/env python3
"""Checks the Debian packages: their files, and their life on a booted Debian.

    run.py --packages DIR [--part files|machine]

Needs root, debootstrap, systemd-nspawn and lintian (scripts/setup packages). The bare tree is made once and kept in
$XDG_CACHE_HOME/waterline. Everything runs in a container without a network, on a throw-away copy of the tree.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import checks_files
import checks_machine
from machine import CannotBoot, Failed
from tree import bare_tree


class Teller:
    """Prints steps with their time."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, step: str) -> None:
        now = time.monotonic()
        print(f"ok {step} ({now - self.began:.1f} s)", flush=True)
        self.began = now


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks of the Debian packages.")
    parser.add_argument("--packages", type=Path, required=True, help="where the .deb files are")
    parser.add_argument("--part", choices=("files", "machine"), help="only one of the two")
    options = parser.parse_args()
    debs = sorted(path for path in options.packages.resolve().glob("*.deb"))
    tell = Teller()
    try:
        if options.part != "machine":
            checks_files.check_all(debs, tell)
        if options.part == "files":
            return 0
        if os.geteuid() != 0:
            raise CannotBoot("only root can boot a container")
        tree = bare_tree(debs)
        tell("bare-tree")
        checks_machine.check_all(tree, options.packages.resolve(), tell)
    except CannotBoot as reason:
        # The units' commands run one by one, without systemd, in Tests/CommandLine (service-…).
        print(f"skip the packages' life on a booted machine: {reason}")
    except Failed as failure:
        print(f"FAIL {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
