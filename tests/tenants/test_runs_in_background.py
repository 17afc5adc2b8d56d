"""Runs that are too long for one request: in slices, by whoever takes them up, until they end or are stopped."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.delivery import jobs
from tenants.delivery.models import Job
from tenants.delivery.sweeps import SWEEPS
from tenants.refusal import BadInput, NotAllowed
from tenants.runs import operations as runs
from tenants.runs import rows, work
from tenants.runs.models import Run
from tests.factories import NOON, TenantFactory, admin_of
from tests.tenants.toy_runs import NAME, founded, journal, start

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestHowMany:
    def test_more_than_ten_thousand_are_refused(self, toy, ana, monkeypatch):
        assert runs.MOST_ROWS == 10_000
        with pytest.raises(runs.TooManyRows):
            start(ana, 10_001)
        assert not Run.objects.exists()

    def test_none_at_all_is_bad_input(self, toy, ana):
        with pytest.raises(BadInput):
            start(ana, 0)

    def test_fifty_are_done_at_once_and_one_more_in_the_background(self, toy, ana):
        assert start(ana, 50).finished_at == NOON
        toy.seen.clear()
        run = start(ana, 51, subjects=[f"x{n}" for n in range(51)])
        assert (run.finished_at, toy.seen) == (None, [])
        assert Job.objects.get().name == "tenants.continue_run"

    def test_each_row_costs_the_same(self, toy, ana):
        def queries(count, letter):
            with CaptureQueriesContext(connection) as found:
                start(ana, subjects=[f"{letter}{number}" for number in range(count)])
            return len(found)

        one = queries(2, "a") - queries(1, "b")
        assert queries(41, "c") - queries(1, "d") == 40 * one
        assert one <= 16


class TestInTheBackground:
    def test_a_job_does_a_slice_and_asks_for_the_rest(self, toy, ana, monkeypatch):
        run = start(ana, 60)
        monkeypatch.setattr(work, "SLICE", 0)
        work.continue_run(run.pk)
        assert (Job.objects.count(), run.rows.filter(state="done").count()) == (2, 0)
        monkeypatch.setattr(work, "SLICE", 30)
        work.continue_run(run.pk)
        assert (Job.objects.count(), run.rows.filter(state="done").count()) == (2, 60)
        run.refresh_from_db()
        assert run.finished_at is not None

    def test_the_rows_are_dated_by_the_clock_of_the_organisation(self, toy, ana):
        type(ana.tenant).objects.filter(pk=ana.tenant.pk).update(is_sandbox=True, clock_ahead=timedelta(days=40))
        run = start(ana, 51)
        work.continue_run(run.pk)
        assert min(at for _subject, _by, at in toy.seen) > timezone.now() + timedelta(days=39)

    def test_another_process_leaves_a_run_that_is_in_somebodys_hands(self, toy, ana):
        run = start(ana, 51)
        assert rows.take(run.pk, now=timezone.now()) is not None
        assert rows.take(run.pk, now=timezone.now()) is None
        work.continue_run(run.pk)
        assert SWEEPS["tenants.continue_runs"].backlog(timezone.now()).running == 1
        assert (toy.seen, Job.objects.count()) == ([], 1)

    def test_the_sweep_takes_up_what_its_process_left_behind(self, toy, ana):
        run = start(ana, 51)
        rows.take(run.pk, now=timezone.now() - rows.LEASE)
        assert SWEEPS["tenants.continue_runs"].backlog(timezone.now()).due == 1
        assert work.go_on_with_all(seconds=30) == 1
        assert len(founded()) == 51
        assert work.go_on_with_all(seconds=30) == 0

    def test_nothing_is_done_again_by_a_message_that_comes_twice(self, toy, ana):
        run = start(ana, 51)
        for _message in range(3):
            work.continue_run(run.pk)
        assert len(toy.seen) == 51
        assert len(journal()) == 2


class TestStopping:
    def test_leaves_what_was_not_begun_and_keeps_what_was_done(self, toy, ana, monkeypatch):
        run = start(ana, 60)
        rows.do(run, rows.next_of(run, at=NOON), at=NOON)
        stopped = runs.stop(run=run, by=ana, at=NOON)
        assert (stopped.stopped_at, stopped.finished_at) == (NOON, NOON)
        work.continue_run(run.pk)
        assert (founded(), run.counts()["left"]) == (["0000"], 59)
        assert journal()[-1] == ("run.stopped", {"deed": NAME, "rows": {"done": 1, "left": 59}})

    def test_is_for_who_may_do_the_deed(self, toy, ana):
        run = start(ana, 60)
        with pytest.raises(NotAllowed):
            runs.stop(run=run, by=admin_of(ana.tenant, "billing_admin"), at=NOON)
        with pytest.raises(NotAllowed):
            runs.stop(run=run, by=admin_of(TenantFactory()), at=NOON)
        assert run.counts()["waiting"] == 60

    def test_what_is_finished_cannot_be_stopped(self, toy, ana):
        run = start(ana)
        with pytest.raises(runs.RunIsFinished):
            runs.stop(run=run, by=ana, at=NOON)
        assert journal()[-1][0] == "run.finished"

    def test_in_the_middle_ends_after_the_row_that_is_being_done(self, toy, ana):
        toy.before = lambda subject: subject == "0001" and runs.stop(run=Run.objects.get(), by=ana, at=NOON)
        # In one connection the row that is being done is left as well; see the race for two.
        run = start(ana)
        assert (run.counts()["done"], run.counts()["waiting"]) == (2, 0)


def test_jobs_of_runs_are_known(toy):
    assert jobs.enqueue(work.JOB, run="x").name == work.JOB
