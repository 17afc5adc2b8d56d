"""Differences between the provider's books and our rows, made real: by hand in the sandbox's own ledger."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Difference, Dispute, Invoice, Movement, Order, Payment, Refund, SandboxCharge, SandboxRefund
from commerce.operations.accounts import reconciliation, repairs
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.buying import checkouts
from commerce.operations.changes import cancellations
from commerce.operations.paying import charging, settlement
from tenants.access import Actor
from tenants.journal.events import sequence_waiting
from tests import ledger
from tests.factories import NOON, OperatorFactory, acting, buy, open_checkout, pay

DAY = timedelta(days=1)
LATER = NOON + timedelta(seconds=61)
PRICE = Decimal("19.98")
BANK = SandboxGateway()


def charges():
    return SandboxCharge.objects.using("sandbox")


def refunds_there():
    return SandboxRefund.objects.using("sandbox")


def operator():
    return Actor(user=OperatorFactory())


def compare(at=LATER):
    """With all that the sandbox has: its clock is the real one, while the stories begin at NOON."""
    return reconciliation.compare_books(since=NOON - DAY, until=timezone.now() + DAY, at=at)


def found(kind, at=LATER):
    """The one difference that a comparison shows, of this kind."""
    compare(at)
    [difference] = Difference.objects.open()
    assert difference.kind == kind
    return difference


def mend(difference, at=LATER, by=None):
    return repairs.repair(difference=difference, by=by or operator(), at=at)


def findings():
    sequence_waiting()
    return [finding for check in CHECKS for finding in check()]


# --- One of each kind, as it would come about


def declined_but_captured(ana, plan):
    """The answer was a decline, the money was taken."""
    with pytest.raises(charging.CardDeclined):
        pay(open_checkout(ana, plan), "pm_card_chargeDeclined")
    charges().update(state="captured", decline_code="")
    return Payment.objects.get()


def canceled_but_captured(ana, plan):
    checkout = open_checkout(ana, plan)
    pay(checkout, "pm_card_authenticationRequired")
    checkouts.cancel_checkout(checkout=checkout, by=acting(ana), at=NOON)
    charges().update(state="captured")
    return Payment.objects.get()


def never_asked_about(ana, plan):
    """In progress for a minute, and captured."""
    pay(open_checkout(ana, plan), "pm_card_authenticationRequired")
    BANK.answer_step(Payment.objects.get().pk, approve=True)
    return Payment.objects.get()


def stranger(amount="12.50"):
    """A charge that nothing here belongs to."""
    return charges().create(
        key=uuid4(), customer="somebody", payment_method="pm_card_visa", amount=Decimal(amount), currency="USD",
        state="captured",
    )  # fmt: skip


def set_aside(ana, plan, **wrong):
    """Captured, but not what was agreed."""
    pay(open_checkout(ana, plan), "pm_card_authenticationRequired")
    BANK.answer_step(Payment.objects.get().pk, approve=True)
    charges().update(**(wrong or {"amount": Decimal("25.00")}))
    settlement.reconcile(at=LATER)
    payment = Payment.objects.get()
    assert payment.state == "set_aside"
    return payment


def never_captured(ana, plan):
    buy(ana, plan)
    charges().all().delete()
    return Payment.objects.get()


def canceled(ana, plan, card="pm_card_visa"):
    """A purchase that was canceled with a refund of everything."""
    pay(open_checkout(ana, plan), card)
    subscription = Order.objects.get().subscription
    cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON)
    return Refund.objects.get()


def refund_failed_at_once(ana, plan):
    return canceled(ana, plan, "pm_card_refundFail")


def refund_failed_later(ana, plan):
    refund = canceled(ana, plan)
    refunds_there().update(state="failed")
    charges().update(refunded=0)
    return refund


def refund_lost_there(ana, plan):
    """It counts as given back, and the provider does not know it."""
    refund = canceled(ana, plan)
    refunds_there().all().delete()
    charges().update(refunded=0)
    return refund


def refund_made_there(ana, plan, amount="5.00"):
    buy(ana, plan)
    payment = Payment.objects.get()
    BANK.refund_by_hand(key=uuid4(), charge_key=payment.pk, amount=Decimal(amount))
    return payment


def contested(ana, plan):
    buy(ana, plan)
    payment = Payment.objects.get()
    BANK.contest(payment.pk)
    return payment


ONE_OF_EACH = {
    "unsettled": declined_but_captured,
    "unknown_charge": lambda ana, plan: stranger(),
    "set_aside": set_aside,
    "not_captured": never_captured,
    "refund_failed": refund_failed_later,
    "refund_unsent": refund_lost_there,
    "unknown_refund": refund_made_there,
    "unknown_dispute": contested,
}


def state(difference):
    difference.refresh_from_db()
    return difference.resolution or None


def notes():
    return list(Invoice.objects.filter(kind="credit_note").order_by("sequence").values_list("total", flat=True))


def everything_here():
    """What a repair that does nothing leaves as it is."""
    return (
        list(Payment.objects.order_by("pk").values_list("state", "captured", "refunded", "disputed")),
        list(Refund.objects.order_by("pk").values_list("state", "amount")),
        Dispute.objects.count(),
        Movement.objects.count(),
        Invoice.objects.count(),
        ledger.captured(),
        ledger.refunded(),
    )
