"""Cards that are tried: what is left when the provider is silent, how many may be declined, and many at once."""

from dataclasses import replace
from threading import Barrier
from unittest.mock import MagicMock, Mock

import pytest

from commerce.gateways.protocol import GatewayUnavailable, SetupRequest
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import CardSetup, PaymentMethod
from commerce.operations.paying import card_setups, charging, declines
from tests.commerce.keeping import ASKS, DAY, DECLINED, LATER, SECOND, VISA, add, refuse, tried
from tests.factories import NOON, MembershipFactory, open_checkout, pay
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def silent(monkeypatch):
    """The provider keeps the card, but its answer never arrives."""
    set_up = SandboxGateway.set_up

    def keep_and_say_nothing(self, request):
        set_up(self, request)
        raise GatewayUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "set_up", keep_and_say_nothing)
        yield patch


@pytest.fixture
def deaf(monkeypatch):
    """The provider never hears of it."""
    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "set_up", Mock(side_effect=GatewayUnavailable))
        yield patch


class TestTheSweep:
    def test_finds_the_card_that_was_kept_without_an_answer(self, ana, silent):
        setup = add(ana)
        assert setup.state == "started"
        assert card_setups.reconcile(at=NOON + 60 * SECOND) == []
        [settled] = card_setups.reconcile(at=LATER)
        assert (settled, settled.state) == (setup, "succeeded")
        assert PaymentMethod.objects.get().member == ana
        assert card_setups.reconcile(at=LATER) == []

    def test_calls_off_what_the_provider_never_heard_of(self, ana, deaf):
        setup = add(ana)
        [settled] = card_setups.reconcile(at=LATER)
        assert settled.state == "canceled"
        # A request that is still on the way finds it dead.
        deaf.undo()
        late = SetupRequest(key=setup.pk, payment_method=VISA, customer=str(ana.pk), return_url="")
        assert SandboxGateway().set_up(late).outcome == "canceled"
        assert not PaymentMethod.objects.exists()

    def test_leaves_the_cardholder_a_day(self, ana):
        setup = add(ana, ASKS)
        assert card_setups.reconcile(at=NOON + DAY) == []
        [settled] = card_setups.reconcile(at=NOON + DAY + SECOND)
        assert (settled, settled.state) == (setup, "canceled")

    def test_goes_on_with_the_others_while_the_provider_is_away(self, ana, monkeypatch):
        first, second = add(ana, ASKS), add(ana, ASKS)
        SandboxGateway().answer_step(second.pk, approve=True)
        find = SandboxGateway.find_setup

        def away_for_the_first(self, key):
            if key == first.pk:
                raise GatewayUnavailable
            return find(self, key)

        monkeypatch.setattr(SandboxGateway, "find_setup", away_for_the_first)
        assert card_setups.reconcile(at=LATER, limit=1) == []
        assert card_setups.reconcile(at=LATER, limit=1) == [second]

    def test_a_repeated_answer_changes_nothing_more(self, ana):
        setup = add(ana)
        canceled = replace(SandboxGateway().find_setup(setup.pk), outcome="canceled", card=None)
        for answer in (SandboxGateway().find_setup(setup.pk), canceled):
            assert card_setups.settle_setup(setup=setup, answer=answer, at=LATER).state == "succeeded"
        assert setup.tenant.events.filter(type__startswith="card_setup.").count() == 2

    def test_kept_but_of_no_known_card_has_failed(self, ana, deaf, caplog):
        setup = add(ana)
        told = replace(SandboxGateway().cancel_setup(setup.pk), outcome="captured")
        assert card_setups.settle_setup(setup=setup, answer=told, at=LATER).state == "failed"
        assert str(setup.pk) in caplog.text
        assert not CardSetup.objects.live().exists()
        assert not PaymentMethod.objects.exists()


class TestTheLimitOfDeclines:
    def test_ten_a_person_and_day_with_payments_counted_in(self, ana, plan):
        for _ in range(6):
            with pytest.raises(charging.CardDeclined):
                add(ana, DECLINED)
        for _ in range(4):
            with pytest.raises(charging.CardDeclined):
                pay(open_checkout(ana, plan), DECLINED)
        refused = refuse(ana, declines.TooManyDeclines)
        assert (refused.code, refused.http_status) == ("too_many_declines", 429)
        assert refused.extra["retry_after"] == DAY.total_seconds()
        with pytest.raises(declines.TooManyDeclines):
            pay(open_checkout(ana, plan))
        assert add(ana, at=NOON + DAY + SECOND).state == "succeeded"

    def test_the_tenth_is_still_tried_and_a_colleague_is_not_held(self, ana, cleo):
        for _ in range(9):
            with pytest.raises(charging.CardDeclined):
                add(ana, DECLINED)
        add(ana)
        with pytest.raises(charging.CardDeclined):
            add(ana, DECLINED)
        refuse(ana, declines.TooManyDeclines)
        add(cleo)

    def test_twenty_a_tenant_and_hour(self, ana):
        for person in MembershipFactory.create_batch(4, tenant=ana.tenant):
            for _ in range(5):
                with pytest.raises(charging.CardDeclined):
                    add(person, DECLINED)
        refuse(ana, declines.TooManyDeclines)
        add(MembershipFactory())

    def test_unanswered_ones_count_as_tries_and_not_as_declines(self, ana, deaf):
        for _ in range(10):
            add(ana)
        refused = refuse(ana, declines.TooManyCardsAtOnce)
        assert refused.extra == {"retry_after": 60}


@between_transactions
class TestTriedAtOnce:
    REFUSED = (charging.CardDeclined, declines.TooManyDeclines, declines.TooManyCardsAtOnce)

    def test_one_persons_cards_kept_and_charged_at_once_are_ten_declines(self, ana, plan):
        turns = [open_checkout(ana, plan) for _ in range(12)] + [None] * 12
        assert race(lambda turn: pay(turn, DECLINED) if turn else add(ana, DECLINED), turns, refused=self.REFUSED) == 0
        charged = [p for p in ana.payments.all() if p.state == "failed"]
        assert len(charged) + tried().count("declined") == 10

    def test_the_control_without_the_lock_tries_them_all(self, ana, monkeypatch):
        everybody_has_counted = Barrier(15)
        record = card_setups.events.record

        def record_together(type, **told):
            if type == "card_setup.started":
                everybody_has_counted.wait(30)
            return record(type, **told)

        monkeypatch.setattr(declines, "connection", MagicMock())
        monkeypatch.setattr(card_setups.events, "record", record_together)
        race(lambda _: add(ana, DECLINED), range(15), refused=self.REFUSED)
        assert tried() == ["declined"] * 15

    def test_the_same_card_twenty_times_is_kept_once(self, ana):
        race(lambda _: add(ana), range(8))
        assert PaymentMethod.objects.get().is_default

    def test_page_sweep_and_provider_that_settle_at_once_keep_it_once(self, ana):
        setup = add(ana, ASKS)
        SandboxGateway().answer_step(setup.pk, approve=True)
        answer = SandboxGateway().find_setup(setup.pk)
        assert race(lambda _: card_setups.settle_setup(setup=setup, answer=answer, at=LATER), range(8)) == 8
        assert PaymentMethod.objects.count() == 1
        assert setup.tenant.events.filter(type="card_setup.succeeded").count() == 1
