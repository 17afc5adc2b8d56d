"""Bars for the first page, as numbers that a template writes into SVG; whoever cannot see them has the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

# Of the picture, which is stretched to the width that there is.
HEIGHT = 100
STEP = 10
GAP = 2


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A rectangle; `kind` says what it stands for, and so how it looks."""

    kind: str
    x: str
    y: str
    width: str
    height: str


def stacked(columns: Sequence[Mapping[str, Decimal]], kinds: Sequence[str]) -> tuple[list[Bar], int]:
    """A column for each mapping, its kinds above each other, and how wide that is. What is below zero has no bar."""
    most = max((sum(max(value, Decimal(0)) for value in column.values()) for column in columns), default=Decimal(0))
    bars = []
    for position, column in enumerate(columns):
        top = Decimal(HEIGHT)
        for kind in kinds:
            height = max(column.get(kind, Decimal(0)), Decimal(0)) * HEIGHT / most if most else Decimal(0)
            top -= height
            if height:
                x = position * STEP + GAP / 2
                bars.append(Bar(kind=kind, x=f"{x:g}", y=f"{top:.2f}", width=f"{STEP - GAP}", height=f"{height:.2f}"))
    return bars, len(columns) * STEP


def share(part: int, whole: int, most: int) -> list[Bar]:
    """A bar that lies: of `whole`, which is as long as its share of `most`, a part in the accent."""
    if not most:
        return []
    length, used = 100 * whole / most, 100 * min(part, whole) / most
    return [
        Bar(kind="rest", x="0", y="0", width=f"{length:.2f}", height="10"),
        Bar(kind="used", x="0", y="0", width=f"{used:.2f}", height="10"),
    ]
