"""What is not taken over, by whom, and to where; each time nothing has changed."""

from decimal import Decimal

import pytest

from commerce.models import TakeOver
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.leaving.adoption import Payer
from commerce.operations.takeover.previewing import NotSelfService, TrialNotTakenOver
from commerce.operations.takeover.standing import TakenOver
from licensing.operations import lifecycle
from licensing.operations.seats import MemberNotActive, NoSeatLeft
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import SYSTEM
from tenants.refusal import BadInput, NotAllowed
from tests.commerce.card_trials.conftest import start as try_out
from tests.commerce.changes import DAY, change, fresh
from tests.commerce.takeover.conftest import holders, rows_of, settle, start, undo
from tests.factories import NOON, MembershipFactory, TenantFactory, agree, buy, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def refused(error, subscription, boss, **wish):
    before = rows_of(subscription)
    with pytest.raises(error) as raised:
        start(subscription, boss, **wish)
    assert rows_of(subscription) == before
    assert not TakeOver.objects.exists()
    return raised.value


def test_only_who_ends_purchases_of_others_takes_over(ana, subscription, central):
    for role in ("license_admin", "user_admin", "global_reader"):
        other = MembershipFactory(tenant=ana.tenant, roles=[role])
        refused(NotAllowed, subscription, other, target=central)
    refused(NotAllowed, subscription, ana, target=central)
    stranger = MembershipFactory(tenant=TenantFactory(), roles=["global_admin"])
    refused(NotAllowed, subscription, stranger, target=central)


def test_only_who_may_settles_and_undoes(boss, ana, subscription, central):
    made = start(subscription, boss, target=central)
    with pytest.raises(NotAllowed):
        settle(made, ana)
    with pytest.raises(NotAllowed):
        undo(made, ana)
    assert fresh(subscription).state == "disabled"


def test_the_target_has_room_for_all_or_nobody_moves(boss, ana, cleo, subscription, plan):
    small = buy_centrally(boss, plan, 1)
    refused(NoSeatLeft, subscription, boss, target=small)
    assert holders(small) == set()


@pytest.mark.parametrize("case", ["none", "own", "other_product", "of_a_person", "elsewhere"])
def test_a_target_that_does_not_fit_is_refused(case, boss, cleo, subscription, plan):
    elsewhere = MembershipFactory(tenant=TenantFactory(), roles=["billing_admin"])
    target = {
        "none": lambda: None,
        "own": lambda: subscription,
        "other_product": lambda: buy_centrally(boss, plan_on_sale(), 5),
        "of_a_person": lambda: buy(cleo, plan, 5),
        "elsewhere": lambda: buy_centrally(elsewhere, plan, 5),
    }[case]()
    error = refused(BadInput, subscription, boss, target=target)
    assert error.field == "target_subscription"


def test_what_is_just_being_adopted_is_no_target(boss, tenant, cleo, subscription, plan):
    other = buy(cleo, plan, 5)
    made = start(other, boss, mode="adopt", payer=Payer(agreement=agree(tenant)))
    before = rows_of(subscription)
    with pytest.raises(BadInput) as raised:
        start(subscription, boss, target=fresh(other))
    assert (raised.value.field, raised.value.field_code) == ("target_subscription", "not_central")
    assert rows_of(subscription) == before
    settle(made, boss)
    assert start(subscription, boss, target=fresh(other)).target == other


def test_a_target_without_access_is_refused(boss, subscription, central):
    lifecycle.end(subscription=central, cause="canceled", by=SYSTEM, at=NOON)
    refused(SubscriptionInactive, subscription, boss, target=fresh(central))


def test_only_people_with_a_seat_who_are_here_are_moved(boss, ana, cleo, subscription, central):
    other = MembershipFactory(tenant=ana.tenant)
    assert refused(BadInput, subscription, boss, target=central, members=[other]).field_code == "no_seat"
    assert refused(BadInput, subscription, boss, target=central, members=[]).field_code == "empty"
    cleo.state = "disabled"
    cleo.save()
    cleo.refresh_from_db()
    refused(MemberNotActive, subscription, boss, target=central, members=[cleo])


@pytest.mark.parametrize("wish", [{"mode": "steal"}, {"mode": "cancel", "reimburse": True}, {"reason": "a\x00b"}])
def test_what_makes_no_sense_is_refused(wish, boss, subscription, central):
    refused(BadInput, subscription, boss, **wish)


def test_central_purchases_are_not_taken_over(boss, central, plan):
    refused(NotSelfService, central, boss, target=buy_centrally(boss, plan, 5))


def test_what_has_ended_is_not_taken_over(boss, subscription, central):
    lifecycle.end(subscription=subscription, cause="canceled", by=SYSTEM, at=NOON)
    refused(SubscriptionInactive, subscription, boss, target=central)


def test_nothing_is_taken_over_twice(boss, subscription, central):
    start(subscription, boss, target=central)
    with pytest.raises(TakenOver):
        start(subscription, boss, target=central)
    assert TakeOver.objects.count() == 1


def test_a_repeated_call_finds_the_first(boss, subscription, central):
    made = start(subscription, boss, target=central)
    again = start(subscription, boss, target=central, take_over_id=made.pk)
    assert again == made


def test_another_total_than_was_shown_is_refused(boss, subscription, central):
    refused(ChangedSincePreview, subscription, boss, target=central, expecting=Decimal("1.00"))


def test_what_was_shown_before_seats_were_added_holds_no_longer(boss, subscription, central):
    change(subscription, 4, at=NOON + DAY / 100)
    refused(ChangedSincePreview, subscription, boss, target=central, as_of=NOON, at=NOON + DAY / 99)


def test_a_trial_is_canceled_and_not_taken_over(boss, ana):
    trial = try_out(ana, plan_on_sale(product__trial_days=30, product__trial_seats=5)).trial
    refused(TrialNotTakenOver, trial, boss, mode="cancel")
