"""A renewal as a decision: told before its day, each once, with what one needs to know; and told that it is refused."""

from datetime import date, timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commerce import tasks
from commerce.models import RenewalNotice
from commerce.operations.letters import coming_renewal_letters
from commerce.operations.renewing import notices
from licensing.models import Subscription
from licensing.operations import subscriptions
from policies.operations import settings
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests.callers import signed_in
from tests.commerce.changes import DAY, SECOND
from tests.commerce.renewing import sweep
from tests.factories import (
    NOON,
    ExclusionFactory,
    MembershipFactory,
    PlanFactory,
    PriceFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
    plan_on_sale,
    price_centrally,
)
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def subscription(ana, plan):
    """Two seats of a month, one of them with somebody."""
    return buy(ana, plan, 2)


@pytest.fixture
def annual(ana, plan):
    yearly = PlanFactory(product=plan.product, term="P1Y")
    PriceFactory(plan=yearly, amount=99)
    return buy(ana, yearly, 2)


def before(subscription, days):
    return subscription.term_end - days * DAY


def rows():
    return [(notice.days, notice.kind) for notice in RenewalNotice.objects.order_by("created_at", "pk")]


def deliver(at):
    """The letters that wait, each once."""
    mail.outbox.clear()
    for job in Job.objects.filter(name="commerce.tell_coming_renewal", done_at=None):
        notice = RenewalNotice.objects.get(pk=job.arguments["notice_id"])
        coming_renewal_letters.deliver(notice_id=notice.pk, site="https://s.example", sender="s@s.example", at=at)
        job.done_at = at
        job.save()
    return sorted((letter.to[0], letter.subject) for letter in mail.outbox)


class TestWhen:
    def test_a_month_is_told_7_days_before_and_not_earlier(self, subscription):
        assert notices.tell_due(at=before(subscription, 7) - SECOND) == 0
        for _ in range(2):
            notices.tell_due(at=before(subscription, 7))
        assert rows() == [(7, "renews")]

    def test_a_year_is_told_30_and_7_days_before(self, annual):
        assert notices.tell_due(at=before(annual, 30) - SECOND) == 0
        for days in (30, 29, 7, 6):
            notices.tell_due(at=before(annual, days))
        assert rows() == [(30, "renews"), (7, "renews")]

    def test_in_the_last_week_only_that_letter_goes_out(self, annual):
        notices.tell_due(at=before(annual, 3))
        assert rows() == [(7, "renews")]

    def test_that_it_ends_is_told_once(self, ana, annual):
        subscriptions.set_auto_renew(subscription=annual, auto_renew=False, by=acting(ana), at=NOON)
        for days in (30, 7, 1):
            notices.tell_due(at=before(annual, days))
        assert rows() == [(7, "ends")]

    def test_nothing_is_told_of_what_is_paid_or_over(self, subscription):
        sweep(subscription.term_end - timedelta(hours=12))
        assert notices.tell_due(at=subscription.term_end - timedelta(hours=11)) == 0
        Subscription.objects.update(state="expired", renewed_until=None, renewed_quantity=None)
        assert notices.tell_due(at=subscription.term_end) == 0

    def test_each_term_is_told_of(self, subscription):
        at = before(subscription, 7)
        notices.tell_due(at=at)
        Subscription.objects.update(term_end=subscription.term_end + 31 * DAY)
        notices.tell_due(at=at + 31 * DAY)
        assert rows() == [(7, "renews"), (7, "renews")]


class TestRefused:
    def exclude(self, **what):
        return ExclusionFactory(country="US", ends_renewals=True, **what)

    def test_is_told_with_its_reasons_to_owner_and_admins(self, ana, admin, subscription):
        self.exclude()
        at = before(subscription, 7)
        notices.tell_due(at=at)
        assert rows() == [(7, "refused")]
        [notice] = RenewalNotice.objects.all()
        assert [reason["code"] for reason in notice.reasons] == ["operator_exclusion"]
        subject = "Power BI Pro, monthly will not renew on 10 April 2026"
        assert deliver(at) == sorted([(ana.user.email, subject), (admin.user.email, subject)])
        assert all(f"- {notice.reasons[0]['detail']}" in letter.body for letter in mail.outbox)

    def test_later_is_told_at_once_and_once(self, subscription):
        at = before(subscription, 7)
        notices.tell_due(at=at)
        self.exclude()
        for hours in (1, 2):
            notices.tell_due(at=at + timedelta(hours=hours))
        assert rows() == [(7, "renews"), (0, "refused")]

    def test_is_asked_of_the_day_of_the_renewal(self, subscription):
        over = self.exclude(valid_to=date(2026, 4, 10))
        at = before(subscription, 7)
        notices.tell_due(at=at)
        assert rows() == [(7, "renews")]
        over.valid_to = date(2026, 4, 11)
        over.save()
        notices.tell_due(at=at)
        assert rows()[-1] == (0, "refused")

    def test_on_the_very_day_is_told_where_nobody_was(self, subscription):
        self.exclude()
        assert sweep(subscription.term_end) == {"refused": 1}
        assert rows() == [(0, "refused")]

    def test_on_the_very_day_is_not_told_again(self, subscription):
        self.exclude()
        notices.tell_due(at=before(subscription, 1))
        sweep(subscription.term_end)
        assert rows() == [(7, "refused")]

    @pytest.mark.parametrize("others", [{"country": "CA"}, {"country": "", "sector": "education"}])
    def test_is_not_told_to_others(self, subscription, others):
        ExclusionFactory(ends_renewals=True, **others)
        notices.tell_due(at=before(subscription, 7))
        assert rows() == [(7, "renews")]


class TestTheLetter:
    def test_says_use_cost_and_where_to_decide(self, ana, subscription):
        at = before(subscription, 7)
        notices.tell_due(at=at)
        assert deliver(at) == [(ana.user.email, "Power BI Pro, monthly renews on 10 April 2026")]
        body = mail.outbox[0].body
        assert "Used: 1 of 2 seats have somebody." in body
        assert "Cost: $19.98 for 2 × $9.99, tax included." in body
        assert f"/my/subscriptions/{subscription.pk}/renewal/" in body
        assert "changes" not in body

    def test_says_what_the_policy_says_now(self, ana, admin, subscription):
        at = before(subscription, 7)
        settings.change(tenant=ana.tenant, default_for_new_products="disabled", by=acting(admin), at=at)
        notices.tell_due(at=at)
        deliver(at)
        assert "That does not stop this renewal." in mail.outbox[0].body

    def test_goes_to_admins_too_if_the_organisation_wishes(self, ana, admin, subscription):
        settings.change(tenant=ana.tenant, tell_admins_of_renewals=True, by=acting(admin), at=NOON)
        at = before(subscription, 7)
        notices.tell_due(at=at)
        assert {to for to, _subject in deliver(at)} == {ana.user.email, admin.user.email}
        theirs = next(letter for letter in mail.outbox if letter.to == [admin.user.email])
        assert "It is managed by Ana Alvarez." in theirs.body

    def test_of_the_organisations_own_goes_to_who_buys_for_it(self, plan):
        admin = admin_of(MembershipFactory().tenant).home
        bought = buy_centrally(admin, price_centrally(plan))
        at = before(bought, 7)
        notices.tell_due(at=at)
        assert [to for to, _subject in deliver(at)] == [admin.user.email]

    def test_is_not_sent_once_somebody_has_decided(self, ana, subscription):
        at = before(subscription, 7)
        notices.tell_due(at=at)
        subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=acting(ana), at=at)
        assert deliver(at) == []

    def test_is_the_tasks_work(self, ana, plan):
        buy(ana, plan, 1, timezone.now() - 25 * DAY)
        tasks.letters.tell_coming_renewals()
        for job in Job.objects.filter(name="commerce.tell_coming_renewal"):
            tasks.letters.tell_coming_renewal(job_id=str(job.pk))
        assert len(mail.outbox) == 1


class TestThePage:
    @pytest.fixture
    def bought(self, ana, plan):
        return buy(ana, plan, 2, timezone.now())

    def page(self, who, bought):
        return signed_in(who).get(f"/my/subscriptions/{bought.pk}/renewal/")

    def test_offers_the_four_choices(self, ana, bought):
        page = self.page(ana, bought)
        assert page.status_code == 200
        for name in ("remove-seats", "cancel", "transfer"):
            assert f"/my/subscriptions/{bought.pk}/{name}/" in page.text
        assert "Keep it" in page.text
        assert "$19.98" in page.text

    def test_says_that_it_will_not_renew(self, ana, bought):
        ExclusionFactory(country="US", ends_renewals=True)
        assert "It will not renew" in self.page(ana, bought).text

    def test_lets_what_ends_be_kept(self, ana, bought):
        subscriptions.set_auto_renew(subscription=bought, auto_renew=False, by=acting(ana), at=timezone.now())
        assert f"/my/subscriptions/{bought.pk}/auto-renew/" in self.page(ana, bought).text

    def test_is_its_owners_alone(self, cleo, admin, bought):
        for stranger in (cleo, admin):
            assert self.page(stranger, bought).status_code == 404

    def test_leads_to_the_subscription_where_there_is_nothing_to_decide(self, ana, bought):
        Subscription.objects.update(state="expired")
        assert self.page(ana, bought).status_code == 302


def test_the_journal_says_who_was_told_what(subscription):
    notices.tell_due(at=before(subscription, 7))
    [event] = Event.objects.filter(type="renewal.announced")
    assert (event.data["kind"], event.data["days"]) == ("renews", 7)


def test_a_sweep_costs_the_same_for_one_and_for_many(plan):
    counts = []
    for many in (1, 30):
        for _number in range(many):
            last = buy(MembershipFactory(), plan, 1)
        with CaptureQueriesContext(connection) as seen:
            notices.tell_due(at=before(last, 7))
        counts.append(len(seen))
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_two_sweeps_at_once_tell_once():
    bought = buy(MembershipFactory(), plan_on_sale(), 1)
    race(lambda _n: notices.tell_due(at=before(bought, 7)), range(4))
    assert rows() == [(7, "renews")]
    assert Job.objects.filter(name="commerce.tell_coming_renewal").count() == 1
