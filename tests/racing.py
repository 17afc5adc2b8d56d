"""Real threads with their own connections, let loose at the same moment. For tests with `transaction=True`."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections


def at_once(work: Callable, things: Iterable) -> list:
    """`work(thing)` for each thing in a thread of its own, all together; what it gave or raised, in order."""
    things = list(things)
    gate = Barrier(len(things))

    def one(thing):
        gate.wait(timeout=30)
        try:
            return work(thing)
        except Exception as raised:  # noqa: BLE001 (the test looks at it)
            return raised
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(one, things))


def race(work: Callable, things: Iterable, *, refused: type[Exception]) -> int:
    """How many won; whoever lost must have been refused by name."""
    outcomes = at_once(work, things)
    unexpected = [o for o in outcomes if isinstance(o, Exception) and not isinstance(o, refused)]
    assert not unexpected, unexpected
    return sum(not isinstance(o, Exception) for o in outcomes)
