"""
The life of a subscription as a table: which event moves it from which states to which, and who may bring that event
about. Pure: no Django, no clock.

Every change of a state goes through `after`; a trigger of the database refuses what is not in the table.
"""

from dataclasses import dataclass
from enum import StrEnum

TRIAL, ACTIVE, EXPIRED, DISABLED, DELETED = "trial", "active", "expired", "disabled", "deleted"
STATES = (TRIAL, ACTIVE, EXPIRED, DISABLED, DELETED)


class Mover(StrEnum):
    """Who brings an event about."""

    BUYER = "buyer"
    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    BANK = "bank"
    TIME = "time"


@dataclass(frozen=True)
class Move:
    """An event, by its type in the journal. Without `before` a subscription begins with it."""

    event: str
    before: tuple[str, ...]
    after: str
    who: tuple[Mover, ...]


MOVES = (
    Move("subscription.started", (), ACTIVE, (Mover.BUYER, Mover.ADMIN)),
    Move("trial.started", (), TRIAL, (Mover.BUYER,)),
    Move("subscription.renewed", (TRIAL, ACTIVE, EXPIRED), ACTIVE, (Mover.TIME,)),
    Move("subscription.expired", (ACTIVE,), EXPIRED, (Mover.TIME,)),
    Move(
        "subscription.disabled",
        (TRIAL, ACTIVE, EXPIRED),
        DISABLED,
        (Mover.OWNER, Mover.ADMIN, Mover.OPERATOR, Mover.BANK, Mover.TIME),
    ),
    Move("subscription.reactivated", (EXPIRED, DISABLED), ACTIVE, (Mover.OWNER, Mover.ADMIN)),
    Move("subscription.restored", (DISABLED,), ACTIVE, (Mover.ADMIN, Mover.BANK)),
    Move("subscription.deleted", (DISABLED,), DELETED, (Mover.ADMIN, Mover.TIME)),
)
_BY_EVENT = {move.event: move for move in MOVES}

# What happens by itself when a state has run its time.
WHEN_TIME_IS_OVER = {
    TRIAL: "subscription.disabled",
    ACTIVE: "subscription.expired",
    EXPIRED: "subscription.disabled",
    DISABLED: "subscription.deleted",
}


class ImpossibleMove(ValueError):
    """An event that the table does not know in this state: a defect of whoever asked for it."""


def after(event: str, state: str) -> str:
    """
    The state that an event leads to.

    :raises ImpossibleMove: not from this state
    """
    move = _BY_EVENT.get(event)
    if move is None or state not in move.before:
        raise ImpossibleMove(f"{event} of one that is {state}")
    return move.after
