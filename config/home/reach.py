"""Whose purchases the first page is about: one organisation's, a partner's customers', or everybody's."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse

from commerce.operations.procurement import customers
from licensing.models import Channel
from tenants.access import Actor, Right

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, kw_only=True)
class Reach:
    """None: of all tenants, or all channels. What they cost is told of `priced` alone."""

    tenants: Collection[UUID] | None
    priced: Collection[UUID] | None
    channels: Collection[str] | None
    zone: ZoneInfo
    at: datetime
    # The page that lists the purchases; none: there is no list of just those.
    list_page: str = "admin:commerce_purchase_changelist"
    of_one: bool = False
    of_customers: bool = False

    @property
    def has_prices(self) -> bool:
        return self.priced is None or bool(self.priced)

    @property
    def has_lists(self) -> bool:
        return bool(self.list_page)

    def purchases(self, **query: str) -> str:
        """The list of purchases with its filter set."""
        return f"{reverse(self.list_page)}?{urlencode(query)}" if self.has_lists else ""


def own(actor: Actor) -> Reach:
    """What somebody sees where they act; an operator of all."""
    at = actor.now()
    if actor.is_operator or actor.tenant is None:
        return Reach(tenants=None, priced=None, channels=None, zone=UTC, at=at)
    here = [actor.tenant.pk]
    return Reach(
        tenants=here,
        priced=here if actor.may(Right.SEE_ALL_PURCHASES) else [],
        channels=None if actor.may(Right.SEE_PURCHASES) else [Channel.CENTRAL.value],
        zone=actor.tenant.zone,
        at=at,
        of_one=True,
    )


def of_customers(actor: Actor, acting: Sequence[Actor]) -> Reach:
    """What a partner's person sees of all customers together: each by what they may see when they act there."""
    return Reach(
        tenants=[there.organisation.pk for there in acting if there.may(Right.SEE_PURCHASES)],
        priced=[there.organisation.pk for there in acting if there.may(Right.SEE_ALL_PURCHASES)],
        channels=None,
        zone=actor.tenant.zone if actor.tenant else UTC,
        at=actor.now(),
        # The figures leave out of whom only a part is seen, which the list shows.
        list_page="admin:tenants_delegation_purchases" if customers.see_the_same(acting) else "",
        of_customers=True,
    )
