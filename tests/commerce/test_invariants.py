from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import BillingPeriod, Movement, Order, OrderLine, Payment, Posting, SandboxCharge
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.buying import checkouts
from commerce.operations.changes import cancellations
from commerce.operations.paying import charging
from licensing.models import Seat, Subscription
from licensing.operations import lifecycle
from tenants.directory.models import Membership
from tenants.journal.events import sequence_waiting
from tenants.journal.models import EventPosition
from tests.commerce.differences import (
    refund_failed_at_once,
    refund_failed_later,
    refund_lost_there,
    set_aside,
    stranger,
)
from tests.factories import NOON, MembershipFactory, PolicyFactory, acting, buy, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def findings():
    return [finding for check in CHECKS for finding in check()]


@pytest.fixture
def subscription(ana, plan):
    bought = buy(ana, plan)
    sequence_waiting()
    assert findings() == []
    return bought


def without(table, *constraints):
    """The walls that a hand in the database, or a dump, may have passed. They are back after the test."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is pending forbids the change of a table
        for constraint in constraints:
            cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{constraint}"')


def disable_triggers(table):
    """As above, for rows that are written once."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


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

    def test_that_a_reactivation_parts_are_right(self, subscription, second):
        second(timedelta(days=1))
        self.reactivated(0)
        assert not [finding for finding in findings() if "periods" in finding]

    @pytest.mark.parametrize("returned, right", [(2, True), (1, False)])
    def test_that_overlap_where_the_first_was_given_back_are_right(self, subscription, second, returned, right):
        second(-timedelta(days=1))
        self.reactivated(returned)
        assert right == (not [finding for finding in findings() if "periods" in finding])


class TestTheLedger:
    @pytest.fixture(autouse=True)
    def _open_to_hands(self, subscription):
        for table in ("commerce_movement", "commerce_posting"):
            disable_triggers(table)

    def test_a_movement_that_does_not_sum_to_zero(self):
        Posting.objects.filter(account="provider").update(amount=Decimal("20.00"))
        movement = Movement.objects.get(kind="captured")
        assert f"movement {movement.pk}: 2 postings that sum to 0.020" in findings()

    def test_a_movement_without_postings(self):
        movement = Movement.objects.get(kind="captured")
        Posting.objects.filter(movement=movement)._raw_delete("default")
        assert f"movement {movement.pk}: 0 postings that sum to 0" in findings()

    @pytest.mark.parametrize("kind, model", [("captured", Payment), ("order_billed", Order)])
    def test_a_fact_that_is_not_posted(self, kind, model):
        Posting.objects.filter(movement=Movement.objects.get(kind=kind))._raw_delete("default")
        Movement.objects.filter(kind=kind)._raw_delete("default")
        row = model.objects.get()
        assert f"{model._meta.model_name} {row.pk}: its movement {kind} is missing" in findings()

    def test_a_movement_of_no_fact(self):
        movement = Movement.objects.get(kind="captured")
        Movement.objects.filter(pk=movement.pk).update(kind="surplus_captured")
        assert f"movement {movement.pk}: surplus_captured of {movement.source}, which is no such fact" in findings()

    def test_what_is_owed_for_an_order_that_is_paid(self):
        Posting.objects.filter(account="receivable", amount__gt=0).update(amount=Decimal("25.00"))
        order = Order.objects.get()
        assert f"order {order.pk}: 0 due, 5.020 receivable in the ledger" in findings()

    def test_what_is_due_on_an_open_invoice(self):
        without("commerce_order", "a_paid_order_says_when")
        Order.objects.update(state="invoiced", credited=Decimal("9.99"))
        order = Order.objects.get()
        assert f"order {order.pk}: 9.990 due, 0.000 receivable in the ledger" in findings()

    def test_what_lies_at_the_provider(self):
        Posting.objects.filter(account="provider").update(amount=Decimal("20.00"))
        payment = Payment.objects.get()
        [finding] = [finding for finding in findings() if "at the provider" in finding]
        assert finding.startswith(f"payment {payment.pk}: the ledger has 20.000 at the provider")
        assert finding.endswith("it should be 19.980, 0, 0, 0")

    @pytest.mark.parametrize("account", ["refunds_due", "suspense", "disputed"])
    def test_what_is_promised_set_aside_or_contested(self, account):
        movement = Movement.objects.get(kind="captured")
        for name, amount in ((account, 1), ("losses", -1)):
            Posting.objects.create(tenant=movement.tenant, movement=movement, account=name, amount=amount)
        found = [finding for finding in findings() if "the ledger has" in finding]
        assert len(found) == (0 if account == "suspense" else 1)

    @pytest.mark.parametrize("account", ["sales", "tax"])
    def test_sales_and_tax_that_no_invoice_says(self, subscription, account):
        movement = Movement.objects.get(kind="order_billed")
        Posting.objects.filter(account="sales").update(amount=Decimal("-20.00"))
        if account == "tax":
            Posting.objects.create(tenant=movement.tenant, movement=movement, account="tax", amount=1)
        tax = "-1.000" if account == "tax" else "0"
        [finding] = [finding for finding in findings() if finding.startswith("tenant")]
        assert finding == (
            f"tenant {movement.tenant_id}: sales of 20.000 and tax of {tax} USD in the ledger,"
            " 19.980 and 0.000 by invoices and credit notes"
        )


class TestTheProvider:
    def test_that_never_captured_what_counts_as_paid(self, subscription):
        SandboxCharge.objects.using("sandbox").all().delete()
        assert findings() == [f"payment {Payment.objects.get().pk}: succeeded here, not captured at the provider"]

    def test_that_captured_something_else(self, subscription):
        SandboxCharge.objects.using("sandbox").update(amount=Decimal("5.00"))
        assert findings() == [f"payment {Payment.objects.get().pk}: 19.980 here, 5.000 at the provider"]

    @pytest.mark.parametrize("card", ["pm_card_chargeDeclined", "pm_card_authenticationRequired"])
    def test_that_captured_what_counts_as_dead(self, ana, plan, card):
        checkout = open_checkout(ana, plan)
        if card == "pm_card_chargeDeclined":
            with pytest.raises(charging.CardDeclined):
                pay(checkout, card)
        else:
            pay(checkout, card)
            checkouts.cancel_checkout(checkout=checkout, by=acting(ana), at=NOON)
        sequence_waiting()
        assert findings() == []
        SandboxCharge.objects.using("sandbox").update(state="captured")
        payment = Payment.objects.get()
        assert findings() == [f"payment {payment.pk}: {payment.state} here, captured at the provider"]

    def test_is_not_asked_about_what_is_under_way(self, ana, plan, monkeypatch):
        pay(open_checkout(ana, plan), "pm_card_authenticationRequired")
        monkeypatch.setattr(SandboxGateway, "find", None)
        sequence_waiting()
        assert findings() == []

    def test_that_captured_what_is_of_nobody_here(self, subscription):
        charge = stranger()
        finding = f"charge pi_{charge.key.hex}: 12.500 captured at the provider, no payment here"
        assert findings() == [finding]
        SandboxGateway().refund_by_hand(key=charge.key, charge_key=charge.key, amount=charge.amount)
        assert findings() == []

    def test_that_gave_back_what_is_not_written_down(self, subscription):
        payment = Payment.objects.get()
        answer = SandboxGateway().refund_by_hand(key=payment.pk, charge_key=payment.pk, amount=Decimal("5.00"))
        assert findings() == [f"refund {answer.reference}: 0 here, 5.000 at the provider"]

    def test_that_does_not_know_what_counts_as_given_back(self, ana, plan):
        refund = refund_lost_there(ana, plan)
        assert findings() == [f"refund {refund.pk}: succeeded here, unknown at the provider"]

    def test_that_could_not_give_back_what_counts_as_given_back(self, ana, plan):
        refund = refund_failed_later(ana, plan)
        assert findings() == [f"refund {refund.pk}: succeeded here, failed at the provider"]

    def test_whose_bank_contests_what_is_not_written_down(self, subscription):
        report = SandboxGateway().contest(Payment.objects.get().pk)
        assert findings() == [f"dispute {report.reference}: unknown here, open at the provider"]

    def test_that_does_not_answer(self, subscription, monkeypatch):
        def away(*_):
            raise GatewayUnavailable

        monkeypatch.setattr(SandboxGateway, "books", away)
        assert findings() == ["sandbox: does not answer, so its books could not be read to the end"]

    def test_is_asked_as_often_about_one_purchase_as_about_thirty(self, subscription, plan, monkeypatch):
        asked = []
        for call in ("find", "find_refund", "fetch", "books"):
            real = getattr(SandboxGateway, call)
            monkeypatch.setattr(
                SandboxGateway, call, lambda *args, real=real, call=call: asked.append(call) or real(*args)
            )
        findings()
        once = list(asked)
        for person in MembershipFactory.create_batch(29):
            buy(person, plan)
        sequence_waiting()
        asked.clear()
        assert findings() == []
        assert asked == once
        assert set(asked) == {"books"}


class TestTheOperator:
    def test_has_to_make_a_refund_good(self, ana, plan):
        refund = refund_failed_at_once(ana, plan)
        assert findings() == [f"refund {refund.pk}: failed, 19.98 USD are still to be given back"]

    def test_has_to_give_back_what_was_set_aside(self, ana, plan):
        payment = set_aside(ana, plan)
        assert findings() == [f"payment {payment.pk}: set aside, 25.000 captured for 19.980 USD"]


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
