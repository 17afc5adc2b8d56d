"""
A trial with a card: the card is kept and nothing is charged. When the trial ends it becomes a purchase at the price
that was quoted, unless renewal is off by then: as every renewal, by `commerce.operations.renewing`.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from commerce.models import CardSetup, Checkout, CheckoutState, PaymentMethod, PaymentSource
from commerce.operations.buying import approval_requests
from commerce.operations.buying.checkouts import decide_again, require_buyer, require_open
from commerce.operations.paying import card_setups, cards, charging, fulfilment
from commerce.operations.paying.cards import Means
from licensing.models import Subscription
from licensing.operations import seats, trials
from policies import eligibility
from policies.eligibility import Answer, PurchaseRefused
from policies.operations import approvals, commitments
from policies.spending import Proposal
from tenants.access import Actor
from tenants.delivery import jobs

NOT_KEPT = (charging.CardDeclined, card_setups.CardSetupCanceled)


def may_begin(checkout: Checkout, *, at: datetime) -> bool:
    """Whether what a purchase is quoted for may begin with a trial instead."""
    product = checkout.plan.product
    if product.trial_days is None or checkout.quantity > (product.trial_seats or 1):
        return False
    answer = eligibility.decide(
        checkout.buyer, product, plan=checkout.plan, quantity=checkout.quantity, trial=True, at=at
    )
    return answer.allowed


def begin(*, checkout: Checkout, means: Means, return_url: str, by: Actor, at: datetime) -> Checkout:
    """
    Keep a card and begin the trial. Returns the checkout `completed`; open with its `card_setup` while the cardholder
    or the provider is awaited; `awaiting_approval` where somebody has to approve the purchase that it becomes.

    :raises NotAllowed: `by` is not its buyer
    :raises CheckoutClosed: completed, expired or canceled
    :raises PurchaseRefused: a rule forbids the purchase or the trial by now
    :raises CardDeclined: :raises CardSetupCanceled: :raises TooManyDeclines: :raises TooManyCardsAtOnce:
        :raises PaymentMethodNotAccepted: :raises ProviderUnavailable: the card could not be kept, as `card_setups.add`
    """
    require_buyer(checkout, by)
    if _needs_approval(checkout, by=by, at=at):
        return approval_requests.ask(checkout=checkout, means=means, return_url=return_url, by=by, at=at)
    setup = approval_requests.set_up(means, return_url, by=by, at=at)
    card = means.card or (setup.payment_method if setup else None)
    if card is not None:
        return start(checkout=checkout, card=card, by=by, at=at)
    return _wait(checkout, setup, at=at)


def learn(*, checkout: Checkout, learn_setup: Callable[..., CardSetup], by: Actor, at: datetime) -> Checkout:
    """
    After the cardholder's step: begin the trial, if the card is kept now. Without one the checkout is open again.

    :raises CardDeclined: :raises CardSetupCanceled: it is not kept
    :raises: as `start`
    """
    if checkout.card_setup is None:
        return checkout
    try:
        setup = learn_setup(setup=checkout.card_setup, by=by, at=at)
    except NOT_KEPT:
        _wait(checkout, None, at=at)
        raise
    if setup.payment_method is None:
        return checkout
    return start(checkout=checkout, card=setup.payment_method, by=by, at=at)


def start(*, checkout: Checkout, card: PaymentMethod, by: Actor, at: datetime) -> Checkout:
    """
    Begin the trial that a checkout is for, with a card that is kept. Every rule is asked again.

    :raises CheckoutClosed: completed, expired or canceled. :raises AwaitingApproval: nobody has approved it yet
    :raises PurchaseRefused: a rule forbids the purchase or the trial by now
    :raises PaymentMethodNotAccepted: the card was removed meanwhile
    """
    try:
        started = _start(checkout, card, by=by, at=at)
    except trials.TrialAlreadyUsed:
        # Begun in this very moment, elsewhere: refused with the rule's own words.
        started = _decided(checkout, by=by, at=at)[0]
    if isinstance(started, Answer):
        raise PurchaseRefused(started)
    return started


@transaction.atomic
def _start(checkout: Checkout, card: PaymentMethod, *, by: Actor, at: datetime) -> Checkout | Answer:
    checkout = _open(checkout, at=at)
    answer, proposal = decide_again(checkout, by=by, at=at)
    if not approvals.answered(answer, subject=checkout.pk, quantity=checkout.quantity):
        return answer
    cards.require_held(card, checkout.tenant, checkout.buyer)
    plan = checkout.plan
    trial = trials.start(
        plan=plan,
        quantity=checkout.quantity,
        purchaser=checkout.buyer,
        order_ref=str(checkout.pk),
        converts=True,
        by=by,
        at=at,
    )
    PaymentSource.objects.create(tenant=checkout.tenant, subscription=trial, payment_method=card)
    seats.place(subscription=trial, members=fulfilment.still_here(checkout), by=by, at=at)
    _count(trial, proposal, by=by, at=at)
    checkout.state, checkout.trial = CheckoutState.COMPLETED, trial
    checkout.save(update_fields=["state", "trial"])
    jobs.enqueue("commerce.deliver_trial", subscription_id=str(trial.pk))
    return checkout


def _count(trial: Subscription, proposal: Proposal, *, by: Actor, at: datetime) -> None:
    """Nothing now, and what it is charged from its end on."""
    product = trial.plan.product
    commitments.commit_spend(proposal=proposal, member=by.home, product=product, at=at)
    commitments.settle(proposal=proposal, member=by.home, product=product, subscription=trial, is_new=True, at=at)


def _needs_approval(checkout: Checkout, *, by: Actor, at: datetime) -> bool:
    """:raises PurchaseRefused: a rule forbids it. :raises CheckoutClosed: it has ended"""
    if Checkout.objects.filter(pk=checkout.pk, state=CheckoutState.AWAITING_APPROVAL).exists():
        return True
    answer, is_answered = _decided(checkout, by=by, at=at)
    if not is_answered and not answer.needs_approval:
        raise PurchaseRefused(answer)
    return not is_answered


@transaction.atomic
def _decided(checkout: Checkout, *, by: Actor, at: datetime) -> tuple[Answer, bool]:
    checkout = _open(checkout, at=at)
    answer, _proposal = decide_again(checkout, by=by, at=at)
    return answer, approvals.answered(answer, subject=checkout.pk, quantity=checkout.quantity)


@transaction.atomic
def _wait(checkout: Checkout, setup: CardSetup | None, *, at: datetime) -> Checkout:
    checkout = _open(checkout, at=at)
    checkout.kept_card, checkout.card_setup = None, setup
    checkout.save(update_fields=["kept_card", "card_setup"])
    return checkout


def _open(checkout: Checkout, *, at: datetime) -> Checkout:
    """The locked row. :raises CheckoutClosed: :raises AwaitingApproval: it is not open"""
    locked = Checkout.objects.locked().with_plan().get(pk=checkout.pk)
    require_open(locked, at=at)
    return locked
