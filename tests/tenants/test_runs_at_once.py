"""Two hands on one run at the same moment, in real threads on real connections."""

from threading import Barrier, Thread
from threading import Event as Signal

import pytest
from django.db import connections

from tenants.access import Right
from tenants.directory.models import Department
from tenants.runs import operations as runs
from tenants.runs import rows
from tenants.runs.deeds import DEEDS, deed
from tenants.runs.models import Run, RunRowQuerySet
from tests.factories import NOON, TenantFactory, admin_of
from tests.race import WAITS_AT_MOST, at_once

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


class Slow:
    """Founds a department for each subject, after what it is told to wait for."""

    def __init__(self):
        self.seen = []
        self.waits = lambda: None

    def __call__(self, subject, given, *, by, at):
        self.seen.append(subject)
        self.waits()
        Department.objects.get_or_create(tenant=by.tenant, name=subject)
        return ""


@pytest.fixture
def slow():
    slow = Slow()
    deed("toy.slow", title="Slow", right=Right.MANAGE_PEOPLE)(slow)
    yield slow
    del DEEDS["toy.slow"]


@pytest.fixture
def by():
    return admin_of(TenantFactory())


@pytest.fixture
def run(slow, by, monkeypatch):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
    return runs.start(deed="toy.slow", subjects=["a", "b", "c"], given={}, by=by, at=NOON)


def test_a_row_that_both_have_picked_is_done_by_one_of_them(slow, run):
    row = rows.next_of(run, at=NOON)
    assert at_once(lambda _n: rows.do(run, row, at=NOON), range(2)) == [None, None]
    assert slow.seen == ["a"]


def test_without_the_lock_of_the_row_it_is_done_twice(slow, run, monkeypatch):
    # The control.
    row, gate = rows.next_of(run, at=NOON), Barrier(2)
    monkeypatch.setattr(RunRowQuerySet, "taken", lambda self: self)
    slow.waits = lambda: gate.wait(WAITS_AT_MOST)
    at_once(lambda _n: rows.do(run, row, at=NOON), range(2))
    assert slow.seen == ["a", "a"]


def test_whoever_stops_waits_for_the_row_that_is_being_done(slow, run, by):
    begun, may_end = Signal(), Signal()
    slow.waits = lambda: begun.set() or may_end.wait(WAITS_AT_MOST)

    def work():
        rows.do(run, rows.next_of(run, at=NOON), at=NOON)
        connections.close_all()

    worker = Thread(target=work)
    worker.start()
    assert begun.wait(WAITS_AT_MOST)

    def stop():
        runs.stop(run=run, by=by, at=NOON)
        connections.close_all()

    stopper = Thread(target=stop)
    stopper.start()
    stopper.join(0.5)
    assert stopper.is_alive()
    may_end.set()
    for thread in (worker, stopper):
        thread.join(WAITS_AT_MOST)
    counts = Run.objects.get(pk=run.pk).counts()
    assert (counts["done"], counts["left"], slow.seen) == (1, 2, ["a"])
