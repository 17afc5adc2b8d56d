from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import BillingPeriod, Invoice, Order, OrderLine, Payment, PaymentMethod, PaymentSource, Price
from commerce.operations.buying.ordering import NothingToCharge
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying import cards
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.operations import lifecycle
from licensing.operations.subscriptions import SubscriptionInactive
from policies.eligibility import PurchaseRefused
from policies.models import Decision
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.changes import DAY, FIRST, SECOND, STEP_CARD, change, findings, nothing_happened, preview, seats_of
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


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan)


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
