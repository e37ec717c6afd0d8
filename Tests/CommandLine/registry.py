"""The list of checks: small functions, each with a place of its own."""

from __future__ import annotations

from collections.abc import Callable

from harness import Place

Check = Callable[[Place], None]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    """Registers a check under its name."""
    add(function.__name__, function)
    return function


def add(name: str, function: Check) -> None:
    """Registers a check; for tables of cases."""
    name = name.replace("_", "-")
    if name in CHECKS:
        raise ValueError(f"two checks are called {name}")
    CHECKS[name] = function
