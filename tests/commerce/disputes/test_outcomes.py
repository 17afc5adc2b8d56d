"""Contested charges: what goes when one is opened, what comes back when it is won, and what is lost with it."""

from decimal import Decimal

import pytest

from commerce.gateways.protocol import ChargeRequest, GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Account, Dispute, Order, Payment, Purchase
from commerce.operations.paying import disputes, refunds, settlement
from commerce.views.looks import look_of
from licensing.models import EndCause, Subscription
from licensing.operations import lifecycle
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tests.callers import signed_in
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.disputes.conftest import (
    DAY,
    LATER,
    PRICE,
    SOON,
    UNDECIDED,
    balances,
    contest,
    give_back,
    journal,
    judge,
    money_of,
    settle,
)
from tests.commerce.provider import BANK, bought, every_row
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestOpened:
    def test_the_money_is_gone_and_access_with_it_at_once(self, payment, subscription):
        dispute = contest(payment)
        assert (dispute.state, dispute.amount, dispute.ended_subscription) == ("open", PRICE, True)
        assert money_of(payment) == (PRICE, 0, PRICE)
        assert state_of(subscription) == "disabled"
        assert subscription.end_cause == EndCause.CHARGEBACK
        assert journal() == UNDECIDED
        assert balances() == {Account.DISPUTED: PRICE, Account.SALES: -PRICE}
        assert all_is_well()

    def test_people_keep_their_seats(self, payment, subscription):
        contest(payment)
        assert state_of(subscription) == "disabled"
        assert subscription.seats_assigned == 1

    def test_its_owner_and_procurement_read_why_and_since_when(self, payment, subscription, ana):
        contest(payment)
        assert Purchase.objects.with_end().get(pk=subscription.pk).ended_at == SOON
        assert "A charge was contested at the bank" in look_of(Subscription.objects.get()).sentence
        assert "A charge was contested" in signed_in(ana).get(f"/my/subscriptions/{subscription.pk}/").content.decode()

    def test_a_second_time_changes_nothing(self, payment):
        contest(payment)
        before = every_row()
        contest(payment, at=LATER)
        assert every_row() == before

    def test_never_takes_more_than_is_left(self, payment):
        back = give_back(payment, Decimal("5.00"))
        refunds.send(back, at=SOON)
        assert settle(payment, "open").amount == PRICE - 5
        assert money_of(payment) == (PRICE, 5, PRICE - 5)
        assert settle(payment, "open", reference="dp_2").amount == 0

    def test_a_part_of_the_charge_is_a_part(self, payment):
        assert settle(payment, "open", amount=Decimal("7.50")).amount == Decimal("7.50")
        assert money_of(payment)[2] == Decimal("7.50")

    def test_a_claim_in_other_money_is_one_to_all_of_it(self, payment):
        assert settle(payment, "open", amount=Decimal("1.00"), currency="EUR").amount == PRICE

    def test_what_had_ended_already_stays_as_it_ended(self, payment, subscription):
        lifecycle.end(subscription=subscription, cause=EndCause.CANCELED, by=SYSTEM, at=NOON)
        dispute = contest(payment)
        assert dispute.ended_subscription is False
        assert state_of(subscription) == "disabled"
        assert subscription.end_cause == EndCause.CANCELED
        judge(payment, won=True)
        assert state_of(subscription) == "disabled"

    def test_grace_ends_too(self, payment, subscription):
        lifecycle.advance_due(at=subscription.term_end)
        assert state_of(subscription) == "expired"
        contest(payment, at=subscription.term_end + DAY)
        assert state_of(subscription) == "disabled"
        assert subscription.end_cause == EndCause.CHARGEBACK

    def test_a_charge_that_is_not_ours_is_left_alone(self, payment):
        Payment.objects.update(gateway="stripe")
        before = every_row()
        assert settle(payment, "lost") is None
        assert every_row() == before

    def test_a_charge_that_brought_nothing_here_takes_no_access(self, payment, subscription, ana, plan):
        # Charged a second time for one order, and given back in full: the first charge brought the purchase.
        surplus = surplus_of(payment)
        assert state_of(surplus) == "surplus"
        dispute = settle(surplus, "open")
        assert (dispute.amount, dispute.ended_subscription) == (0, False)
        assert state_of(subscription) == "active"
        assert all_is_well()

    def test_of_a_charge_whose_own_news_is_still_on_the_way_it_is_settled_first(self, ana, plan, monkeypatch):
        charge = SandboxGateway.charge

        def say_nothing(self, request):
            charge(self, request)
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "charge", say_nothing)
            payment = bought(ana, plan)
        assert payment.state == "started"
        contest(payment)
        assert state_of(payment) == "succeeded"
        assert state_of(Subscription.objects.get()) == "disabled"
        assert all_is_well()

    def test_of_a_charge_that_took_no_money_is_too_early(self, ana, plan):
        payment = bought(ana, plan, card="pm_card_authenticationRequired")
        with pytest.raises(disputes.NotCapturedYet):
            settle(payment, "open")
        assert not Dispute.objects.exists()


class TestWon:
    def test_money_and_access_come_back(self, payment, subscription):
        contest(payment)
        dispute = judge(payment, won=True)
        assert (dispute.state, dispute.closed_at, dispute.ended_subscription) == ("won", LATER, False)
        assert money_of(payment) == (PRICE, 0, 0)
        assert state_of(subscription) == "active"
        assert subscription.end_cause == ""
        assert subscription.state_ends_at == subscription.term_end
        assert journal() == [*UNDECIDED, "subscription.restored", "dispute.won"]
        assert balances() == {Account.PROVIDER: PRICE, Account.SALES: -PRICE}
        assert all_is_well()

    def test_a_second_time_changes_nothing(self, payment):
        contest(payment)
        judge(payment, won=True)
        before = every_row()
        judge(payment, won=True, at=LATER + DAY)
        settle(payment, "open", reference=Dispute.objects.get().gateway_ref)
        assert every_row() == before

    def test_after_its_term_it_stands_where_its_end_has_led(self, payment, subscription):
        contest(payment)
        judge(payment, won=True, at=subscription.term_end + DAY)
        assert state_of(subscription) == "expired"
        assert subscription.end_cause == EndCause.TERM_ENDED

    def test_grace_goes_on(self, payment, subscription):
        lifecycle.advance_due(at=subscription.term_end)
        subscription.refresh_from_db()
        grace_ends_at = subscription.state_ends_at
        contest(payment, at=subscription.term_end + DAY)
        judge(payment, won=True, at=subscription.term_end + 2 * DAY)
        assert state_of(subscription) == "expired"
        assert subscription.state_ends_at == grace_ends_at

    def test_what_was_paid_for_anew_meanwhile_stays_as_it_is(self, payment, subscription):
        contest(payment)
        lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=NOON + DAY)
        subscription.refresh_from_db()
        ends_at = subscription.term_end
        judge(payment, won=True)
        assert state_of(subscription) == "active"
        assert subscription.term_end == ends_at

    def test_what_is_deleted_stays_so(self, payment, subscription):
        contest(payment)
        # As before there was a hold.
        lifecycle.release(subscription=subscription, by=SYSTEM, at=SOON)
        lifecycle.advance_due(at=NOON + 100 * DAY)
        assert state_of(subscription) == "deleted"
        judge(payment, won=True, at=NOON + 101 * DAY)
        assert state_of(subscription) == "deleted"
        assert money_of(payment)[2] == 0

    def test_before_anybody_heard_of_it_it_changes_nothing_for_anybody(self, payment, subscription):
        BANK.contest(payment.pk)
        judge(payment, won=True)
        assert state_of(subscription) == "active"
        assert money_of(payment) == (PRICE, 0, 0)
        assert journal() == ["dispute.opened", "dispute.won"]
        assert not Job.objects.filter(name="commerce.tell_dispute").exists()
        assert all_is_well()


class TestLost:
    def test_money_and_access_stay_gone(self, payment, subscription):
        contest(payment)
        dispute = judge(payment, won=False)
        assert (dispute.state, dispute.ended_subscription) == ("lost", True)
        assert money_of(payment) == (PRICE, 0, PRICE)
        assert state_of(subscription) == "disabled"
        assert journal() == [*UNDECIDED, "subscription.released", "dispute.lost"]
        assert balances() == {Account.LOSSES: PRICE, Account.SALES: -PRICE}
        assert all_is_well()

    def test_before_it_was_heard_of_it_is_opened_and_lost_at_once(self, payment, subscription):
        BANK.contest(payment.pk)
        judge(payment, won=False)
        assert state_of(subscription) == "disabled"
        assert money_of(payment) == (PRICE, 0, PRICE)
        assert sorted(journal()) == ["dispute.lost", "dispute.opened", "subscription.disabled"]
        assert all_is_well()

    def test_news_of_its_opening_that_comes_late_changes_nothing(self, payment):
        BANK.contest(payment.pk)
        judge(payment, won=False)
        before = every_row()
        settle(payment, "open", reference=Dispute.objects.get().gateway_ref, at=LATER + DAY)
        assert every_row() == before

    def test_a_bank_that_changes_its_mind_is_left_to_the_operator(self, payment, subscription, caplog):
        settle(payment, "lost")
        before = every_row()
        settle(payment, "won")
        assert every_row() == before
        assert "is said to be won now" in caplog.text

    def test_what_is_paid_for_anew_is_not_ended_by_old_news(self, payment, subscription):
        contest(payment)
        lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=NOON + DAY)
        judge(payment, won=False)
        assert state_of(subscription) == "active"


def surplus_of(payment):
    """The same order is charged a second time, in vain."""
    order = Order.objects.get(pk=payment.order_id)
    extra = Payment.objects.create(
        tenant=order.tenant, order=order, payer=order.buyer, state="canceled", amount=order.total,
        currency=order.currency, payment_method="pm_card_visa", gateway="sandbox", started_at=NOON,
    )  # fmt: skip
    request = ChargeRequest(
        key=extra.pk, amount=extra.amount, currency="USD", payment_method="pm_card_visa", customer="c", return_url=""
    )
    return settlement.settle_payment(payment=extra, charge=BANK.charge(request), at=NOON)
