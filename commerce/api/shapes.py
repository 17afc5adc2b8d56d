"""A subscription, and how a charge is taxed."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commerce.models import Renewal
from commerce.models.renewal import OPEN
from commerce.operations.changes import policy_endings
from commerce.tax import Taxed
from licensing.api.shapes import ProductRef
from licensing.models import Channel, Subscription, SubscriptionState
from policies.api.shapes import GovernanceRef
from policies.models import ExistingRule, GovernancePolicy
from policies.models.governance import for_product, governing
from tenants import clock
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


class PlannedEndOut(serializers.Serializer):
    """That a change of policy ends a subscription, and when."""

    how = serializers.ChoiceField([(ExistingRule.STOP_AT_RENEWAL.value, ""), (ExistingRule.CANCEL.value, "")])
    at = serializers.DateTimeField(source="due_at")
    reason = serializers.CharField()


@extend_schema_field(PlannedEndOut(allow_null=True))
class PlannedEndField(serializers.Field):
    """What a change of policy plans for a subscription; read once for all rows of an answer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, subscription: Subscription) -> Any:
        context = cast("dict[str, Any]", self.context)
        if subscription.pk not in context.setdefault("asked_for_ends", set()):
            together = self._together(subscription)
            context["asked_for_ends"].update(row.pk for row in together)
            found = policy_endings.planned_for(together, at=clock.now(subscription.tenant))
            context.setdefault("planned_ends", {}).update(found)
        planned = context["planned_ends"].get(subscription.pk)
        return PlannedEndOut(planned).data if planned else None

    def _together(self, subscription: Subscription) -> list[Subscription]:
        return together(self, subscription)


def together(field: serializers.Field, subscription: Subscription) -> list[Subscription]:
    """The rows of the same list, of which this is one."""
    whole = getattr(field.parent, "parent", None)
    rows = whole.instance if isinstance(whole, serializers.ListSerializer) else None
    return list(rows) if isinstance(rows, list) and subscription in rows else [subscription]


class RenewalOut(serializers.Serializer):
    """The next term, on its day and until it is paid or given up."""

    state = serializers.ChoiceField([(state.value, "") for state in OPEN])
    next_try_at = serializers.DateTimeField(allow_null=True, help_text="null: not before another card pays.")
    decline_code = serializers.CharField(help_text="Why the last try failed; empty: none has.")
    failed_since = serializers.DateTimeField(source="first_failed_at", allow_null=True)


@extend_schema_field(RenewalOut(allow_null=True))
class RenewalField(serializers.Field):
    """The open renewal of a subscription; read once for all rows of an answer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, subscription: Subscription) -> Any:
        context = cast("dict[str, Any]", self.context)
        if subscription.pk not in context.setdefault("asked_for_renewals", set()):
            rows = [row.pk for row in together(self, subscription)]
            context["asked_for_renewals"].update(rows)
            found = Renewal.objects.open().filter(tenant=subscription.tenant_id, subscription__in=rows)
            context.setdefault("renewals", {}).update({renewal.subscription_id: renewal for renewal in found})
        renewal = context["renewals"].get(subscription.pk)
        return RenewalOut(renewal).data if renewal else None


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
    renewal_stopped_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when the organisation lets it end with its term: its owner cannot renew it."
    )
    renewal = RenewalField(help_text="While the next term is due and not paid. null: it is not.")
    planned_end = PlannedEndField(help_text="What a change of policy will do to it, and when. null: nothing.")
    refundable_until = serializers.DateTimeField(
        allow_null=True, help_text="Canceling before gives money back. null: nothing was charged, or it has ended."
    )
    governance = GovernanceField(help_text="The organisation's data and access policies for the product.")
    created_at = serializers.DateTimeField()
