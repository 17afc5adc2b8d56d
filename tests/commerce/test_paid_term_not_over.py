"""Whoever renewed ahead of the clock has paid for what is to come: reactivated now, no period overlaps another one."""

import pytest

from commerce.models import BillingPeriod, Order
from commerce.operations.changes.reactivations import PaidTermNotOver, preview_reactivation
from licensing.operations import lifecycle
from tests import ledger
from tests.commerce.changes import DAY, findings, fresh, reactivate
from tests.commerce.renewing import advance, sweep
from tests.factories import NOON, acting, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def renewed_ahead(ana, plan):
    """Two terms, the second by a command that was told a later time, and then the end, by the same."""
    subscription = buy(ana, plan)
    sweep(subscription.term_end.replace(hour=0))
    advance(subscription.term_end)
    subscription = fresh(subscription)
    assert subscription.term_end > NOON + 60 * DAY
    for days in (1, 40):
        lifecycle.advance_due(at=subscription.term_end + days * DAY)
    return fresh(subscription)


def test_is_refused_by_name_while_a_paid_term_is_still_to_come(renewed_ahead):
    assert renewed_ahead.state == "disabled"
    paid, orders = ledger.captured(), Order.objects.count()
    for at in (NOON + DAY, NOON + 40 * DAY):
        with pytest.raises(PaidTermNotOver):
            preview_reactivation(subscription=renewed_ahead, by=acting(renewed_ahead.owner), at=at)
        with pytest.raises(PaidTermNotOver):
            reactivate(renewed_ahead, at=at)
    assert (ledger.captured(), Order.objects.count()) == (paid, orders)
    assert findings() == []


def test_may_be_from_the_moment_at_which_it_is_over(renewed_ahead):
    reactivate(renewed_ahead, at=renewed_ahead.term_end)
    assert fresh(renewed_ahead).state == "active"
    assert BillingPeriod.objects.count() == 3
    assert findings() == []
