from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from licensing.models import EndCause, Seat, Subscription, TrialUse
from licensing.operations import lifecycle, seats, subscriptions, trials
from licensing.operations.entitlements import entitlement
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import NOON, MembershipFactory, PlanFactory, TenantFactory, acting, admin_of
from tests.race import race, without_constraint

pytestmark = pytest.mark.django_db
between_transactions = pytest.mark.django_db(transaction=True)

BERLIN = ZoneInfo("Europe/Berlin")
END = NOON + timedelta(days=30)


def on_trial(**product):
    terms = {"trial_days": 30, "trial_seats": 5} | product
    return PlanFactory(**{f"product__{name}": value for name, value in terms.items()})


def start(member, plan, at=NOON, ref=None):
    return trials.start(plan=plan, quantity=2, purchaser=member, order_ref=ref or f"{at}", by=acting(member), at=at)


@pytest.fixture
def ana():
    return MembershipFactory()


@pytest.fixture
def plan():
    return on_trial()


@pytest.fixture
def trial(ana, plan):
    return start(ana, plan)


def now(subscription):
    subscription.refresh_from_db()
    return subscription.state, subscription.state_ends_at


class TestStarting:
    def test_it_runs_as_many_days_as_its_product_says_by_the_tenants_calendar(self, plan):
        member = MembershipFactory(tenant=TenantFactory(time_zone="Europe/Berlin"))
        nine = datetime(2026, 3, 10, 9, tzinfo=BERLIN).astimezone(UTC)
        trial = start(member, plan, at=nine)
        assert trial.term_end == datetime(2026, 4, 9, 9, tzinfo=BERLIN).astimezone(UTC) == trial.state_ends_at

    def test_it_never_renews_and_is_its_purchasers(self, trial, ana):
        assert (trial.state, trial.auto_renew, trial.channel, trial.owner) == ("trial", False, "self_service", ana)

    def test_is_written_in_the_journal(self, trial):
        event = Event.objects.get(subject=str(trial.pk))
        assert (event.type, event.data["quantity"]) == ("trial.started", 2)

    def test_a_product_without_one_has_none(self, ana):
        with pytest.raises(trials.TrialNotOffered):
            start(ana, PlanFactory())
        assert not Subscription.objects.exists()

    def test_there_is_one_for_a_person_and_product_for_ever(self, trial, ana, plan):
        lifecycle.advance_due(at=END + timedelta(days=200))
        assert now(trial)[0] == "deleted"
        with pytest.raises(trials.TrialAlreadyUsed):
            start(ana, plan, at=END + timedelta(days=201))
        assert Subscription.objects.count() == 1

    def test_another_plan_of_the_product_is_no_way_to_another_one(self, trial, ana, plan):
        with pytest.raises(trials.TrialAlreadyUsed):
            start(ana, PlanFactory(product=plan.product, term="P1Y"), ref="other")

    def test_others_of_the_tenant_and_other_products_have_their_own(self, trial, ana, plan):
        start(MembershipFactory(tenant=ana.tenant), plan, ref="theirs")
        start(ana, on_trial(), ref="another")
        assert TrialUse.objects.count() == 3


class TestUsing:
    def test_gives_access_until_its_end_and_none_after_it(self, trial, ana, plan):
        seats.assign(subscription=trial, members=[ana], by=acting(ana), at=NOON)
        answer = entitlement(member=ana, product=plan.product)
        assert (answer.entitled, answer.until) == (True, END)
        lifecycle.advance_due(at=END)
        answer = entitlement(member=ana, product=plan.product)
        assert (answer.entitled, answer.reason) == (False, "subscription_disabled")

    def test_its_renewal_cannot_be_turned_on(self, trial, ana):
        with pytest.raises(SubscriptionInactive):
            subscriptions.set_auto_renew(subscription=trial, auto_renew=True, by=acting(ana), at=NOON)
        trial.refresh_from_db()
        assert not trial.auto_renew


class TestEnding:
    def test_it_is_disabled_at_once_and_deleted_after_90_days(self, trial):
        lifecycle.advance_due(at=END - timedelta(seconds=1))
        assert now(trial) == ("trial", END)
        lifecycle.advance_due(at=END + timedelta(hours=3))
        assert now(trial) == ("disabled", END + timedelta(days=90))
        assert trial.end_cause == "trial_ended"
        lifecycle.advance_due(at=END + timedelta(days=90))
        assert now(trial) == ("deleted", None)

    def test_its_product_may_say_how_long_it_is_kept(self, ana):
        trial = start(ana, on_trial(trial_disabled_days=14))
        lifecycle.advance_due(at=END)
        assert now(trial) == ("disabled", END + timedelta(days=14))

    def test_that_says_nothing_of_what_was_bought(self, ana):
        plan = on_trial(trial_disabled_days=14)
        bought = subscriptions.grant(
            plan=plan, quantity=1, channel="self_service", purchaser=ana, order_ref="o", by=acting(ana), at=NOON
        )
        lifecycle.advance_due(at=bought.term_end + timedelta(days=30))
        assert now(bought) == ("disabled", bought.term_end + timedelta(days=120))

    def test_it_cannot_be_reactivated(self, trial, ana):
        for at in (NOON, END):
            lifecycle.advance_due(at=at)
            trial.refresh_from_db()
            assert not lifecycle.can_be_reactivated(trial)
            with pytest.raises(SubscriptionInactive):
                lifecycle.reactivate(subscription=trial, by=acting(ana), at=at)

    def test_one_that_is_ended_before_its_time_is_kept_as_long(self, trial, ana):
        lifecycle.end(subscription=trial, cause=EndCause.TRIAL_ENDED, by=acting(ana), at=NOON + timedelta(days=1))
        assert now(trial) == ("disabled", NOON + timedelta(days=91))


class TestExtending:
    def extend(self, trial, role="billing_admin", at=NOON + timedelta(days=29)):
        return trials.extend(subscription=trial, by=admin_of(trial.tenant, role), at=at)

    def test_adds_the_products_days_to_its_end(self, trial):
        self.extend(trial)
        assert now(trial) == ("trial", END + timedelta(days=30))
        assert trial.term_end == trial.state_ends_at
        assert Event.objects.filter(subject=str(trial.pk), type="trial.extended").count() == 1

    def test_once(self, trial):
        self.extend(trial)
        with pytest.raises(trials.TrialAlreadyExtended):
            self.extend(trial)
        assert now(trial) == ("trial", END + timedelta(days=30))

    def test_not_what_was_bought(self, ana, plan):
        bought = subscriptions.grant(
            plan=plan, quantity=1, channel="self_service", purchaser=ana, order_ref="o", by=acting(ana), at=NOON
        )
        with pytest.raises(trials.NotATrial):
            self.extend(bought)

    def test_only_while_it_runs(self, trial):
        with pytest.raises(SubscriptionInactive):
            self.extend(trial, at=END)
        lifecycle.advance_due(at=END)
        with pytest.raises(SubscriptionInactive):
            self.extend(trial, at=END)

    @pytest.mark.parametrize("role", ["license_admin", "user_admin", "global_reader"])
    def test_only_by_those_who_decide_what_is_allowed(self, trial, role):
        with pytest.raises(NotAllowed):
            self.extend(trial, role)
        with pytest.raises(NotAllowed):
            trials.extend(subscription=trial, by=acting(trial.owner), at=NOON)
        assert now(trial) == ("trial", END)

    def test_not_by_another_organisations_admin(self, trial):
        with pytest.raises(NotAllowed):
            trials.extend(subscription=trial, by=admin_of(TenantFactory()), at=NOON)

    def test_can_be_offered_as_long_as_it_would_work(self, trial):
        assert trials.can_be_extended(trial, at=NOON)
        assert not trials.can_be_extended(trial, at=END)
        self.extend(trial)
        trial.refresh_from_db()
        assert not trials.can_be_extended(trial, at=NOON)


def twenty_at_once(ana, plan):
    return race(lambda n: start(ana, plan, ref=f"try-{n}"), range(20), refused=trials.TrialAlreadyUsed)


@between_transactions
def test_of_twenty_at_once_one_begins(ana, plan):
    assert twenty_at_once(ana, plan) == 1
    assert (Subscription.objects.count(), TrialUse.objects.count()) == (1, 1)


@between_transactions
def test_without_the_constraint_they_all_would(ana, plan):
    with without_constraint("licensing_trialuse", trials.ONE_USE):
        assert twenty_at_once(ana, plan) > 1


def test_the_system_ends_it_in_its_own_name(trial):
    lifecycle.advance_due(at=END)
    event = Event.objects.get(subject=str(trial.pk), type="subscription.disabled")
    assert event.actor_id is SYSTEM.user
    assert event.data["cause"] == "trial_ended"
    assert not Seat.objects.exists()
