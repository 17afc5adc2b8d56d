"""What the audit finds in the books, ours and the provider's, and what it leaves to the operator."""

from decimal import Decimal

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Movement, Order, Payment, Posting, SandboxCharge
from commerce.operations.buying import checkouts
from commerce.operations.paying import charging
from tenants.journal.events import sequence_waiting
from tests.commerce.changes import findings
from tests.commerce.differences import (
    refund_failed_at_once,
    refund_failed_later,
    refund_lost_there,
    set_aside,
    stranger,
)
from tests.commerce.invariants.conftest import disable_triggers, without
from tests.factories import NOON, MembershipFactory, acting, buy, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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
        [finding] = [finding for finding in findings() if " by invoices " in finding]
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
