"""From the journal to notices: each event once, to those who wish it and may read it."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from commerce.models import Notice, NoticeLetter, NoticesWritten, NoticeWish
from commerce.operations.notices import writing
from policies.operations import values
from policies.operations.scopes import Scope
from tenants.access import actor_at
from tenants.delivery.models import Job
from tenants.journal import events
from tenants.journal.models import EventPosition
from tests.commerce.notices.walking import nothing_but, post, topics, walk, wish
from tests.factories import NOON, MembershipFactory, admin_of, buy, buy_centrally, plan_on_sale, price_centrally
from tests.race import race
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SOON = NOON + timedelta(minutes=1)


@pytest.fixture
def billing(ana):
    return admin_of(ana.tenant, "billing_admin")


def test_a_purchase_is_one_notice_of_all_its_topics_and_the_second_walk_finds_nothing(ana, plan, billing):
    buy(ana, plan, 2)
    assert walk(SOON) == 1
    assert topics(billing.user) == [{"purchase", "first_purchase"}]
    assert walk(SOON) == 0
    assert Notice.objects.count() == 1

    buy(MembershipFactory(tenant=ana.tenant), plan, 1)
    walk(SOON)
    assert topics(billing.user)[1:] == [{"purchase"}]


def test_the_walk_is_as_far_as_the_journal(ana, plan, billing):
    buy(ana, plan, 2)
    walk(SOON)
    last = EventPosition.objects.filter(tenant=ana.tenant).order_by("-position").first().position
    assert NoticesWritten.objects.get(tenant=ana.tenant).position == last


def test_a_journal_of_several_parts_is_walked_whole_each_event_once(ana, plan, billing, monkeypatch):
    monkeypatch.setattr(writing, "POSITIONS_AT_ONCE", 2)
    for _ in range(3):
        buy(MembershipFactory(tenant=ana.tenant), plan, 1)
    assert walk(SOON) == 3
    assert len(topics(billing.user)) == 3


def test_what_dies_in_the_middle_leaves_nothing_and_is_done_once_afterwards(ana, plan, billing, monkeypatch):
    buy(ana, plan, 2)
    walked = writing._notices

    def dies(*args, **kwargs):
        walked(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_notices", dies)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        walk(SOON)
    assert (Notice.objects.count(), NoticeLetter.objects.count()) == (0, 0)
    assert not Job.objects.filter(name=writing.JOB).exists()
    monkeypatch.setattr(writing, "_notices", walked)
    assert walk(SOON) == 1
    assert len(post(SOON)) == 1


def test_nobody_is_told_of_what_they_did_themselves(plan, ana):
    buyer = MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])
    other = admin_of(ana.tenant, "billing_admin")
    buy(buyer, plan, 1)
    walk(SOON)
    assert topics(buyer.user) == []
    assert len(topics(other.user)) == 1


def test_an_amount_is_everybodys_own_and_what_is_exactly_it_is_not_over_it(ana, plan, billing):
    other = admin_of(ana.tenant, "global_reader")
    nothing_but(billing, NOON, "over_amount", in_app=True, amount=Decimal("19.98"))
    nothing_but(other, NOON, "over_amount", in_app=True, amount=Decimal("19.97"))
    buy(ana, plan, 2)
    walk(SOON)
    assert (topics(billing.user), topics(other.user)) == ([], [{"over_amount"}])


def test_another_currency_than_that_of_the_amount_is_told(ana, plan, billing):
    nothing_but(billing, NOON, "over_amount", in_app=True, amount=Decimal(1000))
    NoticeWish.objects.filter(topic="over_amount").update(currency="SEK")
    buy(ana, plan, 1)
    walk(SOON)
    assert topics(billing.user) == [{"over_amount"}]


class TestWhoMayRead:
    def test_a_user_admin_is_told_of_central_purchases_alone(self, ana, plan):
        admin = admin_of(ana.tenant, "user_admin")
        nothing_but(admin, NOON, "purchase", in_app=True)
        buy(ana, plan, 1)
        price_centrally(plan)
        buy_centrally(MembershipFactory(tenant=ana.tenant, roles=["billing_admin"]), plan)
        walk(SOON)
        assert topics(admin.user) == [{"purchase"}]
        assert Notice.objects.get(user=admin.user).right == "see_central_purchases"

    def test_a_partners_people_are_told_of_what_they_chose_while_they_are_let_in(self, ana, plan):
        delegate = let_in(ana.tenant, at=NOON, lasts=timedelta(days=300))
        unasked = MembershipFactory(tenant=delegate.member.tenant)
        actor = actor_at(delegate.user, ana.tenant, at=NOON)
        wish(actor, NOON, "purchase", mail="at_once", in_app=True)
        buy(ana, plan, 1)
        walk(SOON)
        assert len(topics(delegate.user)) == 1
        assert topics(unasked.user) == []
        assert delegate.user.email in [to for to, _subject in post(SOON)]

        over = delegate.delegation.ends_at + timedelta(seconds=1)
        buy(MembershipFactory(tenant=ana.tenant), plan, 1)
        walk(over)
        assert len(topics(delegate.user)) == 1

    def test_a_letter_that_leaves_after_the_role_is_lost_says_nothing(self, ana, plan, billing):
        buy(ana, plan, 1)
        walk(SOON)
        billing.membership.role_grants.all().delete()
        assert post(SOON) == []

    def test_somebody_who_reads_no_policy_is_not_told_that_one_changed(self, ana, plan, billing):
        reader, people = admin_of(ana.tenant, "license_admin"), admin_of(ana.tenant, "user_admin")
        wish(reader, NOON, "policy_change", in_app=True)
        values.put(
            tenant=ana.tenant,
            scope=Scope(product=plan.product),
            value="disabled",
            reason="Old",
            by=billing,
            at=NOON,
        )
        walk(SOON)
        assert topics(reader.user) == [{"policy_change"}]
        assert topics(people.user) == []


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
class TestTwoAtOnce:
    @pytest.fixture
    def bought(self):
        ana = MembershipFactory(tenant__name="Contoso")
        billing = admin_of(ana.tenant, "billing_admin")
        for _ in range(3):
            buy(MembershipFactory(tenant=ana.tenant), plan_on_sale(), 1)
        Job.objects.all().delete()
        NoticesWritten.objects.create(tenant=ana.tenant)
        events.sequence_waiting()
        return billing

    def test_of_several_walks_each_event_is_told_once(self, bought):
        race(lambda _n: writing.write(at=SOON), range(4))
        assert len(topics(bought.user)) == 3
        assert Job.objects.filter(name=writing.JOB).count() == 1

    def test_without_the_lock_they_stand_in_each_others_way(self, bought, monkeypatch):
        """The control: the second wall is the constraint, which refuses a walk that another one has done."""
        monkeypatch.setattr(NoticesWritten.objects, "select_for_update", lambda **_: NoticesWritten.objects.all())
        found = writing._notices

        def slowly(*args, **kwargs):
            notices = found(*args, **kwargs)
            time.sleep(0.5)
            return notices

        monkeypatch.setattr(writing, "_notices", slowly)
        with pytest.raises(IntegrityError):
            race(lambda _n: writing.write(at=SOON), range(4))
        assert len(topics(bought.user)) == 3
