"""What can be done about wasted seats, several at once, and what would come of it for each."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.bulk import MessageForm
from commerce.deeds.seats import ASK_FOR_SEAT, GIVE_CENTRAL_SEAT, RELEASE_SEAT, SeatOfAPerson
from commerce.models import CancellationRequest
from commerce.operations.centralising import requests
from commerce.operations.procurement import wasted
from commerce.operations.procurement.wasted import Price
from licensing.models import WastedSeat
from licensing.operations import central_seats
from licensing.operations.seats import MemberNotActive, NoSeatLeft
from licensing.operations.waste import Remedy
from tenants.access import Actor
from tenants.procurement_bulk import Amount, BulkAction, NothingChanges, PreviewLine
from tenants.refusal import Refused

# What would come of one of them. It raises what the operation would, and `NothingChanges`.
Outcome = Callable[[WastedSeat], str | Promise]
SAVED = gettext_lazy("a month, before tax")


def named(seat: WastedSeat) -> str:
    return _("%(who)s, %(plan)s") % {"who": seat.member, "plan": seat.subscription.plan}


def _lines(rows: Sequence[WastedSeat], outcome: Outcome, told: Mapping[Any, Price]) -> list[PreviewLine]:
    return [_line(row, outcome, told.get(row.subscription_id)) for row in rows]


def _line(row: WastedSeat, outcome: Outcome, price: Price | None) -> PreviewLine:
    try:
        said = outcome(row)
    except Refused as refused:
        return PreviewLine(subject=str(row.pk), text=named(row), refused=str(refused))
    except NothingChanges as so:
        return PreviewLine(subject=str(row.pk), text=named(row), unchanged=str(so))
    money = [Amount(label=SAVED, amount=price.amount, currency=price.currency)] if price else []
    return PreviewLine(subject=str(row.pk), text=named(row), outcome=said, money=money)


def _prices(rows: Sequence[WastedSeat], by: Actor) -> dict[Any, Price]:
    return wasted.prices({row.subscription_id for row in rows}, by=by)


def _released(rows: Sequence[WastedSeat], given: Mapping[str, Any], by: Actor, at: datetime) -> Sequence[PreviewLine]:
    def outcome(row: WastedSeat) -> str:
        if row.subscription.owner_id is not None:
            raise SeatOfAPerson
        return _("The seat is free. It is charged until fewer are bought.")

    return _lines(rows, outcome, _prices(rows, by))


def _asked(rows: Sequence[WastedSeat], given: Mapping[str, Any], by: Actor, at: datetime) -> Sequence[PreviewLine]:
    purchases = {row.subscription_id for row in rows}
    waiting = CancellationRequest.objects.waiting().filter(subscription__in=purchases)
    there = set(waiting.values_list("subscription", "member"))

    def outcome(row: WastedSeat) -> str:
        bought = row.subscription
        if bought.owner is None or not bought.owner.is_active:
            raise requests.NobodyToAsk
        if not requests.goes_on(bought):
            raise requests.EndsAnyway
        if (bought.pk, bought.owner_id) in there:
            raise NothingChanges(_("Asked already; nobody is asked twice."))
        if bought.quantity > 1:
            told = {"who": bought.owner, "count": bought.quantity}
            return _("%(who)s is asked to cancel the whole purchase of %(count)s seats.") % told
        return _("%(who)s is asked, and reminded after 2 and 5 days.") % {"who": bought.owner}

    return _lines(rows, outcome, _prices(rows, by))


def _given(rows: Sequence[WastedSeat], given: Mapping[str, Any], by: Actor, at: datetime) -> Sequence[PreviewLine]:
    product_of = {row.pk: row.subscription.plan.product_id for row in rows}
    left = central_seats.free_of_each(by.organisation, set(product_of.values()))
    has_own = set(
        central_seats.used_by([row.member for row in rows])
        .filter(subscription__owner=None)
        .values_list("member", "subscription__plan__product")
    )

    def outcome(row: WastedSeat) -> str:
        product = product_of[row.pk]
        if (row.member_id, product) in has_own:
            raise NothingChanges(_("Has a central seat already."))
        if not row.member.is_active:
            raise MemberNotActive(row.member.user.email)
        if left.get(product, 0) < 1:
            raise NoSeatLeft
        left[product] -= 1
        has_own.add((row.member_id, product))
        return _("Gets a free central seat; whoever bought the other one can be asked to cancel it then.")

    return _lines(rows, outcome, _prices(rows, by))


ACTIONS = {
    Remedy.RELEASE: BulkAction(
        deed=RELEASE_SEAT,
        intro=gettext_lazy(
            "Seats that the organisation bought itself become free: for somebody else, or to be removed from the "
            "purchase. Whoever held one loses access, unless they have another."
        ),
        preview=_released,
    ),
    Remedy.ASK: BulkAction(
        deed=ASK_FOR_SEAT,
        intro=gettext_lazy(
            "Whoever manages the purchase gets a letter that asks them to cancel it, is reminded, and answers. Nothing "
            "ends before they cancel."
        ),
        preview=_asked,
        form_for=lambda actor, data=None: MessageForm(data),
    ),
    Remedy.GIVE: BulkAction(
        deed=GIVE_CENTRAL_SEAT,
        intro=gettext_lazy("People on seats that were bought one by one get the central seats that lie idle."),
        preview=_given,
    ),
}
