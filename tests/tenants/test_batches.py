"""Sweeps take what is due so many at a time, each once, in the order in which it fell due."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.delivery.models import Job
from tenants.scope import in_batches
from tests.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows():
    """Seven, three of them of one moment."""
    moments = [3, 1, 2, 2, 2, 5, 4]
    return [Job.objects.create(name="x", created_at=NOON + timedelta(days=day)) for day in moments]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 500])
def test_each_is_there_once_in_order_however_many_at_a_time(rows, size):
    found = list(in_batches(Job.objects.to_do(), "created_at", size=size))
    assert found == [row.pk for row in sorted(rows, key=lambda row: (row.created_at, row.pk))]


def test_no_statement_asks_for_more_than_a_batch(rows):
    with CaptureQueriesContext(connection) as asked:
        list(in_batches(Job.objects.to_do(), "created_at", size=3))
    assert len(asked) == 3
    assert all("LIMIT 3" in query["sql"] for query in asked)


def test_what_is_done_meanwhile_is_not_met_again_and_what_stays_is_passed_by(rows):
    met = []
    for pk in in_batches(Job.objects.to_do(), "created_at", size=2):
        met.append(pk)
        if len(met) % 2:
            Job.objects.filter(pk=pk).update(done_at=NOON)
    assert len(met) == len(set(met)) == 7
