"""Seats that are paid for and bring nobody anything. Whoever is on leave or new is never among them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _

from licensing.models.seat import Seat, SeatQuerySet
from licensing.models.subscription import SubscriptionState
from licensing.models.usage import ProductUse
from tenants.directory.models import MemberState, Tenant

# Since somebody joined: they are still finding out what they need.
NEW_FOR = timedelta(days=30)
# Nobody pays for a trial.
PAID = (SubscriptionState.ACTIVE, SubscriptionState.EXPIRED)


class Waste(models.TextChoices):
    TWICE = "twice", _("Two seats of one product")
    BESIDE_CENTRAL = "beside_central", _("Bought while central seats lie idle")
    LEAVER = "leaver", _("Seats of leavers")
    UNUSED = "unused", _("Not used")


# By their keys, or a query for those.
Products = Collection[str] | models.QuerySet[Any, Any]


@dataclass(frozen=True, kw_only=True)
class UnusedSince:
    """
    What counts as unused: no use reported for so many days. `reported`: the products whose use is reported at all;
    `for_long`: those of them of which it was reported all that time, so that who never appeared never used it.
    """

    days: int
    reported: Products
    for_long: Products


_ENDS = Q(subscription__auto_renew=False) | Q(subscription__renewal_stopped_at__isnull=False)
# What somebody bought and has ended already, or an admin has, needs nothing more.
_ENDS_ANYWAY = Q(subscription__owner__isnull=False) & _ENDS
_RANK = Case(When(_ENDS, then=Value(2)), When(subscription__owner=None, then=Value(0)), default=Value(1))


class WastedSeatQuerySet(SeatQuerySet):
    def found(
        self, waste: Waste, tenant: Tenant, *, at: datetime, unused: UnusedSince | None = None, free: Products = ()
    ) -> Self:
        """The seats of a tenant that are wasted so; `free`: the products of which it can give a seat of its own."""
        # Of a purchase of the tenant's, said again: else those of all tenants are read to find its own.
        paid = self.of(tenant).open().filter(subscription__tenant=tenant, subscription__state__in=PAID)
        paid = paid.exclude(member__away_until__gte=tenant.today(at))
        # An account that is closed for now may be of somebody whose first day is yet to come.
        old = paid.filter(Q(member__created_at__lte=at - NEW_FOR) | Q(member__state=MemberState.LEFT))
        if waste == Waste.LEAVER:
            # Its people, said again for the same reason: here they are few, and read first.
            return old.filter(member__tenant=tenant).exclude(member__state=MemberState.ACTIVE)
        here = old.filter(member__state=MemberState.ACTIVE).exclude(_ENDS_ANYWAY)
        if waste == Waste.TWICE:
            return here._held_twice(tenant)
        if waste == Waste.BESIDE_CENTRAL:
            return here._beside_free_ones(tenant, free)
        return here._unused(tenant, at, unused) if unused else self.none()

    def _held_twice(self, tenant: Tenant) -> Self:
        """
        Of the seats of one product with one person all but the best: what goes on before what ends, the tenant's own
        before what somebody bought, then the oldest.
        """
        held = Seat.objects.of(tenant).open().filter(subscription__tenant=tenant, subscription__state__in=PAID)
        # All seats are gone through once, whichever of them are asked for then.
        place = Window(
            RowNumber(), partition_by=[F("member"), F("subscription__plan__product")], order_by=[_RANK, F("pk").asc()]
        )
        others = held.exclude(_ENDS_ANYWAY).annotate(place=place).filter(place__gt=1)
        return self.filter(pk__in=others.values("pk"))

    def _beside_free_ones(self, tenant: Tenant, free: Products) -> Self:
        """Those that people bought, of whoever has none of the tenant's own, while such a one is free."""
        held = Seat.objects.with_access().filter(
            tenant=tenant,
            member=OuterRef("member"),
            subscription__tenant=tenant,
            subscription__plan__product=OuterRef("subscription__plan__product"),
            subscription__owner=None,
        )
        bought = self.filter(subscription__owner__isnull=False, subscription__plan__product__in=free)
        return bought.filter(~Exists(held))

    def _unused(self, tenant: Tenant, at: datetime, unused: UnusedSince) -> Self:
        since = at - timedelta(days=unused.days)
        uses = ProductUse.objects.filter(
            tenant=tenant, member=OuterRef("member"), product=OuterRef("subscription__plan__product")
        )
        seats = self.filter(assigned_at__lte=since, subscription__plan__product__in=unused.reported)
        told = Exists(uses) | Q(subscription__plan__product__in=unused.for_long)
        return seats.filter(told, ~Exists(uses.filter(last_used_at__gt=since)))

    def with_use(self) -> Self:
        """`last_used_at`: when its holder used the product last, as far as that was reported."""
        uses = ProductUse.objects.filter(member=OuterRef("member"), product=OuterRef("subscription__plan__product"))
        return self.annotate(last_used_at=Subquery(uses.values("last_used_at")[:1]))

    def with_purchase(self) -> Self:
        return self.select_related(
            "member__user", "subscription__plan__product", "subscription__owner__user", "subscription__tenant"
        )


class WastedSeat(Seat):
    """A seat that is paid for and brings nobody anything."""

    # Only of rows that came by `with_use`.
    last_used_at: datetime | None

    objects = WastedSeatQuerySet.as_manager()  # type: ignore[misc]  # the same rows, with more to ask of them

    class Meta:
        proxy = True
        verbose_name = _("wasted seat")
        verbose_name_plural = _("wasted seats")
