"""The counts of purchases and seats that the database keeps: what they are after every change, folded or not."""

from datetime import timedelta

import pytest
from django.db import connection

from licensing.models import SeatTally, Subscription
from licensing.operations import seats, tallies
from licensing.operations.invariants import seats_are_tallied
from tests import factories
from tests.factories import NOON, acting, buy, buy_centrally, plan_on_sale, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def ana(db):
    return factories.MembershipFactory()


def tallied(*fields):
    return {
        tuple(row[field] for field in fields): (row["all_purchases"], row["all_seats"], row["all_used"])
        for row in SeatTally.objects.summed_by(*fields)
    }


def is_right():
    return list(seats_are_tallied()) == []


def test_each_purchase_counts_by_product_channel_and_the_department_of_its_purchaser(ana):
    ana.department = factories.DepartmentFactory(tenant=ana.tenant)
    ana.save()
    own, central = plan_on_sale(), price_centrally(plan_on_sale())
    buy(ana, own, 3)
    buy(factories.MembershipFactory(tenant=ana.tenant), own, 2)
    factories.RoleGrantFactory(membership=ana)
    buy_centrally(ana, central, 10)
    assert tallied("product", "channel", "department") == {
        (own.product_id, "self_service", ana.department_id): (1, 3, 1),
        (own.product_id, "self_service", None): (1, 2, 1),
        (central.product_id, "central", ana.department_id): (1, 10, 0),
    }
    assert is_right()


def test_seats_that_are_given_and_taken_count_at_once_and_an_end_counts_off(ana):
    bought = buy(ana, plan_on_sale(), 3)
    ben = factories.MembershipFactory(tenant=ana.tenant)
    seats.assign(subscription=bought, members=[ben], by=acting(ana), at=NOON)
    assert tallied("channel") == {("self_service",): (1, 3, 2)}
    seats.release(subscription=bought, members=[ben], by=acting(ana), at=NOON + timedelta(hours=1))
    assert tallied("channel") == {("self_service",): (1, 3, 1)}
    Subscription.objects.update(state="disabled")
    assert tallied("channel") == {}
    assert is_right()


def test_purchases_follow_their_purchaser_into_another_department(ana):
    buy(ana, plan_on_sale(), 3)
    ana.department = factories.DepartmentFactory(tenant=ana.tenant)
    ana.save()
    assert tallied("department") == {(ana.department_id,): (1, 3, 1)}
    assert is_right()


def test_folding_keeps_every_sum_and_leaves_one_row_for_each_scope(ana):
    plan = plan_on_sale()
    for minute in range(5):
        buy(ana, plan, 2, at=NOON + timedelta(minutes=minute))
    before = tallied("product", "channel", "department")
    assert SeatTally.objects.count() > 1
    assert tallies.fold() > 1
    assert SeatTally.objects.count() == 1
    buy(ana, plan, 2, at=NOON + timedelta(minutes=9))
    tallies.fold()
    assert tallies.fold() == 0
    [(scope, (purchases, bought, used))] = before.items()
    assert tallied("product", "channel", "department") == {scope: (purchases + 1, bought + 2, used + 1)}
    assert SeatTally.objects.get().folded


def test_a_count_that_somebody_changed_by_hand_is_found_and_counted_anew(ana):
    buy(ana, plan_on_sale(), 2)
    tallies.fold()
    SeatTally.objects.update(seats=7)
    [finding] = seats_are_tallied()
    assert "(1, 7, 1) tallied, (1, 2, 1) there" in finding
    tallies.recount(tenant_id=ana.tenant_id)
    assert is_right()


def test_many_subscriptions_changed_at_once_are_one_row(ana):
    for minute in range(3):
        buy(
            ana,
            plan_on_sale() if minute == 0 else Subscription.objects.first().plan,
            2,
            NOON + timedelta(minutes=minute),
        )
    tallies.fold()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE licensing_subscription SET quantity = quantity + 1")
    assert SeatTally.objects.filter(folded=False).count() == 1
    assert tallied("channel") == {("self_service",): (3, 9, 3)}


def test_counted_anew_what_has_ended_counts_for_nothing_and_others_keep_theirs(ana):
    plan, other = plan_on_sale(), factories.MembershipFactory()
    buy(ana, plan, 3)
    ended = buy(ana, plan, 2, at=NOON + timedelta(hours=1))
    buy(other, plan, 5)
    Subscription.objects.filter(pk=ended.pk).update(state="disabled")
    tallies.recount(tenant_id=ana.tenant_id)
    assert tallied("tenant") == {(ana.tenant_id,): (1, 3, 1), (other.tenant_id,): (1, 5, 1)}
    assert is_right()
