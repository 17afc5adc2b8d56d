"""What the tenant says at every level: for all, a family, a product, a department or a person; for good or a time."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import Email, ProductRef
from policies.api import dry_runs
from policies.api.dry_runs import ChangeBody, ReachOut
from policies.api.shapes import ValueField
from policies.models import Policy
from policies.models.policy import PolicyQuerySet
from policies.operations import scopes, values
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import SCOPED_BY, Scope, Time
from tenants.access import Right
from tenants.api.fields import PersonField
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.directory.models import Tenant
from tenants.refusal import BadInput
from tenants.text import LONGEST_REASON

# What each level must name, and what it may name besides: a person's exception for one product, for instance.
MUST = {
    "tenant": set(),
    "family": {"family"},
    "product": {"product"},
    "department": {"department"},
    "member": {"member"},
}
MAY = {"department": {"family", "product"}, "member": {"family", "product"}}
LEVELS = tuple(MUST)


class ValueBody(ChangeBody):
    level = serializers.ChoiceField(LEVELS, help_text=_("Whom or what it is said for."))
    member = Email(required=False, help_text=_("Of a member of the tenant."))
    department = serializers.CharField(max_length=200, required=False, help_text=_("By name or id."))
    product = serializers.CharField(max_length=80, required=False, help_text=_("Narrows a member's or department's."))
    family = serializers.CharField(max_length=80, required=False, help_text=_("Narrows a member's or department's."))
    value = ValueField()
    reason = serializers.CharField(max_length=LONGEST_REASON)
    valid_from = serializers.DateTimeField(required=False, allow_null=True)
    valid_to = serializers.DateTimeField(
        required=False, allow_null=True, help_text=_("The first moment at which it is over.")
    )


class ReasonQuery(Input):
    reason = serializers.CharField(max_length=LONGEST_REASON)
    dry_run = serializers.BooleanField(
        required=False, help_text=_("true changes nothing and tells what the change would touch.")
    )


class DepartmentOut(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()


class ValueOut(serializers.Serializer):
    """What is null, it is said for all of. Without `valid_from` and `valid_to` it stands until it is changed."""

    id = serializers.CharField()
    level = serializers.SerializerMethodField()
    member = PersonField(allow_null=True)
    department = DepartmentOut(allow_null=True)
    product = ProductRef(allow_null=True)
    family = serializers.CharField(source="family_id", allow_null=True, help_text="The family's slug.")
    value = ValueField()
    reason = serializers.CharField()
    set_by = serializers.EmailField(
        source="set_by.email", default=None, allow_null=True, help_text="The e-mail address of who set it."
    )
    set_at = serializers.DateTimeField()
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_to = serializers.DateTimeField(allow_null=True)
    existing = ReachOut(
        source="reach", allow_null=True, help_text="Just after a change that ends what people have; else null."
    )

    @extend_schema_field(serializers.ChoiceField(LEVELS))
    def get_level(self, row: Policy) -> str:
        return Scope.of(row).level


class ValuesView(TenantView):
    scopes = {}

    def readable(self) -> PolicyQuerySet:
        self.actor.require(Right.READ_POLICY)
        named = ("member__user", "department", "product", "family", "set_by", "tenant")
        return Policy.objects.of(self.tenant).select_related(*named)


class Values(ValuesView):
    scopes = {"GET": "policies:read", "POST": "policies:write"}
    # Ids are given in the order of creation.
    orderings = {"created_at": "id", "id": "id"}

    @extend_schema(operation_id="list_policy_values", responses=page_of(ValueOut))
    def get(self, request: Request) -> Response:
        """Everything that the tenant has said, for whom or what, for good or for a time."""
        rows = self.readable()
        self.query(Input)
        return self.page(rows, ValueOut)

    @extend_schema(
        operation_id="set_policy_value", request=ValueBody, responses={200: dry_runs.DryRunOut, 201: ValueOut}
    )
    def post(self, request: Request) -> Response:
        """Say a value, in place of the one of the same scope and time. `existing` may end what was bought."""
        self.actor.require(Right.CHANGE_POLICY)
        body = self.body(ValueBody)
        asked, at = dry_runs.taken_from(body), self.actor.now()
        scope = scope_in(body, self.tenant)
        time = Time(valid_from=body.get("valid_from"), valid_to=body.get("valid_to"))
        if asked.dry_run:
            values.check(self.tenant, scope, time, at=at)
            values.check_existing(asked.existing, body["value"], at=at)
            change = Change(values=[NewValue(scope=scope, value=body["value"], time=time)])
            return dry_runs.answer(self.tenant, change, by=self.actor, at=at)
        row = values.put(
            tenant=self.tenant,
            scope=scope,
            value=body["value"],
            reason=body["reason"],
            time=time,
            existing=asked.existing,
            by=self.actor,
            at=at,
        )
        said = self.find(self.readable(), pk=row.pk)
        said.reach = row.reach
        return Response(ValueOut(said).data, status=201)


class Value(ValuesView):
    scopes = {"GET": "policies:read", "DELETE": "policies:write"}

    @extend_schema(operation_id="get_policy_value", responses=ValueOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One value that the tenant has said."""
        return Response(ValueOut(self.find(self.readable(), pk=id)).data)

    @extend_schema(
        operation_id="remove_policy_value", parameters=[ReasonQuery], responses={200: dry_runs.DryRunOut, 204: None}
    )
    def delete(self, request: Request, id: UUID) -> Response:
        """Take it back: from now on the next wider value holds."""
        self.actor.require(Right.CHANGE_POLICY)
        row = self.find(self.readable(), pk=id)
        query = self.query(ReasonQuery)
        if query.get("dry_run"):
            return dry_runs.answer(self.tenant, Change(removed=frozenset({row.pk})), by=self.actor, at=self.actor.now())
        values.remove(policy=row, reason=query["reason"], by=self.actor, at=self.actor.now())
        return Response(status=204)


def scope_in(body: dict[str, Any], tenant: Tenant) -> Scope:
    """:raises BadInput: something that the level needs is missing, does not belong to it, or does not exist"""
    level, given = body["level"], {name: body[name] for name in SCOPED_BY if name in body}
    for missing in sorted(MUST[level] - set(given)):
        raise BadInput(_("Say which one."), field=missing, code="required")
    for other in sorted(set(given) - MUST[level] - MAY.get(level, set())):
        raise BadInput(_("This does not belong to that level."), field=other, code="not_of_this_level")
    return scopes.named(tenant, **given)
