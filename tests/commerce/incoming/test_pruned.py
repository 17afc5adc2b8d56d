"""Events that were handled long ago are removed; those that wait, or that an operator must look at, are kept."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce import tasks
from commerce.models import IncomingEvent, IncomingState
from commerce.operations.paying import incoming
from tenants.access import Actor
from tests.factories import NOON, OperatorFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
KEPT = timedelta(days=90)


def events(state, count=1, *, at=NOON):
    settled_at = None if state == IncomingState.RECEIVED else at
    return IncomingEvent.objects.bulk_create(
        IncomingEvent(
            gateway="sandbox",
            reference=f"evt_{state}_{at}_{n}",
            type="charge.captured",
            kind="charge",
            subject="ch",
            state=state,
            received_at=at,
            settled_at=settled_at,
        )
        for n in range(count)
    )


def test_the_sweep_removes_what_is_over_for_ninety_days():
    for state in IncomingState:
        events(state)
    tasks.upkeep.prune()
    assert set(IncomingEvent.objects.values_list("state", flat=True)) == {"received", "failed"}


@pytest.mark.parametrize("state", ["handled", "ignored"])
def test_what_is_over_for_less_stays(state):
    events(state)
    assert incoming.forget(before=NOON + 89 * DAY - KEPT) == 0
    assert incoming.forget(before=NOON) == 0
    assert incoming.forget(before=NOON + timedelta(seconds=1)) == 1
    assert not IncomingEvent.objects.exists()


def test_one_that_an_operator_has_had_redone_stays():
    [event] = events(IncomingState.HANDLED)
    incoming.redo(event=event, by=Actor(user=OperatorFactory()), at=NOON + 100 * DAY)
    assert incoming.forget(before=NOON + 50 * DAY) == 0


def test_goes_in_batches():
    events(IncomingState.HANDLED, 7)
    events(IncomingState.FAILED, 7)
    with CaptureQueriesContext(connection) as asked:
        assert incoming.forget(before=NOON + DAY, at_once=3) == 7
    deleted = [query for query in asked.captured_queries if query["sql"].startswith("DELETE")]
    assert len(deleted) == 3
    assert IncomingEvent.objects.count() == 7
