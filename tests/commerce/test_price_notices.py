"""Who is told of a new price, when, how often, and what becomes of it when something dies or changes on the way."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail

from commerce.models import BillingPeriod, PriceNotice, Purchase
from commerce.operations.letters import post, price_letters
from commerce.operations.pricing import price_notices, prices
from licensing.operations import lifecycle, subscriptions
from tenants.delivery.models import Job
from tenants.directory.models import MemberState
from tenants.journal.models import Event, UnsequencedEvent
from tests.commerce.announcing import SENDER, SITE, announce, send_letters, tell
from tests.commerce.changes import reactivate
from tests.factories import (
    NOON,
    MembershipFactory,
    TenantFactory,
    acting,
    agree,
    buy,
    buy_centrally,
    order_centrally,
    plan_on_sale,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)
LATER = NOON + timedelta(hours=1)
JUNE = date(2026, 6, 1)


@pytest.fixture
def yearly(ana):
    """Bought at 99.90 a year; it renews on 10 March 2027."""
    return buy(ana, plan_on_sale("99.90", product__name="Power Apps", term="P1Y"), 2, NOON)


@pytest.fixture
def central(admin):
    """The organisation's own, at the list price: its agreement has none for the plan."""
    plan = price_centrally(plan_on_sale(term="P1Y"), "90")
    return order_centrally(admin, plan, 2, NOON, agreement=agree(admin.tenant)).subscription


def receivers():
    return sorted(address for letter in mail.outbox for address in letter.to)


class TestTheLetter:
    def test_tells_the_owner_once_from_when_it_applies(self, yearly, ana):
        announce(yearly.plan, "120", JUNE, LATER)
        assert [tell(LATER), tell(LATER + DAY), tell(LATER + 100 * DAY)] == [1, 0, 0]
        notice = PriceNotice.objects.get()
        assert (notice.amount, notice.applies_from, notice.sent_at) == (Decimal("120"), yearly.term_end, LATER)
        [letter] = mail.outbox
        assert letter.to == [ana.user.email]
        for said in ("10 March 2027", "$120.00", "$99.90", f"{SITE}/my/subscriptions/{yearly.pk}/"):
            assert said in letter.body, said

    def test_stands_in_the_journal_of_the_organisation(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        [event] = Event.objects.filter(type="price.announced")
        assert (event.tenant, event.subject, event.at) == (yearly.tenant, str(yearly.pk), LATER)
        assert event.data == {"unit_price": "120.00", "currency": "USD", "applies_from": "2027-03-10T12:00:00Z"}
        assert UnsequencedEvent.objects.filter(event=event).exists()

    def test_names_a_later_renewal_when_the_next_is_too_near(self, ana, plan):
        buy(ana, plan, 1, NOON)
        announce(plan, "12", date(2026, 3, 1), NOON)
        # Thirty days after the letter is a day after the first renewal.
        tell(NOON + 2 * DAY)
        assert PriceNotice.objects.get().applies_from == datetime(2026, 5, 10, 12, tzinfo=UTC)

    def test_that_waited_names_the_renewal_thirty_days_after_it_went(self, ana, plan):
        monthly = buy(ana, plan, 1, NOON)
        announce(plan, "12", date(2026, 3, 1), NOON)
        price_notices.announce_due(at=NOON)
        assert PriceNotice.objects.get().applies_from == monthly.term_end
        send_letters(NOON + 2 * DAY)
        assert PriceNotice.objects.get().applies_from == datetime(2026, 5, 10, 12, tzinfo=UTC)
        assert "10 May" in mail.outbox[0].body
        assert prices.renewal_price(monthly)[0] == Decimal("9.99")
        assert prices.renewal_price(monthly, datetime(2026, 5, 10, 12, tzinfo=UTC))[0] == 12

    def test_is_not_sent_twice_by_a_job_that_runs_twice(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        notice = PriceNotice.objects.get()
        price_letters.deliver(notice_id=notice.pk, site=SITE, sender=SENDER, at=LATER + DAY)
        assert len(mail.outbox) == 1
        assert PriceNotice.objects.get().sent_at == LATER

    def test_survives_a_crash_between_row_and_letter(self, yearly, monkeypatch):
        announce(yearly.plan, "120", JUNE, LATER)
        price_notices.announce_due(at=LATER)
        notice = PriceNotice.objects.get()
        job = Job.objects.get(name="commerce.deliver_price_notice")
        assert (job.arguments, job.done_at) == ({"notice_id": str(notice.pk)}, None)
        with monkeypatch.context() as dying:
            dying.setattr(post, "send", lambda *_, **__: (_ for _ in ()).throw(ConnectionError))
            with pytest.raises(ConnectionError):
                send_letters(LATER)
        assert PriceNotice.objects.get().sent_at is None
        assert prices.renewal_price(yearly)[0] == Decimal("99.90")
        send_letters(LATER + DAY)
        assert len(mail.outbox) == 1
        assert PriceNotice.objects.get().sent_at == LATER + DAY


class TestWhoIsTold:
    def test_the_billing_and_global_admins_of_what_the_organisation_owns(self, central, admin):
        other = MembershipFactory(tenant=admin.tenant, roles=["global_admin", "billing_admin"])
        for role in ("license_admin", "user_admin", "global_reader"):
            MembershipFactory(tenant=admin.tenant, roles=[role])
        left = MembershipFactory(tenant=admin.tenant, roles=["global_admin"], state=MemberState.LEFT)
        MembershipFactory(tenant=TenantFactory(), roles=["global_admin"])
        announce(central.plan, "100", JUNE, LATER, channel="central")
        assert tell(LATER) == 1
        assert receivers() == sorted([admin.user.email, other.user.email])
        assert left.user.email not in receivers()
        assert f"{SITE}/admin/commerce/purchase/{central.pk}/" in mail.outbox[0].body
        assert prices.renewal_price(central)[0] == 100

    def test_nobody_of_an_agreement_whose_price_holds(self, admin):
        plan = price_centrally(plan_on_sale(term="P1Y"), "90")
        buy_centrally(admin, plan, 2, NOON)
        announce(plan, "100", JUNE, LATER, channel="central")
        assert tell(LATER) == 0
        assert mail.outbox == []

    def test_the_admins_where_the_owner_has_left(self, yearly, ana, admin):
        ana.state = MemberState.LEFT
        ana.save()
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        assert receivers() == [admin.user.email]
        assert f"{SITE}/admin/commerce/purchase/{yearly.pk}/" in mail.outbox[0].body

    def test_people_in_grace(self, ana, plan):
        monthly = buy(ana, plan, 1, NOON)
        at = monthly.term_end + DAY
        lifecycle.advance_due(at=at)
        announce(plan, "12", date(2026, 3, 1), at)
        assert tell(at) == 1
        assert receivers() == [ana.user.email]
        assert PriceNotice.objects.get().applies_from == datetime(2026, 6, 10, 12, tzinfo=UTC)
        # Paid late, the term that waits is still at the old price.
        assert reactivate(monthly, at + DAY).quote.lines[0].unit_price == Decimal("9.99")
        assert tell(at + 2 * DAY) == 0

    def test_nobody_who_lets_it_end_until_they_turn_renewal_on(self, yearly, ana):
        def renew(on, at):
            subscriptions.set_auto_renew(subscription=yearly, auto_renew=on, by=acting(ana), at=at)

        renew(False, NOON)
        announce(yearly.plan, "120", JUNE, LATER)
        assert tell(LATER) == 0
        renew(True, LATER + DAY)
        assert prices.renewal_price(yearly)[0] == Decimal("99.90")
        assert [tell(LATER + DAY), tell(LATER + 2 * DAY)] == [1, 0]
        assert prices.renewal_price(yearly)[0] == 120

    def test_whoever_goes_on_after_it_was_disabled(self, ana, plan):
        monthly = buy(ana, plan, 1, NOON)
        at = monthly.term_end + 40 * DAY
        lifecycle.advance_due(at=at)
        announce(plan, "12", date(2026, 3, 1), LATER)
        assert tell(at) == 0
        assert reactivate(monthly, at).quote.lines[0].unit_price == Decimal("9.99")
        assert tell(at) == 1

    def test_nobody_who_pays_that_price_or_whose_access_has_ended(self, yearly, ana):
        announce(yearly.plan, "99.90", JUNE, LATER)
        assert tell(LATER) == 0
        announce(yearly.plan, "120", date(2026, 7, 1), LATER)
        Purchase.objects.filter(pk=yearly.pk).update(state="disabled")
        assert tell(LATER) == 0

    def test_nobody_of_a_version_that_a_newer_one_replaced_already(self, yearly):
        announce(yearly.plan, "120", date(2026, 3, 5), LATER)
        announce(yearly.plan, "130", date(2026, 3, 6), LATER)
        assert [tell(LATER), tell(LATER)] == [1, 0]
        assert PriceNotice.objects.get().amount == 130

    def test_nobody_of_what_was_never_published(self, yearly):
        announce(yearly.plan, "120", JUNE, None)
        assert tell(LATER) == 0

    def test_whoever_lost_the_price_of_an_agreement_after_they_were_told(self, central):
        """Told; then an agreement's price was charged for a term; then that ended: a renewal would not take it."""
        announce(central.plan, "100", JUNE, LATER, channel="central")
        tell(LATER)
        period = BillingPeriod.objects.get(subscription=central)
        end = central.term_end + 365 * DAY
        BillingPeriod.objects.create(
            tenant=central.tenant,
            subscription=central,
            line=period.line,
            starts_at=central.term_end,
            ends_at=end,
            currency="USD",
            unit_price=Decimal("8.50"),
        )
        Purchase.objects.filter(pk=central.pk).update(term_start=central.term_end, term_end=end)
        central.refresh_from_db()
        assert prices.renewal_price(central)[0] == Decimal("8.50")
        at = central.term_start + DAY
        assert [tell(at), tell(at + DAY)] == [1, 0]
        assert PriceNotice.objects.count() == 1
        assert prices.renewal_price(central)[0] == 100
