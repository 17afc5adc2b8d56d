"""
One safe repair for each kind of difference. It asks the provider whether the difference still stands, does one thing
through the operation that does it everywhere else, under the lock of the order, and looks again.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

from django.db import transaction
from django.db.models import Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from commerce import gateways, money
from commerce.gateways.protocol import (
    DisputeReport,
    Gateway,
    GatewayUnavailable,
    Kind,
    RefundAnswer,
    RefundOutcome,
)
from commerce.models import (
    Difference,
    DifferenceKind,
    Order,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    Resolution,
)
from commerce.operations.accounts import comparison, second_look
from commerce.operations.accounts.comparison import Found
from commerce.operations.accounts.reconciliation import ProviderSilent, resolve
from commerce.operations.paying import disputes, orders, refunds, settlement
from commerce.tax import tax_within
from tenants.access import Actor
from tenants.refusal import Refused

# Kept as it is written here, translated where it is read.
STILL_STANDS = gettext_noop("The provider was asked again, and it still stands.")


class AlreadyResolved(Refused):
    message = _("This was repaired already, or has gone away.")


class NoLongerTrue(Refused):
    message = _("This has gone away by itself: nothing was done.")


class OfAnotherProvider(Refused):
    message = _("This is of a provider that is not in use any more.")


class NothingLeftToRecord(Refused):
    message = _(
        "Nothing that is not promised otherwise is left of this charge. Let its other refunds be settled first."
    )


class NotDecidedYet(Refused):
    message = _("The provider still works on this refund. Try again when it has succeeded.")


class ProviderRefuses(Refused):
    message = _("The provider refuses to give this charge back. See its own pages.")


Thing = TypeVar("Thing")
Do = Callable[[Gateway, Difference, Found, Actor, datetime], None]


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What its button is called, and what pressing it does."""

    name: str | Promise
    explanation: str | Promise
    do: Do


def repair(*, difference: Difference, by: Actor, at: datetime) -> Difference:
    """
    Do what mends a difference. Returns it resolved; or open with a note, where it still stands. Outside any
    transaction. Twice, or by two operators at once, it is done once.

    :raises NotAllowed: neither operator nor system
    :raises AlreadyResolved: somebody was faster
    :raises NoLongerTrue: it does not stand any more; it is resolved as gone
    :raises OfAnotherProvider: the gateway in use cannot be asked about it
    :raises ProviderSilent: the provider does not answer
    :raises ProviderRefuses: it will not give back a charge of nobody here
    :raises ChargeContested: the bank has the money
    :raises NothingSetAside: :raises NothingToMakeGood: somebody was faster
    :raises NotDecidedYet: the provider still works on a refund that was made there
    :raises NothingLeftToRecord: :raises NotEnoughLeft: other refunds of the charge are to be settled first
    """
    by.require_operator()
    difference = Difference.objects.select_related("tenant", "payment", "refund").get(pk=difference.pk)
    gateway = gateways.current()
    if difference.resolved_at is not None:
        raise AlreadyResolved
    if difference.gateway != gateway.name:
        raise OfAnotherProvider
    try:
        found = second_look.look(difference, at=at)
        if found is not None:
            REPAIRS[DifferenceKind(difference.kind)].do(gateway, difference, found, by, at)
        stands = found is not None and _still_stands(difference, at)
    except GatewayUnavailable:
        raise ProviderSilent from None
    if stands:
        Difference.objects.filter(pk=difference.pk).update(note=STILL_STANDS, seen_at=at)
    elif not resolve(difference, Resolution.REPAIRED if found else Resolution.GONE, by=by, at=at):
        raise AlreadyResolved
    elif found is None:
        raise NoLongerTrue
    difference.refresh_from_db()
    return difference


def _still_stands(difference: Difference, at: datetime) -> bool:
    # Not every provider tells what went back of a charge of nobody here. It said that it gave it back: that is enough.
    return difference.kind != DifferenceKind.UNKNOWN_CHARGE and second_look.look(difference, at=at) is not None


def _settle(gateway: Gateway, difference: Difference, found: Found, by: Actor, at: datetime) -> None:
    payment = _of(found.payment)
    charge = gateway.find(payment.pk)
    if charge is not None:
        settlement.settle_payment(payment=payment, charge=charge, at=at)


def _refund_unknown(gateway: Gateway, difference: Difference, found: Found, by: Actor, at: datetime) -> None:
    # Always the same key, so that it is given back once.
    key = uuid5(NAMESPACE_URL, f"seatwise/unknown_charge/{difference.gateway}/{difference.reference}")
    answer = gateway.refund_unknown(key=key, reference=difference.reference)
    if answer.outcome == RefundOutcome.FAILED:
        raise ProviderRefuses


def _release(gateway: Gateway, difference: Difference, found: Found, by: Actor, at: datetime) -> None:
    with transaction.atomic():
        payment = _locked(_of(found.payment))
        refunds.give_back_set_aside(payment=payment, by=by, at=at)
    refunds.send_waiting(payment, at=at)


def _only_ask(gateway: Gateway, difference: Difference, found: Found, by: Actor, at: datetime) -> None:
    """It was asked already, and is asked once more: nothing that is safe gives this money or takes it."""


def _make_good(gateway: Gateway, difference: Difference, found: Found, by: Actor, at: datetime) -> None:
    refund = _of(found.refund)
    if refund.state != RefundState.FAILED:
        answer = second_look.answer_to(gateway, refund)
        if answer is not None:
            refund = refunds.settle_refund(refund=refund, answer=answer, at=at)
    with transaction.atomic():
        made = refunds.make_good(refund=refund.replaces or refund, by=by, at=at)
    refunds.send(made, at=at)


def _send_again(gateway: Gateway, difference: Difference, found: Found, by: Actor, at: datetime) -> None:
    refund = _of(found.refund)
    payment = _of(refund.payment)
    if payment.is_contested:
        raise refunds.ChargeContested
    answer = gateway.refund(key=refund.pk, charge_key=payment.pk, amount=refund.amount)
    refunds.settle_refund(refund=refund, answer=answer, at=at)


def _record_refund(gateway: Gateway, difference: Difference, found: Found, by: Actor, at: datetime) -> None:
    answer = gateway.fetch(Kind.REFUND, difference.reference)
    if not isinstance(answer, RefundAnswer):
        raise NoLongerTrue
    if answer.outcome != RefundOutcome.SUCCEEDED:
        raise NotDecidedYet
    with transaction.atomic():
        payment = _locked(_of(found.payment))
        missing = answer.amount - _recorded(payment, answer)
        if missing <= 0:
            raise AlreadyResolved
        failed = Refund.objects.to_be_made_good().filter(payment=payment)
        # What failed and was then made good by hand is promised and credited already.
        replaced = failed.filter(amount=missing).first()
        amount = missing if replaced else min(missing, _free_of(payment))
        if amount <= 0:
            raise NothingLeftToRecord
        tax = replaced.tax if replaced else _tax_within(payment, amount)
        refunds.record_external(payment, answer=answer, amount=amount, tax=tax, replaces=replaced, at=at)


def _record_dispute(gateway: Gateway, difference: Difference, found: Found, by: Actor, at: datetime) -> None:
    report = gateway.fetch(Kind.DISPUTE, difference.reference)
    if isinstance(report, DisputeReport):
        with suppress(disputes.NotCapturedYet):  # then it still stands, and says so
            disputes.settle_dispute(report=report, at=at)


def _recorded(payment: Payment, answer: RefundAnswer) -> Decimal:
    like = Refund.objects.filter(comparison.refunds_like(answer), payment=payment).exclude(state=RefundState.FAILED)
    return like.aggregate(sum=Sum("amount"))["sum"] or money.ZERO


def _free_of(payment: Payment) -> Decimal:
    found: Any = Payment.objects.with_free().get(pk=payment.pk)
    return found.free


def _tax_within(payment: Payment, amount: Decimal) -> Decimal:
    """The part of what somebody gave back that is tax, as it is of what is left of the order."""
    order: Order = payment.order
    if payment.state != PaymentState.SUCCEEDED or not order.tax:
        return money.ZERO
    given = Refund.objects.promises().filter(order=order).aggregate(amount=Sum("amount"), tax=Sum("tax"))
    left = order.total - (given["amount"] or money.ZERO)
    tax_left = order.tax - (given["tax"] or money.ZERO)
    return tax_within(amount, left=left, tax_left=tax_left, currency=order.currency)


def _locked(payment: Payment) -> Payment:
    """As it stands under the lock of its order."""
    order = orders.lock(payment.order_id)
    payment = Payment.objects.select_related("tenant").get(pk=payment.pk)
    payment.order = order
    return payment


def _of(thing: Thing | None) -> Thing:
    if thing is None:
        raise ValueError("a difference of this kind names what it is about")
    return thing


REPAIRS: dict[DifferenceKind, Repair] = {
    DifferenceKind.UNSETTLED: Repair(
        name=_("Write the payment down"),
        explanation=_("What was paid for is granted now; what was paid in vain goes back to the card in full."),
        do=_settle,
    ),
    DifferenceKind.UNKNOWN_CHARGE: Repair(
        name=_("Give the charge back"),
        explanation=_(
            "Nothing here belongs to this charge. All that is left of it goes back to the card it came from."
        ),
        do=_refund_unknown,
    ),
    DifferenceKind.SET_ASIDE: Repair(
        name=_("Give it back in full"),
        explanation=_("Another amount or currency than agreed was charged. All of it goes back to the card."),
        do=_release,
    ),
    DifferenceKind.NOT_CAPTURED: Repair(
        name=_("Ask the provider again"),
        explanation=_(
            "Nothing is given and nothing is taken. If the provider still does not have this payment, look for it in "
            "the provider's own pages."
        ),
        do=_only_ask,
    ),
    DifferenceKind.REFUND_FAILED: Repair(
        name=_("Give it back once more"),
        explanation=_(
            "A new refund of the same amount goes to the same card. What was credited is not credited again."
        ),
        do=_make_good,
    ),
    DifferenceKind.REFUND_UNSENT: Repair(
        name=_("Send the refund again"),
        explanation=_("The same refund is sent under the same key, by which the provider makes it at most once."),
        do=_send_again,
    ),
    DifferenceKind.UNKNOWN_REFUND: Repair(
        name=_("Write the refund down"),
        explanation=_("What somebody gave back at the provider is written down, with a credit note. No money moves."),
        do=_record_refund,
    ),
    DifferenceKind.UNKNOWN_DISPUTE: Repair(
        name=_("Write the dispute down"),
        explanation=_("The dispute is written down as it stands at the bank, and access goes or comes with it."),
        do=_record_dispute,
    ),
}
