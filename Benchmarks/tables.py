"""The table that every benchmark prints: a figure, what it is held against, the ratio, the target."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line. `ratio` is met when it is at least `at_least` and at most `at_most`."""

    section: str
    what: str
    ours: float
    unit: str
    against: str = ""
    theirs: float | None = None
    ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def target(self) -> str:
        parts = [f"≥ {short(self.at_least)}"] if self.at_least is not None else []
        parts += [f"≤ {short(self.at_most)}"] if self.at_most is not None else []
        return ", ".join(parts)

    @property
    def verdict(self) -> str:
        if self.at_least is None and self.at_most is None:
            return ""
        value = self.ours if self.ratio is None else self.ratio
        low = self.at_least is None or value >= self.at_least
        return "met" if low and (self.at_most is None or value <= self.at_most) else "not met"

    def json(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict or None}


HEADER = ("", "ours", "against", "theirs", "ratio", "target", "")


def short(value: float | None) -> str:
    if value is None:
        return ""
    if value == int(value) and abs(value) < 1e5:
        return str(int(value))
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.0f} k"
    return f"{value:.3g}"


def cells(figure: Figure) -> tuple[str, ...]:
    return (figure.what, f"{short(figure.ours)} {figure.unit}".strip(), figure.against,
            f"{short(figure.theirs)} {figure.unit}".strip() if figure.theirs is not None else "",
            f"{figure.ratio:.2f}" if figure.ratio is not None else "", figure.target, figure.verdict)


def text(figures: list[Figure]) -> str:
    lines: list[str] = []
    rows = [cells(figure) for figure in figures]
    widths = [max(len(row[i]) for row in [HEADER, *rows]) for i in range(len(HEADER))]
    for section in dict.fromkeys(figure.section for figure in figures):
        lines += ["", section, "  ".join(name.ljust(width) for name, width in zip(HEADER, widths)).rstrip()]
        lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                  for figure, row in zip(figures, rows) if figure.section == section]
    return "\n".join(lines).lstrip("\n")
