"""Sweeps: what is kept of each run, whose rows they reach, and how they and the queues stand."""

from datetime import timedelta
from uuid import uuid4

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.delivery import overview
from tenants.delivery.jobs import LEASE
from tenants.delivery.models import Job, SweepRun
from tenants.delivery.queues import Queue
from tenants.delivery.sweeps import SWEEPS, Backlog, run_began, sweep, tenant_sweep
from tests.factories import TenantFactory
from tests.faults import toy_jobs
from tests.faults.toy_jobs import set_aside

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def toy_sweep():
    """A sweep that fails with what it is told to fail with."""
    fails = []

    def work():
        if fails:
            raise fails.pop()
        return 7

    yield sweep("toy.sweep", queue=Queue.UPKEEP)(work), fails
    del SWEEPS["toy.sweep"]


@pytest.fixture
def toy_of_tenants():
    """A sweep over tenants' rows that fails for everybody; with what it was called, and when its run had begun."""
    seen, name = [], f"toy.{uuid4()}"

    def work(*, at, among):
        seen.append((among, run_began()))
        if not among.only:
            raise getattr(toy_jobs, "FAILS_WITH", ZeroDivisionError)("everybody")
        return 1

    yield tenant_sweep(name, queue=Queue.UPKEEP)(work), seen
    del SWEEPS[name]


class TestSweeps:
    def test_write_down_their_latest_run_and_why_it_failed(self, toy_sweep):
        run_it, fails = toy_sweep
        assert run_it() == 7
        run = SweepRun.objects.get()
        assert (run.has_failed, run.is_running, run.last_error) == (False, False, "")
        fails.append(ZeroDivisionError("it"))
        with pytest.raises(ZeroDivisionError):
            run_it()
        run.refresh_from_db()
        assert (run.has_failed, run.is_running, run.last_error) == (True, False, "ZeroDivisionError: it")
        run_it()
        run.refresh_from_db()
        assert run.has_failed is False

    def test_that_fail_for_everybody_go_on_with_those_whose_clock_was_moved_and_fail_at_the_end(self, toy_of_tenants):
        run_it, seen = toy_of_tenants
        moved = TenantFactory.create_batch(2, is_sandbox=True, clock_ahead=timedelta(days=3))
        with pytest.raises(ZeroDivisionError, match="everybody"):
            run_it()
        assert {scope.only for scope, _began in seen} == {None, *(tenant.pk for tenant in moved)}
        assert len({began for _scope, began in seen}) == 1
        assert SweepRun.objects.get().last_error == "ZeroDivisionError: everybody"

    def test_whose_time_is_over_stop_at_once(self, toy_of_tenants, monkeypatch):
        run_it, seen = toy_of_tenants
        TenantFactory(is_sandbox=True, clock_ahead=timedelta(days=3))
        monkeypatch.setattr(toy_jobs, "FAILS_WITH", SoftTimeLimitExceeded, raising=False)
        with pytest.raises(SoftTimeLimitExceeded):
            run_it()
        assert len(seen) == 1

    def test_ask_the_same_number_of_queries_however_much_waits(self, sent):
        def queries():
            with CaptureQueriesContext(connection) as asked:
                overview.queues(timezone.now())
                overview.sweeps(timezone.now())
            return len(asked)

        Job.objects.create(name="toy.letter")
        few = queries()
        for _ in range(30):
            Job.objects.create(name="toy.letter")
            set_aside()
        assert queries() == few

    def test_count_by_queue_what_is_due_running_and_set_aside(self):
        now = timezone.now()
        oldest = Job.objects.create(name="toy.letter", created_at=now - LEASE)
        Job.objects.create(name="toy.letter")
        Job.objects.create(name="toy.letter", leased_until=now + LEASE, created_at=now - 2 * LEASE)
        Job.objects.create(name="toy.letter", done_at=now)
        set_aside()
        set_aside(name="gone.since")
        found = {state.queue: state.backlog for state in overview.queues(now)}
        assert found[Queue.NOTICES] == Backlog(due=2, running=1, oldest=oldest.created_at)
        assert found[Queue.UPKEEP] == found[None] == Backlog(due=0, failed=1)
        assert found[Queue.MONEY] == Backlog(due=0)
