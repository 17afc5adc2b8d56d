"""How webhooks leave: with the content of the API's own list of events, over HTTP, by the world's clock."""

from functools import partial

from django.conf import settings
from django.utils import timezone

from tenants import clock, outbound
from tenants.api import events
from tenants.delivery.webhooks.sending import Way


def by_http() -> Way:
    """A demo may call the machine it runs on."""
    post = partial(outbound.post, loopback=settings.DEMO)
    return Way(content=events.content, post=post, now=timezone.now, there=clock.now)
