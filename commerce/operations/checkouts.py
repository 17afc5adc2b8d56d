"""A checkout from its quote to its end; paying for it is in `commerce.operations.payments`."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import Checkout, CheckoutState, Order, OrderState, Price
from commerce.operations import payments
from commerce.operations.prices import price_for
from licensing.models import Channel, Plan
from policies import eligibility
from policies.eligibility import PurchaseRefused
from tenants.access import SYSTEM, Actor
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import BadInput

OPEN_FOR = timedelta(hours=24)


class MoreToAssignThanSeats(BadInput):
    def __init__(self) -> None:
        super().__init__(_("You name more people than you buy seats."), field="assign_to", code="too_many")


def open_checkout(
    *, plan: Plan, quantity: int, assign_to: Sequence[Membership] | None = None, by: Actor, at: datetime
) -> Checkout:
    """
    Quote a purchase: the price shown is the price charged, for 24 hours. `assign_to` defaults to the buyer.

    The decision is written down whether it allows or refuses.

    :raises PurchaseRefused: a rule of eligibility forbids it; nothing is stored as a checkout
    :raises NotPriced: the plan has no price in the tenant's market
    :raises MoreToAssignThanSeats: `assign_to` is longer than `quantity`
    """
    people = [by.home] if assign_to is None else list(assign_to)
    _require_allowed(plan, quantity, by=by, at=at)
    if len(people) > quantity:
        raise MoreToAssignThanSeats
    price = price_for(plan, tenant=by.home.tenant, channel=Channel.SELF_SERVICE, at=at)
    return _quote(plan, quantity, price, people, by=by, at=at)


def resume_or_open_checkout(*, plan: Plan, quantity: int, by: Actor, at: datetime) -> Checkout:
    """
    As `open_checkout` for the buyer's own seat, but the same link followed again leads to the same quote, as long
    as it is open and today's price is still the one it shows.

    :raises PurchaseRefused: as `open_checkout`
    :raises NotPriced: as `open_checkout`
    """
    _require_allowed(plan, quantity, by=by, at=at)
    price = price_for(plan, tenant=by.home.tenant, channel=Channel.SELF_SERVICE, at=at)
    same = (
        Checkout.objects.by_buyer(by.home)
        .payable(at)
        .filter(
            plan=plan, quantity=quantity, unit_price=price.amount, currency=price.currency, assign_to=[str(by.home.pk)]
        )
    )
    return same.order_by("-created_at").first() or _quote(plan, quantity, price, [by.home], by=by, at=at)


def _require_allowed(plan: Plan, quantity: int, *, by: Actor, at: datetime) -> None:
    answer = eligibility.decide(by.home, plan.product, plan=plan, quantity=quantity, at=at)
    eligibility.keep(answer, plan=plan, quantity=quantity, at=at)
    if not answer.allowed:
        raise PurchaseRefused(answer)


@transaction.atomic
def _quote(
    plan: Plan, quantity: int, price: Price, people: Sequence[Membership], *, by: Actor, at: datetime
) -> Checkout:
    checkout = Checkout.objects.create(
        tenant=by.home.tenant,
        buyer=by.home,
        plan=plan,
        quantity=quantity,
        assign_to=[str(member.pk) for member in people],
        currency=price.currency,
        unit_price=price.amount,
        subtotal=price.amount * quantity,
        total=price.amount * quantity,
        created_at=at,
        expires_at=at + OPEN_FOR,
    )
    events.record(
        "checkout.opened",
        tenant=by.home.tenant,
        by=by,
        at=at,
        subject=checkout.pk,
        plan=plan.pk,
        quantity=quantity,
        total=money.text(checkout.total, checkout.currency),
        currency=checkout.currency,
    )
    return checkout


def cancel_checkout(*, checkout: Checkout, by: Actor, at: datetime) -> Checkout:
    """
    Give a checkout up. A card that waits for its holder is released first; done already: nothing changes.

    :raises NotAllowed: `by` is not its buyer
    :raises CheckoutCompleted: it was paid, perhaps this very moment
    :raises CheckoutExpired: too late
    :raises PaymentInProgress: the provider has not answered yet
    """
    payments.require_buyer(checkout, by)
    return _end(checkout, CheckoutState.CANCELED, by=by, at=at)


def expire_overdue(*, at: datetime, limit: int = 500) -> int:
    """End the checkouts whose time has run out. One whose provider does not answer is left for the next sweep."""
    ended = 0
    for checkout in Checkout.objects.overdue(at).order_by("expires_at")[:limit]:
        try:
            _end(checkout, CheckoutState.EXPIRED, by=SYSTEM, at=at)
        except (payments.CheckoutClosed, payments.PaymentInProgress):
            continue
        ended += 1
    return ended


def _end(checkout: Checkout, state: CheckoutState, *, by: Actor, at: datetime) -> Checkout:
    payments.release_card(checkout, at=at)
    with transaction.atomic():
        checkout = Checkout.objects.locked().get(pk=checkout.pk)
        if checkout.state == state:
            return checkout
        payments.require_open(checkout, at=None)
        checkout.state = state
        checkout.save(update_fields=["state"])
        Order.objects.filter(checkout=checkout, state=OrderState.PENDING).update(state=OrderState.CANCELED)
        events.record(f"checkout.{state.value}", tenant=checkout.tenant, by=by, at=at, subject=checkout.pk)
    return checkout
