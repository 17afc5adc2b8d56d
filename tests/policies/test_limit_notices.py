"""Letters at 50, 80 and 100 % of a spend limit: once in each period."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.utils import timezone

from policies.models import Approver, LimitNotice, SpendLimit
from policies.operations import commitments, limit_notices
from policies.spending import Proposal
from tenants.delivery.models import Job
from tests.factories import NOON, DepartmentFactory, MembershipFactory, ProductFactory, RoleGrantFactory
from tests.race import race

pytestmark = pytest.mark.django_db

SITE, SENDER = "https://seatwise.example", "Seatwise <post@seatwise.example>"


@pytest.fixture
def ana():
    return MembershipFactory()


@pytest.fixture
def limit(ana):
    return limit_of(ana.tenant)


def limit_of(tenant, level="tenant", **scope):
    return SpendLimit.objects.create(
        tenant=tenant,
        level=level,
        period="month",
        amount=100,
        currency="USD",
        mode="hard",
        counts=["self_service"],
        set_at=NOON,
        created_at=NOON,
        **scope,
    )


def spend(ana, amount, at=NOON):
    proposal = Proposal(amount=Decimal(amount), currency="USD")
    commitments.commit_spend(proposal=proposal, member=ana, product=ProductFactory(), at=at)


def told(limit):
    return sorted(LimitNotice.objects.filter(limit=limit).values_list("period_start", "threshold"))


def letters():
    return Job.objects.filter(name="policies.deliver_limit_notice").count()


def deliver():
    for notice in LimitNotice.objects.order_by("threshold"):
        limit_notices.deliver(notice_id=notice.pk, site=SITE, sender=SENDER, at=NOON)


MARCH = 2026 * 12 + 2


def test_each_threshold_once(ana, limit):
    for amount, shares in [("49.99", []), ("0.01", [50]), ("10", [50]), ("20", [50, 80]), ("20", [50, 80, 100])]:
        spend(ana, amount)
        for _ in range(2):
            limit_notices.tell_all(at=NOON)
        assert told(limit) == [(MARCH, share) for share in shares]
        assert letters() == len(shares)


def test_of_several_at_once_only_the_highest_is_told(ana, limit):
    spend(ana, "85")
    assert limit_notices.tell(tenant=ana.tenant, at=NOON) == 1
    assert (told(limit), letters()) == ([(MARCH, 50), (MARCH, 80)], 1)
    spend(ana, "-60")
    spend(ana, "30")
    assert limit_notices.tell(tenant=ana.tenant, at=NOON) == 0


def test_again_in_the_next_period(ana, limit):
    spend(ana, "60")
    limit_notices.tell_all(at=NOON)
    spend(ana, "60", NOON + timedelta(days=31))
    limit_notices.tell_all(at=NOON + timedelta(days=31))
    assert told(limit) == [(MARCH, 50), (MARCH + 1, 50)]


def test_a_commitment_asks_for_it_where_there_is_a_limit(ana):
    spend(ana, "60")
    assert not Job.objects.filter(name="policies.tell_spend_limits").exists()
    limit_of(ana.tenant)
    spend(ana, "1")
    assert Job.objects.filter(name="policies.tell_spend_limits").count() == 1


def test_goes_to_whoever_changes_policies_and_of_a_department_to_its_approvers(ana):
    head = DepartmentFactory(tenant=ana.tenant)
    own = DepartmentFactory(tenant=ana.tenant, parent=head)
    ana.department = own
    ana.save()
    readers = [
        RoleGrantFactory(membership__tenant=ana.tenant, role=role).membership
        for role in ("global_admin", "billing_admin", "license_admin", "global_reader")
    ][:2]
    RoleGrantFactory(role="global_admin")  # of another tenant
    named = MembershipFactory(tenant=ana.tenant)
    Approver.objects.create(tenant=ana.tenant, department=head, member=named)
    spend(ana, "100")
    whole = limit_of(ana.tenant)
    limit_notices.tell_all(at=NOON)
    deliver()
    # One of the three thresholds is told by a job; each letter goes to the same people.
    assert {letter.to[0] for letter in mail.outbox} == {member.user.email for member in readers}
    whole.delete()
    mail.outbox.clear()
    limit_of(ana.tenant, "department", department=own)
    limit_notices.tell_all(at=NOON)
    deliver()
    assert {letter.to[0] for letter in mail.outbox} == {member.user.email for member in (*readers, named)}
    letter = mail.outbox[-1]
    assert letter.subject == f"100% of the spend limit for {own} is taken"
    assert "of the limit of $100.00 for this month" in letter.body
    assert f"{SITE}/admin/policies/spendlimit/" in letter.body


def test_a_limit_that_is_gone_by_then_is_not_told(ana, limit):
    spend(ana, "60")
    limit_notices.tell_all(at=NOON)
    notice = LimitNotice.objects.get()
    limit.delete()
    limit_notices.deliver(notice_id=notice.pk, site=SITE, sender=SENDER, at=timezone.now())
    assert mail.outbox == []


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_tell_it_once(ana, limit):
    spend(ana, "60")
    race(lambda _: limit_notices.tell(tenant=ana.tenant, at=NOON), range(5))
    assert (told(limit), letters()) == ([(MARCH, 50)], 1)
