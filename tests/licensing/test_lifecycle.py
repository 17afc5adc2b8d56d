from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Q

from licensing.models import EndCause, LifecycleDays, Seat, Subscription
from licensing.operations import lifecycle, seats, subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import NOON, MembershipFactory, PlanFactory, TenantFactory, acting, admin_of
from tests.race import race

pytestmark = pytest.mark.django_db
between_transactions = pytest.mark.django_db(transaction=True)

BERLIN = ZoneInfo("Europe/Berlin")


def granted(at=NOON, zone="UTC", term="P1M", channel="self_service", ref="order", owner=None):
    owner = owner or MembershipFactory(tenant=TenantFactory(time_zone=zone))
    return subscriptions.grant(
        plan=PlanFactory(term=term),
        quantity=3,
        channel=channel,
        purchaser=owner,
        order_ref=ref,
        by=acting(owner),
        at=at,
    )


def berlin(*parts):
    return datetime(*parts, tzinfo=BERLIN).astimezone(UTC)


def now(subscription):
    """State and when it runs out, as the database has it."""
    subscription.refresh_from_db()
    return subscription.state, subscription.state_ends_at


def steps(subscription):
    return list(
        Event.objects.filter(subject=str(subscription.pk), type__startswith="subscription.")
        .order_by("id")
        .values_list("type", flat=True)
    )


class TestGranting:
    def test_a_term_begins_now_and_ends_at_the_same_time_on_the_wall(self):
        subscription = granted(at=berlin(2026, 3, 10, 9), zone="Europe/Berlin")
        assert subscription.term_start == berlin(2026, 3, 10, 9)
        assert subscription.term_end == berlin(2026, 4, 10, 9) == subscription.state_ends_at
        assert (subscription.anchor_at, subscription.time_zone) == (subscription.term_start, "Europe/Berlin")

    def test_a_year_from_a_leap_day_ends_on_the_last_of_february(self):
        subscription = granted(at=datetime(2028, 2, 29, 9, tzinfo=UTC), term="P1Y")
        assert subscription.term_end == datetime(2029, 2, 28, 9, tzinfo=UTC)

    def test_the_zone_stays_what_it_was_when_bought(self):
        subscription = granted(zone="Europe/Berlin")
        subscription.tenant.time_zone = "Asia/Tokyo"
        subscription.tenant.save()
        subscription.refresh_from_db()
        assert subscription.zone == BERLIN

    def test_what_a_person_bought_is_theirs_and_what_the_tenant_bought_is_the_tenants(self):
        own, central = granted(), granted(channel="central", ref="central")
        assert own.owner == own.payer == own.purchaser
        assert (central.owner, central.payer) == (None, None)
        assert central.purchaser is not None


class TestTheTableOfLife:
    def test_goes_from_active_over_grace_and_disabled_to_deleted(self):
        subscription = granted()
        end = subscription.term_end
        for moment, state, lasts_until in [
            (end - timedelta(microseconds=1), "active", end),
            (end, "expired", end + timedelta(days=30)),
            (end + timedelta(days=30), "disabled", end + timedelta(days=120)),
            (end + timedelta(days=120), "deleted", None),
        ]:
            lifecycle.advance_due(at=moment)
            assert now(subscription) == (state, lasts_until)
        assert subscription.end_cause == "term_ended"
        assert steps(subscription) == [
            "subscription.started",
            "subscription.expired",
            "subscription.disabled",
            "subscription.deleted",
        ]

    def test_a_sweep_again_at_the_same_moment_moves_nothing(self):
        subscription = granted()
        assert lifecycle.advance_due(at=subscription.term_end) == 1
        assert lifecycle.advance_due(at=subscription.term_end) == 0

    def test_catches_up_after_a_long_time_as_if_it_had_never_been_away(self):
        late, prompt = granted(ref="late"), granted(ref="prompt")
        ends = prompt.term_end
        for days in (0, 30):
            lifecycle.advance_due(at=ends + timedelta(days=days), but=Q(pk=late.pk))
        assert lifecycle.advance_due(at=ends + timedelta(days=60)) == 1
        assert now(late) == now(prompt) == ("disabled", ends + timedelta(days=120))
        assert steps(late) == steps(prompt)
        since = Event.objects.filter(type="subscription.disabled").values_list("data__since", flat=True)
        assert len(set(since)) == 1

    def test_catches_up_all_the_way_in_one_sweep(self):
        subscription = granted()
        assert lifecycle.advance_due(at=subscription.term_end + timedelta(days=500)) == 1
        assert now(subscription) == ("deleted", None)
        assert len(steps(subscription)) == 4

    def test_one_that_cannot_move_is_reported_and_keeps_nobody_waiting(self, caplog):
        stuck, behind = granted(), granted(at=NOON + timedelta(hours=1))
        Subscription.objects.filter(pk=stuck.pk).update(time_zone="Europe/Nowhere")
        assert lifecycle.advance_due(at=behind.term_end, limit=1) == 1
        assert (now(stuck)[0], now(behind)[0]) == ("active", "expired")
        assert f"subscription {stuck.pk} cannot be carried on" in caplog.text

    def test_without_days_nothing_moves_and_it_is_reported(self, caplog):
        subscription = granted()
        LifecycleDays.objects.all().delete()
        assert lifecycle.advance_due(at=subscription.term_end) == 0
        assert now(subscription)[0] == "active"
        assert "NoLifecycleDays" in caplog.text

    def test_days_are_counted_on_the_wall_over_the_change_of_the_clock(self):
        # Bought in winter, in grace in spring: 30 days with one hour less.
        subscription = granted(at=berlin(2026, 2, 10, 9), zone="Europe/Berlin")
        lifecycle.advance_due(at=berlin(2026, 3, 10, 9))
        assert now(subscription) == ("expired", berlin(2026, 4, 9, 9))

    def test_deleting_releases_the_seats_and_keeps_them_as_history(self):
        subscription = granted()
        people = [subscription.owner, *MembershipFactory.create_batch(2, tenant=subscription.tenant)]
        seats.assign(subscription=subscription, members=people, by=acting(subscription.owner), at=NOON)
        lifecycle.advance_due(at=subscription.term_end + timedelta(days=119))
        assert now(subscription)[0] == "disabled"
        assert Seat.objects.open().count() == 3
        lifecycle.advance_due(at=subscription.term_end + timedelta(days=120))
        assert Seat.objects.open().count() == 0
        assert Seat.objects.count() == 3
        subscription.refresh_from_db()
        assert subscription.seats_assigned == 0
        [told] = Event.objects.filter(type="seat.released")
        assert set(told.data["members"]) == {str(member.pk) for member in people}

    def test_canceled_with_a_refund_is_disabled_at_once_for_ninety_days(self):
        subscription = granted()
        lifecycle.end(subscription=subscription, cause=EndCause.CANCELED, by=SYSTEM, at=NOON)
        assert now(subscription) == ("disabled", NOON + timedelta(days=90))
        lifecycle.advance_due(at=NOON + timedelta(days=90))
        assert now(subscription) == ("deleted", None)
        assert subscription.end_cause == "canceled"

    def test_one_that_is_held_is_not_deleted_until_it_is_released(self):
        subscription = granted()
        lifecycle.end(subscription=subscription, cause=EndCause.CHARGEBACK, by=SYSTEM, at=NOON)
        for days in (1, 2):
            lifecycle.hold(subscription=subscription, by=SYSTEM, at=NOON + timedelta(days=days))
        assert lifecycle.advance_due(at=NOON + timedelta(days=500)) == 0
        assert now(subscription) == ("disabled", NOON + timedelta(days=90))
        assert subscription.held_at == NOON + timedelta(days=1)
        for _again in range(2):
            lifecycle.release(subscription=subscription, by=SYSTEM, at=NOON + timedelta(days=500))
        assert lifecycle.advance_due(at=NOON + timedelta(days=500)) == 1
        assert now(subscription) == ("deleted", None)
        assert steps(subscription)[2:] == ["subscription.held", "subscription.released", "subscription.deleted"]

    def test_only_a_disabled_one_can_be_held(self):
        subscription = granted()
        with pytest.raises(SubscriptionInactive):
            lifecycle.hold(subscription=subscription, by=SYSTEM, at=NOON)
        with pytest.raises(IntegrityError), transaction.atomic():
            Subscription.objects.update(held_at=NOON)

    def test_an_end_cannot_end_again(self):
        subscription = granted()
        lifecycle.end(subscription=subscription, cause=EndCause.CANCELED, by=SYSTEM, at=NOON)
        with pytest.raises(SubscriptionInactive):
            lifecycle.end(subscription=subscription, cause=EndCause.CANCELED, by=SYSTEM, at=NOON)

    def test_the_days_are_rows_and_a_channel_may_have_its_own(self):
        LifecycleDays.objects.create(cause="term_ended", channel="central", expired_days=5, disabled_days=7)
        own, central = granted(), granted(channel="central", ref="central")
        lifecycle.advance_due(at=own.term_end)
        assert now(own)[1] == own.term_end + timedelta(days=30)
        assert now(central)[1] == own.term_end + timedelta(days=5)
        lifecycle.advance_due(at=own.term_end + timedelta(days=5))
        assert now(central)[1] == own.term_end + timedelta(days=12)

    def test_no_days_at_all_pass_through_the_state(self):
        LifecycleDays.objects.filter(cause="term_ended").update(expired_days=0)
        subscription = granted()
        lifecycle.advance_due(at=subscription.term_end)
        assert now(subscription) == ("disabled", subscription.term_end + timedelta(days=90))

    def test_a_sweep_takes_the_oldest_first_and_no_more_than_it_may(self):
        first = granted(at=NOON - timedelta(days=2), ref="first")
        second = granted(ref="second")
        assert lifecycle.advance_due(at=second.term_end, limit=1) == 1
        assert [now(first)[0], now(second)[0]] == ["expired", "active"]


class TestAutomaticRenewal:
    def test_off_and_on_each_is_one_event(self):
        subscription = granted()
        by = acting(subscription.owner)
        for wanted in (False, False, True, True):
            changed = subscriptions.set_auto_renew(subscription=subscription, auto_renew=wanted, by=by, at=NOON)
            assert changed.auto_renew is wanted
        assert [
            e.data["auto_renew"] for e in Event.objects.filter(type="subscription.renewal_changed").order_by("id")
        ] == [
            False,
            True,
        ]

    @pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
    def test_admins_who_may_end_purchases_may_too(self, role):
        subscription = granted()
        admin = admin_of(subscription.tenant, role)
        subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=admin, at=NOON)
        subscription.refresh_from_db()
        assert subscription.auto_renew is False

    @pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
    def test_but_on_it_is_turned_by_the_owner_alone_whose_card_pays(self, role):
        subscription = granted()
        by = acting(subscription.owner)
        subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=by, at=NOON)
        admin = admin_of(subscription.tenant, role)
        with pytest.raises(NotAllowed):
            subscriptions.set_auto_renew(subscription=subscription, auto_renew=True, by=admin, at=NOON)
        subscription.refresh_from_db()
        assert subscription.auto_renew is False
        subscriptions.set_auto_renew(subscription=subscription, auto_renew=True, by=by, at=NOON)

    def test_nobody_else_may(self):
        subscription = granted()
        tenant = subscription.tenant
        others = [
            acting(MembershipFactory(tenant=tenant)),
            *(admin_of(tenant, role) for role in ("license_admin", "user_admin", "global_reader")),
            admin_of(TenantFactory()),
            SYSTEM,
        ]
        for by in others:
            with pytest.raises(NotAllowed):
                subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=by, at=NOON)
        subscription.refresh_from_db()
        assert subscription.auto_renew is True

    def test_is_refused_once_the_term_has_ended(self):
        subscription = granted()
        lifecycle.advance_due(at=subscription.term_end)
        with pytest.raises(SubscriptionInactive):
            subscriptions.set_auto_renew(
                subscription=subscription, auto_renew=False, by=acting(subscription.owner), at=subscription.term_end
            )


@between_transactions
class TestRaces:
    def test_four_sweeps_at_once_move_each_subscription_once(self):
        moved = [granted(ref=str(n)) for n in range(6)]
        at = moved[0].term_end
        race(lambda _: lifecycle.advance_due(at=at), range(4))
        assert set(Subscription.objects.values_list("state", flat=True)) == {"expired"}
        assert Event.objects.filter(type="subscription.expired").count() == 6

    def test_of_twenty_ends_at_once_one_counts(self):
        subscription = granted()
        ended = race(
            lambda _: lifecycle.end(subscription=subscription, cause=EndCause.CANCELED, by=SYSTEM, at=NOON),
            range(20),
            refused=SubscriptionInactive,
        )
        assert ended == 1
        assert steps(subscription) == ["subscription.started", "subscription.disabled"]
