"""The rest of an adopted term: who pays it, and when nobody does."""

from decimal import Decimal

import pytest

from commerce.models import Order, Payment, PaymentMethod, Refund
from commerce.operations.leaving.adoption import Payer
from commerce.operations.paying.charging import CardDeclined, PaymentCanceled
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.takeover import reimbursing
from tests import ledger
from tests.commerce.changes import DAY, STEP_CARD, confirm, findings, fresh
from tests.commerce.provider import contested
from tests.commerce.takeover.conftest import newest, settle, start, undo
from tests.factories import NOON, add_card, agree, order_centrally, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
PAID = Decimal("29.97")


@pytest.fixture(autouse=True)
def central_price(plan):
    return price_centrally(plan, "8.99")


@pytest.fixture
def by_invoice(tenant):
    return Payer(agreement=agree(tenant))


def adopt(subscription, boss, payer, **wish):
    return start(subscription, boss, mode="adopt", payer=payer, **wish)


def test_adopted_without_the_rest_of_its_term_nothing_goes_back(boss, subscription, by_invoice):
    settle(adopt(subscription, boss, by_invoice), boss, at=NOON + DAY)
    assert ledger.captured() == [PAID]
    assert not Refund.objects.exists()
    assert not Order.objects.filter(kind="reimbursement").exists()


def test_what_the_organisation_was_charged_for_is_not_undone(boss, subscription):
    add_card(boss, for_organisation=True)
    made = adopt(subscription, boss, Payer(card=PaymentMethod.objects.get(member=None)), reimburse=True)
    reimbursing.charge(take_over=made, at=NOON)
    with pytest.raises(PaymentInProgress):
        undo(made, boss)
    assert (newest(made).state, fresh(subscription).owner) == ("open", None)
    settle(made, boss, at=NOON + DAY)
    assert (ledger.captured(), ledger.refunded()) == ([PAID, PAID], [PAID])
    assert findings() == []


def test_of_a_contested_charge_the_organisation_takes_nothing_on(boss, subscription, by_invoice):
    made = adopt(subscription, boss, by_invoice, reimburse=True)
    contested(Payment.objects.get(order__subscription=subscription), at=NOON + DAY / 2)
    assert settle(made, boss, at=NOON + DAY).state == "settled"
    assert not Order.objects.filter(kind="reimbursement").exists()
    assert not Refund.objects.exists()
    assert findings() == []


def test_a_card_whose_bank_wants_to_ask_first_is_charged_nothing(boss, plan, subscription):
    confirm(order_centrally(boss, plan, 1, payment_method=STEP_CARD))
    card = PaymentMethod.objects.get(member=None)
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
    for _try in range(2):
        with pytest.raises((CardDeclined, PaymentCanceled)):
            settle(made, boss)
        assert not Order.objects.filter(kind="reimbursement").exclude(state="canceled").exists()
    assert newest(made).state == "open"
    assert ledger.refunded() == []
