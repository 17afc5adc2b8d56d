"""A payment whose answer never arrived, and the provider's news of it."""

from datetime import timedelta

import pytest

from commerce import tasks
from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from tests.commerce.provider import bought, owed, send

SECOND = timedelta(seconds=1)
HANDLE = "commerce.handle_incoming_event"


def unreachable(*args, **options):
    raise GatewayUnavailable


@pytest.fixture
def silent(monkeypatch):
    """The provider does what it is asked, but its answers never arrive."""
    with monkeypatch.context() as patch:
        for call in ("charge", "refund"):
            done = getattr(SandboxGateway, call)

            def say_nothing(self, *args, done=done, **options):
                done(self, *args, **options)
                raise GatewayUnavailable

            patch.setattr(SandboxGateway, call, say_nothing)
        yield patch


@pytest.fixture
def unanswered(ana, plan, silent):
    """A payment that was captured; nobody here knows."""
    payment = bought(ana, plan)
    silent.undo()
    return payment


@pytest.fixture
def event(unanswered):
    """Its news, stored."""
    [told] = owed("charge.captured")
    return send(told)


def run(job):
    """What the worker does with a message."""
    tasks.webhooks.handle_incoming_event(job_id=str(job.pk))
