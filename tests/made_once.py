"""For tests that share what takes long to make: what happens in it is undone each time."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside never was. As a test's own transaction is: what insists on being the outermost may begin."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


@contextmanager
def kept_for_a_while(*databases: str) -> Iterator[None]:
    """What is made inside is there for several tests, each in a transaction of its own within this one; then undone."""
    with ExitStack() as blocks:
        for database in databases:
            block = transaction.atomic(using=database)
            block._from_testcase = True
            blocks.enter_context(block)
        yield
        for database in databases:
            transaction.set_rollback(True, using=database)


def each(name: str, values: Iterable[Any], called: Callable[[Any], str] = str) -> Callable[[type], type]:
    """A test for each value; Django's classes of tests, which make once what they share, know no parametrize."""

    def decorate(kind: type) -> type:
        check = getattr(kind, name)
        delattr(kind, name)
        for value in values:
            title = f"{name}_{called(value).replace(' ', '_')}"
            while hasattr(kind, title):
                title += "_again"
            setattr(kind, title, lambda self, value=value: check(self, value))
        return kind

    return decorate
