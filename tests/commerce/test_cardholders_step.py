import pytest

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Checkout, Payment
from commerce.operations.buying import checkouts, payments
from commerce.operations.paying import charging, settlement
from licensing.models import Seat, Subscription
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.conftest import all_is_well, state_of
from tests.factories import NOON, MembershipFactory, acting, confirm, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestTheCardholdersStep:
    @pytest.fixture
    def waiting(self, ana, plan):
        checkout = open_checkout(ana, plan)
        assert pay(checkout, "pm_card_authenticationRequired").state == "requires_action"
        return checkout

    def test_is_asked_for_and_nothing_is_charged_or_granted_before(self, waiting):
        payment = Payment.objects.get()
        assert payment.state == "requires_action"
        assert str(payment.pk) in payment.action_url
        assert ledger.captured() == []
        assert not Subscription.objects.exists()

    def test_confirmed_completes_once(self, waiting):
        assert confirm(waiting).state == "completed"
        waiting.refresh_from_db()
        assert confirm(waiting).state == "completed"
        assert len(ledger.captured()) == 1
        assert Subscription.objects.count() == 1
        assert all_is_well()

    def test_confirmed_from_a_page_that_a_sweep_overtook_finds_it_completed(self, waiting):
        read_before = Checkout.objects.get(pk=waiting.pk)
        confirm(waiting)
        assert read_before.state == "requires_action"
        assert confirm(read_before).state == "completed"

    def test_declined_keeps_the_checkout_open_for_another_card(self, waiting):
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=False)
        with pytest.raises(charging.CardDeclined) as refused:
            confirm(waiting)
        assert refused.value.extra["decline_code"] == "authentication_failed"
        assert state_of(waiting) == "open"
        assert pay(waiting).state == "completed"
        assert len(ledger.captured()) == 1

    def test_the_first_answer_counts(self, waiting):
        key = Payment.objects.get().pk
        SandboxGateway().answer_step(key, approve=False)
        SandboxGateway().answer_step(key, approve=True)
        with pytest.raises(charging.CardDeclined):
            confirm(waiting)

    def test_coming_back_without_an_answer_only_asks(self, waiting):
        shown = payments.refresh_checkout(checkout=waiting, by=acting(waiting.buyer), at=NOON)
        assert shown.state == "requires_action"
        assert ledger.captured() == []

    def test_coming_back_after_approval_completes(self, waiting):
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=True)
        assert payments.refresh_checkout(checkout=waiting, by=acting(waiting.buyer), at=NOON).state == "completed"

    def test_a_second_card_meanwhile_is_refused(self, waiting):
        with pytest.raises(settlement.PaymentInProgress):
            pay(waiting)
        assert ledger.states() == ["requires_action"]

    def test_can_be_given_up_for_another_card(self, waiting):
        by = acting(waiting.buyer)
        assert payments.give_up_waiting(checkout=waiting, by=by, at=NOON).state == "open"
        assert payments.give_up_waiting(checkout=waiting, by=by, at=NOON).state == "open"
        assert pay(waiting).state == "completed"
        assert ledger.states() == ["canceled", "captured"]

    def test_given_up_too_late_is_a_purchase(self, waiting):
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=True)
        with pytest.raises(checkouts.CheckoutCompleted):
            payments.give_up_waiting(checkout=waiting, by=acting(waiting.buyer), at=NOON)
        assert state_of(waiting) == "completed"

    def test_confirming_what_waits_for_nothing_is_refused(self, ana, plan):
        checkout = open_checkout(ana, plan)
        with pytest.raises(payments.NothingToConfirm):
            confirm(checkout)

    def test_is_the_buyers_alone(self, waiting):
        other = acting(MembershipFactory(tenant=waiting.tenant))
        for ask in (payments.confirm_checkout, payments.refresh_checkout, payments.give_up_waiting):
            with pytest.raises(NotAllowed):
                ask(checkout=waiting, by=other, at=NOON)
        assert ledger.states() == ["requires_action"]

    def test_confirmed_after_a_rule_changed_is_still_granted(self, waiting):
        waiting.buyer.state = "left"
        waiting.buyer.save()
        assert confirm(waiting).state == "completed"
        assert not Seat.objects.exists()
