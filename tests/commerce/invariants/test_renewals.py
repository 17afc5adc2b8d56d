"""What the audit says of renewals whose rows somebody's hand has changed."""

from datetime import UTC, datetime, timedelta

import pytest

from commerce.models import BillingPeriod, Order, Renewal
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.accounts.invariants import renewals as checks
from licensing.models import Subscription
from tests.commerce.renewing import renewal_of, sweep
from tests.factories import buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DUE = datetime(2026, 4, 10, tzinfo=UTC)


@pytest.fixture
def renewed(ana, plan):
    subscription = buy(ana, plan)
    assert sweep(DUE) == {"charged": 1}
    subscription.refresh_from_db()
    assert [list(check()) for check in THESE] == [[], [], []]
    return subscription


THESE = (
    checks.paid_renewals_have_their_term,
    checks.terms_paid_ahead_follow,
    checks.charged_renewals_wait_for_an_answer,
)


def test_are_part_of_the_audit():
    assert set(THESE) <= set(CHECKS)


class TestAPaidRenewal:
    def test_without_the_period_that_it_paid(self, renewed):
        BillingPeriod.objects.filter(starts_at=renewed.term_end).delete()
        renewal = renewal_of(renewed)
        assert list(checks.paid_renewals_have_their_term()) == [
            f"renewal {renewal.pk}: paid, and no order brought its term"
        ]

    def test_by_an_order_of_another_term(self, renewed):
        Renewal.objects.update(order=Order.objects.get(kind="purchase"))
        told = list(checks.paid_renewals_have_their_term())
        assert told == [
            f"renewal {renewal_of(renewed).pk}: paid, and no order brought its term",
            f"order {Order.objects.get(kind='renewal').pk}: a renewal that no row says is paid",
        ]

    def test_that_no_row_tells(self, renewed):
        Renewal.objects.all().delete()
        [told] = checks.paid_renewals_have_their_term()
        assert "a renewal that no row says is paid" in told


class TestATermThatIsPaidAhead:
    def test_without_a_period(self, renewed):
        BillingPeriod.objects.filter(starts_at=renewed.term_end).delete()
        assert list(checks.terms_paid_ahead_follow()) == [
            f"subscription {renewed.pk}: renewed, and no period follows its term"
        ]

    def test_of_another_length_than_its_period(self, renewed):
        Subscription.objects.update(renewed_until=renewed.renewed_until + timedelta(days=1))
        [told] = checks.terms_paid_ahead_follow()
        assert "no period follows its term" in told

    def test_that_the_subscription_does_not_know_of(self, renewed):
        Subscription.objects.update(renewed_until=None, renewed_quantity=None)
        assert list(checks.terms_paid_ahead_follow()) == [
            f"subscription {renewed.pk}: a period follows its term, and it is not renewed"
        ]


def test_one_that_is_charged_and_whose_order_is_settled(renewed):
    Renewal.objects.update(state="charging", next_try_at=DUE, settled_at=None)
    assert list(checks.charged_renewals_wait_for_an_answer()) == [
        f"renewal {renewal_of(renewed).pk}: being charged, and its order is settled"
    ]
