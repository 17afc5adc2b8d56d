"""Which line a job or sweep stands in. A worker serves all of them in turn, or those that it is started for."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Queue(models.TextChoices):
    """Kinds of work that never wait for each other."""

    MONEY = "money", _("Money")
    NOTICES = "notices", _("Letters")
    WEBHOOKS = "webhooks", _("Webhooks")
    UPKEEP = "upkeep", _("Upkeep")


_LINES: dict[str, Queue] = {}


def line_up(name: str, queue: Queue) -> None:
    """Say which queue the messages of a task stand in, where the task is registered."""
    _LINES[name] = queue


def queue_of(name: str) -> Queue | None:
    return _LINES.get(name)


def names_in(queue: Queue) -> list[str]:
    return [name for name, its in _LINES.items() if its == queue]


def route(name: str, *_args: Any, **_options: Any) -> dict[str, str] | None:
    """For Celery: where a message goes that is sent without a queue."""
    queue = queue_of(name)
    return {"queue": queue.value} if queue else None
