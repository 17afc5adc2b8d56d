"""A card expires: who is told, when, and once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from commerce.models import PaymentMethod, PaymentSource
from commerce.operations.letters import card_notices
from commerce.tasks.letters import deliver_card_notice
from licensing.models import Subscription
from tenants.delivery.models import Job
from tests.commerce.cards import OTHER, THIRD, keep, remove
from tests.factories import NOON, MembershipFactory, TenantFactory, admin_of, buy, open_checkout, pay
from tests.race import between_transactions, race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestExpiry:
    def expires(self, year, month):
        PaymentMethod.objects.update(exp_year=year, exp_month=month)

    def told(self, at):
        """How many were told, and what of is on its way."""
        told = card_notices.tell_expiring(at=at)
        assert Job.objects.filter(name="commerce.deliver_card_notice").count() == told
        return told

    def deliver(self):
        for job in Job.objects.filter(name="commerce.deliver_card_notice", done_at=None):
            deliver_card_notice(job_id=str(job.pk))
        return mail.outbox

    @pytest.mark.parametrize(
        "at, is_told",
        [
            (datetime(2026, 4, 30, 12, tzinfo=UTC), False),
            (datetime(2026, 5, 1, 12, tzinfo=UTC), True),
            (datetime(2026, 5, 31, 12, tzinfo=UTC), True),
            (datetime(2026, 7, 1, 12, tzinfo=UTC), True),
        ],
    )
    def test_is_told_from_30_days_before_the_end_of_the_month(self, ana, plan, at, is_told):
        buy(ana, plan)
        self.expires(2026, 5)
        assert self.told(at) == is_told

    def test_is_told_by_the_clock_of_the_tenant(self, plan):
        buy(MembershipFactory(tenant=TenantFactory(time_zone="Asia/Tokyo")), plan)
        self.expires(2026, 5)
        assert self.told(datetime(2026, 4, 30, 14, tzinfo=UTC)) == 0
        assert self.told(datetime(2026, 4, 30, 15, tzinfo=UTC)) == 1

    def test_is_told_once_until_the_provider_tells_a_new_one(self, ana, plan):
        buy(ana, plan)
        self.expires(2026, 3)
        assert self.told(NOON) == 1
        assert card_notices.tell_expiring(at=NOON + timedelta(days=1)) == 0
        assert ana.tenant.events.filter(type="payment_method.expiring").count() == 1
        buy(ana, plan)  # the provider tells 12/2034 with the next charge
        card = PaymentMethod.objects.get()
        assert (card.exp_year, card.expiry_told_at) == (2034, None)
        assert card_notices.tell_expiring(at=datetime(2034, 12, 5, tzinfo=UTC)) == 1

    def test_of_a_card_that_pays_for_nothing_or_was_removed_is_not_told(self, ana, plan):
        keep(ana)
        remove(keep(ana, OTHER), ana)
        pay(open_checkout(ana, plan), THIRD)
        Subscription.objects.update(state="disabled")
        Subscription.objects.update(state="deleted", state_ends_at=None, seats_assigned=0)
        self.expires(2026, 3)
        assert self.told(NOON) == 0

    def test_is_told_to_the_holder_with_what_the_card_pays_for_and_the_way_to_mend_it(self, ana, plan, settings):
        settings.BASE_URL = "https://seatwise.example"
        buy(ana, plan)
        self.expires(2026, 3)
        self.told(NOON)
        [letter] = self.deliver()
        assert letter.to == [ana.user.email]
        assert letter.subject == "Visa •••• 4242 expires 03/2026"
        for said in ("31 March 2026", "Power BI Pro", "https://seatwise.example/my/payment-methods/"):
            assert said in letter.body
        card = PaymentMethod.objects.get()
        assert letter.extra_headers["Message-ID"].startswith(f"<card-{card.pk}-2026-3-")

    def test_of_the_organisations_card_is_told_to_all_who_buy_for_it(self, ana, plan):
        buyers = [admin_of(ana.tenant, role) for role in ("billing_admin", "global_admin")]
        admin_of(ana.tenant, "global_reader")
        card = keep(buyers[0], for_organisation=True)
        subscription = buy(ana, plan)
        PaymentSource.objects.filter(subscription=subscription).update(payment_method=card)
        self.expires(2026, 3)
        self.told(NOON)
        assert {letter.to[0] for letter in self.deliver()} == {buyer.home.user.email for buyer in buyers}

    def test_is_not_told_to_somebody_who_left_nor_of_a_card_that_is_gone_by_then(self, ana, cleo, plan):
        buy(ana, plan)
        buy(cleo, plan)
        self.expires(2026, 3)
        assert self.told(NOON) == 2
        ana.state = "left"
        ana.save()
        PaymentMethod.objects.filter(member=cleo).update(removed_at=NOON, is_default=False)
        assert self.deliver() == []

    @between_transactions
    def test_is_told_once_by_sweeps_at_the_same_moment(self, ana, plan):
        buy(ana, plan)
        self.expires(2026, 3)
        race(lambda _: card_notices.tell_expiring(at=NOON), range(6))
        assert Job.objects.filter(name="commerce.deliver_card_notice").count() == 1
