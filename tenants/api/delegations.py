"""Whom an organisation lets in as its partner, and whose partner it is: for its global admins."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import clock
from tenants.access import Right
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.directory.delegations import Delegation, DelegationQuerySet, DelegationState
from tenants.directory.models import Role
from tenants.directory.operations import delegations


class DelegationBody(Input):
    partner = serializers.SlugField(max_length=63, help_text=_("The short name of the partner."))
    roles = serializers.ListField(child=serializers.ChoiceField(Role.choices), allow_empty=False, max_length=10)
    ends_at = serializers.DateTimeField(help_text=_("Two years ahead at most."))


class DelegationChange(Input):
    ends_at = serializers.DateTimeField(help_text=_("Two years ahead at most."))


class DelegationOut(serializers.Serializer):
    id = serializers.CharField()
    customer = serializers.CharField(source="tenant.slug", help_text="Who lets somebody in.")
    partner = serializers.CharField(source="partner.slug", help_text="Whose people then act there.")
    roles = serializers.ListField(child=serializers.ChoiceField(Role.choices))
    state = serializers.SerializerMethodField()
    granted_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)

    def get_state(self, delegation: Delegation) -> DelegationState:
        return delegation.state_at(clock.now(delegation.tenant))


class DelegationsView(TenantView):
    """Whoever may not manage delegations sees none of these calls' answers; a partner's people never may."""

    scopes = {}

    def managed(self) -> DelegationQuerySet:
        self.actor.require(Right.MANAGE_DELEGATIONS)
        return Delegation.objects.between(self.tenant).with_names()

    def told(self, delegation: Delegation, status: int = 200) -> Response:
        return Response(DelegationOut(delegation).data, status=status)


class Delegations(DelegationsView):
    scopes = {"GET": "members:read", "POST": "members:write"}
    orderings = {"created_at": "granted_at", "id": "id"}

    @extend_schema(operation_id="list_delegations", responses=page_of(DelegationOut))
    def get(self, request: Request) -> Response:
        """Those that the organisation granted, and those that were granted to it as a partner."""
        found = self.managed()
        self.query(Input)
        return self.page(found, DelegationOut)

    @extend_schema(operation_id="grant_delegation", request=DelegationBody, responses={201: DelegationOut})
    def post(self, request: Request) -> Response:
        """Let a partner's people act here with these roles until a moment. It holds once the partner has accepted."""
        self.managed()
        body = self.body(DelegationBody)
        partner = delegations.partner_called(body.pop("partner"))
        granted = delegations.grant(tenant=self.tenant, partner=partner, by=self.actor, at=self.actor.now(), **body)
        return self.told(granted, 201)


class OneDelegation(DelegationsView):
    scopes = {"GET": "members:read", "PATCH": "members:write", "DELETE": "members:write"}

    @extend_schema(operation_id="get_delegation", responses=DelegationOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One delegation, for both sides."""
        return self.told(self.find(self.managed(), pk=id))

    @extend_schema(operation_id="renew_delegation", request=DelegationChange, responses=DelegationOut)
    def patch(self, request: Request, id: UUID) -> HttpResponse:
        """Let it end at another moment, for whoever granted it."""
        found = self.find(self.managed(), pk=id)
        body: dict[str, Any] = self.body(DelegationChange)
        return self.told(delegations.renew(delegation=found, by=self.actor, at=clock.now(found.tenant), **body))

    @extend_schema(operation_id="revoke_delegation", responses={204: None})
    def delete(self, request: Request, id: UUID) -> HttpResponse:
        """Take it back, or give it up as the partner: it ends at once."""
        found = self.find(self.managed(), pk=id)
        delegations.revoke(delegation=found, by=self.actor, at=clock.now(found.tenant))
        return Response(status=204)


class AcceptedDelegation(DelegationsView):
    scopes = {"POST": "members:write"}

    @extend_schema(operation_id="accept_delegation", request=None, responses=DelegationOut)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """Accept, for the partner: from now on its people act there."""
        found = self.find(self.managed(), pk=id)
        self.body(Input)
        return self.told(delegations.accept(delegation=found, by=self.actor, at=clock.now(found.tenant)))
