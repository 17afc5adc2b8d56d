"""Webhooks for tests: an endpoint with its secret, events to tell of, and a real server that hears them."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from tenants import outbound
from tenants.access import SYSTEM
from tenants.api.events import content
from tenants.delivery.webhooks import endpoints, sending
from tenants.delivery.webhooks.models import WebhookDelivery
from tenants.delivery.webhooks.sending import Way
from tenants.journal import events
from tenants.outbound import Answer
from tests.factories import acting


class Receiver:
    """Hears what is posted, as headers and body; `answers` is what it says, `meanwhile` what happens before it does."""

    def __init__(self, url):
        self.url, self.heard, self.answers, self.text, self.location = url, [], 200, "", ""
        self.meanwhile = lambda: None

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        self.heard.append(({name.lower(): value for name, value in handler.headers.items()}, body))
        self.meanwhile()
        said = self.text.encode()
        handler.send_response(self.answers)
        if self.location:
            handler.send_header("Location", self.location)
        handler.send_header("Content-Length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said)

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _body in self.heard]

    def read(self, secret):
        """Each message, as the library reads it that a receiver would use."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.heard]


@contextmanager
def receiving():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            receiver.take(self)

        do_GET = do_POST

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook/?of=us")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Clock:
    """The world's time, which stands until it is moved."""

    at: object = field(default_factory=timezone.now)

    def __call__(self):
        return self.at

    def move(self, **by):
        self.at += timedelta(**by)


def way(now=timezone.now, post=None):
    """As the service sends, at a time of the test's."""
    return Way(content=content, post=post or partial(outbound.post, loopback=True), now=now, there=lambda tenant: now())


class Deaf:
    """Takes nothing, without any network; or, with a status, whatever comes."""

    def __init__(self, status=500, text="no"):
        self.status, self.text, self.asked = status, text, 0

    def __call__(self, url, *, body, headers):
        self.asked += 1
        return Answer(status=self.status, text=self.text)


def latest():
    return WebhookDelivery.objects.order_by("pk").last()


def deliver(now=timezone.now, post=None):
    return dict(sending.deliver(way=way(now, post), hands=1))


def listen(admin, url, *, types=(), at=None):
    """An endpoint and its secret. What it hears of first is that it was made."""
    made = endpoints.add(
        tenant=admin.tenant, url=url, types=types, loopback=True, by=acting(admin), at=at or timezone.now()
    )
    events.sequence(admin.tenant.pk)
    return made


def happen(tenant, *types):
    """Events, with their positions."""
    made = [events.record(type, tenant=tenant, by=SYSTEM, at=timezone.now(), subject="it", n=1) for type in types]
    events.sequence(tenant.pk)
    return [str(event.pk) for event in made]


def given_up(admin, url, *, at):
    """What was tried and is not tried any more."""
    endpoint, _secret = endpoints.add(tenant=admin.tenant, url=url, loopback=True, by=acting(admin), at=at)
    event = admin.tenant.events.order_by("pk").last()
    return WebhookDelivery.objects.create(
        tenant=admin.tenant,
        endpoint=endpoint,
        event=event,
        state="failed",
        attempts=10,
        tried_at=at,
        created_at=at,
    )
