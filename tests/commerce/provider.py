"""The sandbox provider in tests: what it took and kept, and its news: signed, posted by HTTP, and handled."""

from decimal import Decimal
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.utils import timezone

from commerce.gateways.protocol import ChargeRequest, DisputeOutcome, DisputeReport, SetupRequest
from commerce.gateways.sandbox import SandboxGateway, news
from commerce.models import IncomingEvent, Payment, SandboxEvent
from commerce.operations.paying import disputes, incoming
from tests.factories import NOON, open_checkout, pay

HOOK = "/hooks/payments/sandbox/"
BANK = SandboxGateway()

PRICE = Decimal("19.98")


def owed(*types):
    """What the sandbox has not told yet, oldest first; of some types, or of all."""
    events = SandboxEvent.objects.using("sandbox").filter(delivered_at=None).order_by("created_at", "id")
    return list(events.filter(type__in=types) if types else events)


def forget_what_is_owed():
    """What a story began with is not its news."""
    SandboxEvent.objects.using("sandbox").all().delete()


def post(body, headers, url=HOOK, client=None):
    return (client or Client()).generic("POST", url, body, content_type="application/json", headers=headers)


def signed(body, at=None):
    return {news.HEADER: news.signature(body, at or timezone.now())}


def send(event, client=None):
    """As the provider sends it, once more or for the first time; returns what is stored of it."""
    body = news.written(event)
    answer = post(body, signed(body), client=client)
    assert answer.status_code == 202, answer.content
    return IncomingEvent.objects.get(reference=event.id)


def tell(event, at=NOON, client=None):
    """Send it, and have it handled."""
    stored = send(event, client)
    incoming.handle(event_id=stored.pk, at=at)
    stored.refresh_from_db()
    return stored


def tell_all(at=NOON):
    return [tell(event, at) for event in owed()]


def bought(buyer, plan, quantity=2, at=NOON, card="pm_card_visa"):
    """A purchase; returns its payment."""
    checkout = open_checkout(buyer, plan, quantity, at)
    pay(checkout, card, at=at)
    return Payment.objects.get(order__checkout=checkout)


def contested(payment, outcome="open", *, reference="dp_1", at=NOON, **what):
    """What follows when the provider reports a dispute of a charge, whatever its own books say."""
    told = {"amount": payment.amount, "currency": payment.currency, **what}
    report = DisputeReport(
        charge_key=payment.pk, reference=reference, outcome=DisputeOutcome(outcome), opened_at=NOON, **told
    )
    return disputes.settle_dispute(report=report, at=at)


def every_row():
    """A fingerprint of each table: what makes one of them change is seen."""
    rows = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            name = connection.ops.quote_name(table)
            cursor.execute(
                f"SELECT count(*), md5(string_agg(row::text, '|' ORDER BY row::text)) FROM {name} AS row"  # noqa: S608 (names of our own tables, quoted)
            )
            rows[table] = cursor.fetchone()
    return rows


def charged(card="pm_card_visa", amount=PRICE):
    request = ChargeRequest(
        key=uuid4(), amount=amount, currency="USD", payment_method=card, customer="c", return_url="/back/"
    )
    return BANK.charge(request)


def kept(card="pm_card_visa"):
    return BANK.set_up(SetupRequest(key=uuid4(), payment_method=card, customer="c", return_url="/back/"))
