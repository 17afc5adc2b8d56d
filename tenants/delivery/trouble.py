"""What went wrong in a job or sweep, as an operator may read it."""

import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType

from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError

log = logging.getLogger(__name__)

LONGEST = 300
ADDRESS = re.compile(r"[^\s<>'\"(]+@[^\s<>'\")]+")


class Noted(AbstractContextManager[None]):
    """Tells `write` of an error in short, and lets it go on its way."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            with suppress(DatabaseError):  # or the reason would be lost behind the note of it
                self.write(in_short(error))


class RaisedAtTheEnd(AbstractContextManager[None]):
    """
    Keeps errors until the others have had their turn. A run whose time is over ends at once.

        with later:
            work(one)
        later.raise_first()
    """

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, SoftTimeLimitExceeded):
            return False
        log.error("it goes on after: %s", in_short(error), exc_info=error)
        self.errors.append(error)
        return True

    def raise_first(self) -> None:
        if self.errors:
            raise self.errors[0]


def in_short(error: Exception) -> str:
    """Its class and first line: a database's further lines show a row's values. No e-mail addresses."""
    said = str(error).strip().split("\n", 1)[0].replace("\0", "")
    return ADDRESS.sub("…@…", f"{type(error).__name__}: {said}" if said else type(error).__name__)[:LONGEST]
