"""Between two terms there is a gap only where access had ended before the second one was bought."""

from datetime import timedelta

import pytest

from licensing.operations import lifecycle, subscriptions
from tests.commerce.changes import DAY, findings, fresh, reactivate
from tests.factories import NOON, acting, buy
from tests.lifecycle.seeded import grace_is_free

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def left_to_end(ana, plan):
    subscription = buy(ana, plan)
    return subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=acting(ana), at=NOON)


def went_on(subscription, after):
    at = subscription.term_end + after
    lifecycle.advance_due(at=at)
    before = fresh(subscription).state
    reactivate(subscription, at=at)
    return before, fresh(subscription).term_start - subscription.term_end


def test_in_grace_there_is_none(left_to_end):
    assert went_on(fresh(left_to_end), 5 * DAY) == ("expired", timedelta())
    assert findings() == []


def test_after_access_has_ended_there_may_be_one(left_to_end):
    assert went_on(fresh(left_to_end), 40 * DAY) == ("disabled", 40 * DAY)
    assert findings() == []


def test_one_in_grace_is_found(left_to_end, monkeypatch):
    grace_is_free(monkeypatch)
    assert went_on(fresh(left_to_end), 5 * DAY) == ("expired", 5 * DAY)
    [found] = findings()
    assert "periods leave a gap" in found
