"""The one safe repair of each kind of difference: what it does, twice, by two at once, and when it is not true."""

from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import IntegrityError

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import (
    Difference,
    DifferenceKind,
    Dispute,
    Invoice,
    Movement,
    Order,
    OrderLine,
    Payment,
    Refund,
)
from commerce.operations.accounts import reconciliation, repairs
from commerce.operations.changes import cancellations
from commerce.operations.paying import disputes, refunds, settlement
from licensing.models import Subscription
from tenants.access import SYSTEM, Actor
from tenants.journal.models import Event
from tenants.refusal import NotAllowed, Refused
from tests import ledger
from tests.commerce.changes import change
from tests.commerce.conftest import state_of
from tests.commerce.differences import (
    BANK,
    DAY,
    LATER,
    ONE_OF_EACH,
    PRICE,
    canceled,
    canceled_but_captured,
    charges,
    compare,
    contested,
    declined_but_captured,
    findings,
    found,
    mend,
    never_captured,
    operator,
    refund_failed_at_once,
    refund_failed_later,
    refund_lost_there,
    refund_made_there,
    refunds_there,
    set_aside,
    stranger,
)
from tests.factories import (
    NOON,
    MembershipFactory,
    OperatorFactory,
    TaxRateFactory,
    acting,
    admin_of,
    buy,
    open_checkout,
    pay,
    plan_on_sale,
)
from tests.race import at_once, race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(
    transaction=True, serialized_rollback=True, databases=["default", "sandbox"]
)

MOVES = set(DifferenceKind) - {DifferenceKind.NOT_CAPTURED}


def notes():
    return list(Invoice.objects.filter(kind="credit_note").order_by("sequence").values_list("total", flat=True))


def everything_here():
    """What a repair that does nothing leaves as it is."""
    return (
        list(Payment.objects.order_by("pk").values_list("state", "captured", "refunded", "disputed")),
        list(Refund.objects.order_by("pk").values_list("state", "amount")),
        Dispute.objects.count(),
        Movement.objects.count(),
        Invoice.objects.count(),
        ledger.captured(),
        ledger.refunded(),
    )


class TestAnyRepair:
    @pytest.mark.parametrize("kind", sorted(MOVES))
    def test_makes_it_go_away_and_leaves_everything_right(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        by = operator()
        difference = mend(found(kind), LATER + DAY, by)
        assert (difference.resolution, difference.resolved_by) == ("repaired", by.user)
        assert difference.resolved_at == LATER + DAY
        assert compare(LATER + DAY).standing == 0
        assert Difference.objects.count() == 1
        assert findings() == []

    @pytest.mark.parametrize("kind", sorted(MOVES))
    def test_stands_in_the_journal_with_who_did_it(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        by = operator()
        difference = mend(found(kind), by=by)
        event = Event.objects.get(type="difference.repaired")
        assert (event.actor, event.data["kind"], event.data["difference"]) == (by.user, kind, str(difference.pk))
        assert event.tenant == (None if kind == "unknown_charge" else ana.tenant)

    @pytest.mark.parametrize("kind", sorted(MOVES))
    def test_twice_is_refused_and_done_once(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = mend(found(kind))
        before = everything_here()
        with pytest.raises(repairs.AlreadyResolved):
            mend(difference)
        assert everything_here() == before

    @pytest.mark.parametrize("kind", DifferenceKind)
    def test_is_the_operators_alone(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)
        before = everything_here()
        for by in (acting(ana), admin_of(ana.tenant)):
            with pytest.raises(NotAllowed):
                mend(difference, by=by)
        assert everything_here() == before
        assert state(difference) is None

    @pytest.mark.parametrize("kind", sorted(MOVES - {DifferenceKind.SET_ASIDE}))
    def test_of_what_the_provider_does_not_say_any_more_is_refused_and_resolved_as_gone(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)
        make_it_go_away(kind)
        before = everything_here()
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert state(difference) == "gone"
        assert everything_here() == before

    @pytest.mark.parametrize("kind", sorted(set(DifferenceKind) - {DifferenceKind.SET_ASIDE}))
    def test_waits_while_the_provider_is_away(self, ana, plan, kind, monkeypatch):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)

        def away(*args, **options):
            raise GatewayUnavailable

        before = everything_here()
        with monkeypatch.context() as patch:
            for call in ("find", "find_refund", "fetch", "refund", "refund_unknown", "books"):
                patch.setattr(SandboxGateway, call, away)
            with pytest.raises(reconciliation.ProviderSilent):
                mend(difference)
        assert everything_here() == before
        assert state(difference) is None
        mend(difference)

    def test_of_a_provider_that_is_not_in_use_is_refused(self, ana, plan):
        declined_but_captured(ana, plan)
        difference = found("unsettled")
        Difference.objects.update(gateway="stripe")
        with pytest.raises(repairs.OfAnotherProvider):
            mend(difference)


def state(difference):
    difference.refresh_from_db()
    return difference.resolution or None


def make_it_go_away(kind):
    if kind == "unsettled":
        charges().update(state="declined")
    elif kind == "unknown_charge":
        charges().update(state="canceled")
    elif kind == "refund_failed":
        refunds_there().update(state="succeeded")
    elif kind == "refund_unsent":
        refund = Refund.objects.get()
        refunds_there().create(key=refund.pk, charge_id=refund.payment_id, amount=refund.amount)
    elif kind == "unknown_refund":
        refunds_there().all().delete()
    else:
        disputes.settle_dispute(report=BANK.contest(Payment.objects.get().pk), at=NOON)


class TestAPaymentThatIsNotWrittenDown:
    def test_brings_what_was_paid_for(self, ana, plan):
        payment = declined_but_captured(ana, plan)
        mend(found("unsettled"))
        assert state_of(payment) == "succeeded"
        assert Subscription.objects.count() == 1
        assert ledger.refunded() == []

    def test_is_given_back_when_nothing_is_left_to_pay_for(self, ana, plan):
        payment = canceled_but_captured(ana, plan)
        mend(found("unsettled"))
        assert state_of(payment) == "surplus"
        assert ledger.refunded() == [PRICE]
        assert not Subscription.objects.exists()

    def test_is_set_aside_when_another_amount_was_taken(self, ana, plan):
        payment = declined_but_captured(ana, plan)
        charges().update(amount="7.00")
        mend(found("unsettled"))
        assert state_of(payment) == "set_aside"
        assert found("set_aside", LATER + DAY).payment == payment


class TestAChargeOfNobody:
    def test_goes_back_whole_under_one_key(self):
        charge = stranger()
        mend(found("unknown_charge"))
        assert ledger.refunded() == [charge.amount]

    def test_goes_back_as_far_as_it_did_not_yet(self):
        charge = stranger()
        BANK.refund_by_hand(key=charge.pk, charge_key=charge.pk, amount=Decimal("2.50"))
        mend(found("unknown_charge"))
        assert ledger.refunded() == [Decimal("2.50"), Decimal("10.00")]

    def test_stays_when_the_provider_refuses(self):
        stranger()
        charges().update(payment_method="pm_card_refundFail")
        difference = found("unknown_charge")
        with pytest.raises(repairs.ProviderRefuses):
            mend(difference)
        assert state(difference) is None

    def test_is_never_given_back_when_a_payment_here_has_its_key(self, ana, plan):
        charge = stranger()
        difference = found("unknown_charge")
        buy(ana, plan)
        order = Order.objects.get()
        Payment.objects.create(
            pk=charge.pk, tenant=ana.tenant, order=order, payer=ana, state="failed", amount=charge.amount,
            currency="USD", payment_method="pm_card_visa", gateway="sandbox", started_at=NOON,
        )  # fmt: skip
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert ledger.refunded() == []


class TestWhatWasSetAside:
    @pytest.mark.parametrize("wrong", [{"amount": Decimal("25.00")}, {"currency": "EUR"}], ids=str)
    def test_goes_back_whole_and_in_its_own_currency(self, ana, plan, wrong):
        payment = set_aside(ana, plan, **wrong)
        mend(found("set_aside"))
        assert ledger.refunded() == [payment.captured]
        assert set(Movement.objects.values_list("currency", flat=True)) == {wrong.get("currency", "USD")}
        assert notes() == []
        assert findings() == []

    def test_is_refused_when_somebody_gave_it_back(self, ana, plan):
        payment = set_aside(ana, plan)
        difference = found("set_aside")
        payment = Payment.objects.select_related("order").get()
        refunds.give_back_set_aside(payment=payment, by=SYSTEM, at=NOON)
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert Refund.objects.count() == 1

    def test_is_not_promised_twice_when_the_card_does_not_take_it(self, ana, plan):
        set_aside(ana, plan)
        charges().update(payment_method="pm_card_refundFail")
        mend(found("set_aside"))
        assert found("refund_failed", LATER + DAY).refund == Refund.objects.get()
        assert Movement.objects.filter(kind="set_aside_released").count() == 1

    def test_waits_while_the_bank_has_it(self, ana, plan):
        payment = set_aside(ana, plan)
        difference = found("set_aside")
        disputes.settle_dispute(report=BANK.contest(payment.pk), at=NOON)
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert ledger.refunded() == []


class TestAPaymentThatTheProviderDoesNotHave:
    def test_is_asked_about_and_left_open_with_a_note(self, ana, plan):
        never_captured(ana, plan)
        difference = found("not_captured")
        before = everything_here()
        for days in (1, 2):
            mend(difference, LATER + days * DAY)
            difference.refresh_from_db()
            assert (difference.note, difference.resolved_at) == (repairs.STILL_STANDS, None)
            assert difference.seen_at == LATER + days * DAY
        assert everything_here() == before
        assert not Event.objects.filter(type="difference.repaired").exists()


class TestARefundThatFailed:
    def test_is_made_good_once_and_credited_once(self, ana, plan):
        refund = refund_failed_later(ana, plan)
        assert notes() == [PRICE]
        mend(found("refund_failed"))
        made = Refund.objects.get(replaces=refund)
        assert (made.state, made.amount, made.tax, made.reason) == ("succeeded", PRICE, 0, "canceled")
        assert state_of(refund) == "failed"
        assert notes() == [PRICE]
        assert Payment.objects.get().refunded == PRICE
        assert BANK.find(made.payment_id).amount == PRICE

    def test_is_credited_when_it_is_made_good_for_the_first_time(self, ana, plan):
        refund = refund_failed_at_once(ana, plan)
        assert notes() == []
        charges().update(payment_method="pm_card_visa")
        mend(found("refund_failed"))
        assert notes() == [PRICE]
        note = Invoice.objects.get(kind="credit_note")
        assert note.refund == Refund.objects.get(replaces=refund)
        assert note.lines.get().description == f"Unused part of {plan}, 2 seats"
        assert findings() == []

    def test_that_fails_again_stays_open_with_a_note(self, ana, plan):
        refund_failed_at_once(ana, plan)
        difference = found("refund_failed")
        for tries in (1, 2):
            assert mend(difference).note == repairs.STILL_STANDS
            assert Refund.objects.filter(state="failed").count() == 1 + tries
        charges().update(payment_method="pm_card_visa")
        assert mend(difference).resolution == "repaired"
        assert sum(Refund.objects.filter(state="succeeded").values_list("amount", flat=True)) == PRICE
        assert findings() == []

    def test_is_made_good_by_a_refund_that_somebody_makes_there(self, ana, plan):
        refund = refund_failed_at_once(ana, plan)
        failed = found("refund_failed")
        charges().update(payment_method="pm_card_visa")
        BANK.refund_by_hand(key=ana.pk, charge_key=refund.payment_id, amount=PRICE)
        compare()
        mend(Difference.objects.open().get(kind="unknown_refund"))
        made = Refund.objects.get(replaces=refund)
        assert (made.state, made.reason) == ("succeeded", "external")
        assert notes() == [PRICE]
        with pytest.raises(repairs.NoLongerTrue):
            mend(failed)
        assert findings() == []

    def test_keeps_its_money_free_from_what_is_given_back_meanwhile(self, ana, plan):
        pay(open_checkout(ana, plan, 2), "pm_card_refundFail")
        subscription, payment = Subscription.objects.get(), Payment.objects.get()
        change(subscription, 1)
        assert Refund.objects.get().state == "failed"
        charges().update(payment_method="pm_card_visa")
        BANK.refund_by_hand(key=ana.pk, charge_key=payment.pk, amount=Decimal("5.00"))
        compare()
        mend(Difference.objects.open().get(kind="unknown_refund"))
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON)
        assert ledger.refunded()[1:] == [5, Decimal("4.99")]
        mend(Difference.objects.open().get(kind="refund_failed"))
        assert Payment.objects.get().refunded == sum(notes()) == PRICE
        assert findings() == []

    def test_is_not_made_good_with_more_than_is_left(self, ana, plan):
        refund = refund_failed_at_once(ana, plan)
        Payment.objects.update(refunded=1)
        with pytest.raises(refunds.NotEnoughLeft):
            refunds.make_good(refund=refund, by=SYSTEM, at=NOON)

    def test_is_not_made_good_while_the_bank_has_the_money(self, ana, plan):
        refund = refund_failed_at_once(ana, plan)
        difference = found("refund_failed")
        charges().update(payment_method="pm_card_visa")
        disputes.settle_dispute(report=BANK.contest(refund.payment_id), at=NOON)
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert Refund.objects.count() == 1


class TestARefundThatTheProviderDoesNotHave:
    def test_is_sent_again_under_its_key(self, ana, plan):
        refund = refund_lost_there(ana, plan)
        mend(found("refund_unsent"))
        assert refunds_there().get().key == refund.pk
        assert (state_of(refund), notes()) == ("succeeded", [PRICE])

    def test_that_was_never_sent_is_sent(self, ana, plan, monkeypatch):
        def away(*args, **options):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", away)
            refund = canceled(ana, plan)
        compare(NOON + timedelta(seconds=60))
        assert not Difference.objects.exists()
        mend(found("refund_unsent"))
        assert (state_of(refund), ledger.refunded()) == ("succeeded", [PRICE])
        assert findings() == []

    def test_that_the_card_does_not_take_now_is_owed(self, ana, plan):
        refund = refund_lost_there(ana, plan)
        charges().update(payment_method="pm_card_refundFail")
        mend(found("refund_unsent"))
        assert state_of(refund) == "failed"
        assert found("refund_failed", LATER + DAY).refund == refund


class TestARefundMadeThere:
    def test_is_written_down_with_its_credit_note(self, ana, plan):
        payment = refund_made_there(ana, plan)
        mend(found("unknown_refund"))
        refund = Refund.objects.get()
        assert (refund.state, refund.reason, refund.amount, refund.line) == ("succeeded", "external", 5, None)
        assert refund.gateway_ref == f"re_{refunds_there().get().key.hex}"
        assert notes() == [5]
        assert state_of(payment) == "succeeded"
        assert payment.refunded == 5
        assert Invoice.objects.get(kind="credit_note").lines.get().description == "Given back at the payment provider"

    def test_has_its_part_of_the_tax(self):
        TaxRateFactory(country="DE")
        greta = MembershipFactory(tenant__country="DE")
        refund_made_there(greta, plan_on_sale("100.00", country="DE"), "119.00")
        mend(found("unknown_refund"))
        assert (Refund.objects.get().tax, Payment.objects.get().captured) == (19, 238)
        BANK.refund_by_hand(key=greta.pk, charge_key=Payment.objects.get().pk, amount=Decimal("119.00"))
        mend(found("unknown_refund", LATER + DAY))
        assert sum(Refund.objects.values_list("tax", flat=True)) == Order.objects.get().tax
        assert findings() == []

    def test_of_a_surplus_or_of_what_was_set_aside_is_credited_by_no_note(self, ana, plan):
        payment = set_aside(ana, plan)
        BANK.refund_by_hand(key=ana.pk, charge_key=payment.pk, amount=Decimal("5.00"))
        compare()
        mend(Difference.objects.open().get(kind="unknown_refund"))
        mend(Difference.objects.open().get(kind="set_aside"))
        assert ledger.refunded() == [5, 20]
        assert notes() == []
        assert findings() == []

    def test_is_written_down_as_far_as_something_is_left(self, ana, plan, monkeypatch):
        subscription = buy(ana, plan)
        payment = Payment.objects.get()

        def away(*args, **options):
            raise GatewayUnavailable

        # Ours is promised and not sent yet when somebody gives everything back by hand.
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", away)
            change(subscription, 1)
        BANK.refund_by_hand(key=ana.pk, charge_key=payment.pk, amount=PRICE)
        compare(NOON)
        difference = mend(Difference.objects.get(kind="unknown_refund"), NOON)
        assert (difference.resolution, difference.note) == ("", repairs.STILL_STANDS)
        assert Refund.objects.get(reason="external").amount == Decimal("9.99")
        # Then ours fails there, and the rest of the other one is what makes it good.
        settlement.reconcile(at=LATER)
        assert Refund.objects.get(reason="reduced").state == "failed"
        compare()
        mend(difference)
        assert Refund.objects.get(replaces__reason="reduced").reason == "external"
        assert Payment.objects.get().refunded == PRICE
        compare(LATER + DAY)
        assert not Difference.objects.open().exists()
        assert notes() == [Decimal("9.99"), Decimal("9.99")]
        assert findings() == []

    def test_is_found_at_once_and_written_down_when_it_has_succeeded(self, ana, plan):
        refund_made_there(ana, plan)
        refunds_there().update(state="pending")
        difference = found("unknown_refund")
        with pytest.raises(repairs.NotDecidedYet):
            mend(difference)
        assert not Refund.objects.exists()
        refunds_there().update(state="succeeded")
        mend(difference)
        assert notes() == [5]

    def test_is_refused_while_all_of_the_charge_is_promised_otherwise(self, ana, plan):
        buy(ana, plan)
        line, payment = OrderLine.objects.select_related("order").get(), Payment.objects.get()
        refunds.give_back(line=line, quantity=2, amount=PRICE, tax=Decimal(0), reason="reduced", by=SYSTEM, at=NOON)
        BANK.refund_by_hand(key=ana.pk, charge_key=payment.pk, amount=Decimal("5.00"))
        compare(NOON)
        with pytest.raises(repairs.NothingLeftToRecord):
            mend(Difference.objects.get(), NOON)
        assert Refund.objects.count() == 1


class TestADispute:
    @pytest.mark.parametrize("won", [True, False])
    def test_is_written_down_as_it_stands(self, ana, plan, won):
        payment = contested(ana, plan)
        mend(found("unknown_dispute"))
        assert Dispute.objects.get().state == "open"
        assert Subscription.objects.get().state == "disabled"
        BANK.judge_dispute(payment.pk, won=won)
        mend(found("unknown_dispute", LATER + DAY), LATER + DAY)
        assert Dispute.objects.get().state == ("won" if won else "lost")
        assert findings() == []


@between_transactions
class TestTwoOperatorsAtOnce:
    @pytest.mark.parametrize("kind", sorted(MOVES))
    def test_repair_once(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)
        people = [Actor(user=user) for user in OperatorFactory.create_batch(4)]
        # Somebody may see it gone between what another one does and its being written down: that is no other outcome.
        assert race(lambda by: mend(difference, by=by), people, refused=Refused) >= 1
        assert state(difference) == "repaired"
        assert Event.objects.filter(type="difference.repaired").count() == 1
        assert compare(LATER + DAY).standing == 0
        assert findings() == []

    def test_the_control_without_the_lock_of_the_order_does_it_twice(self, ana, plan, monkeypatch):
        refund_made_there(ana, plan)
        difference = found("unknown_refund")
        together = Barrier(2)

        def unlocked(payment):
            return Payment.objects.select_related("tenant", "order").get(pk=payment.pk)

        def promise(*args, **options):
            together.wait(30)
            return was(*args, **options)

        was = refunds._promise
        monkeypatch.setattr(repairs, "_locked", unlocked)
        monkeypatch.setattr(refunds, "_promise", promise)
        people = [Actor(user=user) for user in OperatorFactory.create_batch(2)]
        at_once(lambda by: mend(difference, by=by), people)
        assert Refund.objects.filter(reason="external").count() == 2

    def test_the_database_refuses_to_make_good_twice(self, ana, plan):
        refund = refund_failed_later(ana, plan)
        mend(found("refund_failed"))
        made = Refund.objects.get(replaces=refund)
        made.pk = ana.pk
        with pytest.raises(IntegrityError, match="one_replacement_at_a_time"):
            made.save(force_insert=True)
