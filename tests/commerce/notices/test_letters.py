"""At once or as a digest, each notice by one letter at most, and none where another letter tells of it anyway."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail

from commerce.models import Notice, NoticePace
from commerce.operations.notices import readers, wishes, writing
from commerce.operations.notices.readers import Wish
from commerce.operations.renewing import notices as coming
from policies.operations import settings
from tenants.access import Actor
from tenants.refusal import BadInput, NotAllowed
from tests.commerce.licenses import ask
from tests.commerce.notices.walking import digest, nothing_but, post, topics, walk, wish
from tests.factories import NOON, MembershipFactory, OperatorFactory, acting, admin_of, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

# NOON is a Tuesday; the organisation's time is UTC.
SOON = NOON + timedelta(minutes=1)
MORNING = datetime(2026, 3, 11, 9, tzinfo=UTC)
MONDAY = datetime(2026, 3, 16, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def billing(ana):
    return admin_of(ana.tenant, "billing_admin")


class TestAtOnce:
    def test_what_happened_together_is_one_letter(self, ana, plan, billing):
        nothing_but(billing, NOON, "purchase", mail="at_once")
        for _ in range(3):
            buy(MembershipFactory(tenant=ana.tenant), plan, 1)
        walk(SOON)
        assert post(SOON) == [(billing.user.email, "Contoso: 3 notices")]

    def test_prices_stand_there_only_for_who_is_told_them(self, ana, plan, billing):
        without = admin_of(ana.tenant, "license_admin")
        nothing_but(billing, NOON, "purchase", mail="at_once")
        nothing_but(without, NOON, "purchase", mail="at_once")
        buy(ana, plan, 2)
        walk(SOON)
        told = dict(post(SOON))
        assert "$19.98" in told[billing.user.email]
        assert told[without.user.email].startswith("Contoso: Ana Alvarez bought 2 seats of")
        bodies = {letter.to[0]: letter.body for letter in mail.outbox}
        assert "$" not in bodies[without.user.email]

    def test_somebody_without_a_name_of_the_topic_is_not_told_it_by_its_label(self, ana, plan, billing):
        wish(billing, NOON, "over_amount", in_app=True, amount=Decimal(1))
        buy(ana, plan, 2)
        walk(SOON)
        assert topics(billing.user) == [{"purchase", "first_purchase", "over_amount"}]


class TestDigests:
    def test_daily_at_nine_once_and_not_a_second_earlier(self, ana, plan, billing):
        nothing_but(billing, NOON, "purchase", mail="daily")
        buy(ana, plan, 1)
        buy(MembershipFactory(tenant=ana.tenant), plan, 1)
        walk(SOON)
        assert digest(MORNING - SECOND) == 0
        assert [digest(MORNING), digest(MORNING), digest(MORNING + timedelta(days=1))] == [1, 0, 0]
        assert post(MORNING) == [(billing.user.email, "Contoso: 2 notices")]

    def test_weekly_on_monday(self, ana, plan, billing):
        nothing_but(billing, NOON, "purchase", mail="weekly")
        buy(ana, plan, 1)
        walk(SOON)
        assert digest(MONDAY - SECOND) == 0
        assert digest(MONDAY) == 1

    def test_daily_and_weekly_ones_that_are_due_together_are_one_letter(self, ana, plan, billing):
        wish(billing, NOON, "first_purchase", mail="weekly")
        wish(billing, NOON, "purchase", mail="off")
        buy(ana, plan, 1)
        walk(SOON)
        wish(billing, NOON, "purchase", mail="daily")
        buy(MembershipFactory(tenant=ana.tenant), plan, 1)
        walk(MONDAY - timedelta(hours=2))
        assert digest(MONDAY) == 1
        assert post(MONDAY) == [(billing.user.email, "Contoso: 2 notices")]

    @pytest.mark.parametrize(
        ("pace", "after", "due"),
        [
            ("daily", datetime(2026, 3, 28, 7, 59, tzinfo=UTC), datetime(2026, 3, 28, 8, tzinfo=UTC)),
            # The clocks go forward in the night to the 29th.
            ("daily", datetime(2026, 3, 28, 8, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC)),
            ("weekly", datetime(2026, 3, 30, 7, tzinfo=UTC), datetime(2026, 4, 6, 7, tzinfo=UTC)),
        ],
    )
    def test_nine_is_that_of_the_organisation(self, ana, pace, after, due):
        ana.tenant.time_zone = "Europe/Berlin"
        assert writing.next_digest(NoticePace(pace), after=after, zone=ana.tenant.zone) == due


class TestNotTwice:
    def test_a_request_that_has_its_own_letter_stands_in_the_list_alone(self, ana, plan):
        decider = admin_of(ana.tenant)
        nothing_but(decider, NOON, "request", mail="at_once", in_app=True)
        ask(ana, plan.product)
        walk(SOON)
        assert topics(decider.user) == [{"request"}]
        assert post(SOON) == []

    @pytest.mark.parametrize("tenant_tells", [True, False])
    def test_a_coming_renewal_is_told_by_the_organisations_letter_or_by_the_persons(
        self, ana, plan, billing, tenant_tells
    ):
        bought = buy(ana, plan, 1)
        settings.change(tenant=ana.tenant, tell_admins_of_renewals=tenant_tells, by=billing, at=NOON)
        nothing_but(billing, NOON, "renewal", mail="at_once", in_app=True)
        at = bought.term_end - timedelta(days=7)
        coming.tell_due(at=at)
        walk(at)
        assert topics(billing.user) == [{"renewal"}]
        assert len(post(at)) == (0 if tenant_tells else 1)


class TestChoosing:
    def test_defaults_are_those_of_the_roles(self, ana):
        billing, license = (
            readers.reader(admin_of(ana.tenant, "billing_admin")),
            readers.reader(admin_of(ana.tenant, "license_admin")),
        )
        assert billing.wish("first_purchase").mail == "at_once"
        assert billing.wish("purchase").mail == "daily"
        assert billing.wish("over_amount").is_any is False
        assert (license.wish("purchase").is_any, license.wish("request").in_app) == (False, True)

    @pytest.mark.parametrize("amount", [None, Decimal(0), Decimal("-1"), Decimal("1.001"), Decimal(10**13)])
    def test_an_amount_must_be_one(self, billing, amount):
        said = {readers.NoticeTopic.OVER_AMOUNT: Wish(in_app=True, amount=amount)}
        with pytest.raises(BadInput):
            wishes.choose(wishes=said, by=billing, at=NOON)

    def test_nobody_chooses_what_they_may_not_read(self, ana):
        with pytest.raises(BadInput):
            wish(admin_of(ana.tenant, "user_admin"), NOON, "policy_change", in_app=True)

    def test_those_without_a_role_and_operators_choose_nothing(self, ana):
        for nobody in (acting(ana), Actor(user=OperatorFactory())):
            with pytest.raises(NotAllowed):
                wish(nobody, NOON, "purchase", in_app=True)


def test_old_notices_are_forgotten(ana, plan, billing):
    buy(ana, plan, 1)
    walk(SOON)
    digest(MORNING)
    assert writing.forget(before=NOON) == 0
    assert writing.forget(before=MONDAY) == 1
    assert not Notice.objects.exists()
