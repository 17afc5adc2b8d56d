"""Processes that are killed while they repair a difference or catch up: done once in the end, and the books agree."""

from decimal import Decimal

import pytest

from commerce.models import Difference, Invoice, Movement, Refund
from commerce.operations.accounts import catching_up, repairs
from commerce.operations.paying import settlement
from tenants.access import SYSTEM
from tests import ledger
from tests.commerce.differences import (
    DAY,
    LATER,
    compare,
    declined_but_captured,
    found,
    refund_failed_later,
    refund_made_there,
    set_aside,
    stranger,
)
from tests.commerce.test_catching_up import forget_all, posted
from tests.factories import MembershipFactory, buy, plan_on_sale
from tests.faults.test_killed import books_agree, every, killed_or_done

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

PRICE = Decimal("19.98")


@pytest.fixture
def ana():
    return MembershipFactory()


@pytest.fixture
def plan():
    return plan_on_sale()


def repaired_in_the_end():
    """What the sweep and the operator's second click make of it, wherever the process died."""
    settlement.reconcile(at=LATER + DAY)
    for difference in Difference.objects.open():
        try:
            repairs.repair(difference=difference, by=SYSTEM, at=LATER + DAY)
        except (repairs.NoLongerTrue, repairs.AlreadyResolved):
            continue
    assert compare(LATER + DAY).standing == 0
    books_agree()


@every(last=140, step=35)
def test_writing_a_payment_down(victim, ana, plan, nth, last):
    declined_but_captured(ana, plan)
    found("unsettled")
    killed_or_done(*victim({"do": "repair", "at": LATER, "die": nth}), nth, last)
    repaired_in_the_end()
    assert (ledger.captured(), ledger.refunded()) == ([PRICE], [])


@every(last=32, step=16)
def test_giving_back_a_charge_of_nobody(victim, nth, last):
    charge = stranger()
    found("unknown_charge")
    killed_or_done(*victim({"do": "repair", "at": LATER, "die": nth}), nth, last)
    repaired_in_the_end()
    assert ledger.refunded() == [charge.amount]


@every(last=72, step=24)
def test_giving_back_what_was_set_aside(victim, ana, plan, nth, last):
    set_aside(ana, plan)
    found("set_aside")
    killed_or_done(*victim({"do": "repair", "at": LATER, "die": nth}), nth, last)
    repaired_in_the_end()
    assert ledger.refunded() == [25]


@every(last=84, step=28)
def test_making_a_refund_good(victim, ana, plan, nth, last):
    refund_failed_later(ana, plan)
    found("refund_failed")
    killed_or_done(*victim({"do": "repair", "at": LATER, "die": nth}), nth, last)
    repaired_in_the_end()
    assert list(Refund.objects.filter(state="succeeded").values_list("amount", flat=True)) == [PRICE]
    assert Invoice.objects.filter(kind="credit_note").count() == 1


@every(last=56, step=28)
def test_writing_a_refund_down(victim, ana, plan, nth, last):
    refund_made_there(ana, plan)
    found("unknown_refund")
    killed_or_done(*victim({"do": "repair", "at": LATER, "die": nth}), nth, last)
    repaired_in_the_end()
    assert Refund.objects.get().amount == 5
    assert ledger.refunded() == [5]


@every(last=56, step=28)
def test_catching_up(victim, ana, plan, nth, last):
    buy(ana, plan)
    before = posted()
    forget_all()
    killed_or_done(*victim({"do": "catch up", "at": LATER, "die": nth}), nth, last)
    catching_up.catch_up(at=LATER + DAY)
    assert posted() == before
    assert (Movement.objects.count(), Invoice.objects.count()) == (2, 1)
    books_agree()
