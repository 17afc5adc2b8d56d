"""A card is removed: here, at the provider, and while somebody pays with it."""

from datetime import timedelta
from threading import Event, Thread
from unittest.mock import Mock

import pytest
from django.db import connections

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Payment, PaymentMethod
from commerce.operations.paying import card_setups, cards, charging, kept_cards
from licensing.models import Subscription
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.cards import ASKS, LATER, OTHER, THIRD, forgotten, keep, of, payer_of, remove
from tests.factories import NOON, MembershipFactory, acting, admin_of, buy, confirm, open_checkout, pay
from tests.race import between_transactions, race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestRemoving:
    def test_forgets_it_here_and_at_the_provider_and_keeps_the_row(self, ana):
        card = keep(ana)
        remove(card, ana)
        assert (card.removed_at, card.forgotten_at, card.is_default) == (NOON, NOON, False)
        assert (of(ana), forgotten()) == ([], 1)
        assert ana.tenant.events.filter(type="payment_method.removed", subject=str(card.pk)).exists()

    def test_twice_changes_nothing_more(self, ana):
        card = keep(ana)
        remove(card, ana)
        remove(card, ana, at=LATER)
        assert card.removed_at == NOON

    def test_the_newest_of_the_others_becomes_the_default(self, ana):
        first = keep(ana)
        keep(ana, OTHER, at=NOON + timedelta(hours=1))
        keep(ana, THIRD, at=NOON + timedelta(hours=2))
        remove(first, ana)
        assert of(ana) == [("5126", True), ("0259", False)]

    def test_of_another_than_the_default_leaves_the_default(self, ana):
        keep(ana)
        remove(keep(ana, OTHER), ana)
        assert of(ana) == [("4242", True)]

    def test_of_a_card_that_pays_for_a_subscription_is_refused_until_it_is_closed_for_good(self, ana, plan):
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        for state in ("active", "expired", "disabled"):
            Subscription.objects.update(state=state)
            with pytest.raises(kept_cards.PaymentMethodInUse) as refused:
                remove(card, ana)
            assert (refused.value.code, refused.value.http_status) == ("payment_method_in_use", 409)
            assert (of(ana), forgotten()) == ([("4242", True)], 0)
        Subscription.objects.update(state="disabled")
        Subscription.objects.update(state="deleted", state_ends_at=None, seats_assigned=0)
        remove(card, ana)
        assert payer_of(subscription) is None

    def test_of_a_card_that_is_being_charged_is_refused(self, ana, plan):
        keep(ana, ASKS)
        setup = ana.card_setups.get()
        card = card_setups.confirm(setup=setup, by=acting(ana), at=NOON).payment_method
        checkout = open_checkout(ana, plan)
        assert pay(checkout, str(card.pk)).state == "requires_action"
        with pytest.raises(kept_cards.CardIsCharged) as refused:
            remove(card, ana)
        assert refused.value.code == "payment_method_in_use"
        confirm(checkout)
        assert payer_of(Subscription.objects.get()) == card

    def test_is_the_holders_alone(self, ana, cleo):
        card = keep(ana)
        for stranger in (cleo, admin_of(ana.tenant).home, MembershipFactory()):
            with pytest.raises(NotAllowed):
                remove(card, stranger)
        assert of(ana) == [("4242", True)]

    def test_a_removed_card_pays_nothing_more(self, ana, plan):
        card = keep(ana)
        remove(card, ana)
        for named in (str(card.pk), card.reference):
            with pytest.raises(cards.PaymentMethodNotAccepted):
                pay(open_checkout(ana, plan), named)
        assert ledger.states() == []

    def test_what_the_provider_could_not_be_told_is_told_by_the_sweep(self, ana, monkeypatch):
        card = keep(ana)
        with monkeypatch.context() as away:
            away.setattr(SandboxGateway, "forget", Mock(side_effect=GatewayUnavailable))
            remove(card, ana)
            assert kept_cards.forget_removed(at=LATER) == 0
        assert (card.removed_at, card.forgotten_at, forgotten()) == (NOON, None, 0)
        assert kept_cards.forget_removed(at=LATER) == 1
        assert kept_cards.forget_removed(at=LATER) == 0
        assert forgotten() == 1

    def test_a_card_that_was_added_again_meanwhile_is_not_forgotten(self, ana, plan, monkeypatch):
        card = keep(ana)
        with monkeypatch.context() as away:
            away.setattr(SandboxGateway, "forget", Mock(side_effect=GatewayUnavailable))
            remove(card, ana)
        again = keep(ana)
        assert kept_cards.forget_removed(at=LATER) == 1
        assert pay(open_checkout(ana, plan), str(again.pk)).state == "completed"

    def test_of_a_provider_no_longer_in_use_is_not_told_to_another_one(self, ana):
        card = keep(ana)
        PaymentMethod.objects.update(gateway="stripe")
        card.refresh_from_db()
        remove(card, ana)
        assert (card.removed_at, card.forgotten_at, forgotten()) == (NOON, None, 0)

    def test_a_card_that_the_provider_forgot_by_itself_charges_nothing_and_says_so(self, ana, plan):
        card = keep(ana)
        SandboxGateway().forget(card.reference)
        checkout = open_checkout(ana, plan)
        with pytest.raises(charging.PaymentCanceled):
            pay(checkout, str(card.pk))
        assert ledger.captured() == []
        assert pay(checkout).state == "completed"


@between_transactions
class TestRemovedWhileItIsCharged:
    """The purchase begins after the remover has looked, and before the remover has written."""

    @pytest.fixture
    def card(self, ana):
        return keep(ana)

    @pytest.fixture
    def story(self, ana, plan, card, monkeypatch):
        checkout = open_checkout(ana, plan)
        paid, became = Event(), []

        def buying():
            try:
                became.append(pay(checkout, str(card.pk)).state)
            except cards.PaymentMethodNotAccepted as refused:
                became.append(refused.code)
            finally:
                connections.close_all()
                paid.set()

        end = kept_cards._end

        def wait_for_the_purchase(card, at):
            Thread(target=buying).start()
            paid.wait(2)  # with the lock it waits for us instead
            end(card, at)

        def tell():
            monkeypatch.setattr(kept_cards, "_end", wait_for_the_purchase)
            remove(card, ana)
            assert paid.wait(30)
            return became

        return tell

    def test_it_is_not_charged(self, story, card):
        assert story() == ["payment_method_not_accepted"]
        assert ledger.captured() == []
        assert card.removed_at
        assert not Payment.objects.exists()

    def test_the_control_without_the_lock_charges_a_card_that_is_gone(self, story, card, monkeypatch):
        monkeypatch.setattr(cards, "hold", lambda tenant, member: None)
        assert story() == ["completed"]
        assert card.removed_at
        assert payer_of(Subscription.objects.get()) in (None, card)

    def test_whoever_is_first_the_purchase_has_a_kept_card_or_none_was_charged(self, ana, plan):
        for _ in range(5):
            card, checkout = keep(ana), open_checkout(ana, plan)
            turns = [lambda card=card: remove(card, ana), lambda c=checkout, card=card: pay(c, str(card.pk))]
            race(lambda turn: turn(), turns, refused=(kept_cards.PaymentMethodInUse, cards.PaymentMethodNotAccepted))
            checkout.refresh_from_db()
            card.refresh_from_db()
            assert (checkout.state, card.removed_at is None) in (("completed", True), ("open", False))
            if checkout.state == "completed":
                break
