"""Jobs that tell the broker when they begin and end, for workers that the tests start and stop."""

import os
import time

import django
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from config.celery import app  # noqa: E402 (after the setup)
from tenants.delivery.heartbeats import broker  # noqa: E402
from tenants.delivery.jobs import job  # noqa: E402
from tenants.delivery.models import Job  # noqa: E402
from tenants.delivery.queues import Queue  # noqa: E402

__all__ = ["app"]

TOLD = "toy:told"
POISON = "Nobody at ana@contoso.example has 4711"


def tell(what):
    with broker() as client:
        client.rpush(TOLD, what)


@job("toy.letter", queue=Queue.NOTICES)
def letter():
    time.sleep(0.01)
    tell("letter")


@job("toy.charge", queue=Queue.MONEY)
def charge():
    tell("charge")


@job("toy.slow", queue=Queue.MONEY)
def slow(name, seconds):
    tell(f"{name} began")
    time.sleep(seconds)
    tell(f"{name} ended")


@job("toy.poison", queue=Queue.UPKEEP)
def poison():
    raise RuntimeError(POISON)


def set_aside(**more):
    """A row of the one that always fails, after its last attempt."""
    return Job.objects.create(**{"name": "toy.poison", "attempts": 3, "set_aside_at": timezone.now(), **more})
