"""Contested charges: what goes when one is opened, what comes back when it is won, and that none is refunded."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.core import mail
from django.db import transaction

from commerce import tasks
from commerce.gateways.protocol import ChargeRequest, GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Account, Dispute, Movement, Order, OrderLine, Payment, Purchase, Refund
from commerce.operations.changes import cancellations, quantity, scheduled
from commerce.operations.paying import disputes, incoming, refunds, settlement
from commerce.views.wording import look_of
from licensing.models import EndCause, Subscription
from licensing.operations import lifecycle, subscriptions
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests import ledger as bank_books
from tests.callers import signed_in
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.provider import BANK, bought, contested, every_row, owed, send, tell
from tests.factories import NOON, RETURN_URL, MembershipFactory, acting, plan_on_sale
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PRICE = Decimal("19.98")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SOON = NOON + HOUR
LATER = NOON + 10 * DAY
UNDECIDED = ["dispute.opened", "subscription.disabled", "subscription.held"]


@pytest.fixture
def payment(ana, plan):
    """Two seats, paid by card at NOON."""
    return bought(ana, plan)


@pytest.fixture
def subscription(payment):
    return Subscription.objects.get()


def contest(payment, at=SOON):
    """The cardholder complains at the bank, and we hear of it."""
    return disputes.settle_dispute(report=BANK.contest(payment.pk), at=at)


def judge(payment, won, at=LATER):
    return disputes.settle_dispute(report=BANK.judge_dispute(payment.pk, won=won), at=at)


def settle(payment, outcome, at=SOON, **what):
    return contested(payment, outcome, at=at, **what)


def journal():
    """What was written down about the dispute and what followed, in order."""
    told = Event.objects.filter(type__regex=r"^(dispute|subscription|refund)\.").exclude(type="subscription.started")
    return list(told.order_by("pk").values_list("type", flat=True))


def balances():
    return {
        row["account"]: row["balance"] for row in Movement.objects.all().balances() if row["account"] and row["balance"]
    }


def money_of(payment):
    payment.refresh_from_db()
    return payment.captured, payment.refunded, payment.disputed


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


class TestUndecidedForLong:
    """The 90 days after which a subscription is deleted may pass before the bank has decided."""

    @pytest.fixture
    def payment(self, ana):
        return bought(ana, plan_on_sale(term="P1Y"))

    @pytest.fixture
    def waiting(self, payment, subscription):
        contest(payment)
        assert scheduled.advance_due(at=NOON + 100 * DAY) == 0
        assert state_of(subscription) == "disabled"
        assert subscription.held_at == SOON
        assert look_of(subscription).sentence.endswith("Kept until the bank has decided")
        return payment

    def test_won_after_a_hundred_days_access_is_back_with_everybodys_seat(self, waiting, subscription):
        judge(waiting, won=True, at=NOON + 100 * DAY)
        assert scheduled.advance_due(at=NOON + 101 * DAY) == 0
        assert state_of(subscription) == "active"
        assert (subscription.held_at, subscription.seats_assigned) == (None, 1)
        assert subscription.state_ends_at == subscription.term_end == NOON + 365 * DAY
        assert all_is_well()

    def test_lost_after_a_hundred_days_it_is_deleted_by_the_next_sweep(self, waiting, subscription):
        judge(waiting, won=False, at=NOON + 100 * DAY)
        assert state_of(subscription) == "disabled"
        assert subscription.held_at is None
        assert scheduled.advance_due(at=NOON + 101 * DAY) == 1
        assert state_of(subscription) == "deleted"
        assert all_is_well()

    def test_lost_in_time_it_is_kept_for_its_ninety_days(self, payment, subscription):
        contest(payment)
        judge(payment, won=False)
        assert scheduled.advance_due(at=SOON + 90 * DAY - HOUR) == 0
        assert scheduled.advance_due(at=SOON + 90 * DAY) == 1
        assert state_of(subscription) == "deleted"

    def test_lost_before_it_was_heard_of_nothing_holds_it(self, payment, subscription):
        BANK.contest(payment.pk)
        judge(payment, won=False, at=SOON)
        assert state_of(subscription) == "disabled"
        assert subscription.held_at is None

    def test_paid_for_anew_meanwhile_nothing_holds_it(self, waiting, subscription):
        lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=NOON + 101 * DAY)
        assert state_of(subscription) == "active"
        assert subscription.held_at is None
        judge(waiting, won=False, at=NOON + 102 * DAY)
        assert state_of(subscription) == "active"
        assert "subscription.released" not in journal()


class TestTwoOfOneSubscription:
    @pytest.fixture
    def second(self, payment, subscription):
        """Another charge that the same subscription was paid with."""
        quantity.change(
            subscription=subscription, quantity=5, payment_method="pm_card_visa", return_url=RETURN_URL,
            by=acting(subscription.owner), at=NOON,
        )  # fmt: skip
        return Payment.objects.exclude(pk=payment.pk).get()

    def test_access_comes_back_with_the_last_of_them(self, payment, second, subscription):
        contest(payment)
        contest(second)
        judge(payment, won=True)
        assert state_of(subscription) == "disabled"
        judge(second, won=True)
        assert state_of(subscription) == "active"

    def test_and_stays_away_when_one_is_lost(self, payment, second, subscription):
        contest(payment)
        contest(second)
        judge(second, won=False)
        judge(payment, won=True)
        assert state_of(subscription) == "disabled"

    @pytest.mark.parametrize("first_is_won", [True, False])
    def test_it_is_held_until_the_last_of_them_is_decided(self, payment, second, subscription, first_is_won):
        contest(payment)
        contest(second)
        judge(payment, won=first_is_won)
        scheduled.advance_due(at=NOON + 100 * DAY)
        assert state_of(subscription) == "disabled"
        judge(second, won=False, at=NOON + 101 * DAY)
        scheduled.advance_due(at=NOON + 101 * DAY)
        assert state_of(subscription) == "deleted"

    def test_one_that_comes_after_one_was_lost_holds_it_again(self, payment, second, subscription):
        contest(payment)
        judge(payment, won=False)
        contest(second, at=LATER + DAY)
        scheduled.advance_due(at=NOON + 100 * DAY)
        assert state_of(subscription) == "disabled"
        assert subscription.held_at == LATER + DAY

    def test_one_that_was_lost_before_it_was_paid_for_anew_holds_nothing_back(self, payment, second, subscription):
        contest(payment)
        judge(payment, won=False)
        lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=NOON + 11 * DAY)
        contest(second, at=NOON + 12 * DAY)
        assert state_of(subscription) == "disabled"
        judge(second, won=True, at=NOON + 13 * DAY)
        assert state_of(subscription) == "active"


class TestRefunds:
    """Of a charge that is contested, or was lost, nothing is refunded, whatever ends the subscription."""

    @pytest.mark.parametrize("outcome", ["open", "lost"])
    def test_none_is_promised(self, payment, outcome):
        settle(payment, outcome)
        before = every_row()
        with pytest.raises(refunds.ChargeContested), transaction.atomic():
            give_back(payment)
        assert every_row() == before
        assert list(Payment.objects.uncontested()) == []

    def test_one_is_promised_again_once_it_is_won(self, payment):
        settle(payment, "open")
        settle(payment, "won")
        assert list(Payment.objects.uncontested()) == [payment]
        payment.refresh_from_db()
        assert give_back(payment).state == "started"

    @pytest.mark.parametrize("outcome", ["open", "lost"])
    def test_cancelling_gives_nothing_back(self, payment, subscription, ana, outcome):
        settle(payment, outcome)
        lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=SOON)
        subscription.refresh_from_db()
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=SOON + HOUR)
        assert not Refund.objects.exists()
        assert bank_books.refunded() == []


class TestARefundThatWasPromisedBefore:
    @pytest.fixture
    def held(self, payment, monkeypatch):
        """Promised; the provider was away, and the cardholder went to the bank meanwhile."""
        with monkeypatch.context() as patch:

            def unreachable(self, **options):
                raise GatewayUnavailable

            patch.setattr(SandboxGateway, "refund", unreachable)
            refund = give_back(payment, Decimal("15.00"))
            refunds.send(refund, at=NOON)
        contest(payment)
        return refund

    def test_stays_promised_and_is_not_sent(self, payment, held):
        settlement.reconcile(at=LATER)
        assert state_of(held) == "started"
        assert held.asked_at == LATER
        assert bank_books.refunded() == []
        assert money_of(payment) == (PRICE, 15, PRICE - 15)

    def test_is_sent_when_it_is_won(self, payment, held):
        judge(payment, won=True)
        assert state_of(held) == "succeeded"
        assert bank_books.refunded() == [15]
        assert money_of(payment) == (PRICE, 15, 0)
        assert balances() == {Account.PROVIDER: PRICE - 15, Account.SALES: 15 - PRICE}
        assert all_is_well()

    def test_is_called_off_when_it_is_lost_and_the_loss_is_whole(self, payment, held):
        dispute = judge(payment, won=False)
        assert state_of(held) == "failed"
        assert bank_books.refunded() == []
        assert dispute.amount == PRICE
        assert money_of(payment) == (PRICE, 0, PRICE)
        # What was owed to the card has reached it through the bank: only the rest is a loss.
        assert balances() == {Account.LOSSES: PRICE - 15, Account.SALES: 15 - PRICE}
        settlement.reconcile(at=LATER + DAY)
        assert bank_books.refunded() == []
        assert all_is_well()

    def test_that_had_reached_the_provider_after_all_is_no_loss(self, payment, monkeypatch):
        refund = SandboxGateway.refund

        def say_nothing(self, **options):
            refund(self, **options)
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", say_nothing)
            back = give_back(payment, Decimal("15.00"))
            refunds.send(back, at=NOON)
        assert state_of(back) == "started"
        BANK.contest(payment.pk)
        dispute = judge(payment, won=False)
        assert state_of(back) == "succeeded"
        assert dispute.amount == PRICE - 15
        assert money_of(payment) == (PRICE, 15, PRICE - 15)
        assert all_is_well()

    def test_is_not_judged_while_the_provider_does_not_say_how_it_stands(self, payment, held, monkeypatch):
        def unreachable(self, key):
            raise GatewayUnavailable

        BANK.judge_dispute(payment.pk, won=False)
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "find_refund", unreachable)
            before = every_row()
            with pytest.raises(GatewayUnavailable):
                judge(payment, won=False)
            assert every_row() == before
            stored = send(owed("dispute.closed")[0])
            incoming.handle(event_id=stored.pk, at=LATER)
            assert state_of(stored) == "received"
        incoming.handle(event_id=stored.pk, at=LATER + HOUR)
        assert state_of(stored) == "handled"
        assert state_of(held) == "failed"


class TestInAnyOrder:
    @pytest.mark.parametrize("verdict", ["won", "lost"])
    def test_of_what_is_reported_the_end_is_the_same(self, ana, plan, verdict):
        """Also by answers that are old: two tasks asked one after the other, and settle the other way round."""
        ends = set()
        for order in permutations(["open", "open", verdict, verdict]):
            payment = bought(MembershipFactory(tenant=ana.tenant), plan)
            for outcome in order:
                settle(payment, outcome, reference=f"dp_{payment.pk.hex}")
            dispute = Dispute.objects.get(payment=payment)
            subscription = Subscription.objects.get(orders=payment.order)
            ends.add(
                (dispute.state, dispute.amount, dispute.ended_subscription, subscription.state, *money_of(payment))
            )
        access = "active" if verdict == "won" else "disabled"
        disputed = 0 if verdict == "won" else PRICE
        assert ends == {(verdict, PRICE, verdict == "lost", access, PRICE, 0, disputed)}
        assert all_is_well()


@pytest.mark.django_db(transaction=True, serialized_rollback=True, databases=["default", "sandbox"])
def test_twenty_at_once_take_the_money_once(ana, plan):
    payment = bought(ana, plan)
    BANK.contest(payment.pk)
    told = BANK.judge_dispute(payment.pk, won=False)
    assert race(lambda _n: disputes.settle_dispute(report=told, at=SOON), range(20)) == 20
    assert money_of(payment) == (PRICE, 0, PRICE)
    assert sorted(journal()) == ["dispute.lost", "dispute.opened", "subscription.disabled"]
    assert all_is_well()


class TestLetters:
    def sent(self):
        for job in Job.objects.filter(name="commerce.tell_dispute", done_at=None).order_by("created_at"):
            tasks.tell_dispute(job_id=str(job.pk))
        letters, mail.outbox[:] = list(mail.outbox), []
        return letters

    def test_tell_its_owner_and_those_who_answer_for_the_spending(self, payment, ana, admin):
        for role in ("global_admin", "license_admin", "global_reader"):
            MembershipFactory(tenant=ana.tenant, roles=[role], user__email=f"{role}@contoso.example")
        MembershipFactory(roles=["global_admin"])  # of another organisation
        contest(payment)
        letters = self.sent()
        assert {to for letter in letters for to in letter.to} == {
            ana.user.email, admin.user.email, "global_admin@contoso.example",
        }  # fmt: skip
        assert all(len(letter.to) == 1 for letter in letters)
        assert len({letter.extra_headers["Message-ID"] for letter in letters}) == 3

    def test_say_what_happened_and_what_can_be_done(self, payment, ana, subscription):
        contest(payment)
        [opened] = self.sent()
        assert opened.subject == "A charge is contested at the bank: Power BI Pro, monthly"
        assert "$19.98 on 10 March 2026" in opened.body
        assert "Nobody can use Power BI Pro, monthly meanwhile" in opened.body
        assert f"/my/subscriptions/{subscription.pk}/" in opened.body
        judge(payment, won=True)
        [won] = self.sent()
        assert won.subject == "The bank found a contested charge right: Power BI Pro, monthly"
        assert "Power BI Pro, monthly can be used." in won.body
        assert "Nobody" not in won.body

    def test_say_until_when_what_was_lost_can_be_had_again(self, payment, ana):
        contest(payment)
        judge(payment, won=False)
        _opened, lost = self.sent()
        assert lost.subject == "The bank took a contested charge back: Power BI Pro, monthly"
        assert "Until 8 June 2026 it can be reactivated" in lost.body

    def test_come_once(self, payment):
        for _again in range(3):
            contest(payment)
        assert len(self.sent()) == 1
        assert self.sent() == []


class TestFromTheCardThatIsContested:
    def test_the_whole_story_is_told_by_events(self, ana, plan):
        payment = bought(ana, plan, card="pm_card_createDispute")
        subscription = Subscription.objects.get()
        assert state_of(subscription) == "active"
        for event in owed():
            assert tell(event, at=SOON).state == "handled"
        assert state_of(subscription) == "disabled"
        BANK.judge_dispute(payment.pk, won=True)
        tell(owed("dispute.closed")[0], at=LATER)
        assert state_of(subscription) == "active"
        assert all_is_well()

    def test_a_refund_before_the_news_came_fails_at_the_provider_and_the_loss_is_known(self, ana, plan):
        payment = bought(ana, plan, card="pm_card_createDispute")
        subscription = Subscription.objects.get()
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=SOON)
        assert Refund.objects.get().state == "failed"
        for event in owed():
            tell(event, at=SOON)
        assert money_of(payment) == (PRICE, 0, PRICE)
        assert all_is_well()


def give_back(payment, amount=Decimal("5.00")):
    """A seat goes, and a refund waits to be sent for it, as an operation promises it under the order's lock."""
    line = OrderLine.objects.select_related("order__tenant").get(order=payment.order_id)
    back = refunds.give_back(line=line, quantity=1, amount=amount, tax=Decimal(0), reason="reduced", by=SYSTEM, at=NOON)
    subscriptions.remove_seats(subscription=Subscription.objects.get(), count=1, by=SYSTEM, at=NOON)
    return back


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
