"""The rest of an adopted term: who pays it, and when nobody does."""

from decimal import Decimal

import pytest

from commerce.models import Invoice, Order, Payment, PaymentMethod, Refund, TakeOver
from commerce.operations.leaving.adoption import Payer
from commerce.operations.paying.charging import CardDeclined, PaymentCanceled
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.takeover import reimbursing, settling
from tenants.delivery.models import Job
from tests import ledger
from tests.commerce.changes import DAY, STEP_CARD, confirm, findings, fresh
from tests.commerce.provider import contested
from tests.commerce.takeover.conftest import adopt, newest, preview, settle, undo
from tests.factories import NOON, acting, order_centrally

pytestmark = [pytest.mark.django_db(databases=["default", "sandbox"]), pytest.mark.usefixtures("central_price")]
WEEK = 7 * DAY
PAID = Decimal("29.97")


def test_adopted_without_the_rest_of_its_term_nothing_goes_back(boss, subscription, by_invoice):
    settle(adopt(subscription, boss, by_invoice), boss, at=NOON + DAY)
    assert ledger.captured() == [PAID]
    assert not Refund.objects.exists()
    assert not Order.objects.filter(kind="reimbursement").exists()


def test_the_rest_of_the_term_goes_back_and_is_billed_to_the_organisation(boss, subscription, by_invoice):
    at = NOON + (subscription.term_end - NOON) / 2
    told = preview(subscription, boss, mode="adopt", payer=by_invoice, reimburse=True, at=at)
    assert told.total == told.charge == Decimal("14.99")
    made = adopt(subscription, boss, by_invoice, reimburse=True, at=at)
    assert ledger.refunded() == []
    settled = settle(made, boss, at=at + WEEK)
    assert settled.state == "settled"
    assert ledger.refunded() == [Decimal("14.99")]
    order = Order.objects.get(kind="reimbursement")
    assert (order.total, order.state, order.subscription) == (Decimal("14.99"), "invoiced", subscription)
    assert Invoice.objects.get(order=order).bill_to_name == subscription.tenant.billed_as
    assert fresh(subscription).state == "active"
    assert findings() == []


def test_by_card_the_organisation_is_charged_first(boss, subscription, card):
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
    settle(made, boss, at=NOON + DAY)
    assert ledger.captured() == [PAID, PAID]
    assert ledger.refunded() == [PAID]
    settle(made, boss, at=NOON + 2 * DAY)
    assert len(ledger.captured()) == 2
    assert findings() == []


def test_a_card_that_does_not_pay_leaves_everything_open_and_it_is_tried_again(boss, plan, subscription):
    order_centrally(boss, plan, 1, payment_method="pm_card_chargeCustomerFail")
    card = PaymentMethod.objects.get(member=None)
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
    with pytest.raises(CardDeclined):
        settle(made, boss)
    assert ledger.refunded() == []
    assert TakeOver.objects.get().state == "open"
    assert TakeOver.objects.get().next_try_at == NOON + DAY
    assert Job.objects.filter(name="commerce.tell_unpaid_take_over").count() == 1
    assert settling.settle_due(at=NOON + DAY) == 0
    assert Order.objects.filter(kind="reimbursement", state="canceled").count() == 2
    undo(made, boss, at=NOON + DAY)
    assert fresh(subscription).owner is not None
    assert findings() == []


def test_in_a_run_a_card_is_charged_by_the_job_that_follows(boss, subscription, card):
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
    held, back = settling.settle_rows(take_over=made, by=acting(boss), at=NOON)
    assert (held.state, back) == ("open", ())
    assert Job.objects.filter(name="commerce.settle_take_over").count() == 1
    assert settling.settle_one(take_over_id=made.pk, at=NOON).state == "settled"
    assert findings() == []


def test_a_process_that_dies_between_charge_and_refund_loses_nothing(boss, subscription, card):
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
    reimbursing.charge(take_over=made, at=NOON)
    assert (len(ledger.captured()), ledger.refunded()) == (2, [])
    assert Job.objects.filter(name="commerce.settle_take_over").count() == 1
    assert settling.settle_due(at=NOON + WEEK) == 1
    assert (len(ledger.captured()), ledger.refunded()) == (2, [PAID])
    assert findings() == []


def test_what_the_organisation_was_charged_for_is_not_undone(boss, subscription, card):
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
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
