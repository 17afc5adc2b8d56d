"""Events that come in: which are believed to come from Stripe, and what they are about."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from commerce.gateways.protocol import EventRefused, Kind, ProviderEvent
from commerce.gateways.stripe import StripeGateway
from tests.commerce.stripe_wire import (
    SECRET_KEY,
    WEBHOOK_SECRET,
    Wire,
    dispute,
    lone_charge,
    payment,
    refund,
    setup,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PI = payment("")["id"]


def event(kind="payment_intent.succeeded", thing=None):
    return {
        "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy", "object": "event", "api_version": "2026-10-28.endive",
        "created": 1773144000, "type": kind, "livemode": False, "pending_webhooks": 1, "request": None,
        "data": {"object": payment("succeeded") if thing is None else thing},
    }  # fmt: skip


# With spaces and an umlaut: what Stripe signs are these bytes, not what they mean.
BODY = json.dumps(event(thing={**payment("succeeded"), "description": "Zürich"}), ensure_ascii=False, indent=2).encode()


def signed(body=BODY, at=NOON, secret=WEBHOOK_SECRET):
    stamp = int(at.timestamp())
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    return f"t={stamp},v1={mac},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"


def read(body=BODY, signature=None, *, secret=WEBHOOK_SECRET, at=NOON, name="Stripe-Signature"):
    gateway = StripeGateway(secret_key=SECRET_KEY, webhook_secret=secret, transport=Wire())
    return gateway.read_event(body, {name: signed(body) if signature is None else signature}, at)


def test_an_event_that_stripe_signed_is_read():
    assert read() == ProviderEvent(
        id="evt_1NG8Du2eZvKYlo2CUI79vXWy", type="payment_intent.succeeded", kind=Kind.CHARGE, reference=PI
    )
    assert read(name="stripe-signature") == read(name="STRIPE-SIGNATURE") == read()


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_300_seconds_are_allowed_either_way(seconds):
    assert read(signature=signed(at=NOON + timedelta(seconds=seconds))).reference == PI


@pytest.mark.parametrize("seconds", [-301, 301, 3600, 315_360_000])
def test_one_second_more_is_not(seconds):
    with pytest.raises(EventRefused):
        read(signature=signed(at=NOON + timedelta(seconds=seconds)))


@pytest.mark.parametrize("kind", ["succeeded", "payment_failed"])
def test_a_clock_of_its_own_plays_no_part(kind):
    # What counts is when it came in, not when it is read: the library's own clock is years away from NOON.
    assert read(json.dumps(event(f"payment_intent.{kind}")).encode()).kind == Kind.CHARGE


BAD_SIGNATURES = {
    "none": "",
    "another secret's": signed(secret="whsec_another"),
    "the empty secret's": signed(secret=""),
    "another body's": signed(b"{}"),
    "no scheme": f"t={int(NOON.timestamp())}",
    "no time": signed().split(",", 1)[1],
    "another time": signed().replace("t=1", "t=2"),
    "rubbish": "v1=,,t",
    "not ASCII": f"t={int(NOON.timestamp())},v1=ä",
    "a time that is none": signed().replace("t=", "t=x"),
    "only the old scheme": signed().replace("v1=", "v2="),
}


@pytest.mark.parametrize("what", BAD_SIGNATURES)
def test_a_forged_signature_is_refused(what):
    with pytest.raises(EventRefused):
        read(signature=BAD_SIGNATURES[what])


def test_without_the_header_it_is_refused():
    gateway = StripeGateway(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, transport=Wire())
    with pytest.raises(EventRefused):
        gateway.read_event(BODY, {}, NOON)


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_while_the_secret_is_not_set_nothing_is_read(secret):
    with pytest.raises(EventRefused):
        read(signature=signed(secret=secret), secret=secret)
    with pytest.raises(EventRefused):
        read(signature=signed(secret=""), secret=secret)


TAMPERED = {
    "one byte": BODY.replace(b"usd", b"eur", 1),
    "a byte more": BODY + b" ",
    "written anew": json.dumps(json.loads(BODY)).encode(),
    "in another encoding": BODY.decode().encode("latin-1"),
    "nothing": b"",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_body_that_is_not_what_was_signed_is_refused(what):
    assert TAMPERED[what] != BODY
    with pytest.raises(EventRefused):
        read(TAMPERED[what], signed())


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b"not json", b"\xff", b'{"object": "v2.core.event"}', b"{}"])
def test_what_is_signed_but_no_event_is_refused(body):
    with pytest.raises(EventRefused):
        read(body)


KINDS = [
    ("payment_intent.succeeded", payment("succeeded"), Kind.CHARGE, PI),
    ("payment_intent.a_kind_of_next_year", payment("succeeded"), Kind.CHARGE, PI),
    ("charge.succeeded", lone_charge(payment_intent=PI), Kind.CHARGE, PI),
    ("charge.refunded", lone_charge(payment_intent=PI), Kind.CHARGE, PI),
    ("charge.succeeded", lone_charge(), Kind.OTHER, ""),
    ("refund.created", refund(), Kind.REFUND, refund()["id"]),
    ("refund.failed", refund("failed"), Kind.REFUND, refund()["id"]),
    ("charge.refund.updated", refund(), Kind.REFUND, refund()["id"]),
    ("charge.dispute.created", dispute(), Kind.DISPUTE, dispute()["id"]),
    ("charge.dispute.funds_withdrawn", dispute(), Kind.DISPUTE, dispute()["id"]),
    ("setup_intent.succeeded", setup("succeeded"), Kind.SETUP, setup("")["id"]),
    ("customer.created", {"id": "cus_1", "object": "customer"}, Kind.OTHER, "cus_1"),
    ("balance.available", {"object": "balance"}, Kind.OTHER, ""),
    ("a.kind.of.next.year", {"object": "what"}, Kind.OTHER, ""),
]


@pytest.mark.parametrize("kind_of_event, thing, kind, reference", KINDS)
def test_what_an_event_is_about(kind_of_event, thing, kind, reference):
    found = read(json.dumps(event(kind_of_event, thing)).encode())
    assert (found.type, found.kind, found.reference) == (kind_of_event, kind, reference)
