"""A checkout that waits for an approver: asked for with a card that is kept, and charged later, or without one."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import CardSetup, CardSetupState, Checkout, CheckoutState
from commerce.operations.buying.checkouts import decide_again, require_buyer, require_open
from commerce.operations.paying import card_setups, spending
from commerce.operations.paying.cards import Means, PaymentMethodNotAccepted
from policies import eligibility, limits
from policies.eligibility import PurchaseRefused
from policies.models import Approval
from policies.models.approver import approvers_for
from policies.operations import approvals, commitments
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.directory.models import Membership
from tenants.refusal import Refused

MOST_NAMED = 20


class ApprovalNotNeeded(Refused):
    message = _("Nobody has to approve this purchase. Pay for it; nothing was charged yet.")


def ask(*, checkout: Checkout, means: Means | None, return_url: str, by: Actor, at: datetime) -> Checkout:
    """
    Have a checkout wait for an approver, for 14 days, at the price that was quoted. The card is kept and not charged;
    without one, payment is asked for when it is approved. It waits already: as it is. `return_url` is where the bank's
    page sends the cardholder back.

    :raises NotAllowed: `by` is not its buyer
    :raises ApprovalNotNeeded: by now every rule allows it, or it is approved. :raises PurchaseRefused: one refuses it
    :raises CheckoutClosed: completed, expired or canceled
    :raises PaymentInProgress: a card is being tried
    :raises CardDeclined: :raises CardSetupCanceled: :raises TooManyDeclines: :raises TooManyCardsAtOnce: the card could
        not be kept, as `card_setups.add`
    :raises PaymentMethodNotAccepted: :raises ProviderUnavailable: as `card_setups.add`
    """
    require_buyer(checkout, by)
    checkout.refresh_from_db(fields=["state"])
    if checkout.state == CheckoutState.AWAITING_APPROVAL:
        return checkout
    setup = set_up(means, return_url, by=by, at=at)
    card = means.card if means and means.card else setup.payment_method if setup else None
    with transaction.atomic():
        checkout = Checkout.objects.locked().select_related("plan__product", "tenant").get(pk=checkout.pk)
        if checkout.state == CheckoutState.AWAITING_APPROVAL:
            return checkout
        require_open(checkout, at=at)
        answer, proposal = decide_again(checkout, by=by, at=at)
        is_answered = approvals.answered(answer, subject=checkout.pk, quantity=checkout.quantity)
        if answer.needs_approval and not is_answered:
            commitments.commit_spend(proposal=proposal, member=by.home, product=checkout.plan.product, at=at)
            approval = approvals.ask(
                subject=checkout.pk,
                plan=checkout.plan,
                quantity=checkout.quantity,
                amount=checkout.total,
                currency=checkout.currency,
                answer=answer,
                by=by,
                at=at,
            )
            checkout.state, checkout.expires_at = CheckoutState.AWAITING_APPROVAL, approval.lapses_at
            checkout.kept_card, checkout.card_setup = card, None if card else setup
            checkout.save(update_fields=["state", "expires_at", "kept_card", "card_setup"])
            jobs.enqueue("commerce.tell_approvers", approval_id=str(approval.pk))
    if is_answered:
        raise ApprovalNotNeeded
    if not answer.needs_approval:
        raise PurchaseRefused(answer)
    return checkout


def reasons(checkout: Checkout, *, at: datetime) -> list[dict[str, str]]:
    """Why paying for an open checkout asks for an approval first; none: it does not, or one was given."""
    if checkout.state != CheckoutState.OPEN or checkout.expires_at <= at:
        return []
    plan, quantity = checkout.plan, checkout.quantity
    proposal = spending.of_checkout(checkout, at=at)
    answer = eligibility.decide(checkout.buyer, plan.product, plan=plan, quantity=quantity, proposal=proposal, at=at)
    if not answer.needs_approval or approvals.answered(answer, subject=checkout.pk, quantity=quantity):
        return []
    return answer.reasons


def learn_card(checkout: Checkout, *, learn: Callable[..., CardSetup], by: Actor, at: datetime) -> Checkout:
    """
    After the cardholder's step for a card that is to be kept: what became of it. The checkout waits on, also without.

    :raises CardDeclined: :raises CardSetupCanceled: it is not kept
    """
    if checkout.card_setup is not None:
        learn(setup=checkout.card_setup, by=by, at=at)
    return checkout


def who_decides(approval: Approval) -> list[Membership]:
    """Whom its buyer may ask: those who may approve it now, by name, the first of them."""
    departments = limits.own_departments(approval.requester)
    deciders = approvers_for(approval.requester, departments).select_related("user")
    return list(deciders.order_by("name", "pk")[:MOST_NAMED])


def waiting_setup(checkout: Checkout) -> CardSetup | None:
    """The try to keep a card that waits for its holder: for an approval, or for a trial."""
    waits = checkout.state == CheckoutState.AWAITING_APPROVAL or is_keeping_a_card(checkout)
    setup = checkout.card_setup if waits else None
    return setup if setup and setup.state == CardSetupState.REQUIRES_ACTION else None


def is_keeping_a_card(checkout: Checkout) -> bool:
    """A trial begins as soon as its card is kept."""
    return checkout.with_trial and checkout.state == CheckoutState.OPEN and checkout.card_setup_id is not None


def set_up(means: Means | None, return_url: str, *, by: Actor, at: datetime) -> CardSetup | None:
    """Keep a card that is not kept yet. None: it is. :raises: as `card_setups.add`"""
    if means is None:
        return None
    if means.card is None:
        return card_setups.add(token=means.token, return_to=lambda _key: return_url, by=by, at=at)
    if not by.is_member(means.card.member_id):
        raise PaymentMethodNotAccepted(_("This card cannot pay here. Choose another one."), field="payment_method")
    return None
