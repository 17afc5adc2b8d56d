"""How an address is filled with the victim's rows, and what is right there for their owner."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.outsiders.world import World

Fill = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Act:
    """A write that is right in every way but the visitor: its owner succeeds with the same words."""

    route: str
    method: str
    body: Callable[[World], dict[str, Any]]
    # Whom it belongs to; the control is made as them.
    by: str = "owner"
    query: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def nothing(world: World) -> dict[str, Any]:
    return {}
