"""What would come of giving people seats, for each of them, and how many seats that takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.deeds.seats import GIVE_SEAT, GIVE_TO_FORMER
from commerce.models import Purchase
from licensing.models import Channel, Seat
from licensing.operations import central_seats, ended_people
from licensing.operations.seats import MemberNotActive, NoSeatLeft
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor, Right
from tenants.bulk_actions import BulkAction, NothingChanges, PreviewLine
from tenants.dates import listed_day
from tenants.directory.models import Membership
from tenants.refusal import Refused


@dataclass(frozen=True, kw_only=True)
class Giving:
    """
    Seats of, or because of, a purchase for some people, as things stand. `has_one`: who needs none. `buy`: where more
    are bought. `closed`: why nobody gets one.
    """

    purchase: Purchase
    people: Sequence[Membership]
    deed: str
    intro: Any
    has_one: frozenset[UUID]
    free: int
    buy: str
    closed: Refused | None = None

    @property
    def action(self) -> BulkAction:
        return BulkAction(
            deed=self.deed,
            intro=self.intro,
            preview=self.lines,
            form_for=lambda actor, data=None: OfPurchaseForm(self.purchase, data),
        )

    def require_open(self) -> None:
        """:raises Refused: nobody gets a seat of it, or because of it, any more"""
        if self.closed is not None:
            raise self.closed

    def lines(
        self, rows: Sequence[Membership], given: Mapping[str, Any], by: Actor, at: datetime
    ) -> Sequence[PreviewLine]:
        """In their order, as the run goes: the last ones go without where seats are too few."""
        left, told = self.free, []
        for member in rows:
            text = f"{member} ({member.user.email})" if member.name else member.user.email
            try:
                outcome = self._outcome(member, left, at)
            except Refused as refused:
                told.append(PreviewLine(subject=str(member.pk), text=text, refused=str(refused)))
            except NothingChanges as so:
                told.append(PreviewLine(subject=str(member.pk), text=text, unchanged=str(so)))
            else:
                told.append(PreviewLine(subject=str(member.pk), text=text, outcome=outcome))
                left -= 1
        return told

    def _outcome(self, member: Membership, left: int, at: datetime) -> str:
        """:raises Refused: what the operation would say :raises NothingChanges: who has a seat keeps it"""
        self.require_open()
        if not member.is_active:
            raise MemberNotActive(member.user.email)
        if member.pk in self.has_one:
            raise NothingChanges(_("Has a seat already, and keeps it."))
        if left < 1:
            raise NoSeatLeft
        if member.away_until is not None and member.away_until >= member.tenant.today(at):
            return _("Is on leave until %(day)s, and gets a seat.") % {"day": listed_day(member.away_until)}
        return _("Gets a seat.")

    @property
    def room(self) -> dict[str, Any]:
        """What the page says of seats."""
        needed = sum(1 for member in self.people if member.is_active and member.pk not in self.has_one)
        missing = max(needed - self.free, 0)
        return {
            "needed": ngettext("%(count)s seat is needed", "%(count)s seats are needed", needed) % {"count": needed},
            "free": self.free,
            "missing": missing,
            "buy": self.buy and f"{self.buy}{missing}",
        }


class OfPurchaseForm(forms.Form):
    """Nothing is asked: which purchase it is stands in the address of the page."""

    def __init__(self, purchase: Purchase, data: Any = None) -> None:
        super().__init__(data)
        self.purchase = purchase

    def clean(self) -> dict[str, Any]:
        return {"subscription": str(self.purchase.pk)}


def of_purchase(purchase: Purchase, people: Sequence[Membership], by: Actor) -> Giving:
    """Its own seats."""
    held = Seat.objects.open().filter(subscription=purchase, member__in=people)
    pays = purchase.payer_id is None and purchase.channel != Channel.PARTNER
    add = reverse("admin:commerce_purchase_add_seats", args=[purchase.pk])
    return Giving(
        purchase=purchase,
        people=people,
        deed=GIVE_SEAT,
        intro=gettext_lazy("Each of these people gets a seat, in this order. Whoever has one keeps it."),
        has_one=frozenset(held.values_list("member_id", flat=True)),
        free=purchase.seats_free if purchase.gives_access else 0,
        buy=f"{add}?quantity=" if pays and may_buy(by) else "",
        closed=None if purchase.gives_access else SubscriptionInactive(),
    )


def of_the_organisation(purchase: Purchase, people: Sequence[Membership], by: Actor) -> Giving:
    """Those of its product, wherever one is free, for the people of a purchase that has ended."""
    product = purchase.plan.product
    held = central_seats.own_held_by(people, product)
    order = reverse("admin:commerce_purchase_order")
    return Giving(
        purchase=purchase,
        people=people,
        deed=GIVE_TO_FORMER,
        intro=gettext_lazy(
            "Each of these people gets a central seat, in this order, of what lasts longest. Whoever has one keeps it."
        ),
        has_one=frozenset(held.values_list("member_id", flat=True)),
        free=central_seats.free(purchase.tenant, product),
        buy=f"{order}?plan={purchase.plan_id}&quantity=" if may_buy(by) else "",
        closed=_closed(purchase, by),
    )


def _closed(purchase: Purchase, by: Actor) -> Refused | None:
    try:
        ended_people.require_helped(purchase, at=by.now())
    except Refused as refused:
        return refused
    return None


def may_buy(by: Actor) -> bool:
    return by.membership is not None and by.may(Right.BUY_CENTRALLY)
