"""A small fixed organisation: 34 roster rows, 5 features, 525 events of March 2026.

Sales has 14 people (one comes late, one moves to Service), Service 9, Finance 6 and Board 3.
"""

from __future__ import annotations

from pathlib import Path

from harness import Place

DIRECTORY = Path(__file__).resolve().parent / "Fixtures"
WINDOW = ("--from", "2026-03-02", "--to", "2026-03-30")
EVENTS = 525
LOST = 3  # numbers of ws-p07 that never came
FILES = ("roster", "catalog", "tickets", "events")


def load(place: Place) -> Place:
    for kind in FILES:
        place.run("import", kind, DIRECTORY / f"{kind}.csv").expect(0)
    return place
