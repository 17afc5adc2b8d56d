"""
People at the same moment: real threads on real connections, let go together.

A race only shows something beside a control that loses it: the same story without lock and constraint.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

from django.db import connection, connections

Contender = TypeVar("Contender")

WAITS_AT_MOST = 30


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


@contextmanager
def without_constraint(table: str, name: str) -> Iterator[None]:
    """For a control: the table as it would be without one of its walls. The wall is put up again for new rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s AND conrelid = %s::regclass",
            [name, table],
        )
        [definition] = cursor.fetchone()
        cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')
        try:
            yield
        finally:
            # NOT VALID: what the control broke stays as it is until the test's rows are thrown away.
            cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {definition} NOT VALID')
