from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Checkout, Order, Payment
from commerce.operations.buying import checkouts, payments
from commerce.operations.paying import settlement
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.conftest import state_of
from tests.factories import NOON, MembershipFactory, acting, admin_of, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SECOND = timedelta(seconds=1)


def cancel(checkout, by=None, at=NOON):
    return checkouts.cancel_checkout(checkout=checkout, by=by or acting(checkout.buyer), at=at)


class TestCanceling:
    def test_ends_an_open_checkout_once(self, ana, plan):
        checkout = open_checkout(ana, plan)
        assert cancel(checkout).state == "canceled"
        assert cancel(checkout).state == "canceled"
        assert Event.objects.filter(type="checkout.canceled").count() == 1
        with pytest.raises(checkouts.CheckoutCanceled):
            pay(checkout)
        assert not Payment.objects.exists()

    def test_is_the_buyers_alone(self, ana, plan):
        checkout = open_checkout(ana, plan)
        for by in (acting(MembershipFactory(tenant=ana.tenant)), admin_of(ana.tenant), SYSTEM):
            with pytest.raises(NotAllowed):
                cancel(checkout, by=by)
        assert state_of(checkout) == "open"

    def test_releases_a_card_that_waits_for_its_holder(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        cancel(checkout)
        assert state_of(checkout) == "canceled"
        assert ledger.states() == ["canceled"]
        assert Payment.objects.get().state == "canceled"
        assert Order.objects.get().state == "canceled"

    def test_releases_it_also_for_who_looked_before_the_card_was_tried(self, ana, plan):
        checkout = open_checkout(ana, plan)
        stale = Checkout.objects.get(pk=checkout.pk)
        pay(checkout, "pm_card_authenticationRequired")
        cancel(stale)
        assert ledger.states() == ["canceled"]

    def test_is_refused_when_the_cardholder_was_faster(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=True)
        with pytest.raises(checkouts.CheckoutCompleted):
            cancel(checkout)
        assert state_of(checkout) == "completed"
        assert ledger.captured() == [Decimal("19.98")]

    def test_is_refused_while_the_provider_is_away(self, ana, plan, monkeypatch):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")

        def away(self, key):
            raise GatewayUnavailable

        monkeypatch.setattr(SandboxGateway, "cancel", away)
        for give_up in (cancel, lambda c: payments.give_up_waiting(checkout=c, by=acting(ana), at=NOON)):
            with pytest.raises(settlement.PaymentInProgress):
                give_up(checkout)
        assert state_of(checkout) == "requires_action"

    def test_is_refused_after_payment_and_while_one_is_under_way(self, ana, plan):
        paid, waiting = open_checkout(ana, plan), open_checkout(ana, plan)
        pay(paid)
        Checkout.objects.filter(pk=waiting.pk).update(state="processing")
        with pytest.raises(checkouts.CheckoutCompleted):
            cancel(paid)
        with pytest.raises(settlement.PaymentInProgress):
            cancel(waiting)


class TestExpiring:
    def test_an_open_one_ends_after_a_day(self, ana, plan):
        checkout = open_checkout(ana, plan)
        assert checkouts.expire_overdue(at=checkout.expires_at - SECOND) == 0
        assert checkouts.expire_overdue(at=checkout.expires_at) == 1
        assert state_of(checkout) == "expired"
        assert checkouts.expire_overdue(at=checkout.expires_at) == 0
        with pytest.raises(checkouts.CheckoutExpired) as refused:
            pay(checkout, at=checkout.expires_at)
        assert refused.value.code == "checkout_expired"
        with pytest.raises(checkouts.CheckoutExpired):
            cancel(checkout)

    def test_cannot_be_paid_from_its_last_moment_on_also_before_the_sweep(self, ana, plan):
        checkout = open_checkout(ana, plan)
        with pytest.raises(checkouts.CheckoutExpired):
            pay(checkout, at=checkout.expires_at)
        assert state_of(checkout) == "open"
        pay(checkout, at=checkout.expires_at - SECOND)
        assert state_of(checkout) == "completed"

    def test_one_that_waits_for_its_cardholder_is_released_and_ends(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        assert checkouts.expire_overdue(at=checkout.expires_at) == 1
        assert state_of(checkout) == "expired"
        assert ledger.states() == ["canceled"]
        assert Order.objects.get().state == "canceled"

    def test_one_whose_cardholder_was_faster_is_completed(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=True)
        assert checkouts.expire_overdue(at=checkout.expires_at) == 0
        assert state_of(checkout) == "completed"

    def test_one_whose_provider_is_away_waits_and_holds_nobody_up(self, ana, plan, monkeypatch):
        waiting, other = open_checkout(ana, plan), open_checkout(ana, plan, at=NOON + SECOND)
        pay(waiting, "pm_card_authenticationRequired")

        def away(self, key):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "cancel", away)
            assert checkouts.expire_overdue(at=other.expires_at) == 1
        assert (state_of(waiting), state_of(other)) == ("requires_action", "expired")
        assert checkouts.expire_overdue(at=other.expires_at) == 1

    def test_one_that_is_being_paid_is_left_to_reconciliation(self, ana, plan):
        checkout = open_checkout(ana, plan)
        Checkout.objects.filter(pk=checkout.pk).update(state="processing")
        assert checkouts.expire_overdue(at=checkout.expires_at) == 0
