"""Processes that are killed while they tell admins what happened: each notice, letter and file is there once."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from commerce.models import Notice, NoticeLetter
from commerce.operations.notices import digests, writing
from commerce.operations.procurement import schedules
from tenants.delivery.models import Job
from tenants.journal.events import sequence_waiting
from tests.commerce.notices.walking import nothing_but
from tests.factories import NOON, MembershipFactory, TenantFactory, admin_of, buy, plan_on_sale
from tests.faults.test_killed import every, killed_or_done

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

SOON = NOON + timedelta(minutes=1)
MORNING = datetime(2026, 3, 11, 9, tzinfo=UTC)


def bought(mail):
    """Three purchases, and two admins who are told of them by e-mail."""
    tenant, plan = TenantFactory(), plan_on_sale()
    admins = [admin_of(tenant, "billing_admin") for _ in range(2)]
    for admin in admins:
        nothing_but(admin, NOON, "purchase", mail=mail, in_app=True)
    for member in MembershipFactory.create_batch(3, tenant=tenant):
        buy(member, plan, 1)
    sequence_waiting()
    Job.objects.all().delete()
    return admins


def require_each_once(admins):
    users = {admin.user.pk: 3 for admin in admins}
    assert Counter(Notice.objects.values_list("user", flat=True)) == users
    assert Counter(Notice.objects.exclude(letter=None).values_list("user", flat=True)) == users
    letters = [str(pk) for pk in NoticeLetter.objects.values_list("pk", flat=True)]
    assert len(letters) == len(admins)
    sent = Job.objects.filter(name=writing.JOB).values_list("arguments__letter_id", flat=True)
    assert sorted(sent) == sorted(letters)


@every(last=32, step=8)
def test_writing_notices(victim, nth, last):
    admins = bought("at_once")
    killed_or_done(*victim({"do": "write notices", "at": SOON, "die": nth}), nth, last)
    writing.write(at=SOON)
    require_each_once(admins)


@every(last=16, step=4)
def test_sending_digests(victim, nth, last):
    admins = bought("daily")
    writing.write(at=SOON)
    killed_or_done(*victim({"do": "send digests", "at": MORNING, "die": nth}), nth, last)
    digests.send_due(at=MORNING)
    require_each_once(admins)


@every(last=12, step=3)
def test_sending_files(victim, nth, last):
    by = admin_of(TenantFactory(), "billing_admin")
    schedules.add(name="Mine", query={}, format="csv", every="day", by=by, at=NOON)
    killed_or_done(*victim({"do": "send exports", "at": MORNING, "die": nth}), nth, last)
    schedules.send_due(at=MORNING)
    assert Job.objects.filter(name=schedules.JOB).count() == 1


def test_several_processes_at_once_tell_each_once(victim):
    admins = bought("daily")
    assert victim(*[{"do": "write notices", "at": SOON}] * 4) == [0] * 4
    assert victim(*[{"do": "send digests", "at": MORNING}] * 4) == [0] * 4
    require_each_once(admins)
