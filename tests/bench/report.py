"""What is measured, as a table for people and as JSON for what comes later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure.

    Attributes:
        goal: What it may be at most; None where it is only stated.
        note: The absolute figures behind it.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    @classmethod
    def ratio(cls, name: str, value: float, *, goal: float | None = None, note: str = "") -> Self:
        return cls(name=name, value=round(value, 2), unit="times", goal=goal, note=note)

    @property
    def ok(self) -> bool:
        return self.goal is None or self.value <= self.goal


def write(figures: Sequence[Figure], path: Path) -> None:
    rows = [
        {
            "name": one.name,
            "value": one.value,
            "unit": one.unit,
            "goal": "stated" if one.goal is None else one.goal,
            "ok": one.ok,
        }
        for one in figures
    ]
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(figures: Sequence[Figure]) -> None:
    table = Table("figure", "value", "goal", "", "measured", box=None, pad_edge=False)
    for one in figures:
        table.add_row(
            one.name,
            f"{one.value:,g} {one.unit}",
            "" if one.goal is None else f"≤ {one.goal:g}",
            "" if one.goal is None else ("yes" if one.ok else "NO"),
            one.note,
        )
    Console(width=150).print(table)
