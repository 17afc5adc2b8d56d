"""Renewal and end of what one bought, in the browser."""

from datetime import timedelta

import pytest
from django.utils import timezone

from commerce.models import Refund
from licensing.models import Subscription, SubscriptionState
from tenants.journal.models import Event
from tests.callers import signed_in
from tests.commerce.pages import cancel, send, url_of
from tests.factories import buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_automatic_renewal_is_turned_off_and_on(ana, subscription):
    assert "Automatic renewal is off." in send(ana, subscription, "auto-renew", auto_renew="off").text
    subscription.refresh_from_db()
    assert subscription.auto_renew is False
    send(ana, subscription, "auto-renew", auto_renew="on")
    subscription.refresh_from_db()
    assert subscription.auto_renew is True


def test_renewal_says_when_it_ends_either_way(ana, subscription):
    assert "On. Renews " in signed_in(ana).get(url_of(subscription)).text
    assert "Off. Ends " in send(ana, subscription, "auto-renew", auto_renew="off").text


def test_renewal_of_what_has_ended_is_refused(ana, subscription):
    Subscription.objects.update(state=SubscriptionState.DISABLED)
    assert "no longer active" in send(ana, subscription, "auto-renew", auto_renew="off").text


def test_canceling_shows_the_refund_first_and_then_ends_it(ana, subscription):
    page = signed_in(ana).get(url_of(subscription, "cancel")).text
    assert "Back to your card" in page
    assert "$19.98" in page
    done = cancel(ana, subscription, reason="A trial was enough.").text
    assert "$19.98 goes back to your card." in done
    assert "Ended" in done
    assert Refund.objects.count() == 1
    assert "no longer active" in cancel(ana, subscription, reason="Again.").text
    assert Refund.objects.count() == 1


def test_canceling_outside_the_window_refunds_nothing_and_lets_the_term_run(ana):
    subscription = buy(ana, plan_on_sale(), 2, timezone.now() - timedelta(days=8))
    page = signed_in(ana).get(url_of(subscription, "cancel")).text
    assert "nothing is refunded" in page
    assert "It keeps working until" in cancel(ana, subscription, reason="Too dear.").text
    subscription.refresh_from_db()
    assert (subscription.state, subscription.auto_renew) == (SubscriptionState.ACTIVE, False)
    assert not Refund.objects.exists()


def test_what_ends_anyway_is_not_canceled_again(ana):
    subscription = buy(ana, plan_on_sale(), 2, timezone.now() - timedelta(days=8))
    assert "Cancel subscription" in signed_in(ana).get(url_of(subscription)).text
    page = send(ana, subscription, "auto-renew", auto_renew="off").text
    assert "There is nothing to cancel." in page
    assert "Cancel subscription" not in page
    written = Event.objects.count()
    for answer in (
        signed_in(ana).get(url_of(subscription, "cancel")),
        cancel(ana, subscription, reason="Once more."),
    ):
        assert answer.status_code == 200
        assert "There is nothing to cancel" in answer.text
    assert Event.objects.count() == written


def test_grace_is_not_canceled(ana):
    subscription = buy(ana, plan_on_sale(), 2, timezone.now() - timedelta(days=40))
    Subscription.objects.update(state=SubscriptionState.EXPIRED)
    assert "Cancel subscription" not in signed_in(ana).get(url_of(subscription)).text
    assert "no longer active" in cancel(ana, subscription, reason="Late.").text


@pytest.mark.parametrize("reason", ["", " ", "x" * 501, "a\0b"])
def test_canceling_needs_a_reason(ana, subscription, reason):
    page = cancel(ana, subscription, reason=reason)
    assert page.status_code == 400
    subscription.refresh_from_db()
    assert subscription.state == SubscriptionState.ACTIVE
