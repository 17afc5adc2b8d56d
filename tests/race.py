"""
People at the same moment: real threads on real connections, let go together.

A race only shows something beside a control that loses it: the same story without lock and constraint.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection, connections

Contender = TypeVar("Contender")

WAITS_AT_MOST = 30
# Contenders see only what others have committed.
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def race(
    attempt: Callable[[Contender], object],
    contenders: Iterable[Contender],
    *,
    refused: type[Exception] | tuple[type[Exception], ...] = (),
) -> int:
    """
    Run `attempt` for every contender at once and return how many won. Losing is to be `refused`; every other
    exception fails the test.
    """
    contenders = list(contenders)
    start = Barrier(len(contenders))

    def run(contender: Contender) -> bool:
        try:
            connection.ensure_connection()  # before the start, so that the race is not one of handshakes
            start.wait(WAITS_AT_MOST)
            attempt(contender)
        except refused:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(len(contenders)) as pool:
        return sum(pool.map(run, contenders))


def at_once(work: Callable, things: Iterable) -> list:
    """`work(thing)` for each thing in a thread of its own, all together; what it gave or raised, in order."""
    things = list(things)
    gate = Barrier(len(things))

    def one(thing):
        gate.wait(WAITS_AT_MOST)
        try:
            return work(thing)
        except Exception as raised:  # noqa: BLE001 (the test looks at it)
            return raised
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(one, things))


@contextmanager
def without_constraint(table: str, name: str) -> Iterator[None]:
    """For a control: the table as it would be without one of its walls."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name])
        [definition] = cursor.fetchone()
        cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')
        try:
            yield
        finally:
            # NOT VALID: what the control broke stays as it is until the test's rows are thrown away; what is unique
            # does not know that.
            if definition.startswith("UNIQUE"):
                cursor.execute(f'TRUNCATE "{table}" CASCADE')
            else:
                definition = f"{definition} NOT VALID"
            cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {definition}')


@contextmanager
def without_unique_index(table: str, name: str) -> Iterator[None]:
    """As `without_constraint`, for a condition over several rows. It throws the table's rows away at its end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [name])
        [definition] = cursor.fetchone()
        cursor.execute(f'DROP INDEX "{name}"')
        try:
            yield
        finally:
            cursor.execute(f'TRUNCATE "{table}" CASCADE')
            cursor.execute(definition)
