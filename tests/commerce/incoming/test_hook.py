"""The hook that the provider's events come to: what it stores, what it refuses, and two hundred copies at once."""

import json
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commerce.gateways.protocol import Kind
from commerce.gateways.sandbox import news
from commerce.models import IncomingEvent
from commerce.operations.paying import incoming
from commerce.views import hooks
from licensing.models import Subscription
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.incoming.conftest import HANDLE
from tests.commerce.provider import HOOK, every_row, owed, post, send, signed
from tests.factories import NOON, open_checkout, pay
from tests.race import at_once, race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestTheHook:
    def test_stores_first_and_leaves_the_rest_to_a_task(self, unanswered):
        [told] = owed()
        stored = send(told)
        assert (stored.gateway, stored.reference, stored.type) == ("sandbox", told.id, "charge.captured")
        assert (stored.kind, stored.subject, stored.state) == (Kind.CHARGE, told.reference, "received")
        assert state_of(unanswered) == "started"
        assert Job.objects.get(name=HANDLE).arguments == {"event_id": str(stored.pk)}

    def test_a_repetition_is_answered_alike_and_stored_once(self, unanswered):
        [told] = owed()
        body = news.written(told)
        answers = [post(body, signed(body)) for _again in range(3)]
        assert {(answer.status_code, answer.content) for answer in answers} == {(202, b'{"received": true}')}
        assert (IncomingEvent.objects.count(), Job.objects.filter(name=HANDLE).count()) == (1, 1)

    def test_a_repetition_of_one_that_is_handled_enqueues_nothing(self, event):
        incoming.handle(event_id=event.pk, at=NOON)
        before = Job.objects.count()
        [told] = owed("charge.captured")
        assert send(told).state == "handled"
        assert Job.objects.count() == before

    def test_a_type_that_is_not_known_is_stored_and_ignored(self):
        body = json.dumps({"id": "evt_1", "type": "payout.paid", "object": "po_1"}).encode()
        assert post(body, signed(body)).status_code == 202
        stored = IncomingEvent.objects.get()
        assert (stored.state, stored.note, stored.kind) == ("ignored", incoming.OF_NO_KIND, "other")
        assert not Job.objects.exists()

    @pytest.mark.parametrize("name", ["stripe", "adyen", "sandbox2", "SANDBOX"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_exists_for_the_provider_in_use_alone(self, unanswered, name, method):
        body = news.written(owed()[0])
        answer = Client().generic(
            method, f"/hooks/payments/{name}/", body, content_type="application/json", headers=signed(body)
        )
        assert answer.status_code == 404
        assert not IncomingEvent.objects.exists()

    @pytest.mark.parametrize("secret", ["", "  "])
    def test_does_not_exist_while_its_secret_is_not_set(self, settings, secret):
        settings.PAYMENT_GATEWAY, settings.STRIPE_SECRET_KEY = "stripe", "sk_test_x"
        settings.STRIPE_WEBHOOK_SECRET = secret
        assert Client().post("/hooks/payments/stripe/").status_code == 404
        settings.STRIPE_WEBHOOK_SECRET = "whsec_x"
        assert Client().post("/hooks/payments/stripe/").status_code == 400

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
    def test_takes_posts_alone(self, method):
        assert getattr(Client(), method)(HOOK).status_code == 405

    def test_needs_no_cookie_and_gives_none(self, unanswered):
        body = news.written(owed()[0])
        strict = Client(enforce_csrf_checks=True)
        answer = post(body, signed(body), client=strict)
        assert answer.status_code == 202
        assert not answer.cookies

    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"id": "evt_1", "type": "x", "object": 7}'],
        ids=lambda body: repr(body[:20]),
    )
    def test_what_is_signed_and_no_event_is_a_bad_request(self, body):
        before = every_row()
        answer = post(body, signed(body))
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert answer.json()["code"] == "event_refused"
        assert every_row() == before

    @pytest.mark.parametrize(
        ("field", "value"),
        [("id", ""), ("id", "x" * 256), ("id", "a\0b"), ("id", "\ud800"), ("type", ""), ("type", "x" * 101),
         ("type", "\0"), ("object", ""), ("object", "x" * 256), ("object", "\udfff")],
    )  # fmt: skip
    def test_what_cannot_be_stored_is_a_bad_request(self, field, value):
        told = {"id": "evt_1", "type": "charge.captured", "object": "pi_1", field: value}
        body = json.dumps(told).encode()
        before = every_row()
        assert post(body, signed(body)).status_code == 400
        assert every_row() == before

    def test_a_body_as_long_as_may_be_is_read(self):
        told = json.dumps({"id": "evt_1", "type": "payout.paid", "object": "po_1"})
        body = told.ljust(256 * 1024).encode()
        assert post(body, signed(body)).status_code == 202

    def test_a_longer_one_is_refused_by_its_own_word_without_being_read(self):
        body = b"{}".ljust(256 * 1024 + 1)
        answer = post(body, signed(body))
        assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")

    def test_and_by_what_comes_when_it_says_another_length(self):
        # Where a server hands on more than was told, such as a body in chunks.
        class Endless:
            taken = 0

            def read(self, size=-1):
                assert size >= 0, "the whole of it was asked for"
                Endless.taken += size
                assert Endless.taken < 512 * 1024
                return b" " * size

        for told in ("", "5", "-1", "x"):
            request = RequestFactory().post(HOOK, b"", content_type="application/json")
            request.META["CONTENT_LENGTH"] = told
            request._stream, Endless.taken = Endless(), 0
            assert hooks.payment_events(request, gateway="sandbox").status_code == 413, told

    def test_costs_the_same_whatever_is_stored_already(self, unanswered):
        [told] = owed()
        body = news.written(told)

        def cost():
            with CaptureQueriesContext(connection) as queries:
                assert post(body, signed(body)).status_code == 202
            return len(queries)

        first, again = cost(), cost()
        for n in range(30):
            IncomingEvent.objects.create(
                gateway="sandbox", reference=f"evt_{n}", type="x", kind="charge", subject="pi_1", received_at=NOON
            )
        assert cost() == again
        IncomingEvent.objects.filter(reference=told.id).delete()
        assert (cost(), again) == (first, 4)
        assert first <= 6


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
class TestTwoHundredCopiesAtOnce:
    def test_are_one_row_one_task_and_one_purchase(self, ana, plan, silent):
        checkout = open_checkout(ana, plan)
        pay(checkout)
        silent.undo()
        [told] = owed()
        body = news.written(told)
        headers = signed(body)

        def copies(_line):
            # Fifty lines open at the same moment, as a server has them, and four copies down each.
            assert {post(body, headers).status_code for _copy in range(4)} == {202}

        assert race(copies, range(50)) == 50
        [stored] = IncomingEvent.objects.all()
        assert Job.objects.filter(name=HANDLE).count() == 1
        # The message may come again and again, too: to many workers at the same moment.
        assert at_once(lambda _worker: incoming.handle(event_id=stored.pk, at=timezone.now()), range(20)) == [None] * 20
        assert state_of(stored) == "handled"
        assert state_of(checkout) == "completed"
        assert (Subscription.objects.count(), ledger.captured()) == (1, [Decimal("19.98")])
        assert Event.objects.filter(type="payment.succeeded").count() == 1
        assert all_is_well()

    def test_the_control_without_the_wall_stores_it_many_times(self):
        body = json.dumps({"id": "evt_1", "type": "charge.captured", "object": "pi_1"}).encode()
        headers = signed(body)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE commerce_incomingevent DROP CONSTRAINT an_event_is_stored_once")
            try:
                answers = at_once(lambda _copy: post(body, headers), range(20))
                assert any(isinstance(answer, IncomingEvent.MultipleObjectsReturned) for answer in answers)
            finally:
                cursor.execute("TRUNCATE commerce_incomingevent")
                cursor.execute(
                    "ALTER TABLE commerce_incomingevent"
                    " ADD CONSTRAINT an_event_is_stored_once UNIQUE (gateway, reference)"
                )
