"""What the tenant says about the data of products, and who may use them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from policies.models import GovernanceKind, GovernancePolicy
from policies.models.governance import GovernancePolicyQuerySet
from policies.operations import access, governance
from policies.operations.governance import Terms
from tenants.access import Right
from tenants.api.members import DepartmentField
from tenants.api.reading import Flag, Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.text import LONGEST_REASON


class SettingsField(serializers.DictField):
    """Texts by name, and nothing that only looks like a text."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and not all(isinstance(text, str) for text in data.values()):
            raise serializers.ValidationError(_("Use texts."), code="invalid")
        return super().to_internal_value(data)


class RemovalBody(Input):
    reason = serializers.CharField(required=False, max_length=LONGEST_REASON)
    dry_run = Flag(required=False, help_text=_("Answer who would lose access, and save nothing."))


class RemovalQuery(Input):
    reason = serializers.CharField(required=False, max_length=LONGEST_REASON)
    dry_run = serializers.ChoiceField(["true", "false"], required=False)


class GovernanceChange(RemovalBody):
    """Without families and products it is for all products. In a change, what is left out stays."""

    name = serializers.CharField(max_length=governance.LONGEST_NAME)
    kind = serializers.ChoiceField(GovernanceKind.choices)
    families = serializers.ListField(
        child=serializers.CharField(max_length=63), required=False, max_length=governance.MOST_NAMED
    )
    products = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=governance.MOST_NAMED
    )
    departments = serializers.ListField(
        child=DepartmentField(),
        required=False,
        max_length=governance.MOST_NAMED,
        help_text=_("By name or id, of an access policy: who keeps access. None: nobody."),
    )
    settings = SettingsField(child=serializers.CharField(max_length=governance.LONGEST_SETTING), required=False)
    acknowledge = Flag(required=False, help_text=_("Whoever buys says first that they have read it."))


class DepartmentRef(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()


class GovernanceOut(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(GovernanceKind.choices)
    families = serializers.ListField(child=serializers.CharField(), help_text="Slugs; with `products` empty: all.")
    products = serializers.ListField(child=serializers.CharField())
    departments = DepartmentRef(many=True)
    settings = serializers.DictField(child=serializers.CharField())
    acknowledge = serializers.BooleanField()
    version = serializers.IntegerField(help_text="Counts its changes.")
    reason = serializers.CharField()
    set_by = serializers.SerializerMethodField(help_text="The e-mail address of who set it.")
    set_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_set_by(self, policy: GovernancePolicy) -> str | None:
        return str(policy.set_by) if policy.set_by else None


class PeopleOut(serializers.Serializer):
    count = serializers.IntegerField()
    emails = serializers.ListField(child=serializers.EmailField(), help_text="Of the first hundred.")


class EffectOut(serializers.Serializer):
    """Of the people who hold a seat. Nothing was saved."""

    loses_access = PeopleOut(source="loses")
    regains_access = PeopleOut(source="regains")


CHANGED = PolymorphicProxySerializer(
    component_name="GovernanceChanged", serializers=[GovernanceOut, EffectOut], resource_type_field_name=None
)


class GovernanceView(TenantView):
    scopes = {}

    def readable(self) -> GovernancePolicyQuerySet:
        self.actor.require(Right.READ_POLICY)
        return GovernancePolicy.objects.of(self.tenant).with_scopes()

    def changeable(self, id: UUID) -> GovernancePolicy:
        policy = self.find(self.readable(), pk=id)
        self.actor.require(Right.CHANGE_POLICY)
        return policy

    def shown(self, id: UUID, *, status: int = 200) -> Response:
        return Response(GovernanceOut(self.find(self.readable(), pk=id)).data, status=status)

    def tried(self, policy: GovernancePolicy | None, terms: Terms | None) -> Response:
        checked = governance.checked(self.tenant, terms) if terms else None
        return Response(EffectOut(access.effect(tenant=self.tenant, policy=policy, terms=checked)).data)


class GovernancePolicies(GovernanceView):
    scopes = {"GET": "policies:read", "POST": "policies:write"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_governance_policies", responses=page_of(GovernanceOut))
    def get(self, request: Request) -> Response:
        """The tenant's data and access policies."""
        readable = self.readable()
        self.query(Input)
        return self.page(readable, GovernanceOut)

    @extend_schema(
        operation_id="add_governance_policy",
        request=GovernanceChange,
        responses={201: GovernanceOut, 200: EffectOut},
    )
    def post(self, request: Request) -> Response:
        """For whoever changes policies. It holds for what was bought, too. `dry_run`: who would lose access (200)."""
        self.actor.require(Right.CHANGE_POLICY)
        body = self.body(GovernanceChange, context={"tenant": self.tenant})
        reason, dry_run = body.pop("reason", ""), body.pop("dry_run", False)
        terms = Terms(**body)
        if dry_run:
            return self.tried(None, terms)
        added = governance.add(tenant=self.tenant, terms=terms, reason=reason, by=self.actor, at=self.actor.now())
        return self.shown(added.pk, status=201)


class OneGovernancePolicy(GovernanceView):
    scopes = {"GET": "policies:read", "PATCH": "policies:write", "DELETE": "policies:write"}

    @extend_schema(operation_id="get_governance_policy", responses=GovernanceOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One policy."""
        return self.shown(id)

    @extend_schema(operation_id="change_governance_policy", request=GovernanceChange, responses={200: CHANGED})
    def patch(self, request: Request, id: UUID) -> Response:
        """Change what it says. `dry_run`: who would lose access and who would have it again, as for a new one."""
        policy = self.changeable(id)
        changes = self.body(GovernanceChange, partial=True, context={"tenant": self.tenant})
        reason, dry_run = changes.pop("reason", ""), changes.pop("dry_run", False)
        if dry_run:
            return self.tried(policy, replace(Terms.of(policy), **changes))
        governance.change(policy=policy, reason=reason, by=self.actor, at=self.actor.now(), **changes)
        return self.shown(id)

    @extend_schema(
        operation_id="remove_governance_policy", parameters=[RemovalQuery], responses={204: None, 200: EffectOut}
    )
    def delete(self, request: Request, id: UUID) -> Response:
        """Say it no longer. `reason` and `dry_run` stand in the query, or in a body."""
        policy = self.changeable(id)
        asked = {**self.body(RemovalBody), **self.query(RemovalQuery)}
        if asked.get("dry_run") in (True, "true"):
            return self.tried(policy, None)
        governance.remove(policy=policy, reason=asked.get("reason", ""), by=self.actor, at=self.actor.now())
        return Response(status=204)
