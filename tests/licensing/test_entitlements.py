from datetime import timedelta

import pytest

from licensing.models import EndCause
from licensing.operations import lifecycle, seats, subscriptions
from licensing.operations.entitlements import entitlement
from tenants.access import SYSTEM
from tests.factories import NOON, MembershipFactory, PlanFactory, acting

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana():
    return MembershipFactory()


@pytest.fixture
def plan():
    return PlanFactory()


@pytest.fixture
def seated(ana, plan):
    """A subscription whose purchaser sits in it."""

    def grant(at=NOON, ref="order", plan=plan):
        by = acting(ana)
        subscription = subscriptions.grant(
            plan=plan, quantity=2, channel="self_service", purchaser=ana, order_ref=ref, by=by, at=at
        )
        seats.assign(subscription=subscription, members=[ana], by=by, at=at)
        return subscription

    return grant


def told(member, product):
    answer = entitlement(member=member, product=product)
    return answer.entitled, answer.reason, answer.until, answer.subscription


def test_a_seat_entitles_until_the_state_runs_out(ana, plan, seated):
    subscription = seated()
    assert told(ana, plan.product) == (True, "seat", subscription.term_end, subscription.pk)


def test_without_a_seat_nobody_is_entitled_not_even_the_owner(ana, plan, seated):
    subscription = seated()
    seats.release(subscription=subscription, members=[ana], by=acting(ana), at=NOON)
    assert told(ana, plan.product) == (False, "no_seat", None, None)
    assert told(MembershipFactory(tenant=ana.tenant), plan.product) == (False, "no_seat", None, None)


def test_a_seat_of_another_product_does_not_count(ana, seated):
    seated()
    assert told(ana, PlanFactory().product) == (False, "no_seat", None, None)


def test_grace_entitles_and_being_disabled_does_not(ana, plan, seated):
    subscription = seated()
    lifecycle.advance_due(at=subscription.term_end)
    subscription.refresh_from_db()
    assert told(ana, plan.product) == (True, "seat", subscription.state_ends_at, subscription.pk)
    lifecycle.advance_due(at=subscription.state_ends_at)
    assert told(ana, plan.product) == (False, "subscription_disabled", None, None)
    subscription.refresh_from_db()
    lifecycle.advance_due(at=subscription.state_ends_at)
    assert told(ana, plan.product) == (False, "no_seat", None, None)


def test_of_two_seats_the_one_that_lasts_longer_counts(ana, plan, seated):
    seated(at=NOON - timedelta(days=10))
    longer = seated(ref="later")
    assert told(ana, plan.product) == (True, "seat", longer.term_end, longer.pk)
    lifecycle.end(subscription=longer, cause=EndCause.CANCELED, by=SYSTEM, at=NOON)
    assert told(ana, plan.product)[:2] == (True, "seat")


@pytest.mark.parametrize("state", ["disabled", "left"])
def test_a_member_who_is_not_active_is_not_entitled_whatever_the_seat(ana, plan, seated, state):
    seated()
    ana.state = state
    ana.save()
    assert told(ana, plan.product) == (False, "member_not_active", None, None)


def test_is_one_query(ana, plan, seated, django_assert_num_queries):
    seated()
    with django_assert_num_queries(1):
        entitlement(member=ana, product=plan.product)
