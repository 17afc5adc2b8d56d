"""The audit of taxes finds what a hand in the database has bent."""

from decimal import Decimal

import pytest

from commerce.models import Order, OrderLine, Refund, RefundReason
from commerce.operations.accounts.invariants import taxes
from tests.factories import NOON, MembershipFactory, TaxRateFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


CHECKS = (
    taxes.taxes_add_up_to_orders,
    taxes.lines_are_taxed_as_their_order,
    taxes.no_more_tax_goes_back_than_was_charged,
)


def findings():
    return [finding for check in CHECKS for finding in check()]


@pytest.fixture(params=[False, True], ids=["on top", "included"])
def order(request):
    TaxRateFactory(country="DE", inclusive=request.param)
    buy(MembershipFactory(tenant__country="DE"), plan_on_sale("8.40", "EUR", "DE"), 3)
    assert findings() == []
    return Order.objects.get()


def test_an_order_whose_lines_have_another_tax(order):
    Order.objects.update(tax=Decimal("1.00"), subtotal=order.total - 1)
    [found] = findings()
    assert found.startswith(f"order {order.pk}: a tax of 1.000, its lines have ")


def test_a_line_that_was_taxed_by_another_rate(order):
    Order.objects.update(tax_rate=Decimal("0.20"))
    [found] = findings()
    assert found.startswith(f"order {order.pk}: a line has {order.tax} tax")


def test_a_line_that_was_taxed_without_a_rate(order):
    Order.objects.update(tax_rate=0)
    assert len(findings()) == 1


def test_more_tax_given_back_than_was_charged(order):
    line = OrderLine.objects.get()
    common = {"tenant": order.tenant, "order": order, "payment": order.payments.get(), "line": line}
    half = {"amount": Decimal("10.00"), "reason": RefundReason.CANCELED, "created_at": NOON}
    Refund.objects.create(**common, **half, tax=line.tax)
    assert findings() == []
    Refund.objects.create(**common, **half, tax=Decimal("5.00"), state="failed")
    assert findings() == []
    Refund.objects.create(**common, **half, tax=Decimal("0.01"))
    [found] = findings()
    assert (
        found == f"order {order.pk}: {line.tax + Decimal('0.01')} tax went back for a line that was charged {line.tax}"
    )
