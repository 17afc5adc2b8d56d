"""What a page showed, signed: nobody is charged another total than they saw, nor one that they wrote themselves."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import tenants.shown
from licensing.models import Subscription
from tenants.ids import new_id

SALT = "commerce.views.shown"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """
    A change as its page showed it: the number of seats that it leads to, when, computed for which moment, and its
    total. `typed` is what was typed for it: how many more, or fewer. `order` is the id of what is ordered with it, so
    that a second click finds the first one's order.
    """

    quantity: int
    when: str
    as_of: datetime
    total: Decimal
    typed: int = 0
    order: UUID = field(default_factory=new_id)


def sign(subscription: Subscription, shown: Shown) -> str:
    return tenants.shown.sign(shown, SALT, subscription.pk)


def read(subscription: Subscription, signed: str) -> Shown | None:
    """None: not of this subscription, not ours, or shown too long ago."""
    return tenants.shown.read_back(Shown, signed, SALT, subscription.pk)
