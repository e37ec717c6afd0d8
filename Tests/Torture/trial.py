"""Trials: programs that hurt the built binaries and look at what is left."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "CommandLine"))

from harness import Place  # noqa: E402  (stands beside the command line's checks)


@dataclass(frozen=True)
class Run:
    """How a trial is run: its seed, and whether at full size."""

    seed: int
    is_large: bool

    def random(self) -> random.Random:
        return random.Random(self.seed)

    def size(self, small: int, large: int) -> int:
        return large if self.is_large else small


Trial = Callable[[Place, Run], str]
TRIALS: dict[str, Trial] = {}


def trial(function: Trial) -> Trial:
    """Registers a trial; it returns its figures as one line and raises `Failed` when something is wrong."""
    TRIALS[function.__name__] = function
    return function
