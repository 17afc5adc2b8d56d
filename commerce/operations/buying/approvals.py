"""Deciding on a checkout that waits, and charging the card that was kept for it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from django.db import transaction

from commerce.models import CardSetupState, Checkout, CheckoutState, Order, OrderState, Payment, PaymentMethod
from commerce.models.payment import PaymentState
from commerce.operations.buying import card_trials, payments
from commerce.operations.buying.checkouts import OPEN_FOR, AwaitingApproval, CheckoutClosed
from commerce.operations.paying import card_setups, cards, charging, declines, settlement, spending
from commerce.tax import TaxTerms, split
from policies.eligibility import PurchaseRefused
from policies.models import Approval
from policies.operations import approvals, commitments
from policies.spending import Proposal
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.scope import EVERYBODY, Scope

# So often a charge may be called off, by a provider that does not know what it is asked, before its buyer is asked.
TRIES = 3
TO_BE_TRIED_AGAIN = (cards.ProviderUnavailable, declines.TooManyCardsAtOnce, settlement.PaymentInProgress)


def decide(
    *, approval: Approval, approve: bool, quantity: int | None = None, message: str = "", by: Actor, at: datetime
) -> Approval:
    """
    Approve a checkout, for as many seats as were asked for or fewer, or decline it. Approved: the card that was kept is
    charged by a job at once; without one the buyer is asked to pay. Declined: the checkout is canceled.

    :raises OwnApproval: :raises NotAllowed: :raises ApprovalNotWaiting: :raises ApprovalLapsed: :raises BadInput: as in
        `policies.operations.approvals`
    :raises PurchaseRefused: a rule forbids it by now; nothing is charged, the buyer is told, and it waits on
    """
    refused = None
    with transaction.atomic():
        checkout = Checkout.objects.locked().with_plan().get(pk=approval.subject)
        if not approve:
            approval = approvals.decline(approval=approval, message=message, by=by, at=at)
            settlement.end_checkout(checkout=checkout, state=CheckoutState.CANCELED, by=by, at=at)
        else:
            buyer, product = checkout.buyer, checkout.plan.product
            commitments.lock_limits(member=buyer, product=product)
            proposal = _quote_again(checkout, approval.quantity if quantity is None else quantity, at=at)
            approval, answer = approvals.approve(
                approval=approval, quantity=quantity, message=message, proposal=proposal, by=by, at=at
            )
            if approval.is_waiting:
                refused = PurchaseRefused(answer)
            else:
                commitments.commit_spend(proposal=proposal, member=buyer, product=product, at=at)
                _release(checkout, at=at)
        if refused:
            reasons = [reason["detail"] for reason in answer.reasons]
            jobs.enqueue("commerce.tell_refused_approval", approval_id=str(approval.pk), reasons=reasons)
        else:
            jobs.enqueue("commerce.tell_approval", approval_id=str(approval.pk))
    if refused:
        raise refused
    return approval


def charge_due(
    *, return_to: Callable[[Checkout], str], at: datetime, limit: int = 100, among: Scope = EVERYBODY
) -> int:
    """Charge the approved checkouts whose kept card was not tried: what the jobs left. Returns how many it tried."""
    due = list(among.of(Checkout.objects.to_charge()).filter(expires_at__gt=at).order_by("created_at")[:limit])
    for checkout in due:
        charge(checkout=checkout, return_url=return_to(checkout), at=at)
    return len(due)


def charge(*, checkout: Checkout, return_url: str, at: datetime) -> None:
    """
    Charge an approved checkout to the card that was kept for it, while its buyer does something else. Every rule is
    asked again. Where that card does not pay, the buyer is told, and may pay otherwise. Charged already, canceled, or
    without a card: nothing changes.
    """
    checkout = Checkout.objects.select_related("buyer__user", "buyer__tenant", "kept_card", "card_setup").get(
        pk=checkout.pk
    )
    if checkout.state != CheckoutState.OPEN or _is_being_kept(checkout):
        return
    by = Actor(user=checkout.buyer.user, membership=checkout.buyer)
    card = checkout.kept_card or (checkout.card_setup.payment_method if checkout.card_setup else None)
    if card is None or _called_off(checkout, card) >= TRIES:
        _let_go(checkout, told="card")
    elif checkout.with_trial:
        _begin_trial(checkout, card, by=by, at=at)
    else:
        _charge(checkout, card, return_url=return_url, by=by, at=at)


def _charge(checkout: Checkout, card: PaymentMethod, *, return_url: str, by: Actor, at: datetime) -> None:
    try:
        means = cards.means(payment_method=str(card.pk), by=by)
        payment = payments.start(checkout, means, kept=True, by=by, at=at)
    except (*TO_BE_TRIED_AGAIN, CheckoutClosed, AwaitingApproval):
        return
    except (cards.PaymentMethodNotAccepted, declines.TooManyDeclines):
        _let_go(checkout, told="card")
    except PurchaseRefused:
        _let_go(checkout, told="refused")
    else:
        if payment is None:  # approved for something else than it is now
            _let_go(checkout, told="refused")
            return
        with suppress(charging.CardDeclined, charging.PaymentCanceled, *charging.CAME_TO_NOTHING):
            charging.send(payment=payment, return_url=return_url, at=at, off_session=True)


def _begin_trial(checkout: Checkout, card: PaymentMethod, *, by: Actor, at: datetime) -> None:
    """Nothing is charged: the card is kept, and the trial begins."""
    try:
        card_trials.start(checkout=checkout, card=card, by=by, at=at)
    except (CheckoutClosed, AwaitingApproval):
        return
    except cards.PaymentMethodNotAccepted:
        _let_go(checkout, told="card")
    except PurchaseRefused:
        _let_go(checkout, told="refused")


def _quote_again(checkout: Checkout, seats: int, *, at: datetime) -> Proposal:
    """For as many seats, at the price and the tax that were quoted. Nothing of it is written here."""
    net, tax = split(checkout.unit_price * seats, TaxTerms.of(checkout), checkout.currency)
    checkout.quantity, checkout.subtotal, checkout.tax, checkout.total = seats, net, tax, net + tax
    return spending.of_checkout(checkout, at=at)


def _release(checkout: Checkout, *, at: datetime) -> None:
    """Let a locked checkout be paid, as it was quoted for the seats that are approved."""
    checkout.assign_to = checkout.assign_to[: checkout.quantity]
    checkout.state = CheckoutState.OPEN
    checkout.expires_at = max(checkout.expires_at, at + OPEN_FOR)
    checkout.save()
    # A card was declined for it before anybody asked for an approval.
    for order in Order.objects.locked().filter(checkout=checkout, state=OrderState.PENDING):
        order.subtotal, order.tax, order.total = checkout.subtotal, checkout.tax, checkout.total
        order.save(update_fields=["subtotal", "tax", "total"])
        order.lines.update(quantity=checkout.quantity, amount=checkout.subtotal, tax=checkout.tax)
    if checkout.kept_card_id or checkout.card_setup_id:
        jobs.enqueue("commerce.charge_approved", checkout_id=str(checkout.pk))


def _is_being_kept(checkout: Checkout) -> bool:
    """Whether its card is still on the way to being kept: the sweep comes back when that is known."""
    setup = checkout.card_setup
    if checkout.kept_card is not None:
        return False
    if setup is not None and checkout.with_trial:
        return setup.state in card_setups.LIVE
    return setup is None or setup.state == CardSetupState.STARTED


def _called_off(checkout: Checkout, card: PaymentMethod) -> int:
    tried = Payment.objects.filter(order__checkout=checkout, card=card, state=PaymentState.CANCELED)
    return tried.count()


def _let_go(checkout: Checkout, *, told: str) -> None:
    with transaction.atomic():
        checkout = Checkout.objects.locked().get(pk=checkout.pk)
        if checkout.state == CheckoutState.OPEN:
            settlement.let_card_go(checkout, told=told)
