"""Events of the provider, handled: once, by what the provider knows, and of our own things alone."""

import json
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import transaction

from commerce.gateways.protocol import ChargeRequest, GatewayUnavailable, Kind, SetupRequest
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import CardSetup, Dispute, IncomingEvent, Order, Payment, Refund
from commerce.models.incoming import KINDS
from commerce.operations.changes import cancellations
from commerce.operations.paying import incoming, refunds
from licensing.models import Subscription
from tenants.delivery.models import Job
from tests import ledger
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.incoming.conftest import HANDLE, SECOND, run, unreachable
from tests.commerce.provider import BANK, bought, every_row, owed, post, send, signed, tell
from tests.factories import NOON, acting

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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


def cancel(buyer, at):
    cancellations.cancel_subscription(subscription=Subscription.objects.get(), reason="", by=acting(buyer), at=at)


def strangers_charge():
    return ChargeRequest(
        key=uuid4(), amount=Decimal(7), currency="USD", payment_method="pm_card_visa", customer="c", return_url=""
    )
