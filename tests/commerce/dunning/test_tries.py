"""What follows a renewal that its card did not pay: tries by the steps, another card, and the end."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from commerce import tasks
from commerce.models import DunningStep, HardDecline, PaymentSource, Renewal
from commerce.operations.paying import card_setups, kept_cards, sources
from commerce.operations.renewing import dunning
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.changes import DAY, SECOND, findings
from tests.commerce.declining import DUE, FAILS, OTHER, RETRIES, buy_with_bad_card, deliver, keep, now, pay_with
from tests.commerce.renewing import PROVIDER, advance, renewal_of, sweep, sweeps
from tests.factories import NOON, MembershipFactory, TenantFactory, acting, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestTries:
    def test_follow_at_nine_on_the_days_of_the_steps_and_then_no_more(self, subscription):
        assert sweep(DUE) == {"declined": 1}
        for moment in RETRIES:
            assert now(subscription) == ("retrying", moment)
            assert sweep(moment - SECOND) == {}
            advance(moment)
            assert sweep(moment) == {"declined": 1}
        assert now(subscription) == ("blocked", None)
        assert sweep(RETRIES[-1] + DAY) == {}
        assert renewal_of(subscription).attempts == 6
        assert findings() == []

    def test_are_counted_in_the_days_of_the_tenant(self, plan):
        tenant = TenantFactory(time_zone="America/New_York")
        bought = buy_with_bad_card(MembershipFactory(tenant=tenant), plan, 1, datetime(2026, 2, 7, 12, tzinfo=UTC))
        # Midnight of 7 March in New York; on the 8th its clocks go ahead.
        at = datetime(2026, 3, 7, 5, tzinfo=UTC)
        sweep(at)
        zone = ZoneInfo("America/New_York")
        moments = []
        for _try in range(2):
            _state, at = now(bought)
            moments.append(at.astimezone(zone).isoformat())
            sweep(at)
        assert moments == ["2026-03-08T09:00:00-04:00", "2026-03-10T09:00:00-04:00"]

    def test_are_none_with_a_card_that_will_never_pay(self, subscription):
        HardDecline.objects.create(code="generic_decline")
        sweep(DUE)
        assert now(subscription) == ("blocked", None)
        assert sweep(RETRIES[0]) == {}

    def test_are_none_without_a_card(self, subscription):
        PaymentSource.objects.update(payment_method=None)
        assert sweep(DUE) == {"declined": 1}
        renewal = renewal_of(subscription)
        assert (renewal.state, renewal.decline_code, renewal.attempts) == ("blocked", "no_payment_method", 0)

    def test_follow_the_tenants_own_steps_instead_of_all_others(self, subscription):
        for day, retry in ((0, False), (5, True)):
            DunningStep.objects.create(tenant=subscription.tenant, day=day, retry=retry)
        DunningStep.objects.create(tenant=TenantFactory(), day=2, retry=True)
        sweep(DUE)
        assert now(subscription) == ("retrying", datetime(2026, 4, 15, 9, tzinfo=UTC))

    def test_that_were_missed_are_left_out(self, subscription):
        sweep(DUE)
        sweep(RETRIES[2] + DAY)
        assert now(subscription) == ("retrying", RETRIES[3])
        assert renewal_of(subscription).attempts == 2

    def test_end_when_it_is_paid(self, subscription):
        sweep(DUE)
        pay_with(subscription, OTHER)
        assert sweep(RETRIES[0]) == {"charged": 1}
        assert renewal_of(subscription).state == "paid"
        assert sweep(RETRIES[1]) == {}
        assert findings() == []

    def test_end_with_access(self, subscription):
        HardDecline.objects.create(code="generic_decline")
        sweep(DUE)
        advance(subscription.term_end)
        assert now(subscription)[0] == "blocked"
        advance(subscription.term_end + 30 * DAY)
        subscription.refresh_from_db()
        assert subscription.state == "disabled"
        sweep(subscription.term_end + 30 * DAY)
        assert now(subscription) == ("lapsed", None)


class TestAnotherCard:
    def renew_now(self, at=None):
        """The jobs that a change left, as a worker does them."""
        for job in Job.objects.filter(name="commerce.renew_now", done_at=None):
            dunning.resume(renewal_id=job.arguments["renewal_id"], at=at)
            sweeps.renew_one(renewal_id=job.arguments["renewal_id"], provider=PROVIDER, at=at)
            job.done_at = at
            job.save()

    @pytest.mark.parametrize("hard", [True, False])
    def test_is_tried_at_once(self, subscription, hard):
        if hard:
            HardDecline.objects.create(code="generic_decline")
        sweep(DUE)
        pay_with(subscription, OTHER, DUE + SECOND)
        self.renew_now(DUE + SECOND)
        assert renewal_of(subscription).state == "paid"
        assert len(ledger.captured()) == 2

    def test_is_tried_by_the_job_itself(self, ana, plan):
        bought = buy_with_bad_card(ana, plan, 1, timezone.now() - timedelta(days=31, hours=12))
        sweep(timezone.now())
        pay_with(bought, OTHER)
        for job in Job.objects.filter(name="commerce.renew_now"):
            tasks.money.renew_now(job_id=str(job.pk))
        assert renewal_of(bought).state == "paid"

    def test_in_place_of_the_old_one_is_tried_for_all_that_it_did_not_pay(self, ana, plan, subscription):
        old = keep(subscription, FAILS)
        sources.change(subscription=buy(ana, plan, 3), card=old, by=acting(ana), at=NOON)
        assert sweep(DUE)["declined"] == 2
        kept_cards.replace(card=old, other=keep(subscription, OTHER), by=acting(ana), at=DUE + SECOND)
        self.renew_now(DUE + SECOND)
        assert set(Renewal.objects.values_list("state", flat=True)) == {"paid"}

    def test_that_is_declined_too_is_told_and_the_steps_go_on(self, subscription):
        sweep(DUE)
        deliver()
        pay_with(subscription, OTHER, DUE + SECOND)
        PaymentSource.objects.update(payment_method=keep(subscription, FAILS))  # so that the new one fails, too
        self.renew_now(DUE + SECOND)
        assert now(subscription) == ("retrying", RETRIES[0])
        assert len(deliver()) == 1

    def test_the_same_card_kept_again_is_tried_again(self, subscription):
        sweep(DUE)
        keep_later = card_setups.add(token=FAILS, return_to=str, by=acting(subscription.payer), at=DUE + SECOND)
        assert keep_later.found_kept
        assert Job.objects.filter(name="commerce.renew_now").count() == 1

    def test_chosen_while_the_old_one_is_tried_is_tried_next(self, subscription):
        """The job finds the renewal being charged, and so does nothing: who learns of the decline sees the card."""
        sweep(DUE)
        renewal = renewal_of(subscription)
        Renewal.objects.update(state="charging", next_try_at=DUE)
        pay_with(subscription, OTHER, DUE + SECOND)
        assert not dunning.resume(renewal_id=renewal.pk, at=DUE + SECOND)
        renewal = Renewal.objects.select_related("tenant", "order").get()
        dunning.failed(renewal=renewal, code="generic_decline", order=renewal.order, at=DUE + 2 * SECOND)
        assert now(subscription) == ("retrying", DUE + 2 * SECOND)

    def test_changes_nothing_of_what_never_failed(self, subscription):
        assert Job.objects.filter(name="commerce.renew_now").count() == 0
        sweep(DUE - 2 * DAY)
        pay_with(subscription, OTHER)
        assert Job.objects.filter(name="commerce.renew_now").count() == 0


def test_the_journal_says_why_and_when_next(subscription):
    sweep(DUE)
    [failed] = Event.objects.filter(type="renewal.failed")
    assert (failed.data["code"], failed.data["next_try_at"]) == ("generic_decline", "2026-04-11T09:00:00Z")
