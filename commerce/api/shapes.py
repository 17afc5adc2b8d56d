"""A subscription, and what canceling it does."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commerce.operations.cancellations import Cancellation, LineRefund
from commerce.tax import Taxed
from licensing.api.shapes import ProductRef
from licensing.models import Channel, SubscriptionState
from tenants.api.fields import Money, MoneyField, PersonField, money


class TaxTermsOut(serializers.Serializer):
    """
    How all of it is taxed. `inclusive`: the unit price holds the tax already. `reverse_charge`: none is charged, the
    organisation owes it itself.
    """

    name = serializers.CharField()
    rate = serializers.CharField(help_text="A fraction: 0.19 is 19 %.")
    inclusive = serializers.BooleanField()
    reverse_charge = serializers.BooleanField()


@extend_schema_field(TaxTermsOut(allow_null=True))
class TaxTermsField(serializers.Field):
    """Of a checkout, an order or an invoice; null where no tax is known."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, charge: Taxed) -> dict[str, Any] | None:
        if not charge.tax_name:
            return None
        return {
            "name": charge.tax_name,
            "rate": str(charge.tax_rate.normalize()),
            "inclusive": charge.tax_inclusive,
            "reverse_charge": charge.reverse_charge,
        }


class SubscriptionOut(serializers.Serializer):
    """`owner` and `payer` are null where the tenant itself stands. Money is null where nothing was charged."""

    id = serializers.CharField()
    product = ProductRef(source="plan.product")
    plan = serializers.CharField(source="plan_id")
    channel = serializers.ChoiceField(Channel.choices)
    state = serializers.ChoiceField(SubscriptionState.choices)
    purchaser = PersonField()
    owner = PersonField(allow_null=True)
    payer = PersonField(allow_null=True)
    quantity = serializers.IntegerField()
    seats_assigned = serializers.IntegerField()
    unit_price = MoneyField(amount="unit_price", currency="currency", allow_null=True)
    term_start = serializers.DateTimeField()
    term_end = serializers.DateTimeField()
    auto_renew = serializers.BooleanField()
    refundable_until = serializers.DateTimeField(
        allow_null=True, help_text="Canceling before gives money back. null: nothing was charged, or it has ended."
    )
    created_at = serializers.DateTimeField()


class RefundLineOut(serializers.Serializer):
    """What goes back for one line of an order that is still inside its refund window."""

    order = serializers.CharField(source="line.order_id")
    product = ProductRef(source="line.plan.product")
    plan = serializers.CharField(source="line.plan_id")
    quantity = serializers.IntegerField(source="line.quantity")
    charged = serializers.SerializerMethodField()
    refund = MoneyField(amount="amount", currency="payment.currency")

    @extend_schema_field(Money)
    def get_charged(self, back: LineRefund) -> dict[str, str]:
        return money(back.line.amount + back.line.tax, back.payment.currency)


class CancellationOut(serializers.Serializer):
    """With lines, access ends at once and `total` goes back; without, it runs until `ends_at`."""

    lines = RefundLineOut(many=True, source="refunds")
    total = serializers.SerializerMethodField(help_text="What goes back; null: nothing was ever charged.")
    ends_at = serializers.DateTimeField()
    subscription = serializers.SerializerMethodField()

    @extend_schema_field(Money(allow_null=True))
    def get_total(self, cancellation: Cancellation) -> dict[str, str] | None:
        currency = cancellation.currency or self.context["purchase"].currency
        return money(cancellation.total, currency) if currency else None

    @extend_schema_field(SubscriptionOut)
    def get_subscription(self, cancellation: Cancellation) -> Any:
        return SubscriptionOut(self.context["purchase"]).data
