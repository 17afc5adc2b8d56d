"""Seats for many as a run: its process dies before any of its statements, or two work on it. Each has one seat."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from commerce.deeds.seats import GIVE_SEAT
from licensing.models import Seat, Subscription
from tenants.journal.models import Event
from tenants.runs import operations as runs
from tenants.runs import rows, work
from tests.commerce.changes import findings
from tests.factories import MembershipFactory, TenantFactory, admin_of, buy_centrally, plan_on_sale
from tests.faults.test_killed import every, killed_or_done

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def asked_for(monkeypatch, *, people, quantity):
    """In the background, whatever their number."""
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
    tenant, at = TenantFactory(), timezone.now()
    bought = buy_centrally(admin_of(tenant, "global_admin").membership, plan_on_sale(), quantity, at)
    subjects = [member.pk for member in MembershipFactory.create_batch(people, tenant=tenant)]
    given = {"subscription": str(bought.pk)}
    return runs.start(deed=GIVE_SEAT, subjects=subjects, given=given, by=admin_of(tenant, "license_admin"), at=at)


def require_one_each(run, *, done, refused):
    counted = run.counts()
    assert (counted["done"], counted["refused"]) == (done, refused)
    assert {row.code for row in run.rows.filter(state="refused")} <= {"no_seat_left"}
    held = Counter(map(str, Seat.objects.values_list("member", flat=True)))
    assert held == Counter(run.rows.filter(state="done").values_list("subject", flat=True))
    assert Subscription.objects.get().seats_assigned == done
    told = Event.objects.filter(type="seat.assigned").values_list("data__members", flat=True)
    assert Counter(member for members in told for member in members) == held
    assert findings() == []


@every(last=80, step=16)
def test_who_dies_is_followed_by_the_next_process(victim, monkeypatch, nth, last):
    run = asked_for(monkeypatch, people=3, quantity=2)
    [code] = victim({"do": "continue run", "run": run.pk, "at": timezone.now(), "die": nth})
    killed_or_done(code, nth, last)
    with time_machine.travel(timezone.now() + rows.LEASE + timedelta(seconds=1)):
        work.go_on(UUID(str(run.pk)), at=timezone.now(), seconds=30)
    require_one_each(run, done=2, refused=1)


def test_two_processes_give_no_more_seats_than_there_are(victim, monkeypatch):
    run = asked_for(monkeypatch, people=20, quantity=12)
    order = {"do": "rows of run", "run": run.pk, "at": timezone.now()}
    assert victim(order, order) == [0, 0]
    rows.finish(run, at=timezone.now())
    require_one_each(run, done=12, refused=8)


def test_two_runs_for_the_same_people_give_each_of_them_one_seat(victim, monkeypatch):
    first = asked_for(monkeypatch, people=8, quantity=8)
    by, subjects = admin_of(first.tenant, "license_admin"), list(first.rows.values_list("subject", flat=True))
    second = runs.start(deed=GIVE_SEAT, subjects=subjects, given=first.given, by=by, at=timezone.now())
    orders = [{"do": "rows of run", "run": run.pk, "at": timezone.now()} for run in (first, second)]
    assert victim(*orders) == [0, 0]
    for run in (first, second):
        rows.finish(run, at=timezone.now())
        require_one_each(run, done=8, refused=0)
