"""What happened in a tenant since a moment of its own clock."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from tenants.directory.models import Tenant
from tenants.journal.models import Event, EventQuerySet

# The move itself is what all the others follow from.
CAUSE = "clock.moved"
CHARGED = "payment.succeeded"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How often it happened, and when first and last."""

    type: str
    times: int
    first: datetime
    last: datetime


@dataclass(frozen=True, kw_only=True)
class Charged:
    at: datetime
    amount: str
    currency: str


def events(tenant: Tenant, begins_at: datetime) -> EventQuerySet:
    """In the order in which they were written down."""
    return Event.objects.of(tenant).filter(at__gte=begins_at).exclude(type=CAUSE).order_by("pk")


def counted(tenant: Tenant, begins_at: datetime) -> list[Kind]:
    """By type, in the order in which each came first."""
    kinds = events(tenant, begins_at).order_by().values("type")
    found = kinds.annotate(times=Count("pk"), first=Min("at"), last=Max("at")).order_by("first", "type")
    return [Kind(**kind) for kind in found]


def charges(tenant: Tenant, begins_at: datetime) -> list[Charged]:
    """What cards have paid."""
    paid = events(tenant, begins_at).filter(type=CHARGED)
    return [
        Charged(at=event.at, amount=str(event.data["amount"]), currency=str(event.data["currency"])) for event in paid
    ]
