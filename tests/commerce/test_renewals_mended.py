"""Renewals beside other people's doing: a card that is replaced in that moment, defects of ours, and outages."""

from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from threading import Thread
from time import sleep

import pytest
from django.db import connections, transaction

from commerce.models import Payment, PaymentSource, Renewal
from commerce.operations.changes import scheduled
from commerce.operations.paying import kept_cards, sources
from commerce.operations.pricing import next_charge
from commerce.operations.renewing import claims, decision, due, dunning, sweeps
from licensing.models import Plan, Subscription
from licensing.models.subscription import SubscriptionQuerySet
from tenants.delivery.models import Job
from tests import ledger
from tests.commerce.changes import findings
from tests.commerce.declining import buy_with_bad_card
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import (
    NOON,
    ExclusionFactory,
    MembershipFactory,
    acting,
    add_card,
    buy,
    open_checkout,
    pay,
    plan_on_sale,
)

DUE = datetime(2026, 4, 10, tzinfo=UTC)
FAILS = "pm_card_chargeCustomerFail"
MINUTES = timedelta(minutes=1)
HOURS = timedelta(hours=1)
DAY = timedelta(days=1)
in_one_transaction = pytest.mark.django_db(databases=["default", "sandbox"])


def bought(count=1):
    plan = plan_on_sale()
    return [buy(MembershipFactory(), plan) for _ in range(count)]


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
class TestACardThatIsReplacedInThisMoment:
    def charged(self):
        """Which card the renewal charges, and which one its owner had chosen in place of the first before."""
        [subscription] = bought()
        source = PaymentSource.objects.get(subscription=subscription)
        other = add_card(subscription.payer, "pm_card_refundFail").payment_method
        replaced = Signal()

        def replace():
            with transaction.atomic():
                by = acting(subscription.payer)
                kept_cards.replace(card=source.payment_method, other=other, by=by, at=DUE)
                replaced.set()
                sleep(1)
            connections.close_all()

        owner = Thread(target=replace)
        owner.start()
        replaced.wait(10)
        sweep(DUE)
        owner.join()
        return Payment.objects.get(order__kind="renewal").card, other

    def test_is_not_charged_any_more(self):
        charged, chosen = self.charged()
        assert charged == chosen
        assert findings() == []

    def test_would_be_if_nobody_held_it(self, monkeypatch):
        monkeypatch.setattr("commerce.operations.renewing.renewals.cards.hold", lambda *_args: None)
        charged, chosen = self.charged()
        assert charged != chosen


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
class TestACardThatIsChosenWhileADeclineIsWritten:
    def next_try(self, monkeypatch):
        """The decline has just looked which card pays when its owner chooses another one."""
        subscription = buy_with_bad_card(MembershipFactory(), plan_on_sale())
        other = add_card(subscription.payer, "pm_card_visa").payment_method
        looks, choosing = dunning._is_paid_otherwise_by_now, []

        def choose():
            sources.change(subscription=subscription, card=other, by=acting(subscription.payer), at=DUE)
            dunning.resume(renewal_id=renewal_of(subscription).pk, at=DUE)
            connections.close_all()

        def looked(*args):
            found = looks(*args)
            choosing.append(Thread(target=choose))
            choosing[0].start()
            choosing[0].join(2)
            return found

        monkeypatch.setattr(dunning, "_is_paid_otherwise_by_now", looked)
        assert sweep(DUE) == {"declined": 1}
        choosing[0].join()
        return renewal_of(subscription).next_try_at

    def test_is_tried_at_once(self, monkeypatch):
        assert self.next_try(monkeypatch) == DUE

    def test_would_wait_for_the_next_step_if_the_subscription_were_not_held(self, monkeypatch):
        monkeypatch.setattr(SubscriptionQuerySet, "locked", lambda rows: rows.order_by("pk"))
        assert self.next_try(monkeypatch) > DUE


@in_one_transaction
class TestADefectOfOurs:
    @pytest.fixture
    def poisoned(self, monkeypatch):
        one, other = bought(2)
        order = sweeps.renewals._order

        def breaks(renewal, subscription, *, at):
            if subscription.pk == one.pk:
                raise KeyError("poisoned")
            return order(renewal, subscription, at=at)

        monkeypatch.setattr(sweeps.renewals, "_order", breaks)
        return one, other

    def test_holds_up_nobody_is_raised_and_is_set_aside_after_three(self, poisoned):
        one, other = poisoned
        at = DUE
        for fault in (1, 2, 3):
            with pytest.raises(KeyError):
                sweep(at)
            assert renewal_of(one).faults == fault
            assert renewal_of(other).state == "paid"
            at += 6 * MINUTES
        assert sweep(at) == {}
        assert Renewal.objects.set_aside().get() == renewal_of(one)


@in_one_transaction
class TestAnOutageLongerThanTheGrace:
    def test_takes_no_access_before_one_try(self):
        [subscription] = bought()
        late = subscription.term_end + 60 * DAY
        for _sweep in range(2):
            advance(late)
            assert Subscription.objects.get(pk=subscription.pk).state == "expired"
        assert sweep(late)["charged"] == 1
        assert Subscription.objects.get(pk=subscription.pk).state == "active"

    def test_takes_it_after_a_try_that_failed(self):
        [subscription] = bought()
        PaymentSource.objects.all().delete()
        late = subscription.term_end + 60 * DAY
        advance(late)
        assert sweep(late) == {"declined": 1}
        advance(late)
        assert Subscription.objects.get(pk=subscription.pk).state == "disabled"


@in_one_transaction
class TestHowManySeatsTheNextTermHas:
    @pytest.mark.parametrize(("wanted", "taken", "expected"), [(1, 1, 1), (1, 2, 2), (2, 0, 2)])
    def test_is_the_same_wherever_it_is_told(self, wanted, taken, expected):
        subscription = buy(MembershipFactory(), plan_on_sale(), 2)
        by = acting(subscription.owner)
        if wanted != 2:
            scheduled.schedule(subscription=subscription, quantity=wanted, by=by, at=NOON)
        Subscription.objects.filter(pk=subscription.pk).update(seats_assigned=taken)
        subscription = Subscription.objects.select_related("plan", "tenant").get(pk=subscription.pk)
        assert decision.of(subscription, at=NOON).charge.quantity == expected
        assert next_charge.of(subscription, tenant=subscription.tenant).quantity == expected
        assert scheduled.quantity_of_next_term(subscription, at=NOON) == expected


@in_one_transaction
class TestWhatTheOrganisationBoughtCentrally:
    @pytest.fixture
    def central(self):
        [subscription] = bought()
        Subscription.objects.filter(pk=subscription.pk).update(channel="central")
        ExclusionFactory(product=subscription.plan.product, ends_renewals=True)
        return Subscription.objects.get(pk=subscription.pk)

    def test_renews_whatever_the_rules_of_self_service_are(self, central):
        assert sweep(DUE) == {"charged": 1}
        assert len(ledger.captured()) == 2

    def test_but_not_when_the_plan_is_no_longer_sold(self, central):
        Plan.objects.update(renewable=False)
        assert decision.of(central, at=NOON).kind == "refused"
        assert sweep(DUE) == {"refused": 1}
        assert renewal_of(central).refused_by == ["plan_not_renewable"]

    def test_and_so_people_are_told(self, central):
        assert (decision.of(central, at=NOON).kind, decision.of(central, at=NOON).reasons) == ("renews", [])


@in_one_transaction
class TestWhatARuleRefusedByMistake:
    @pytest.fixture
    def refused(self):
        [subscription] = bought()
        self.exclusion = ExclusionFactory(product=subscription.plan.product, ends_renewals=True)
        assert sweep(DUE) == {"refused": 1}
        return subscription

    def test_is_charged_when_the_rule_is_gone_before_the_term_ends(self, refused):
        self.exclusion.delete()
        assert sweep(DUE + 59 * MINUTES) == {}
        assert sweep(DUE + 60 * MINUTES) == {"charged": 1}
        assert renewal_of(refused).refused_by == []
        assert findings() == []

    def test_is_asked_about_once_an_hour(self, refused):
        assert sweep(DUE + 60 * MINUTES) == {}
        self.exclusion.delete()
        assert sweep(DUE + 119 * MINUTES) == {}
        assert sweep(DUE + 120 * MINUTES) == {"charged": 1}

    def test_is_not_when_the_term_is_over(self, refused):
        self.exclusion.delete()
        assert sweep(refused.term_end) == {}
        assert renewal_of(refused).state == "refused"


@in_one_transaction
class TestATrialWhoseCardWasDeclined:
    @pytest.fixture
    def declined(self):
        buyer = MembershipFactory(tenant__time_zone="UTC")
        pay(open_checkout(buyer, plan_on_sale()), FAILS)  # its one charge that goes through
        plan = plan_on_sale(product__trial_days=30, product__trial_seats=5)
        trial = pay(open_checkout(buyer, plan, with_trial=True), FAILS).trial
        assert "declined" in sweep(trial.term_end - 12 * HOURS)
        assert renewal_of(trial).state == "refused"
        return trial

    def chooses_another(self, trial, at):
        card = add_card(trial.payer, "pm_card_visa").payment_method
        sources.change(subscription=trial, card=card, by=acting(trial.payer), at=at)
        [job] = Job.objects.filter(name="commerce.renew_now")
        renewal = renewal_of(trial)
        assert job.arguments["renewal_id"] == str(renewal.pk)
        return dunning.resume(renewal_id=renewal.pk, at=at) and sweep(at)

    def test_is_tried_with_another_one_at_once_while_it_runs(self, declined):
        assert self.chooses_another(declined, declined.term_end - 6 * HOURS) == {"charged": 1}
        advance(declined.term_end)
        declined.refresh_from_db()
        assert (declined.state, declined.is_trial) == ("active", False)
        assert findings() == []

    def test_is_not_when_it_is_over(self, declined):
        assert not self.chooses_another(declined, declined.term_end)
        assert renewal_of(declined).state == "refused"


@in_one_transaction
def test_what_a_killed_sweep_of_another_day_had_in_its_hands_is_taken_up_by_the_worlds_time():
    bought(2)
    now, far = DUE + MINUTES, DUE + 400 * DAY
    due.open_due(at=far)
    assert len(claims.take(at=far, now=now)) == 2  # and then it is killed
    assert sweep(DUE + 13 * HOURS, now=lambda: now + claims.LEASE - MINUTES) == {}
    assert sweep(DUE + 13 * HOURS, now=lambda: now + claims.LEASE)["charged"] == 2
