"""A subscription, and how a charge is taxed."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commerce.tax import Taxed
from licensing.api.shapes import ProductRef
from licensing.models import Channel, Subscription, SubscriptionState
from policies.api.shapes import GovernanceRef
from policies.models import GovernancePolicy
from policies.models.governance import for_product, governing
from tenants.api.fields import MoneyField, PersonField


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


@extend_schema_field(GovernanceRef(many=True))
class GovernanceField(serializers.Field):
    """What the tenant says about a subscription's product; read once for all rows of an answer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, subscription: Subscription) -> Any:
        context = cast("dict[str, Any]", self.context)
        said: dict[UUID, list[GovernancePolicy]] = context.setdefault("governing", {})
        if subscription.tenant_id not in said:
            said[subscription.tenant_id] = governing(subscription.tenant_id)
        return GovernanceRef(for_product(said[subscription.tenant_id], subscription.plan.product), many=True).data


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
    scheduled_quantity = serializers.IntegerField(
        allow_null=True, help_text="From `term_end` on. null: no change waits for the renewal."
    )
    unit_price = MoneyField(amount="unit_price", currency="currency", allow_null=True)
    term_start = serializers.DateTimeField()
    term_end = serializers.DateTimeField()
    auto_renew = serializers.BooleanField()
    refundable_until = serializers.DateTimeField(
        allow_null=True, help_text="Canceling before gives money back. null: nothing was charged, or it has ended."
    )
    governance = GovernanceField(help_text="The organisation's data and access policies for the product.")
    created_at = serializers.DateTimeField()
