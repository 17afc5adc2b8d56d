"""What may be spent, and how much of it is taken."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from policies import limits
from policies.models import Counted, LimitLevel, LimitMode, Period, SpendLimit
from policies.models.limit import SpendLimitQuerySet
from policies.operations import spend_limits
from policies.operations.spend_limits import Terms
from tenants.access import Right
from tenants.api.fields import MoneyField
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.refusal import BadInput
from tenants.text import LONGEST_REASON


class LimitScopeBody(Input):
    level = serializers.ChoiceField(LimitLevel.choices)
    id = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=80,
        help_text=_("Of the department, the member or the product; none for the whole tenant."),
    )


class LimitAmountBody(Input):
    amount = serializers.RegexField(r"^\d{1,9}(\.\d{1,3})?\Z", help_text=_("Plain digits."))
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", help_text="ISO 4217")


class SpendLimitChange(Input):
    """What is left out stays."""

    period = serializers.ChoiceField(Period.choices)
    amount = LimitAmountBody(help_text=_("In the currency that the tenant buys in; another is refused."))
    mode = serializers.ChoiceField(LimitMode.choices, required=False)
    counts = serializers.ListField(
        child=serializers.ChoiceField(Counted.choices), required=False, min_length=1, max_length=3
    )
    reason = serializers.CharField(required=False, max_length=LONGEST_REASON)


class SpendLimitBody(SpendLimitChange):
    """Without more said, it refuses, and counts self-service purchases."""

    scope = LimitScopeBody()


class LimitScopeOut(serializers.Serializer):
    level = serializers.ChoiceField(LimitLevel.choices)
    id = serializers.CharField(source="scope_id", allow_null=True)


class SpendLimitOut(serializers.Serializer):
    id = serializers.CharField()
    scope = LimitScopeOut(source="*")
    period = serializers.ChoiceField(Period.choices)
    amount = MoneyField(amount="amount", currency="currency")
    mode = serializers.ChoiceField(LimitMode.choices)
    counts = serializers.ListField(child=serializers.ChoiceField(Counted.choices))
    committed = MoneyField(
        amount="committed",
        currency="currency",
        help_text=_("What the period that we are in takes: paid, waiting to be paid, and renewals to come."),
    )
    spent = MoneyField(amount="charged", currency="currency", help_text=_("What of that was charged already."))
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()


class SpendLimitView(TenantView):
    scopes = {}

    def readable(self) -> SpendLimitQuerySet:
        self.actor.require(Right.READ_POLICY)
        month = limits.this_month(self.tenant, self.actor.now())
        return SpendLimit.objects.with_sums(self.tenant, month).select_related("tenant")

    def shown(self, id: UUID, *, status: int = 200) -> Response:
        return Response(SpendLimitOut(self.find(self.readable(), pk=id)).data, status=status)


class SpendLimits(SpendLimitView):
    scopes = {"GET": "policies:read", "POST": "policies:write"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_spend_limits", responses=page_of(SpendLimitOut))
    def get(self, request: Request) -> Response:
        """The tenant's limits, with what is taken of each in its present period."""
        readable = self.readable()
        self.query(Input)
        return self.page(readable, SpendLimitOut)

    @extend_schema(operation_id="add_spend_limit", request=SpendLimitBody, responses={201: SpendLimitOut})
    def post(self, request: Request) -> Response:
        """For whoever changes policies. What was bought already counts from the start."""
        self.actor.require(Right.CHANGE_POLICY)
        body = self.body(SpendLimitBody)
        scope, reason = body.pop("scope"), body.pop("reason", "")
        added = spend_limits.add(
            tenant=self.tenant,
            level=scope["level"],
            scope_id=scope.get("id") or "",
            terms=Terms(**terms_in(body)),
            reason=reason,
            by=self.actor,
            at=self.actor.now(),
        )
        return self.shown(added.pk, status=201)


class OneSpendLimit(SpendLimitView):
    scopes = {"GET": "policies:read", "PATCH": "policies:write", "DELETE": "policies:write"}

    @extend_schema(operation_id="get_spend_limit", responses=SpendLimitOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One limit."""
        return self.shown(id)

    @extend_schema(operation_id="change_spend_limit", request=SpendLimitChange, responses=SpendLimitOut)
    def patch(self, request: Request, id: UUID) -> Response:
        """It holds for the next purchase. For another scope, add another one."""
        limit = self.changeable(id)
        changes = self.body(SpendLimitChange, partial=True)
        spend_limits.change(limit=limit, by=self.actor, at=self.actor.now(), **terms_in(changes))
        return self.shown(id)

    @extend_schema(operation_id="remove_spend_limit", responses={204: None})
    def delete(self, request: Request, id: UUID) -> Response:
        """Limit it no longer."""
        limit = self.changeable(id)
        spend_limits.remove(limit=limit, by=self.actor, at=self.actor.now())
        return Response(status=204)

    def changeable(self, id: UUID) -> SpendLimit:
        limit = self.find(self.readable(), pk=id)
        self.actor.require(Right.CHANGE_POLICY)
        return limit


def terms_in(body: dict[str, Any]) -> dict[str, Any]:
    """With amount and currency apart.

    :raises BadInput: one of the two is missing
    """
    if "amount" not in body:
        return body
    money = body["amount"]
    for name in ("amount", "currency"):
        if name not in money:
            raise BadInput(_("This field is required."), field=f"amount.{name}", code="required")
    return body | {"amount": Decimal(money["amount"]), "currency": money["currency"]}
