"""What a page showed, signed: nobody is charged another total than they saw, nor one that they wrote themselves."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.core import signing

from commerce.operations.changes.quotes import SHOWN_FOR
from licensing.models import Subscription

SALT = "commerce.views.shown"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A change as its page showed it: the number of seats that it leads to, when, computed for which
    moment, and its total."""

    quantity: int
    when: str
    as_of: datetime
    total: Decimal


def sign(subscription: Subscription, shown: Shown) -> str:
    told = [str(subscription.pk), shown.quantity, shown.when, shown.as_of.isoformat(), str(shown.total)]
    return signing.dumps(told, salt=SALT)


def read(subscription: Subscription, signed: str) -> Shown | None:
    """None: not of this subscription, not ours, or shown too long ago."""
    try:
        of, quantity, when, as_of, total = signing.loads(signed, salt=SALT, max_age=SHOWN_FOR)
    except (signing.BadSignature, ValueError):
        return None
    if of != str(subscription.pk):
        return None
    return Shown(quantity=quantity, when=when, as_of=datetime.fromisoformat(as_of), total=Decimal(total))
