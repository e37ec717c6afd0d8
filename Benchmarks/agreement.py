"""Whether two answers to one report are the same: counts and times exactly, ratios to 1e-9."""

from __future__ import annotations

from typing import Any

KEYS = ("department", "app", "feature", "from_feature", "to_feature")
RATIO_MAX = 1e-9


def differences(ours: list[dict[str, Any]], peers: list[dict[str, Any]]) -> list[str]:
    """What differs, worst first a line each; columns that only we print are left out."""
    known = {key(row): row for row in peers}
    found = [f"{len(ours)} rows, the peer has {len(peers)}"] if len(ours) != len(peers) else []
    for row in ours:
        other = known.get(key(row))
        if other is None:
            found.append(f"{key(row)}: the peer has no such row")
            continue
        for name, value in other.items():
            if name not in row:
                found.append(f"{key(row)}: there is no {name}")
            elif not same(row[name], value):
                found.append(f"{key(row)}: {name} is {row[name]}, the peer has {value}")
    return found


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in KEYS)


def same(ours: Any, peers: Any) -> bool:
    if isinstance(ours, float) or isinstance(peers, float):
        if ours is None or peers is None:
            return False
        return abs(ours - peers) <= RATIO_MAX * max(1.0, abs(ours))
    return ours == peers
