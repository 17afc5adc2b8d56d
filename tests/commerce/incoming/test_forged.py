"""Events that the provider did not send, or not now: none of them changes anything, in any table."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import time_machine
from django.utils import timezone
from django.utils.crypto import salted_hmac

from commerce.gateways.sandbox import news
from commerce.models import IncomingEvent
from tests.commerce.provider import every_row, post

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SECRET = "whsec_of_this_test"
BODY = json.dumps({"id": "evt_1", "type": "charge.captured", "object": "pi_1"}, indent=2).encode()
STRIPE_BODY = json.dumps(
    {
        "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": 1773144000, "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {"name": "Zoë"}}},
    },
    indent=2,
).encode()  # fmt: skip


class Sandbox:
    """How the sandbox signs, with this installation's own secret or another."""

    name, header, body = "sandbox", news.HEADER, BODY

    def sign(self, body, at, secret=None):
        if secret is None:
            return news.signature(body, at)
        moment = int(at.timestamp())
        told = salted_hmac("commerce.sandbox.events", f"{moment}.".encode() + body, secret=secret, algorithm="sha256")
        return f"t={moment},v1={told.hexdigest()}"


class Stripe:
    """How Stripe signs."""

    name, header, body = "stripe", "Stripe-Signature", STRIPE_BODY

    def sign(self, body, at, secret=SECRET):
        moment = int(at.timestamp())
        return f"t={moment},v1={hmac.new(secret.encode(), f'{moment}.'.encode() + body, sha256).hexdigest()}"


@pytest.fixture(autouse=True)
def clock():
    """Held, so that 300 s are 300 s."""
    with time_machine.travel(datetime(2026, 3, 10, 12, tzinfo=UTC), tick=False):
        yield


@pytest.fixture(params=[Sandbox(), Stripe()], ids=lambda provider: provider.name)
def provider(request, settings):
    settings.PAYMENT_GATEWAY = request.param.name
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = "sk_test_of_this_test", SECRET
    return request.param


def arrives(provider, body=None, signature=None, *, header=None, at=None):
    """What the hook answers to a body and the signature of it."""
    body = provider.body if body is None else body
    signature = provider.sign(body, at or timezone.now()) if signature is None else signature
    return post(body, {header or provider.header: signature}, url=f"/hooks/payments/{provider.name}/")


def seconds(count):
    return timedelta(seconds=count)


def of_the_body(change):
    """The body is another one than was signed."""
    return lambda p: arrives(p, change(p.body), p.sign(p.body, timezone.now()))


def with_signature(change):
    return lambda p: arrives(p, signature=change(p.sign(p.body, timezone.now())))


def signed_with(secret):
    return lambda p: arrives(p, signature=p.sign(p.body, timezone.now(), secret))


def other(provider):
    return Stripe() if provider.name == "sandbox" else Sandbox()


def renamed(body):
    return body.replace(b"evt_1", b"evt_2")


def test_a_secret_of_ones_own_signs_as_the_sandbox_does(settings):
    at = timezone.now()
    assert Sandbox().sign(BODY, at, settings.SECRET_KEY) == Sandbox().sign(BODY, at)


FORGED = {
    "another id": of_the_body(renamed),
    "another object": of_the_body(lambda body: body.replace(b"pi_1", b"pi_2")),
    "one byte more": of_the_body(lambda body: body + b" "),
    "one byte less": of_the_body(lambda body: body[:-1]),
    "one bit": of_the_body(lambda body: bytes([body[0] ^ 1]) + body[1:]),
    "no body": of_the_body(lambda body: b""),
    "re-serialised": of_the_body(lambda body: json.dumps(json.loads(body)).encode()),
    "re-serialised, other spaces": of_the_body(lambda body: json.dumps(json.loads(body), indent=4).encode()),
    "the wrong secret": signed_with("whsec_of_somebody_else"),
    "an empty secret": signed_with(""),
    "a secret of spaces": signed_with(" "),
    "no header": lambda p: post(p.body, {}, url=f"/hooks/payments/{p.name}/"),
    "an empty header": with_signature(lambda signature: ""),
    "another header": lambda p: arrives(p, header="Signature"),
    "no signature": with_signature(lambda signature: signature.partition(",")[0]),
    "an empty signature": with_signature(lambda signature: signature.partition("v1=")[0] + "v1="),
    "no time": with_signature(lambda signature: signature.partition(",")[2]),
    "a time of letters": with_signature(lambda signature: "t=now," + signature.partition(",")[2]),
    "a time without end": with_signature(lambda signature: f"t={'9' * 5000}," + signature.partition(",")[2]),
    "a time below zero": lambda p: arrives(p, signature="t=-1,v1=" + "0" * 64),
    "another time": with_signature(lambda signature: "t=1773144001," + signature.partition(",")[2]),
    "a signature cut short": with_signature(lambda signature: signature[:-1]),
    "no letters of ours": with_signature(lambda signature: signature[:-1] + "é"),
    "301 s old": lambda p: arrives(p, at=timezone.now() - seconds(301)),
    "301 s ahead": lambda p: arrives(p, at=timezone.now() + seconds(301)),
    "ten years ahead": lambda p: arrives(p, at=timezone.now() + timedelta(days=3650)),
    "another gateway's": lambda p: post(
        other(p).body, {other(p).header: other(p).sign(other(p).body, timezone.now())}, url=f"/hooks/payments/{p.name}/"
    ),
    "another gateway's signature": lambda p: arrives(
        p, header=other(p).header, signature=other(p).sign(p.body, timezone.now())
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_event_changes_nothing(provider, how):
    before = every_row()
    answer = FORGED[how](provider)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    # The answer is the same whatever was wrong: it helps nobody to get closer.
    assert answer.json() == {
        "status": 400, "code": "event_refused", "title": "Bad Request", "detail": "This event is not accepted.",
    }  # fmt: skip
    assert every_row() == before


def test_five_megabytes_change_nothing_although_they_are_signed(provider):
    told = json.loads(provider.body) | {"padding": "x" * 5_000_000}
    before = every_row()
    assert arrives(provider, json.dumps(told).encode()).status_code == 413
    assert every_row() == before


NONSENSE = [
    b"", b"null", b"[]", b"3", b'"evt_1"', b"{", b"{}", b"\xff\xfe", b'{"id": "evt_1"}',
    b"[" * 100_000, b'{"data":' * 30_000, b'{"id": "evt_1", "type": "x", "data": {"object": 7}, "object": 7}',
    b'{"id": "a\\u0000b", "type": "x", "object": "y", "data": {"object": {"id": "z"}}}',
    b'{"id": "\\ud800", "type": "x", "object": "y", "data": {"object": {"id": "z"}}}',
    json.dumps({"id": "e" * 256, "type": "x", "object": "y", "data": {"object": {"id": "z"}}}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("body", NONSENSE, ids=lambda body: repr(body[:24]))
def test_nonsense_changes_nothing_although_it_is_signed(provider, body):
    before = every_row()
    assert arrives(provider, body).status_code == 400
    assert every_row() == before


def test_an_event_of_another_gateway_at_its_own_address_changes_nothing(provider):
    before = every_row()
    assert arrives(other(provider)).status_code == 404
    assert every_row() == before


@pytest.mark.parametrize("secret", ["", " "])
def test_without_a_secret_nobody_can_sign(provider, settings, secret):
    if provider.name == "sandbox":
        pytest.skip("its secret comes from SECRET_KEY, without which nothing starts")
    settings.STRIPE_WEBHOOK_SECRET = secret
    before = every_row()
    assert arrives(provider, signature=provider.sign(provider.body, timezone.now(), secret)).status_code == 404
    assert every_row() == before


@pytest.mark.parametrize("late", [-300, 0, 300])
def test_the_control_the_same_event_untouched_is_stored(provider, late):
    before = every_row()
    assert arrives(provider, at=timezone.now() + seconds(late)).status_code == 202
    assert IncomingEvent.objects.get().reference == "evt_1"
    assert every_row() != before
