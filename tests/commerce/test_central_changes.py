"""Changes of what the tenant bought itself: by whoever buys centrally, on its agreement or its card."""

from decimal import Decimal

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Agreement, Invoice, Order, Payment, PaymentSource, Refund, SandboxCharge
from commerce.operations.billing import invoice_payments
from commerce.operations.buying import ordering
from commerce.operations.changes import cancellations, scheduled
from commerce.operations.letters import receipts
from commerce.operations.paying import cards
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.operations import lifecycle
from policies.models import Decision
from tenants.delivery.models import Job
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.callers import Api, signed_in
from tests.commerce.changes import DAY, STEP_CARD, change, findings, fresh, preview, reactivate, seats_of
from tests.factories import (
    NOON,
    MembershipFactory,
    PolicyFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
    order_centrally,
    plan_on_sale,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HALF = NOON + 15.5 * DAY


@pytest.fixture
def buyer(tenant):
    """Who buys centrally."""
    return MembershipFactory(tenant=tenant, roles=["billing_admin"])


@pytest.fixture
def by(buyer):
    return acting(buyer)


@pytest.fixture
def subscription(buyer, plan):
    """Four seats at 8.99, on an agreement that is paid by invoice."""
    return buy_centrally(buyer, plan, 4)


@pytest.fixture
def on_a_card(buyer, plan):
    price_centrally(plan)
    return order_centrally(buyer, plan, 4, payment_method="pm_card_visa").subscription


class TestOnAnAgreement:
    def test_more_seats_are_there_at_once_and_billed(self, subscription, by):
        told = preview(subscription, 6, at=HALF, by=by)
        done = change(subscription, 6, at=HALF, by=by)
        assert (done.order.state, done.order.kind, done.order.channel) == ("invoiced", "seats", "central")
        assert done.order.total == told.total == Decimal("8.99")  # two seats for half of the term
        assert seats_of(subscription)[0] == 6
        assert done.order.agreement == Agreement.objects.get()
        invoice = Invoice.objects.get(order=done.order)
        assert (invoice.total, invoice.lines.get().part_seconds) == (Decimal("8.99"), 15.5 * 86400)
        assert ledger.captured() == []
        assert findings() == []

    def test_fewer_seats_inside_the_window_lower_what_is_due(self, subscription, by):
        order = Order.objects.get()
        done = change(subscription, 1, at=NOON, by=by)
        assert done.quote.total == Decimal("26.97")
        order.refresh_from_db()
        assert (order.state, order.due) == ("invoiced", Decimal("8.99"))
        refund = Refund.objects.get()
        assert (refund.state, refund.payment, refund.amount) == ("succeeded", None, Decimal("26.97"))
        assert Invoice.objects.get(kind="credit_note").total == Decimal("26.97")
        assert ledger.refunded() == []
        assert findings() == []

    def test_canceling_inside_the_window_credits_everything_that_is_due(self, subscription, by):
        done = cancellations.cancel_subscription(subscription=subscription, reason="", by=by, at=NOON)
        assert (done.ends_now, done.total) == (True, Decimal("35.96"))
        assert Order.objects.get().due == 0
        subscription.refresh_from_db()
        assert subscription.state == "disabled"
        assert ledger.refunded() == []
        assert findings() == []

    def test_outside_the_window_the_invoice_stays_due(self, subscription, by):
        cancellations.cancel_subscription(subscription=subscription, reason="", by=by, at=NOON + 8 * DAY)
        assert Order.objects.get().due == Decimal("35.96")
        assert not Refund.objects.exists()

    def test_paid_weeks_later_the_window_does_not_open_again(self, ana, by, buyer):
        plan = plan_on_sale(product__name="Office suite", term="P1Y")
        subscription = buy_centrally(buyer, plan, 4)
        late = NOON + 40 * DAY
        pay = {"payment_method": "pm_card_visa", "return_url": "http://testserver/"}
        invoice_payments.pay_invoice(invoice=Invoice.objects.get(), **pay, by=by, at=late)
        assert Order.objects.get().state == "paid"
        told = cancellations.preview_cancellation(subscription=subscription, by=by, at=late + DAY)
        assert (told.refunds, [line.why.value for line in told.running]) == ((), ["outside_window"])
        assert change(subscription, 2, at=late + DAY, by=by).quote.total == 0
        assert not Refund.objects.exists()

    def test_its_renewal_is_turned_off_and_on_again_by_whoever_buys(self, subscription, by):
        cancellations.cancel_subscription(subscription=subscription, reason="", by=by, at=NOON + 8 * DAY)
        assert fresh(subscription).auto_renew is False
        assert reactivate(subscription, NOON + 9 * DAY, by=by).order is None
        assert fresh(subscription).auto_renew is True

    def test_reactivating_is_billed_at_the_agreed_price(self, subscription, by):
        lifecycle.advance_due(at=subscription.term_end)
        done = reactivate(subscription, subscription.term_end, by=by)
        assert (done.order.state, done.order.total) == ("invoiced", Decimal("35.96"))
        subscription.refresh_from_db()
        assert subscription.state == "active"
        assert findings() == []

    def test_that_holds_no_longer_needs_a_card(self, subscription, by):
        Agreement.objects.update(valid_to=(NOON + 2 * DAY).date())
        with pytest.raises(cards.PaymentMethodNotAccepted):
            change(subscription, 6, at=NOON + 3 * DAY, by=by)
        assert seats_of(subscription)[0] == 4
        assert change(subscription, 6, at=NOON + 3 * DAY, card="pm_card_visa", by=by).order.state == "paid"
        assert PaymentSource.objects.get().agreement == Agreement.objects.get()  # the card only helped out

    @pytest.mark.parametrize(
        "becomes", [{"valid_to": (NOON + 2 * DAY).date()}, {"pay_by_invoice": False}], ids=["ended", "cards only"]
    )
    def test_that_is_taken_away_in_this_very_moment_gives_no_credit(self, subscription, by, monkeypatch, becomes):
        look = ordering.means_for

        def look_and_lose_it(*args, **options):
            found = look(*args, **options)
            Agreement.objects.update(**becomes)
            return found

        monkeypatch.setattr(ordering, "means_for", look_and_lose_it)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            change(subscription, 6, at=NOON + 3 * DAY, by=by)
        assert seats_of(subscription)[0] == 4
        assert Order.objects.count() == 1

    def test_that_gave_way_to_a_card_in_this_very_moment_gives_no_credit(self, subscription, by, monkeypatch):
        look = ordering.means_for

        def look_and_lose_it(*args, **options):
            found = look(*args, **options)
            PaymentSource.objects.update(agreement=None, by_invoice=False)
            return found

        monkeypatch.setattr(ordering, "means_for", look_and_lose_it)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            change(subscription, 6, by=by)
        assert Order.objects.count() == 1

    def test_a_payment_of_its_invoice_under_way_is_waited_for(self, subscription, by, buyer):
        invoice = Invoice.objects.get()
        invoice_payments.pay_invoice(
            invoice=invoice, payment_method=STEP_CARD, return_url="http://testserver/", by=by, at=NOON
        )
        with pytest.raises(PaymentInProgress):
            change(subscription, 1, at=NOON, by=by)
        with pytest.raises(PaymentInProgress):
            cancellations.cancel_subscription(subscription=subscription, reason="", by=by, at=NOON)
        assert not Refund.objects.exists()

    def test_at_the_renewal_and_withdrawn_as_ones_own(self, subscription, by):
        change(subscription, 2, at=NOON, when="renewal", by=by)
        scheduled.advance_due(at=subscription.term_end)
        assert seats_of(subscription)[0] == 2


class TestOnTheOrganisationsCard:
    def test_more_seats_are_charged_to_it(self, on_a_card, by):
        done = change(on_a_card, 6, at=HALF, by=by)
        assert (done.order.state, ledger.captured()) == ("paid", [Decimal("35.96"), Decimal("8.99")])
        assert PaymentSource.objects.get().payment_method.member is None
        assert findings() == []

    def test_which_the_provider_keeps_for_it_and_not_for_who_bought(self, tenant, on_a_card, by):
        change(on_a_card, 6, at=HALF, by=by)
        charges = SandboxCharge.objects.using("sandbox").values_list("customer", flat=True)
        assert list(charges) == [str(tenant.pk)] * 2

    def test_another_admin_may_charge_it_too(self, on_a_card):
        by = admin_of(on_a_card.tenant, "billing_admin")
        assert change(on_a_card, 6, at=HALF, by=by).order.state == "paid"


class TestWhoMay:
    @pytest.mark.parametrize("role", ["license_admin", "user_admin", "global_reader"])
    def test_others_may_not(self, subscription, role):
        by = admin_of(subscription.tenant, role)
        for act in (change, preview):
            for to in (6, 2):
                with pytest.raises(NotAllowed):
                    act(subscription, to, by=by)
        assert seats_of(subscription)[0] == 4

    def test_nor_admins_of_others(self, subscription):
        with pytest.raises(NotAllowed):
            change(subscription, 6, by=admin_of(MembershipFactory().tenant))

    def test_no_rule_of_self_service_is_asked(self, tenant, plan, subscription, by):
        PolicyFactory(tenant=tenant, product=plan.product, value="disabled")
        before = Decision.objects.count()
        assert change(subscription, 6, by=by).order.state == "invoiced"
        assert Decision.objects.count() == before

    @pytest.mark.parametrize("quantity", [10_001, 2**40])
    def test_but_the_plans_own_bounds_hold(self, subscription, by, quantity):
        for act in (change, preview):
            with pytest.raises(BadInput) as refused:
                act(subscription, quantity, by=by)
            assert refused.value.field_code == "quantity_out_of_range"


def test_the_receipt_says_what_was_added_and_for_which_part(ana):
    subscription = buy(ana, plan_on_sale(product__name="Power Automate"), 2)
    order = change(subscription, 4, at=HALF).order
    assert Job.objects.filter(name="commerce.deliver_receipt", arguments__order_id=str(order.pk)).count() == 1
    receipts.deliver_receipt(order_id=order.pk, site="https://seatwise.example", sender="no-reply@seatwise.example")
    [letter] = mail.outbox
    assert "you added seats to Power Automate, monthly; it has 4 now." in letter.body
    assert "2 × $9.99 (15.5 of 31 days) = $9.99" in letter.body
    assert fresh(subscription).quantity == 4


def test_whoever_confirms_at_the_bank_comes_back_to_the_organisations_purchase(buyer, plan):
    price_centrally(plan)
    now = timezone.now()  # the edges have the real clock
    on_a_card = order_centrally(buyer, plan, 4, now, payment_method="pm_card_visa").subscription
    answer = Api(buyer).post(
        f"subscriptions/{on_a_card.pk}/quantity/", {"quantity": 6, "payment_method": STEP_CARD}, key="more"
    )
    assert (answer.status_code, answer.json()["state"]) == (202, "requires_action"), answer.content
    SandboxGateway().answer_step(Payment.objects.get(state="requires_action").pk, approve=True)
    browser = signed_in(buyer)
    there = browser.get(reverse("my-subscription-return", args=[on_a_card.pk]))
    assert there.status_code == 302
    assert browser.get(there["Location"]).status_code == 200
    assert fresh(on_a_card).quantity == 6
