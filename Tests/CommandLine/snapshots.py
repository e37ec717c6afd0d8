"""Texts as they were once looked at."""

from __future__ import annotations

import difflib
from pathlib import Path

from harness import Failed

DIRECTORY = Path(__file__).resolve().parent / "Snapshots"
SHOWN = 8
is_recording = False


def expect_snapshot(name: str, text: str) -> None:
    """Compares a text with a snapshot, or records it."""
    path = DIRECTORY / f"{name}.txt"
    if is_recording:
        DIRECTORY.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    if not path.exists():
        raise Failed(f"there is no snapshot {path.name}: run with --record and look at it")
    known = path.read_text(encoding="utf-8")
    if known != text:
        lines = list(difflib.unified_diff(known.splitlines(), text.splitlines(), "known", "now",
                                          n=0, lineterm=""))[2:]
        raise Failed(f"differs from {path.name}: " + " | ".join(lines[:SHOWN]))
