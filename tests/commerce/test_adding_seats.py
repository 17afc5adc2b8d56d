from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import (
    BillingPeriod,
    Invoice,
    Order,
    OrderLine,
    Payment,
    PaymentMethod,
    PaymentSource,
    Price,
    Refund,
)
from commerce.operations.buying.ordering import NothingToCharge
from commerce.operations.buying.payments import NothingToConfirm
from commerce.operations.changes import cancellations
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying import cards, charging, declines, open_orders, settlement
from commerce.operations.paying.open_orders import OrderCanceled, OrderCompleted
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.models import Subscription
from licensing.operations import lifecycle
from licensing.operations.subscriptions import SubscriptionInactive
from policies.eligibility import PurchaseRefused
from policies.models import Decision
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.changes import DAY, SECOND, STEP_CARD, change, confirm, findings, preview, seats_of
from tests.factories import (
    NOON,
    MembershipFactory,
    PolicyFactory,
    TaxRateFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HALF = NOON + 15.5 * DAY  # of the 31 days from 10 March to 10 April
FIRST = Decimal("19.98")


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan)


def nothing_happened(subscription):
    assert seats_of(subscription) == (2, 1)
    assert ledger.captured() == [FIRST]
    assert not Order.objects.filter(state="pending").exists()
    return findings() == []


class TestForTheRestOfTheTerm:
    def test_is_charged_to_the_second_to_the_card_that_pays_for_the_subscription(self, subscription):
        done = change(subscription, 5, at=HALF)
        assert done.quote.total == Decimal("14.99")  # half of 3 times 9.99, which is 14.985
        assert ledger.captured() == [FIRST, Decimal("14.99")]
        assert seats_of(subscription) == (5, 1)
        order = Order.objects.get(kind="seats")
        assert (done.order, order.state, order.subscription) == (order, "paid", subscription)
        [line] = order.lines.all()
        assert (line.quantity, line.unit_price, line.amount) == (3, Decimal("9.99"), Decimal("14.99"))
        assert (line.part_seconds, line.term_seconds) == (15.5 * 86400, 31 * 86400)
        assert (line.starts_at, line.ends_at) == (HALF, subscription.term_end)
        assert Payment.objects.get(order=order).card == PaymentSource.objects.get().payment_method
        assert findings() == []

    def test_opens_no_period_of_its_own_and_leaves_the_term_as_it_is(self, subscription):
        end = subscription.term_end
        change(subscription, 5, at=HALF)
        subscription.refresh_from_db()
        assert subscription.term_end == end
        assert BillingPeriod.objects.count() == 1

    def test_is_billed_and_written_down(self, subscription):
        done = change(subscription, 5, at=HALF)
        invoice = Invoice.objects.get(order=done.order)
        assert (invoice.total, invoice.lines.get().part_seconds) == (done.quote.total, 15.5 * 86400)
        placed = Event.objects.get(type="order.placed")
        assert (placed.data["kind"], placed.data["quantity"], placed.data["total"]) == ("seats", 3, "14.99")
        changed = Event.objects.get(type="subscription.quantity_changed")
        assert (changed.data["before"], changed.data["quantity"], changed.subject) == (2, 5, str(subscription.pk))

    @pytest.mark.parametrize(
        "after, part",
        [(timedelta(0), 31 * 86400), (SECOND, 31 * 86400 - 1), (1.5 * SECOND, 31 * 86400 - 2), (30 * DAY, 86400)],
        ids=["at its first moment", "a second later", "one and a half", "on the last day"],
    )
    def test_counts_whole_seconds(self, subscription, after, part):
        [line] = preview(subscription, 3, at=NOON + after).lines
        assert (line.part.seconds, line.part.of) == (part, 31 * 86400)

    def test_costs_the_price_of_the_subscription_whatever_the_list_says_now(self, subscription):
        Price.objects.update(amount=Decimal("99.00"))
        assert preview(subscription, 4, at=HALF).total == Decimal("9.99")

    @pytest.mark.parametrize(
        "amount, currency, country, total",
        [("1001", "JPY", "JP", "501"), ("1.251", "KWD", "KW", "0.626"), ("9.99", "USD", "US", "5.00")],
    )
    def test_is_exact_in_currencies_with_other_minor_units(self, amount, currency, country, total):
        subscription = buy(MembershipFactory(tenant__country=country), plan_on_sale(amount, currency, country))
        assert change(subscription, 3, at=HALF).quote.total == Decimal(total)
        assert ledger.captured()[-1] == Decimal(total)
        assert findings() == []

    @pytest.mark.parametrize(
        "inclusive, amount, tax, total", [(False, "9.99", "1.90", "11.89"), (True, "8.39", "1.60", "9.99")]
    )
    def test_is_taxed_as_today(self, inclusive, amount, tax, total):
        subscription = buy(MembershipFactory(tenant__country="DE"), plan_on_sale(country="DE"))
        TaxRateFactory(inclusive=inclusive)
        done = change(subscription, 4, at=HALF)
        [line] = OrderLine.objects.filter(order=done.order)
        assert (line.amount, line.tax, done.order.total) == (Decimal(amount), Decimal(tax), Decimal(total))
        assert (done.order.tax_rate, done.order.tax_inclusive) == (Decimal("0.19"), inclusive)
        assert findings() == []

    def test_another_card_may_be_named_and_pays_from_then_on(self, subscription):
        change(subscription, 3, card="pm_card_chargeCustomerFail")
        assert PaymentSource.objects.get().payment_method.last4 == "0341"

    def test_a_kept_card_is_named_by_its_id(self, subscription):
        card = PaymentMethod.objects.get()
        assert change(subscription, 3, card=str(card.pk)).order.state == "paid"

    def test_twice_is_two_orders(self, subscription):
        change(subscription, 3)
        change(subscription, 4)
        assert seats_of(subscription) == (4, 1)
        assert len(ledger.captured()) == 3
        assert findings() == []


class TestPreviewing:
    def test_shows_what_is_charged_and_changes_nothing(self, subscription):
        shown = preview(subscription, 5, at=HALF)
        assert nothing_happened(subscription)
        done = change(subscription, 5, at=HALF + 14 * timedelta(minutes=1), as_of=shown.as_of)
        assert done.quote.lines == shown.lines
        assert ledger.captured() == [FIRST, shown.total]

    def test_without_it_the_moment_of_the_order_counts(self, subscription):
        later = HALF + DAY
        assert change(subscription, 5, at=later).quote.total < preview(subscription, 8, at=HALF).total

    @pytest.mark.parametrize("ago, code", [(timedelta(minutes=15) + SECOND, "too_old"), (-SECOND, "in_future")])
    def test_holds_for_fifteen_minutes_and_not_from_the_future(self, subscription, ago, code):
        for act in (change, preview):
            with pytest.raises(BadInput) as refused:
                act(subscription, 5, at=HALF, as_of=HALF - ago)
            assert (refused.value.field, refused.value.field_code) == ("as_of", code)
        assert nothing_happened(subscription)

    def test_holds_no_longer_once_something_was_bought_meanwhile(self, subscription):
        shown = preview(subscription, 5, at=HALF)
        change(subscription, 3, at=HALF + SECOND)
        with pytest.raises(ChangedSincePreview):
            change(subscription, 5, at=HALF + 2 * SECOND, as_of=shown.as_of)
        assert seats_of(subscription) == (3, 1)

    def test_of_a_moment_before_the_term_holds_no_longer(self, subscription):
        with pytest.raises(ChangedSincePreview):
            change(subscription, 5, at=NOON + SECOND, as_of=NOON - SECOND)


class TestRefused:
    def test_to_everybody_but_its_owner(self, ana, subscription):
        others = [acting(MembershipFactory(tenant=ana.tenant)), admin_of(ana.tenant), admin_of(TenantFactory())]
        for by in others:
            for act in (change, preview):
                with pytest.raises(NotAllowed):
                    act(subscription, 5, by=by)
        assert nothing_happened(subscription)

    @pytest.mark.parametrize("state_after", [31, 62])
    def test_when_no_term_runs(self, subscription, state_after):
        at = NOON + state_after * DAY
        for act in (change, preview):
            with pytest.raises(SubscriptionInactive):
                act(subscription, 5, at=at)
        lifecycle.advance_due(at=at)
        for act in (change, preview):
            with pytest.raises(SubscriptionInactive):
                act(subscription, 5, at=at)
        assert nothing_happened(subscription)

    def test_when_a_rule_forbids_it_by_now_and_that_is_written_down(self, ana, plan, subscription):
        PolicyFactory(tenant=ana.tenant, product=plan.product, value="disabled")
        Decision.objects.all().delete()
        with pytest.raises(PurchaseRefused):
            preview(subscription, 5)
        assert not Decision.objects.exists()
        with pytest.raises(PurchaseRefused) as refused:
            change(subscription, 5)
        assert [reason["code"] for reason in refused.value.extra["reasons"]] == ["policy_disabled"]
        decision = Decision.objects.get()
        assert (decision.outcome, decision.quantity, decision.member) == ("refused", 5, ana)
        assert nothing_happened(subscription)

    def test_above_the_largest_quantity_of_the_plan_counting_all_seats(self, plan, subscription):
        type(plan).objects.update(max_quantity=4)
        for act in (change, preview):
            with pytest.raises(PurchaseRefused) as refused:
                act(subscription, 5)
            assert refused.value.answer.failures[0].code == "quantity_out_of_range"
        assert change(subscription, 4).order.state == "paid"

    @pytest.mark.parametrize("quantity", [2**31, 2**63])
    def test_more_seats_than_a_number_holds(self, subscription, quantity):
        with pytest.raises(PurchaseRefused):
            change(subscription, quantity)
        assert nothing_happened(subscription)

    def test_when_so_little_is_left_that_it_costs_nothing(self, subscription):
        for act in (change, preview):
            with pytest.raises(NothingToCharge):
                act(subscription, 3, at=subscription.term_end - SECOND)
        assert nothing_happened(subscription)

    def test_without_any_card(self, subscription):
        PaymentSource.objects.all().delete()
        with pytest.raises(cards.PaymentMethodNotAccepted) as refused:
            change(subscription, 5)
        assert "No card is known" in str(refused.value)
        assert refused.value.field == "payment_method"
        assert nothing_happened(subscription)

    @pytest.mark.parametrize("card", ["pm_card_mastercard_prepaid", "pm_card_nonsense", "4242424242424242", "x" * 300])
    def test_with_something_that_is_no_credit_card(self, subscription, card):
        with pytest.raises(cards.PaymentMethodNotAccepted):
            change(subscription, 5, card=card)
        assert nothing_happened(subscription)

    def test_with_the_card_of_somebody_else(self, ana, plan, subscription):
        colleague = MembershipFactory(tenant=ana.tenant)
        buy(colleague, plan, 1)
        theirs = PaymentMethod.objects.get(member=colleague)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            change(subscription, 5, card=str(theirs.pk))
        assert seats_of(subscription) == (2, 1)

    def test_while_another_order_waits_for_its_payment(self, subscription):
        change(subscription, 5, card=STEP_CARD)
        for act in (change, preview):
            for to in (7, 2, 1):
                with pytest.raises(PaymentInProgress):
                    act(subscription, to)
        assert Order.objects.filter(kind="seats").count() == 1


class TestADecline:
    def test_cancels_the_order_and_changes_nothing(self, subscription):
        with pytest.raises(charging.CardDeclined) as declined:
            change(subscription, 5, card="pm_card_chargeDeclinedInsufficientFunds")
        assert declined.value.extra["decline_code"] == "insufficient_funds"
        assert Order.objects.get(kind="seats").state == "canceled"
        assert nothing_happened(subscription)

    def test_is_ordered_again_with_another_card(self, subscription):
        with pytest.raises(charging.CardDeclined):
            change(subscription, 5, card="pm_card_chargeDeclined")
        assert change(subscription, 5).order.state == "paid"
        assert seats_of(subscription) == (5, 1)
        assert findings() == []

    def test_counts_towards_the_limit_of_the_person(self, subscription):
        for _ in range(10):
            with pytest.raises(charging.CardDeclined):
                change(subscription, 5, card="pm_card_chargeDeclined")
        with pytest.raises(declines.TooManyDeclines):
            change(subscription, 5)
        assert nothing_happened(subscription)


class TestTheCardholdersStep:
    def test_is_waited_for_and_then_the_seats_are_there(self, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        assert order.state == "pending"
        assert seats_of(subscription) == (2, 1)
        for _ in range(2):
            assert confirm(order).state == "paid"
        assert seats_of(subscription) == (5, 1)
        assert len(ledger.captured()) == 2
        assert findings() == []

    def test_answered_after_the_term_gives_the_money_back(self, subscription):
        order = change(subscription, 5, card=STEP_CARD, at=subscription.term_end - DAY).order
        lifecycle.advance_due(at=subscription.term_end)
        subscription.refresh_from_db()
        assert subscription.state == "expired"
        with pytest.raises(charging.PaymentNotNeeded):
            confirm(order, at=subscription.term_end + DAY)
        payment = Payment.objects.get(order=order)
        assert (payment.state, payment.refunded) == ("surplus", payment.captured)
        assert seats_of(subscription) == (2, 1)
        assert findings() == []

    def test_answered_after_the_term_although_no_sweep_ended_it_yet(self, subscription):
        order = change(subscription, 5, card=STEP_CARD, at=subscription.term_end - DAY).order
        with pytest.raises(charging.PaymentNotNeeded):
            confirm(order, at=subscription.term_end)
        assert seats_of(subscription) == (2, 1)

    def test_what_was_shown_while_the_term_ran_is_not_sold_after_it(self, subscription):
        end = subscription.term_end
        told = preview(subscription, 50, at=end - timedelta(minutes=5))
        with pytest.raises(SubscriptionInactive):
            change(subscription, 50, at=end, as_of=told.as_of)
        assert nothing_happened(subscription)

    def test_given_up_releases_the_card(self, ana, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        for _ in range(2):
            assert open_orders.cancel_order(order=order, by=acting(ana), at=NOON).state == "canceled"
        assert SandboxGateway().find(Payment.objects.get(order=order).pk).outcome == "canceled"
        with pytest.raises(OrderCanceled):
            confirm(order)
        assert nothing_happened(subscription)

    def test_given_up_too_late_is_paid(self, ana, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        SandboxGateway().answer_step(Payment.objects.get(order=order).pk, approve=True)
        with pytest.raises(OrderCompleted):
            open_orders.cancel_order(order=order, by=acting(ana), at=NOON)
        assert seats_of(subscription) == (5, 1)

    def test_refused_by_the_cardholder_cancels_the_order(self, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        SandboxGateway().answer_step(Payment.objects.get(order=order).pk, approve=False)
        with pytest.raises(charging.CardDeclined):
            open_orders.refresh_order(order=order, by=acting(order.buyer), at=NOON)
        assert nothing_happened(subscription)

    def test_belongs_to_whoever_ordered(self, ana, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        for act in (open_orders.confirm_order, open_orders.refresh_order, open_orders.cancel_order):
            for by in (acting(MembershipFactory(tenant=ana.tenant)), admin_of(ana.tenant)):
                with pytest.raises(NotAllowed):
                    act(order=order, by=by, at=NOON)
        order.refresh_from_db()
        assert order.state == "pending"

    def test_is_not_waited_for_longer_than_a_day(self, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        assert open_orders.cancel_overdue(at=NOON + DAY - SECOND) == 0
        assert open_orders.cancel_overdue(at=NOON + DAY) == 1
        order.refresh_from_db()
        assert order.state == "canceled"
        assert SandboxGateway().find(Payment.objects.get(order=order).pk).outcome == "canceled"
        assert nothing_happened(subscription)

    def test_of_an_order_nobody_pays_for_has_nothing_to_confirm(self, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        Payment.objects.filter(order=order).update(state="canceled")
        with pytest.raises(NothingToConfirm):
            confirm(order)

    def test_taken_after_the_subscription_was_canceled_is_refunded_in_full(self, ana, subscription, monkeypatch):
        order = change(subscription, 5, card=STEP_CARD).order

        def away(self, key):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "cancel", away)
            cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON)
        order.refresh_from_db()
        assert order.state == "canceled"
        SandboxGateway().answer_step(Payment.objects.get(order=order).pk, approve=True)
        settlement.reconcile(at=NOON + 61 * SECOND)
        assert Payment.objects.get(order=order).state == "surplus"
        assert sum(ledger.captured()) == sum(ledger.refunded())
        assert Subscription.objects.get().state == "disabled"
        assert findings() == []

    def test_is_called_off_where_the_subscription_is_canceled(self, ana, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON)
        assert SandboxGateway().find(Payment.objects.get(order=order).pk).outcome == "canceled"


class TestAProviderThatIsAway:
    def test_leaves_the_order_pending_until_the_sweep_knows(self, subscription, monkeypatch):
        charge = SandboxGateway.charge

        def charge_and_say_nothing(self, request):
            charge(self, request)
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "charge", charge_and_say_nothing)
            order = change(subscription, 5).order
        assert order.state == "pending"
        with pytest.raises(PaymentInProgress):
            open_orders.cancel_order(order=order, by=acting(order.buyer), at=NOON)
        assert open_orders.cancel_overdue(at=NOON + 2 * DAY) == 0
        settlement.reconcile(at=NOON + 61 * SECOND)
        order.refresh_from_db()
        assert order.state == "paid"
        assert seats_of(subscription) == (5, 1)
        assert not Refund.objects.exists()
        assert findings() == []
