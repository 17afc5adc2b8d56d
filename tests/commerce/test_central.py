"""What a tenant buys itself: who may, by invoice and by card, and the same order twice."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from commerce.models import Agreement, Invoice, Order, Payment, PaymentMethod, PaymentSource
from commerce.operations.buying import agreements, central
from commerce.operations.buying.central import AgreementNotInForce, NotPaidByInvoice, PriceChanged
from commerce.operations.paying import cards, charging, open_orders
from licensing.models import Seat, Subscription
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.ids import new_id
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.conftest import all_is_well
from tests.factories import (
    NOON,
    RETURN_URL,
    GuestFactory,
    MembershipFactory,
    TenantFactory,
    acting,
    admin_of,
    agree,
    open_checkout,
    order_centrally,
    pay,
)
from tests.race import at_once

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def nothing_was_ordered():
    return not (Order.objects.exists() or Subscription.objects.exists() or Payment.objects.exists())


class TestWho:
    @pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
    def test_buys_for_the_tenant(self, tenant, office, agreement, role):
        buyer = MembershipFactory(tenant=tenant, roles=[role])
        assert order_centrally(buyer, office, agreement=agreement).state == "invoiced"

    @pytest.mark.parametrize("role", [None, "license_admin", "user_admin", "global_reader"])
    def test_nobody_else_does(self, tenant, office, agreement, role):
        buyer = MembershipFactory(tenant=tenant, roles=[role] if role else [])
        for means in ({"agreement": agreement}, {"payment_method": "pm_card_visa"}):
            with pytest.raises(NotAllowed):
                order_centrally(buyer, office, **means)
        with pytest.raises(NotAllowed):
            order_centrally(GuestFactory(tenant=tenant), office, agreement=agreement)
        assert nothing_was_ordered()

    def test_not_by_an_agreement_of_somebody_else(self, office, agreement):
        with pytest.raises(Agreement.DoesNotExist):
            order_centrally(admin_of(TenantFactory()).membership, office, agreement=agreement)
        assert nothing_was_ordered()

    def test_an_operator_orders_for_one_who_may(self, tenant, bill, office, agreement):
        def order_for(buyer):
            return central.order(
                plan=office, quantity=1, agreement=agreement, return_url=RETURN_URL, buyer=buyer, by=SYSTEM, at=NOON
            )

        with pytest.raises(NotAllowed):
            order_for(MembershipFactory(tenant=tenant))
        order = order_for(bill)
        assert (order.buyer, order.subscription.purchaser) == (bill, bill)
        placed = Event.objects.get(type="order.placed")
        assert (placed.actor, placed.data["member"]) == (None, str(bill.pk))

    def test_also_what_is_no_self_service_and_where_self_service_is_closed(self, office):
        tenant = TenantFactory(country="IN", sector="government")
        agreement = agree(tenant, prices=[(office, "1.00")])
        assert order_centrally(admin_of(tenant).membership, office, agreement=agreement).state == "invoiced"


class TestByInvoice:
    def test_is_granted_at_once_and_billed(self, tenant, bill, office, agreement):
        order = order_centrally(bill, office, 10, agreement=agreement)
        subscription = Subscription.objects.get()
        assert (order.state, order.total, order.paid_at) == ("invoiced", Decimal("90.00"), None)
        assert (order.granted_at, order.due_at) == (NOON, NOON + timedelta(days=30))
        assert (order.kind, order.channel, order.checkout, order.agreement) == ("purchase", "central", None, agreement)
        assert (subscription.channel, subscription.quantity, subscription.state) == ("central", 10, "active")
        assert (subscription.purchaser, subscription.owner, subscription.payer) == (bill, None, None)
        assert not Seat.objects.exists()
        invoice = Invoice.objects.get()
        assert (invoice.total, invoice.bill_to_name) == (Decimal("90.00"), tenant.name)
        assert PaymentSource.objects.get().agreement == agreement
        assert not Payment.objects.exists()
        assert [job.name for job in Job.objects.all()] == ["commerce.deliver_invoice"]
        assert all_is_well()

    def test_tells_the_journal(self, tenant, bill, office, agreement):
        order = order_centrally(bill, office, 10, agreement=agreement)
        told = Event.objects.of(tenant).order_by("id").exclude(type__startswith="agreement")
        assert [event.type for event in told] == [
            "order.placed",
            "subscription.started",
            "order.invoiced",
            "invoice.issued",
        ]
        assert told[0].data == {
            "member": str(bill.pk),
            "plan": office.pk,
            "quantity": 10,
            "agreement": str(agreement.pk),
            "total": "90.00",
            "currency": "USD",
        }
        assert {event.subject for event in told} == {str(order.pk), str(order.subscription_id)}

    def test_needs_an_agreement_that_says_so(self, tenant, bill, office, agreement):
        agreements.change(agreement=agreement, pay_by_invoice=False, by=SYSTEM, at=NOON)
        with pytest.raises(NotPaidByInvoice):
            order_centrally(bill, office, agreement=agreement)
        with pytest.raises(BadInput) as refused:
            order_centrally(bill, office)
        assert (refused.value.field, refused.value.field_code) == ("payment_method", "required")
        assert nothing_was_ordered()

    def test_and_one_that_holds(self, tenant, bill, office):
        over = agree(tenant, prices=[(office, "9.00")], valid_to=date(2026, 3, 10))
        with pytest.raises(AgreementNotInForce):
            order_centrally(bill, office, agreement=over)
        assert nothing_was_ordered()

    def test_by_agreements_of_several_days_to_pay(self, tenant, bill, office):
        for days in (0, 14):
            agreement = agree(tenant, name=f"{days}", prices=[(office, "9.00")], payment_days=days)
            assert order_centrally(bill, office, agreement=agreement).due_at == NOON + timedelta(days=days)


class TestByCard:
    def test_is_granted_when_it_has_paid_and_the_card_is_the_tenants_own(self, tenant, bill, office):
        order = order_centrally(bill, office, payment_method="pm_card_visa")
        assert (order.state, order.total, order.paid_at) == ("paid", Decimal("21.00"), NOON)
        subscription, card = Subscription.objects.get(), PaymentMethod.objects.get()
        assert (subscription.owner, subscription.payer, subscription.purchaser) == (None, None, bill)
        assert (card.tenant, card.member) == (tenant, None)
        assert PaymentSource.objects.get().payment_method == card
        assert ledger.captured() == [Decimal("21.00")]
        assert all_is_well()

    def test_again_with_the_card_that_was_kept(self, bill, office):
        order_centrally(bill, office, payment_method="pm_card_visa")
        kept = str(PaymentMethod.objects.get().pk)
        assert order_centrally(bill, office, payment_method=kept).state == "paid"
        assert PaymentMethod.objects.count() == 1

    def test_at_the_agreements_price(self, tenant, bill, office, agreement):
        order = order_centrally(bill, office, agreement=agreement, payment_method="pm_card_visa")
        assert (order.state, order.total, order.agreement, order.due_at) == ("paid", 18, agreement, None)

    def test_never_with_a_card_of_somebodys_own(self, tenant, bill, office, plan):
        pay(open_checkout(bill, plan))
        own = str(PaymentMethod.objects.get(member=bill).pk)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            order_centrally(bill, office, payment_method=own)
        assert not Subscription.objects.filter(channel="central").exists()

    def test_declined_nothing_is_granted_and_the_order_is_over(self, bill, office):
        with pytest.raises(charging.CardDeclined):
            order_centrally(bill, office, payment_method="pm_card_chargeDeclined")
        assert Order.objects.get().state == "canceled"
        assert not Subscription.objects.exists()
        assert order_centrally(bill, office, payment_method="pm_card_visa").state == "paid"
        assert all_is_well()

    def test_with_a_step_of_the_cardholder_it_waits(self, bill, office):
        order = order_centrally(bill, office, payment_method="pm_card_authenticationRequired")
        assert (order.state, Payment.objects.get().state) == ("pending", "requires_action")
        assert not Subscription.objects.exists()
        open_orders.confirm_order(order=order, by=acting(bill), at=NOON)
        order.refresh_from_db()
        assert (order.state, order.subscription.owner) == ("paid", None)
        assert all_is_well()

    def test_no_card_at_all(self, bill, office):
        with pytest.raises(cards.PaymentMethodNotAccepted):
            order_centrally(bill, office, payment_method="pm_nonsense")
        assert nothing_was_ordered()


class TestTheSameOrderTwice:
    def test_is_placed_once(self, bill, office, agreement):
        order_id = new_id()
        first = order_centrally(bill, office, agreement=agreement, order_id=order_id)
        again = order_centrally(bill, office, agreement=agreement, order_id=order_id)
        assert (first.pk, again.pk, Subscription.objects.count()) == (order_id, order_id, 1)

    def test_is_charged_once(self, bill, office):
        order_id = new_id()
        for _ in range(2):
            assert order_centrally(bill, office, payment_method="pm_card_visa", order_id=order_id).state == "paid"
        assert len(ledger.captured()) == 1

    def test_is_declined_again_without_another_try(self, bill, office):
        order_id = new_id()
        for _ in range(2):
            with pytest.raises(charging.CardDeclined):
                order_centrally(bill, office, payment_method="pm_card_chargeDeclined", order_id=order_id)
        assert Payment.objects.count() == 1

    @between_transactions
    @pytest.mark.parametrize("known, subscriptions", [(True, 1), (False, 5)], ids=["one id", "the control"])
    def test_five_times_at_once(self, bill, office, agreement, known, subscriptions):
        order_id = new_id()
        told = at_once(
            lambda _: order_centrally(bill, office, agreement=agreement, order_id=order_id if known else new_id()),
            range(5),
        )
        assert {order.state for order in told} == {"invoiced"}
        assert Subscription.objects.count() == subscriptions
        assert all_is_well()


class TestTheTotalThatWasShown:
    def test_is_the_total_that_is_charged(self, bill, office, agreement):
        with pytest.raises(PriceChanged):
            order_centrally(bill, office, agreement=agreement, expecting=Decimal("17.99"))
        assert nothing_was_ordered()
        assert order_centrally(bill, office, agreement=agreement, expecting=Decimal("18.00")).total == 18
