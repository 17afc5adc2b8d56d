"""Events of the payment provider: those that came in, and the sandbox's own."""

from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from commerce import backlogs, gateways
from commerce.gateways.sandbox import SandboxGateway, news, wire
from commerce.operations.paying import incoming
from tenants import clock
from tenants.delivery.jobs import job
from tenants.delivery.queues import Queue
from tenants.delivery.sweeps import sweep


@job("commerce.handle_incoming_event", queue=Queue.WEBHOOKS)
def handle_incoming_event(event_id: str) -> None:
    incoming.handle(event_id=UUID(event_id), at=timezone.now(), there=clock.now)


@sweep("commerce.handle_incoming", queue=Queue.WEBHOOKS, backlog=backlogs.incoming_events)
def handle_incoming() -> int:
    return incoming.resume(at=timezone.now())


@sweep("commerce.send_sandbox_events", queue=Queue.WEBHOOKS)
def send_sandbox_events() -> int:
    """The sandbox's part: a real provider does this itself."""
    if not isinstance(gateways.current(), SandboxGateway):
        return 0
    url = settings.BASE_URL + reverse("payment-events", kwargs={"gateway": SandboxGateway.name})
    return news.deliver(post=wire.poster(url), at=timezone.now())
