"""The table of figures: what was measured, beside its bar, and how it was taken."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One row. `met` is None where there is no bar; `details` go into the JSON only."""

    name: str
    measured: str
    bar: str
    met: bool | None
    how: str
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the row as JSON's types."""
        return asdict(self)


def at_most(name: str, value: float, bar: float, how: str, unit: str = "×", **details: Any) -> Figure:
    """Return the row of a value that should not exceed its bar."""
    return Figure(name, f"{value:.2f} {unit}", f"≤ {bar:g} {unit}", value <= bar, how, details | {"value": value})


def at_least(name: str, value: float, bar: float, how: str, unit: str, **details: Any) -> Figure:
    """Return the row of a value that should reach its bar."""
    digits = 0 if value >= 10 else 2
    return Figure(
        name, f"{value:,.{digits}f} {unit}", f"≥ {bar:g} {unit}", value >= bar, how, details | {"value": value}
    )


def reported(name: str, measured: str, how: str, **details: Any) -> Figure:
    """Return a row without a bar."""
    return Figure(name, measured, "–", None, how, details)


HEAD = ("figure", "measured", "bar", "met?", "how it was taken")
HOW_WIDTH = 72


def render(figures: Sequence[Figure]) -> str:
    """Return the table as text, the last column wrapped."""
    rows = [(f.name, f.measured, f.bar, {True: "yes", False: "NO", None: "–"}[f.met], f.how) for f in figures]
    widths = [max(len(row[column]) for row in [HEAD, *rows]) for column in range(4)]
    lines = []
    for row in [HEAD, *rows]:
        how = textwrap.wrap(row[4], HOW_WIDTH) or [""]
        for number, part in enumerate(how):
            cells = row[:4] if number == 0 else ("",) * 4
            padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
            lines.append(" | ".join([*padded, part]).rstrip())
        if row is HEAD:
            lines.append("-+-".join("-" * width for width in [*widths, HOW_WIDTH]))
    return "\n".join(lines)
