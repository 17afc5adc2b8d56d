"""
A deed with many purchases: its workers are killed again and again. Each of them is done once.

`make test` takes eighty, and ends the lease of who died; `make test-faults` two hundred, and waits for it.
"""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from commerce.deeds.purchases import STOP_RENEWAL
from licensing.models import Subscription
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.runs import operations as runs
from tenants.runs import rows, work
from tenants.runs.models import Run
from tests.commerce.changes import findings
from tests.factories import MembershipFactory, TenantFactory, admin_of, buy, plan_on_sale
from tests.faults.crew import crew, own_broker
from tests.faults.test_killed import every, killed_or_done
from tests.faults.test_renewals_killed import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def asked_for(count):
    """Purchases of one organisation, and the run that is to stop them all."""
    tenant, plan, at = TenantFactory(), plan_on_sale(), timezone.now()
    bought = [buy(MembershipFactory(tenant=tenant), plan, 1, at) for _ in range(count)]
    Job.objects.all().delete()  # letters of these purchases are another story
    subjects, by = [row.pk for row in bought], admin_of(tenant, "billing_admin")
    return runs.start(deed=STOP_RENEWAL, subjects=subjects, given={"reason": "Too dear"}, by=by, at=at)


def require_each_once(run):
    subjects = Counter(run.rows.values_list("subject", flat=True))
    assert run.counts()["done"] == run.size == len(subjects)
    facts = Event.objects.filter(type="subscription.renewal_stopped")
    assert Counter(facts.values_list("subject", flat=True)) == subjects
    letters = Job.objects.filter(name="commerce.tell_stopped_renewal")
    assert Counter(job.arguments["subscription_id"] for job in letters) == subjects
    assert not Subscription.objects.filter(renewal_stopped_at=None).exists()
    for type in ("run.started", "run.finished"):
        assert Event.objects.filter(type=type, subject=str(run.pk)).count() == 1
    assert findings() == []


FEW, MANY = 80, 200


@pytest.mark.parametrize("count, shares", [(FEW, (5, 30)), pytest.param(MANY, (10, 60, 120), marks=pytest.mark.faults)])
def test_each_is_done_once_while_workers_are_killed(tmp_path, capfd, count, shares):
    run = asked_for(count)
    hit = []
    with own_broker() as broker, crew(broker, tmp_path / "log", schedule="tests.faults.hasty_schedule") as hired:
        for share in shares:
            wait_until(lambda share=share: run.counts()["done"] >= share, 120)
            hired.kill_all_workers()
            hit.append(run.counts()["waiting"])
            if count == FEW:
                Run.objects.filter(pk=run.pk).update(leased_until=timezone.now())
        wait_until(lambda: Run.objects.get(pk=run.pk).finished_at, 120)
    with capfd.disabled():
        print(f"\nof {count} rows, {hit} waited when all workers were killed")  # noqa: T201
    assert all(hit), "nothing was killed in the middle"
    require_each_once(run)


@every(last=60, step=12)
def test_a_run_that_dies_before_any_statement_is_finished_by_the_next_process(victim, monkeypatch, nth, last):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
    run = asked_for(2)
    [code] = victim({"do": "continue run", "run": run.pk, "at": timezone.now(), "die": nth})
    killed_or_done(code, nth, last)
    assert run.counts()["set_aside"] == 0
    with time_machine.travel(timezone.now() + rows.LEASE + timedelta(seconds=1)):
        work.go_on(UUID(str(run.pk)), at=timezone.now(), seconds=30)
    require_each_once(run)


def test_two_processes_at_once_do_each_row_once(victim, monkeypatch):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
    run = asked_for(20)
    order = {"do": "rows of run", "run": run.pk, "at": timezone.now()}
    assert victim(order, order) == [0, 0]
    rows.finish(run, at=timezone.now())
    require_each_once(run)
