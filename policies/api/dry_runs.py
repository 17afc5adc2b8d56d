"""What every change of a policy takes besides: what becomes of what people have, and whether it is only tried out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.response import Response

from policies.models import ExistingRule, Reach
from policies.models.decision import Outcome
from policies.operations import dry_runs, endings
from policies.operations.endings import LEAVE, Existing
from policies.operations.proposed import Change
from tenants.access import Actor
from tenants.api.reading import Flag, Input
from tenants.directory.models import Tenant


class ChangeBody(Input):
    """What each change may say besides."""

    existing = serializers.ChoiceField(
        ExistingRule.choices,
        required=False,
        help_text=_("What becomes of what people have bought themselves: leave (the default), or end it."),
    )
    at = serializers.DateTimeField(
        required=False, allow_null=True, help_text=_("When to cancel; without it, as soon as the change holds.")
    )
    dry_run = Flag(required=False, help_text=_("true changes nothing and tells what the change would touch."))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a body says besides the change itself."""

    existing: Existing
    dry_run: bool


def taken_from(body: dict[str, Any]) -> Asked:
    """Takes it out of the body; what is left is the change."""
    rule, at = body.pop("existing", LEAVE.rule), body.pop("at", None)
    return Asked(existing=Existing(rule=rule, at=at), dry_run=body.pop("dry_run", False))


class DifferenceOut(serializers.Serializer):
    """A decision that would have been another one."""

    member = serializers.CharField(help_text="The e-mail address.")
    product = serializers.CharField()
    product_name = serializers.CharField()
    at = serializers.DateTimeField()
    old = serializers.ChoiceField(Outcome.choices)
    new = serializers.ChoiceField(Outcome.choices)


class TouchedSubscriptionOut(serializers.Serializer):
    id = serializers.CharField()
    product = serializers.CharField(source="plan.product_id")
    owner = serializers.CharField(source="owner.user.email", help_text="The e-mail address.")
    quantity = serializers.IntegerField()
    state = serializers.CharField()
    term_end = serializers.DateTimeField()
    auto_renew = serializers.BooleanField()


class DecisionsOfProduct(serializers.Serializer):
    product = serializers.CharField()
    name = serializers.CharField()
    count = serializers.IntegerField()


class DifferentDecisions(serializers.Serializer):
    """Of one checkout the last decision alone."""

    count = serializers.IntegerField(source="decisions_count")
    products = DecisionsOfProduct(many=True, help_text="How many of each product, by name.")
    first = DifferenceOut(source="decisions", many=True, help_text="The newest hundred, by product.")


class TouchedSubscriptions(serializers.Serializer):
    count = serializers.IntegerField(source="subscriptions_count")
    first = TouchedSubscriptionOut(source="subscriptions", many=True, help_text="The newest hundred.")
    left_alone = serializers.IntegerField(
        help_text="Running subscriptions that the change names, but about which another value decides."
    )
    detail = serializers.CharField(source="left_alone_told", help_text="That in a sentence; empty: none is left alone.")


class ReachOut(serializers.Serializer):
    """What became of what people have when a change was to end it."""

    ended = serializers.IntegerField(help_text="Running subscriptions that end, now or at their moment.")
    left_alone = serializers.IntegerField(help_text="Those that the change names, but another value decides about.")
    detail = serializers.SerializerMethodField(help_text="That in sentences.")

    def get_detail(self, reach: Reach) -> str:
        return " ".join(endings.reach_told([reach]))


class DryRunOut(serializers.Serializer):
    """Decisions of the last 90 days that would have been different, and subscriptions that `existing` would end."""

    decisions = DifferentDecisions(source="*")
    subscriptions = TouchedSubscriptions(source="*")


def or_touched(name: str, usual: Any) -> PolymorphicProxySerializer:
    """The usual answer, or with `dry_run` what would be touched."""
    return PolymorphicProxySerializer(
        component_name=name, serializers=[usual, DryRunOut], resource_type_field_name=None, many=False
    )


def answer(tenant: Tenant, change: Change, *, by: Actor, at: datetime) -> Response:
    """:raises NotAllowed: `by` may not change this tenant's policies"""
    return Response(DryRunOut(dry_runs.of(tenant=tenant, change=change, by=by, at=at)).data)
