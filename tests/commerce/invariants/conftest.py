"""Rows that break what the audit checks: behind the walls of the database, after a purchase that broke nothing."""

import pytest
from django.db import connection

from tenants.journal.events import sequence_waiting
from tests.commerce.changes import findings
from tests.factories import buy


@pytest.fixture
def subscription(ana, plan):
    bought = buy(ana, plan)
    sequence_waiting()
    assert findings() == []
    return bought


def without(table, *constraints):
    """The walls that a hand in the database, or a dump, may have passed. They are back after the test."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is pending forbids the change of a table
        for constraint in constraints:
            cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{constraint}"')


def disable_triggers(table):
    """As above, for rows that are written once."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
