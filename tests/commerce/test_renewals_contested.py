"""A charge that is contested, and the renewals of what it paid for."""

from datetime import UTC, datetime, timedelta

import pytest

from commerce.models import Payment
from commerce.operations.paying import disputes
from licensing.models import Subscription
from tests import ledger
from tests.commerce.changes import DAY, findings
from tests.commerce.declining import RETRIES, buy_with_bad_card, pay_with
from tests.commerce.provider import BANK
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DUE = datetime(2026, 4, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan, 2)


def contest(payment, at):
    return disputes.settle_dispute(report=BANK.contest(payment.pk), at=at)


def judge(payment, at, won=True):
    return disputes.settle_dispute(report=BANK.judge_dispute(payment.pk, won=won), at=at)


def now(subscription):
    fresh = Subscription.objects.get(pk=subscription.pk)
    return fresh.state, fresh.term_end.date().isoformat()


def renewal_payment():
    return Payment.objects.get(order__kind="renewal")


def test_of_a_renewal_takes_access_at_once_and_winning_gives_it_back(subscription):
    sweep(DUE)
    advance(DUE + 12 * HOUR)
    assert now(subscription) == ("active", "2026-05-10")
    contest(renewal_payment(), DUE + 2 * DAY)
    assert now(subscription)[0] == "disabled"
    judge(renewal_payment(), DUE + 9 * DAY)
    assert now(subscription) == ("active", "2026-05-10")
    assert len(ledger.captured()) == 2
    assert findings() == []


def test_lost_keeps_it_ended_and_nothing_renews(subscription):
    sweep(DUE)
    advance(DUE + 12 * HOUR)
    contest(renewal_payment(), DUE + 2 * DAY)
    judge(renewal_payment(), DUE + 9 * DAY, won=False)
    assert now(subscription)[0] == "disabled"
    assert sweep(DUE + 30 * DAY) == {}
    assert findings() == []


def test_while_it_is_undecided_a_term_that_is_due_waits(subscription):
    first = Payment.objects.get()
    contest(first, DUE - DAY)
    assert sweep(DUE) == {}
    judge(first, DUE + 2 * DAY)
    assert now(subscription) == ("expired", "2026-04-10")
    assert sweep(DUE + 2 * DAY) == {"charged": 1}
    assert now(subscription) == ("active", "2026-05-10")
    assert findings() == []


def test_while_it_is_undecided_a_renewal_that_failed_waits_and_goes_on_when_it_is_won(ana, plan):
    subscription = buy_with_bad_card(ana, plan, 2)
    first = Payment.objects.get()
    sweep(DUE)
    contest(first, DUE + HOUR)
    for moment in RETRIES[:2]:
        assert sweep(moment) == {}
    assert renewal_of(subscription).attempts == 1
    pay_with(subscription, "pm_card_refundFail", RETRIES[1])
    judge(first, RETRIES[1] + HOUR)
    assert sweep(RETRIES[1] + 2 * HOUR) == {"charged": 1}
    assert now(subscription) == ("active", "2026-05-10")
    assert findings() == []


def test_of_a_term_that_has_not_begun_won_brings_that_term_back_without_another_charge(subscription):
    sweep(DUE)
    contest(renewal_payment(), DUE + HOUR)
    assert now(subscription)[0] == "disabled"
    judge(renewal_payment(), DUE + 2 * HOUR)
    sweep(DUE + 3 * HOUR)
    advance(DUE + 12 * HOUR)
    assert now(subscription) == ("active", "2026-05-10")
    assert len(ledger.captured()) == 2
    assert findings() == []
