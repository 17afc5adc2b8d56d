"""A trial without a card: decided as a purchase is, and begun at once, because nothing is charged."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction

from commerce import money
from commerce.models import Checkout, CheckoutState
from commerce.operations.buying.checkouts import MoreToAssignThanSeats
from commerce.operations.pricing.prices import price_for
from commerce.operations.pricing.taxes import terms_for
from licensing.models import Channel, Plan
from licensing.operations import seats, trials
from policies import eligibility
from policies.eligibility import Answer, PurchaseRefused
from policies.operations import acknowledgements, decisions
from policies.operations.acknowledgements import NOTHING_READ, Read
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.directory.models import Membership
from tenants.ids import new_id


def start_trial(
    *,
    plan: Plan,
    quantity: int,
    assign_to: Sequence[Membership] | None = None,
    acknowledge: Read = NOTHING_READ,
    keep: Callable[[Checkout], object] = lambda checkout: None,
    by: Actor,
    at: datetime,
) -> Checkout:
    """
    Start a trial of the plan's product: its checkout is completed at once, without order, invoice or payment.
    `assign_to` defaults to the buyer; `acknowledge` names the data policies that the buyer says to have read. `keep` is
    told what was done, in its transaction.

    :raises PurchaseRefused: a rule forbids it, there is no trial of the product, or the person had theirs
    :raises NotPriced: the plan cannot be bought in the tenant's market, so nobody could go on with it
    :raises MoreToAssignThanSeats: `assign_to` is longer than `quantity`
    :raises BadInput: a data policy asks to be read first
    :raises NotAMember: :raises MemberNotActive: one of `assign_to` has gone meanwhile
    """
    people = [by.home] if assign_to is None else list(assign_to)
    answer = _allowed(plan, quantity, by=by, at=at)
    if len(people) > quantity:
        raise MoreToAssignThanSeats
    try:
        return _start(answer, plan, quantity, people, acknowledge, keep, by=by, at=at)
    except trials.TrialAlreadyUsed:
        _allowed(plan, quantity, by=by, at=at)  # begun in this very moment: refused with the rule's own words
        raise


def _allowed(plan: Plan, quantity: int, *, by: Actor, at: datetime) -> Answer:
    """No approval is asked for what costs nothing: what is not allowed is refused."""
    answer = eligibility.decide(by.home, plan.product, plan=plan, quantity=quantity, trial=True, at=at)
    if not answer.allowed:
        decisions.keep(answer=answer, plan=plan, quantity=quantity, trial=True, by=by, at=at)
        raise PurchaseRefused(answer)
    return answer


@transaction.atomic
def _start(
    answer: Answer,
    plan: Plan,
    quantity: int,
    people: Sequence[Membership],
    read: Read,
    keep: Callable[[Checkout], object],
    *,
    by: Actor,
    at: datetime,
) -> Checkout:
    tenant, number = by.home.tenant, new_id()
    price = price_for(plan, tenant=tenant, channel=Channel.SELF_SERVICE, at=at)
    acknowledgements.acknowledge(product=plan.product, subject=number, read=read, by=by, at=at)
    trial = trials.start(plan=plan, quantity=quantity, purchaser=by.home, order_ref=str(number), by=by, at=at)
    seats.place(subscription=trial, members=people, by=by, at=at)
    decisions.keep(answer=answer, plan=plan, quantity=quantity, trial=True, checkout=number, by=by, at=at)
    checkout = Checkout.objects.create(
        id=number,
        tenant=tenant,
        buyer=by.home,
        plan=plan,
        quantity=quantity,
        assign_to=[str(member.pk) for member in people],
        state=CheckoutState.COMPLETED,
        currency=price.currency,
        unit_price=money.ZERO,
        subtotal=money.ZERO,
        total=money.ZERO,
        trial=trial,
        created_at=at,
        expires_at=at,
        **terms_for(tenant=tenant, at=at).fields,
    )
    jobs.enqueue("commerce.deliver_trial", subscription_id=str(trial.pk))
    keep(checkout)
    return checkout
