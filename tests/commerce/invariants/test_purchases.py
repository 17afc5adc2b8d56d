"""What the audit finds in subscriptions, their seats, money and periods; nothing on ordinary days."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from commerce.models import BillingPeriod, Order, OrderLine, Payment
from commerce.operations.buying import checkouts
from commerce.operations.changes import cancellations
from commerce.operations.paying import charging
from licensing.models import Seat, Subscription
from licensing.operations import lifecycle
from tenants.access import SYSTEM
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.journal.events import sequence_waiting
from tenants.journal.models import EventPosition
from tests.commerce.changes import findings
from tests.commerce.invariants.conftest import without
from tests.factories import NOON, MembershipFactory, PolicyFactory, acting, buy, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_finds_nothing_after_ordinary_days(ana, plan):
    people = [ana, *MembershipFactory.create_batch(3, tenant=ana.tenant)]
    bought = [buy(person, plan, n + 1) for n, person in enumerate(people)]
    declined = open_checkout(ana, plan)
    with pytest.raises(charging.CardDeclined):
        pay(declined, "pm_card_chargeDeclined")
    pay(declined)
    waiting, given_up = open_checkout(ana, plan), open_checkout(ana, plan)
    for checkout in (waiting, given_up):
        pay(checkout, "pm_card_authenticationRequired")
    checkouts.cancel_checkout(checkout=given_up, by=acting(ana), at=NOON)
    open_checkout(ana, plan)
    PolicyFactory(tenant=ana.tenant)
    cancellations.cancel_subscription(subscription=bought[0], reason="", by=acting(ana), at=NOON + timedelta(days=2))
    checkouts.expire_overdue(at=NOON + timedelta(days=2))
    for days in (40, 80, 400):
        lifecycle.advance_due(at=NOON + timedelta(days=days))
        sequence_waiting()
        assert findings() == []


class TestSeats:
    def test_more_counted_than_sit(self, subscription):
        Subscription.objects.update(seats_assigned=2)
        assert findings() == [f"subscription {subscription.pk}: 2 seats assigned of 2, 1 rows"]

    def test_more_sit_than_were_bought(self, subscription):
        without("licensing_subscription", "seats_within_quantity")
        Subscription.objects.update(seats_assigned=3)
        for member in MembershipFactory.create_batch(2, tenant=subscription.tenant):
            Seat.objects.create(tenant=subscription.tenant, subscription=subscription, member=member, assigned_at=NOON)
        assert findings() == [f"subscription {subscription.pk}: 3 seats assigned of 2, 3 rows"]

    def test_somebody_sits_in_a_deleted_subscription(self, subscription):
        without("licensing_subscription", "only_a_deleted_subscription_is_final")
        Subscription.objects.update(state="disabled")
        Subscription.objects.update(state="deleted")
        assert findings() == [f"seat {Seat.objects.get().pk}: open in the deleted subscription {subscription.pk}"]


class TestMoney:
    def test_an_order_without_its_payment(self, subscription):
        Payment.objects.update(state="failed")
        found = findings()
        assert f"order {Order.objects.get().pk}: paid with 0 succeeded payments" in found

    def test_a_payment_of_an_order_that_is_not_paid(self, subscription):
        without("commerce_order", "an_order_has_its_subscription", "a_granted_order_says_when")
        without("commerce_order", "a_paid_order_says_when")
        Order.objects.update(state="canceled")
        assert f"order {Order.objects.get().pk}: canceled with 1 succeeded payments" in findings()

    def test_a_payment_of_another_amount(self, subscription):
        Payment.objects.update(amount=Decimal("5.00"), captured=Decimal("5.00"))
        found = findings()
        assert (
            f"payment {Payment.objects.get().pk}: its amount is not what was due for order {Order.objects.get().pk}"
            in found
        )

    def test_a_payment_in_another_currency(self, subscription):
        Payment.objects.update(currency="EUR")
        found = findings()
        assert (
            f"payment {Payment.objects.get().pk}: its amount is not what was due for order {Order.objects.get().pk}"
            in found
        )

    def test_lines_that_do_not_add_up(self, subscription):
        OrderLine.objects.update(quantity=1, amount=Decimal("9.99"))
        assert findings() == [
            f"order {Order.objects.get().pk}: its lines do not add up to its total",
            f"subscription {subscription.pk}: 2 seats, its lines have 1 left",
        ]

    def test_an_order_without_lines(self, subscription):
        BillingPeriod.objects.all().delete()
        OrderLine.objects.all().delete()
        assert f"order {Order.objects.get().pk}: its lines do not add up to its total" in findings()

    def test_a_refund_that_nobody_counted(self, subscription):
        Payment.objects.update(refunded=Decimal("1.00"))
        assert findings() == [f"payment {Payment.objects.get().pk}: 1.000 refunded, its refunds add up to 0"]

    def test_a_dispute_that_nobody_counted(self, subscription):
        Payment.objects.update(disputed=Decimal("1.00"))
        assert f"payment {Payment.objects.get().pk}: 1.000 disputed, its disputes add up to 0" in findings()

    def test_a_subscription_that_was_bought_twice(self, subscription):
        again = Order.objects.get()
        again.pk, again.checkout = again.tenant_id, None
        again.save(force_insert=True)
        assert f"subscription {subscription.pk}: bought 2 times" in findings()

    def test_a_subscription_without_an_order(self, subscription):
        order = Order.objects.get()
        Payment.objects.update(state="failed")
        Order.objects.update(state="pending", paid_at=None, granted_at=None, subscription=None)
        assert order.subscription == subscription
        assert f"subscription {subscription.pk}: 0 orders granted it" in findings()

    def test_a_subscription_that_names_another_order(self, subscription):
        Subscription.objects.update(order_ref="another")
        assert findings() == [f"subscription {subscription.pk}: 0 orders granted it"]


class TestPeriods:
    @pytest.fixture
    def second(self, subscription):
        """A second period, as a renewal would add one, beginning so long after the end of the first."""

        def add(gap):
            first = BillingPeriod.objects.get()
            end = first.ends_at + timedelta(days=30)
            BillingPeriod.objects.create(
                tenant=first.tenant,
                subscription=subscription,
                line=first.line,
                starts_at=first.ends_at + gap,
                ends_at=end,
                currency="USD",
                unit_price=first.unit_price,
            )
            Subscription.objects.update(term_start=first.ends_at, term_end=end)
            return first.ends_at + gap

        return add

    def test_that_follow_one_another_are_right(self, second):
        second(timedelta())
        assert findings() == []

    def test_that_leave_a_gap(self, subscription, second):
        at = second(timedelta(days=1))
        assert findings() == [f"subscription {subscription.pk}: periods leave a gap at {at.isoformat()}"]

    def test_that_overlap(self, subscription, second):
        at = second(-timedelta(days=1))
        assert findings() == [f"subscription {subscription.pk}: periods overlap at {at.isoformat()}"]

    def test_that_end_elsewhere_than_the_term(self, subscription):
        Subscription.objects.update(term_end=subscription.term_end + timedelta(days=1))
        assert findings() == [f"subscription {subscription.pk}: no period ends with its term"]

    def reactivated(self, returned):
        """The second period is one that a reactivation in `disabled` began."""
        line = BillingPeriod.objects.order_by("starts_at").first().line
        order = line.order
        order.pk, order.checkout, order.kind = order.tenant_id, None, "reactivation"
        order.save(force_insert=True)
        OrderLine.objects.filter(pk=line.pk).update(returned=returned)
        line.pk, line.order = order.tenant_id, order
        line.save(force_insert=True)
        BillingPeriod.objects.filter(pk=BillingPeriod.objects.order_by("-starts_at").first().pk).update(line=line)
        disabled_at = order.granted_at
        whole = Subscription.objects.get()
        events.record("subscription.disabled", tenant=whole.tenant, by=SYSTEM, at=disabled_at, subject=whole.pk)

    def test_that_a_reactivation_parts_are_right(self, subscription, second):
        second(timedelta(days=1))
        self.reactivated(0)
        assert not [finding for finding in findings() if "periods" in finding]

    @pytest.mark.parametrize("returned, right", [(2, True), (1, False)])
    def test_that_overlap_where_the_first_was_given_back_are_right(self, subscription, second, returned, right):
        second(-timedelta(days=1))
        self.reactivated(returned)
        assert right == (not [finding for finding in findings() if "periods" in finding])


class TestTenants:
    def test_a_row_that_leads_into_another_tenant(self, subscription):
        without("licensing_subscription", "licensing_subscription_owner_id_same_tenant")
        stranger = MembershipFactory()
        Subscription.objects.update(owner=stranger)
        assert findings() == [f"licensing_subscription {subscription.pk}: owner_id leads into another tenant"]

    def test_a_gap_in_the_journal(self, subscription):
        tenant = Membership.objects.get(pk=subscription.owner_id).tenant
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE tenants_eventposition DISABLE TRIGGER USER")
        EventPosition.objects.filter(tenant=tenant, position=2).update(position=100)
        count = EventPosition.objects.filter(tenant=tenant).count()
        assert findings() == [f"tenant {tenant.pk}: {count} positions in the journal, the last is 100"]
