"""A checkout from its quote to its end; paying for it is in `commerce.operations.buying.payments`."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import Checkout, CheckoutState, Price
from commerce.operations.paying import settlement, spending
from commerce.operations.pricing import costs
from commerce.operations.pricing.prices import NotPriced, prices_in
from commerce.operations.pricing.taxes import terms_for
from commerce.tax import TaxTerms, split
from licensing.models import Channel, Plan
from policies import eligibility
from policies.eligibility import Answer, PurchaseRefused
from policies.operations import commitments, decisions
from policies.spending import Proposal
from tenants.access import SYSTEM, Actor
from tenants.directory.models import Membership
from tenants.ids import new_id
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.scope import EVERYBODY, Scope

OPEN_FOR = timedelta(hours=24)


class CheckoutClosed(Refused):
    """The checkout has reached an end, whichever it is."""


class CheckoutExpired(CheckoutClosed):
    message = _("This checkout has expired. Start again to see today's price.")


class CheckoutCanceled(CheckoutClosed):
    message = _("This checkout was canceled.")


class CheckoutCompleted(CheckoutClosed):
    message = _("This checkout was paid already.")


class AwaitingApproval(Refused):
    message = _("This checkout waits for an approval. Nothing is charged before that.")


class MoreToAssignThanSeats(BadInput):
    def __init__(self) -> None:
        super().__init__(_("You name more people than you buy seats."), field="assign_to", code="too_many")


def open_checkout(
    *,
    plan: Plan,
    quantity: int,
    assign_to: Sequence[Membership] | None = None,
    with_trial: bool = False,
    by: Actor,
    at: datetime,
) -> Checkout:
    """
    Quote a purchase: the total shown, with its tax, is the total charged, for 24 hours. `assign_to` defaults to the
    buyer. One that needs an approval is quoted, too: it is asked for when the buyer pays. `with_trial`: with a card
    that is kept, and charged when a trial ends.

    The decision is written down with the checkout, or alone when it refuses.

    :raises PurchaseRefused: a rule of eligibility forbids it; nothing is stored as a checkout
    :raises NotPriced: the plan has no price in the tenant's market
    :raises MoreToAssignThanSeats: `assign_to` is longer than `quantity`
    """
    people = [by.home] if assign_to is None else list(assign_to)
    answer, price, terms = _asked(plan, quantity, with_trial=with_trial, by=by, at=at)
    if len(people) > quantity:
        raise MoreToAssignThanSeats
    return _quote(answer, plan, quantity, price, terms, people, with_trial=with_trial, by=by, at=at)


def resume_or_open_checkout(*, plan: Plan, quantity: int, by: Actor, at: datetime) -> Checkout:
    """
    As `open_checkout` for the buyer's own seat, but the same link followed again leads to the same quote, as long
    as it is open and today's price and tax are still those it shows. Followed twice at one moment, too.

    :raises PurchaseRefused: as `open_checkout`
    :raises NotPriced: as `open_checkout`
    """
    answer, price, terms = _asked(plan, quantity, by=by, at=at)
    with transaction.atomic():
        # Row lock: the same person's links are followed one after another, so the second finds what the first opened.
        Membership.objects.select_for_update(of=("self",), no_key=True).get(pk=by.home.pk)
        same = (
            Checkout.objects.by_buyer(by.home)
            .payable(at)
            .filter(plan=plan, quantity=quantity, unit_price=price.amount, currency=price.currency)
            .filter(assign_to=[str(by.home.pk)], with_trial=False, **terms.fields)
        )
        found = same.order_by("-created_at").first()
        return found or _quote(answer, plan, quantity, price, terms, [by.home], by=by, at=at)


def _asked(
    plan: Plan, quantity: int, *, with_trial: bool = False, by: Actor, at: datetime
) -> tuple[Answer, Price, TaxTerms]:
    """What the rules say of a purchase at today's price. One that they refuse needs no price."""
    tenant = by.home.tenant
    terms = terms_for(tenant=tenant, at=at)
    price = prices_in(tenant.country, [plan], channel=Channel.SELF_SERVICE, on=tenant.today(at)).get(plan.pk)
    proposal = costs.proposal(plan, quantity, price, terms, tenant=tenant, at=at) if price else None
    if proposal is not None and with_trial:
        proposal = spending.after_trial(proposal, plan, tenant=tenant, at=at)
    answer = _answer(plan, quantity, proposal, with_trial=with_trial, by=by, at=at)
    if not (answer.allowed or answer.needs_approval):
        decisions.keep(answer=answer, plan=plan, quantity=quantity, by=by, at=at)
        raise PurchaseRefused(answer)
    if price is None:
        raise NotPriced
    return answer, price, terms


def decide_again(checkout: Checkout, *, by: Actor, at: datetime) -> tuple[Answer, Proposal]:
    """
    The rules as they are now, over what the checkout would cost; the decision is written down. The caller holds the
    checkout's lock, and from here on the lock of the limits that it counts towards.
    """
    plan, quantity = checkout.plan, checkout.quantity
    commitments.lock_limits(member=by.home, product=plan.product)
    proposal = spending.of_checkout(checkout, at=at)
    answer = _answer(plan, quantity, proposal, with_trial=checkout.with_trial, by=by, at=at)
    decisions.keep(answer=answer, plan=plan, quantity=quantity, checkout=checkout.pk, by=by, at=at)
    return answer, proposal


def _answer(
    plan: Plan, quantity: int, proposal: Proposal | None, *, with_trial: bool, by: Actor, at: datetime
) -> Answer:
    """What the rules say of a purchase; of one that begins with a trial, what forbids that comes first."""
    if with_trial:
        of_trial = eligibility.decide(
            by.home, plan.product, plan=plan, quantity=quantity, trial=True, proposal=proposal, at=at
        )
        if not (of_trial.allowed or of_trial.needs_approval):
            return of_trial
    return eligibility.decide(by.home, plan.product, plan=plan, quantity=quantity, proposal=proposal, at=at)


@transaction.atomic
def _quote(
    answer: Answer,
    plan: Plan,
    quantity: int,
    price: Price,
    terms: TaxTerms,
    people: Sequence[Membership],
    *,
    with_trial: bool = False,
    by: Actor,
    at: datetime,
) -> Checkout:
    number = new_id()
    decisions.keep(answer=answer, plan=plan, quantity=quantity, checkout=number, by=by, at=at)
    net, tax = split(price.amount * quantity, terms, price.currency)
    checkout = Checkout.objects.create(
        id=number,
        tenant=by.home.tenant,
        buyer=by.home,
        plan=plan,
        quantity=quantity,
        assign_to=[str(member.pk) for member in people],
        currency=price.currency,
        unit_price=price.amount,
        subtotal=net,
        tax=tax,
        total=net + tax,
        **terms.fields,
        with_trial=with_trial,
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
    require_buyer(checkout, by)
    return _end(checkout, CheckoutState.CANCELED, by=by, at=at)


def expire_overdue(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """End the checkouts whose time has run out. One whose provider does not answer is left for the next sweep."""
    ended = 0
    for checkout in among.of(Checkout.objects.overdue(at)).order_by("expires_at")[:limit]:
        try:
            checkout = _end(checkout, CheckoutState.EXPIRED, by=SYSTEM, at=at)
        except (CheckoutClosed, settlement.PaymentInProgress):
            continue
        ended += checkout.state == CheckoutState.EXPIRED
    return ended


def _end(checkout: Checkout, state: CheckoutState, *, by: Actor, at: datetime) -> Checkout:
    settlement.release_card(checkout=checkout, at=at)
    with transaction.atomic():
        checkout = Checkout.objects.locked().get(pk=checkout.pk)
        is_still_good = state == CheckoutState.EXPIRED and checkout.expires_at > at  # approved since it was looked at
        if checkout.state == state or is_still_good:
            return checkout
        require_unpaid(checkout, at=None)
        settlement.end_checkout(checkout=checkout, state=state, by=by, at=at)
    return checkout


def require_buyer(checkout: Checkout, by: Actor) -> None:
    """:raises NotAllowed: a checkout is paid, confirmed and canceled by the person who opened it"""
    if not by.is_member(checkout.buyer_id):
        raise NotAllowed(_("Only the person who opened this checkout can do this."))


def require_unpaid(checkout: Checkout, *, at: datetime | None) -> None:
    """As `require_open`, but it may wait for an approval."""
    if checkout.state != CheckoutState.AWAITING_APPROVAL:
        require_open(checkout, at=at)


def require_open(checkout: Checkout, *, at: datetime | None) -> None:
    """
    :raises CheckoutClosed: it has ended. :raises PaymentInProgress: a card is being tried
    :raises AwaitingApproval: nobody has approved it yet
    """
    refused: dict[CheckoutState, type[Refused]] = {
        CheckoutState.COMPLETED: CheckoutCompleted,
        CheckoutState.EXPIRED: CheckoutExpired,
        CheckoutState.CANCELED: CheckoutCanceled,
        CheckoutState.AWAITING_APPROVAL: AwaitingApproval,
    }
    state = CheckoutState(checkout.state)
    if state != CheckoutState.OPEN:
        raise refused.get(state, settlement.PaymentInProgress)
    if at is not None and checkout.expires_at <= at:
        raise CheckoutExpired
