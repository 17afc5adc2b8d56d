"""What the pages of a centralisation show: where it stands, what it costs, who has a seat, who has answered what."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.central import INVOICE
from commerce.amounts import money
from commerce.models import CancellationRequest, Centralisation, PaymentMethod
from commerce.models import RequestedCancellationState as State
from commerce.models.cancellation_request import WAITING
from commerce.operations.centralising import costs, requests
from commerce.operations.centralising.costs import Cost, Paid, Way
from commerce.operations.paying import cards
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.procurement import badge

# The way, as the head of each page shows it.
STEPS = (
    ("people", gettext_lazy("People")),
    ("cost", gettext_lazy("Cost")),
    ("seats", gettext_lazy("Central seats")),
    ("purchasers", gettext_lazy("Purchasers")),
)
_KINDS = {State.ASKED: "amber", State.PROMISED: "amber", State.KEPT: "red", State.CANCELED: "green"}


def people_of(row: Centralisation) -> list[dict[str, Any]]:
    return [
        {
            "person": str(each.member),
            "email": each.member.user.email,
            "seat_in": str(each.seat_in) if each.seat_in else "",
            "left_out": each.left_out,
        }
        for each in row.people.with_people().order_by("member__user__email")
    ]


def cost_shown(row: Centralisation, by: Actor) -> dict[str, Any]:
    """What it costs; without money for whoever does not see what others' purchases cost."""
    cost = costs.of(row, at=by.now())
    if not by.may(Right.SEE_ALL_PURCHASES):
        return {"cost": cost, "paid": [_paid(each, prices=False) for each in cost.paid], "sums": [], "ways": []}
    asked = cost.ways and buys_centrally(by)
    card = next(iter(cards.offered(by=by, at=by.now(), for_organisation=True)), None) if asked else None
    return {
        "cost": cost,
        "paid": [_paid(each, prices=True) for each in cost.paid],
        "sums": [money(amount, currency) for currency, amount in cost.paid_a_year.items()],
        "ways": [_way(way, cost, card, by) for way in cost.ways],
    }


def asked_of(row: Centralisation) -> list[dict[str, Any]]:
    """Whoever was asked, in the order in which it happened."""
    asked = row.purchases.select_related(
        "request__member__user", "subscription__plan__product", "subscription__owner__user"
    )
    return [
        _asked(each.request, each.subscription) for each in asked.order_by("request__created_at", "subscription_id")
    ]


def _asked(request: CancellationRequest, subscription: Any) -> dict[str, Any]:
    over = not requests.goes_on(subscription) and request.state != State.WITHDRAWN
    state = State.CANCELED if over else State(request.state)
    return {
        "subscription": subscription,
        "purchase": str(subscription),
        "who": str(request.member),
        "email": request.member.user.email,
        "asked": listed_day(request.created_at),
        "state": badge(state.label, _KINDS.get(state, "")),
        "reason": request.reason if state == State.KEPT else "",
        "reminded": request.reminded if state in WAITING else 0,
        "stays": state in (State.KEPT, State.MOOT) and subscription.owner_id is not None,
        "url": reverse("admin:commerce_purchase_change", args=[subscription.pk]),
    }


def _paid(each: Paid, *, prices: bool) -> dict[str, Any]:
    unit = total = ""
    if prices and each.unit_price is not None and each.a_year is not None and each.currency:
        unit, total = money(each.unit_price, each.currency), money(each.a_year, each.currency)
    return {
        "purchase": str(each.purchase),
        "url": reverse("admin:commerce_purchase_change", args=[each.purchase.pk]),
        "owner": str(each.purchase.owner),
        "chosen": each.chosen,
        "others": each.others,
        "quantity": each.purchase.quantity,
        "unit": unit,
        "a_year": total,
        "ends": "" if each.goes_on else listed_day(each.purchase.term_end),
    }


def _way(way: Way, cost: Cost, card: PaymentMethod | None, by: Actor) -> dict[str, Any]:
    return {
        "named": _named(way),
        "plan": str(way.plan),
        "seats": way.seats,
        "unit": money(way.unit_price, way.currency),
        "a_year": money(way.a_year, way.currency),
        "saves": _saves(way, cost),
        "url": _where(way, card) if buys_centrally(by) else "",
    }


def buys_centrally(by: Actor) -> bool:
    """Those whom the pages of orders open to: members alone."""
    return by.membership is not None and by.may(Right.BUY_CENTRALLY)


def _named(way: Way) -> str:
    if way.added_to is not None:
        told = {"purchase": way.added_to, "day": listed_day(way.added_to.term_end)}
        return _("More seats of %(purchase)s, until %(day)s") % told
    return _("Under %(name)s") % {"name": way.agreement.name} if way.agreement else _("At the price list")


def _saves(way: Way, cost: Cost) -> str:
    """How much less a year than what people pay, where both are in one currency: free seats cost no more."""
    now = cost.paid_a_year
    if set(now) != {way.currency}:
        return ""
    less: Decimal = now[way.currency] - way.a_year
    if less < 0:
        return _("%(amount)s more") % {"amount": money(-less, way.currency)}
    return _("%(amount)s less") % {"amount": money(less, way.currency)}


def _where(way: Way, card: PaymentMethod | None) -> str:
    """The page that shows the total and takes the order, filled in."""
    if way.added_to is not None:
        page = reverse("admin:commerce_purchase_add_seats", args=[way.added_to.pk])
        return f"{page}?{urlencode({'quantity': way.seats})}"
    query = {"plan": way.plan.pk, "quantity": way.seats}
    if way.agreement is not None:
        query |= {"agreement": str(way.agreement.pk)}
    if way.agreement is not None and way.agreement.pay_by_invoice:
        query |= {"pay": INVOICE}
    elif card is not None:
        query |= {"pay": str(card.pk)}
    return f"{reverse('admin:commerce_purchase_order')}?{urlencode(query)}"
