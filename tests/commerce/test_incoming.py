"""Events of the provider: stored before anything is done, handled once, picked up again when their task was lost."""

import json
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commerce import tasks
from commerce.gateways.protocol import ChargeRequest, GatewayUnavailable, Kind, SetupRequest
from commerce.gateways.sandbox import SandboxGateway, news
from commerce.models import CardSetup, Dispute, IncomingEvent, Order, Payment, Refund
from commerce.models.incoming import KINDS
from commerce.operations.changes import cancellations
from commerce.operations.paying import incoming, refunds
from commerce.views import hooks
from licensing.models import Subscription
from tenants.access import Actor
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.provider import BANK, HOOK, bought, every_row, forget_what_is_owed, owed, post, send, signed, tell
from tests.factories import NOON, OperatorFactory, acting, open_checkout, pay
from tests.race import at_once, race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

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
    tasks.handle_incoming_event(job_id=str(job.pk))


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


class TestHandling:
    def test_settles_a_payment_as_every_other_way_does(self, event, unanswered):
        incoming.handle(event_id=event.pk, at=NOON)
        event.refresh_from_db()
        assert (event.state, event.note, event.attempts, event.settled_at) == ("handled", "", 1, NOON)
        assert state_of(unanswered) == "succeeded"
        assert Subscription.objects.count() == 1
        assert all_is_well()

    def test_is_done_by_the_job(self, event, unanswered):
        run(Job.objects.get(name=HANDLE))
        assert state_of(event) == "handled"
        assert state_of(unanswered) == "succeeded"

    def test_a_second_time_asks_nobody_and_changes_nothing(self, event, monkeypatch):
        incoming.handle(event_id=event.pk, at=NOON)
        before = every_row()
        monkeypatch.setattr(SandboxGateway, "fetch", unreachable)
        incoming.handle(event_id=event.pk, at=NOON + SECOND)
        assert every_row() == before

    def test_believes_the_provider_and_not_the_event(self, ana, plan):
        # Captured is what the event says; that the card was declined is what the provider knows.
        payment = bought(ana, plan, card="pm_card_authenticationRequired")
        BANK.answer_step(payment.pk, approve=False)
        [told] = owed("charge.declined")
        body = json.dumps({"id": "evt_1", "type": "charge.captured", "object": told.reference}).encode()
        assert post(body, signed(body)).status_code == 202
        incoming.handle(event_id=IncomingEvent.objects.get().pk, at=NOON)
        assert state_of(payment) == "failed"

    def test_settles_a_refund(self, ana, plan, silent):
        silent.undo()
        payment = bought(ana, plan)
        with pytest.MonkeyPatch.context() as patch:
            done = SandboxGateway.refund

            def say_nothing(self, **options):
                done(self, **options)
                raise GatewayUnavailable

            patch.setattr(SandboxGateway, "refund", say_nothing)
            cancel(ana, NOON + timedelta(hours=1))
        assert state_of(Refund.objects.get()) == "started"
        [told] = owed("refund.succeeded")
        assert tell(told).state == "handled"
        assert state_of(Refund.objects.get()) == "succeeded"
        assert state_of(payment) == "succeeded"
        assert all_is_well()

    def test_settles_a_card_that_is_being_kept(self, ana):
        setup = CardSetup.objects.create(tenant=ana.tenant, member=ana, gateway="sandbox", started_at=NOON)
        BANK.set_up(SetupRequest(key=setup.pk, payment_method="pm_card_visa", customer=str(ana.pk), return_url=""))
        assert tell(owed("setup.captured")[0]).state == "handled"
        assert state_of(setup) == "succeeded"
        assert setup.payment_method.last4 == "4242"

    def test_of_what_the_provider_does_not_know_nothing_follows(self):
        body = json.dumps({"id": "evt_1", "type": "charge.captured", "object": f"pi_{uuid4().hex}"}).encode()
        post(body, signed(body))
        stored = IncomingEvent.objects.get()
        incoming.handle(event_id=stored.pk, at=NOON)
        stored.refresh_from_db()
        assert (stored.state, stored.note) == ("ignored", incoming.NOT_KNOWN_THERE)

    def test_of_what_is_not_ours_nothing_follows(self, ana, plan):
        # All of it stands in the provider's books, and no key of it here.
        payment = bought(ana, plan)
        BANK.refund(key=uuid4(), charge_key=payment.pk, amount=Decimal(1))
        BANK.contest(payment.pk)
        BANK.set_up(SetupRequest(key=uuid4(), payment_method="pm_card_visa", customer="c", return_url=""))
        told = [send(event) for event in owed()]
        strange = BANK.charge(strangers_charge())
        told.append(send(owed("charge.captured")[-1]))
        assert strange.reference == told[-1].subject
        Payment.objects.update(gateway="stripe")  # none of these is a payment of this provider's
        before = Order.objects.values_list("state").get()
        for one in told:
            incoming.handle(event_id=one.pk, at=NOON)
            assert state_of(one) == "ignored"
            assert one.note == incoming.NOT_OURS
        assert Order.objects.values_list("state").get() == before

    def test_a_refund_made_by_hand_is_left_to_the_reconciliation(self, ana, plan):
        payment = bought(ana, plan)
        BANK.refund_by_hand(key=uuid4(), charge_key=payment.pk, amount=Decimal(5))
        stored = tell(owed("refund.succeeded")[0])
        assert (stored.state, stored.note) == ("ignored", incoming.MADE_BY_HAND)
        assert ledger.refunded() == [Decimal(5)]

    def test_one_that_was_written_down_here_is_known_by_the_providers_id(self, ana, plan):
        payment = bought(ana, plan)
        answer = BANK.refund_by_hand(key=uuid4(), charge_key=payment.pk, amount=Decimal(5))
        with transaction.atomic():
            payment = Payment.objects.select_related("order", "tenant").get()
            refunds.record_external(payment, answer=answer, amount=Decimal(5), tax=Decimal(0), replaces=None, at=NOON)
        assert tell(owed("refund.succeeded")[0]).state == "handled"
        assert state_of(Refund.objects.get()) == "succeeded"

    def test_of_a_provider_that_is_no_longer_in_use_nobody_is_asked(self, event, settings):
        IncomingEvent.objects.update(gateway="stripe")
        incoming.handle(event_id=event.pk, at=NOON)
        event.refresh_from_db()
        assert (event.state, event.note) == ("ignored", incoming.OF_ANOTHER_PROVIDER)

    def test_knows_every_kind_of_the_protocol(self):
        assert set(KINDS) == {kind.value for kind in Kind}
        assert set(incoming._FOLLOWS) == set(Kind) - {Kind.OTHER}


class TestADisputeThatIsToldBeforeItsCharge:
    @pytest.fixture
    def dispute(self, unanswered, monkeypatch):
        """Its news, of a charge that nobody can read as captured yet."""
        BANK.contest(unanswered.pk)
        monkeypatch.setattr(SandboxGateway, "find", lambda self, key: None)
        [told] = owed("dispute.opened")
        return told

    def test_is_handled_once_the_charge_is_known(self, dispute, unanswered, monkeypatch):
        stored = tell(dispute)
        assert (stored.state, stored.attempts) == ("received", 1)
        assert not Dispute.objects.exists()
        monkeypatch.undo()
        tell(owed("charge.captured")[0])
        incoming.handle(event_id=stored.pk, at=NOON + incoming.LEASE)
        stored.refresh_from_db()
        assert stored.state == "handled"
        assert Dispute.objects.get().payment == unanswered

    def test_is_set_aside_after_three_tries(self, dispute):
        stored = tell(dispute)
        for turn in range(1, 4):
            incoming.handle(event_id=stored.pk, at=NOON + turn * incoming.LEASE)
        stored.refresh_from_db()
        assert (stored.state, stored.note, stored.attempts) == ("failed", incoming.TRIED_IN_VAIN, 3)


class TestAProviderThatIsAway:
    def test_leaves_it_received_however_often(self, event, unanswered, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "fetch", unreachable)
            for n in range(10):
                incoming.handle(event_id=event.pk, at=NOON + n * incoming.LEASE)
        assert state_of(event) == "received"
        assert event.attempts == 0
        incoming.handle(event_id=event.pk, at=NOON + timedelta(hours=1))
        assert state_of(event) == "handled"
        assert state_of(unanswered) == "succeeded"


class TestTheSweep:
    """A lost task: the row is there, and nobody works on it."""

    @pytest.fixture
    def lost(self, event):
        Job.objects.all().delete()
        IncomingEvent.objects.update(received_at=NOON)
        return event

    def test_has_it_handled_after_a_minute_and_not_before(self, lost, unanswered):
        assert incoming.resume(at=NOON + 60 * SECOND) == 0
        assert incoming.resume(at=NOON + 61 * SECOND) == 1
        run(Job.objects.get())
        assert state_of(lost) == "handled"
        assert state_of(unanswered) == "succeeded"

    def test_finds_nothing_once_it_is_handled(self, lost):
        incoming.handle(event_id=lost.pk, at=NOON)
        assert incoming.resume(at=NOON + timedelta(hours=1)) == 0

    def test_leaves_a_try_its_time(self, lost, monkeypatch):
        tried_at = NOON + 61 * SECOND
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "fetch", unreachable)
            incoming.handle(event_id=lost.pk, at=tried_at)
        for seconds, due in ((1, 0), (74, 0), (75, 1)):
            assert incoming.resume(at=tried_at + seconds * SECOND) == due
            incoming.handle(event_id=lost.pk, at=tried_at + seconds * SECOND)
            assert state_of(lost) == ("handled" if due else "received")

    def test_sets_a_poisonous_one_aside_after_three_tries(self, lost, monkeypatch):
        def broken(*args, **options):
            raise KeyError("a defect")

        monkeypatch.setattr(SandboxGateway, "fetch", broken)
        for n in range(1, 4):
            assert incoming.resume(at=NOON + n * incoming.LEASE) == 1
            with pytest.raises(KeyError):
                incoming.handle(event_id=lost.pk, at=NOON + n * incoming.LEASE)
        incoming.resume(at=NOON + timedelta(hours=1))
        incoming.handle(event_id=lost.pk, at=NOON + timedelta(hours=1))
        lost.refresh_from_db()
        assert (lost.state, lost.attempts, lost.note) == ("failed", 3, incoming.TRIED_IN_VAIN)
        assert incoming.resume(at=NOON + timedelta(days=1)) == 0

    def test_one_that_fails_holds_up_no_other(self, lost, unanswered, ana, plan, monkeypatch):
        for n in range(5):
            IncomingEvent.objects.create(
                gateway="sandbox", reference=f"evt_{n}", type="charge.captured", kind="charge", subject="broken",
                received_at=NOON - SECOND,
            )  # fmt: skip
        fetch = SandboxGateway.fetch

        def broken(self, kind, reference):
            if reference == "broken":
                raise KeyError
            return fetch(self, kind, reference)

        monkeypatch.setattr(SandboxGateway, "fetch", broken)
        handled = 0
        for n in range(1, 4):  # two at a time, the five broken ones first
            incoming.resume(at=NOON + n * incoming.LEASE, limit=2)
            for job in Job.objects.filter(name=HANDLE, done_at=None, attempts=0).order_by("created_at"):
                try:
                    run(job)
                except KeyError:
                    continue
                handled += 1
        assert handled == 1
        assert state_of(unanswered) == "succeeded"

    def test_costs_the_same_for_one_that_waits_and_for_thirty_that_do_not(self, lost):
        def cost(at):
            with CaptureQueriesContext(connection) as queries:
                incoming.resume(at=at)
            return len(queries)

        one = cost(NOON + 61 * SECOND)
        for n in range(30):
            IncomingEvent.objects.create(
                gateway="sandbox", reference=f"evt_{n}", type="x", kind="other", subject="", state="ignored",
                received_at=NOON, settled_at=NOON,
            )  # fmt: skip
        assert cost(NOON + 200 * SECOND) == one

    def test_runs_as_a_task(self, lost):
        assert tasks.handle_incoming() == 1


class TestDoneAgain:
    def test_is_as_if_it_had_just_come_in(self, event, unanswered):
        IncomingEvent.objects.update(state="failed", attempts=3, note="x", tried_at=NOON, settled_at=NOON)
        Job.objects.all().delete()
        incoming.redo(event=event, by=acting_operator(), at=NOON)
        run(Job.objects.get())
        assert state_of(event) == "handled"
        assert state_of(unanswered) == "succeeded"
        assert Event.objects.get(type="incoming_event.redone").data == {"incoming_event": str(event.pk)}

    def test_of_one_that_is_handled_changes_nothing_else(self, event):
        incoming.handle(event_id=event.pk, at=NOON)
        forget_what_is_owed()
        before = every_row()
        incoming.redo(event=event, by=acting_operator(), at=NOON)
        incoming.handle(event_id=event.pk, at=NOON)
        after = every_row()
        changed = {table for table in before if before[table] != after[table]}
        assert changed <= {"tenants_job", "tenants_event", "tenants_user"}

    def test_is_the_operators_alone(self, event, admin):
        before = every_row()
        with pytest.raises(NotAllowed):
            incoming.redo(event=event, by=acting(admin), at=NOON)
        assert every_row() == before


def acting_operator():
    return Actor(user=OperatorFactory())


def cancel(buyer, at):
    cancellations.cancel_subscription(subscription=Subscription.objects.get(), reason="", by=acting(buyer), at=at)


def strangers_charge():
    return ChargeRequest(
        key=uuid4(), amount=Decimal(7), currency="USD", payment_method="pm_card_visa", customer="c", return_url=""
    )


@pytest.mark.django_db(transaction=True, serialized_rollback=True, databases=["default", "sandbox"])
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
