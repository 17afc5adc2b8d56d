"""For tests that share what takes long to make: what happens in it is undone each time."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
