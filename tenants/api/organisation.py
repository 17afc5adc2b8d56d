"""The acting tenant itself, who it is on its invoices, and what it asks of its people when they sign in."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Right
from tenants.api.reading import Input
from tenants.api.views import TenantView
from tenants.directory.models import Sector, Tenant
from tenants.directory.operations import organisations
from tenants.directory.tax_numbers import LONGEST
from tenants.refusal import BadInput


class BillingChange(Input):
    """What is not sent stays; empty takes it away."""

    legal_name = serializers.CharField(max_length=organisations.LONGEST_LEGAL_NAME, allow_blank=True, required=False)
    address = serializers.CharField(max_length=organisations.LONGEST_ADDRESS, allow_blank=True, required=False)
    tax_number = serializers.CharField(max_length=LONGEST, allow_blank=True, required=False)


class TenantChange(Input):
    billing = BillingChange()


class SignInChange(Input):
    requires_second_factor = serializers.BooleanField(help_text="Of everybody who holds a role there.")


class BillingOut(serializers.Serializer):
    """As the next invoices have it; the country is the tenant's."""

    legal_name = serializers.CharField()
    address = serializers.CharField(source="billing_address")
    tax_number = serializers.CharField()


class TenantOut(serializers.Serializer):
    """`billing` is for members: a guest reads null."""

    id = serializers.CharField()
    slug = serializers.CharField()
    name = serializers.CharField()
    country = serializers.CharField()
    sector = serializers.ChoiceField(Sector.choices)
    managed = serializers.BooleanField()
    time_zone = serializers.CharField()
    billing = BillingOut(source="*", allow_null=True)

    def to_representation(self, instance: Tenant) -> dict[str, Any]:
        shown = super().to_representation(instance)
        return shown | {"billing": None} if self.context["guest"] else shown


class SignInOut(serializers.Serializer):
    requires_second_factor = serializers.BooleanField()


class SignIn(TenantView):
    """For global admins, never a partner's people."""

    scopes = {"GET": "members:read", "PUT": "members:write"}

    @extend_schema(operation_id="get_sign_in", responses=SignInOut)
    def get(self, request: Request) -> Response:
        """What the organisation asks of its people when they sign in."""
        self.actor.require(Right.MANAGE_SIGN_IN)
        self.query(Input)
        return self.shown()

    @extend_schema(operation_id="change_sign_in", request=SignInChange, responses=SignInOut)
    def put(self, request: Request) -> Response:
        """
        Say whether whoever holds a role needs a second factor. Without one their roles allow nothing from the next call
        on, the caller's own as well.
        """
        self.actor.require(Right.MANAGE_SIGN_IN)
        required = self.body(SignInChange)["requires_second_factor"]
        organisations.require_second_factor(tenant=self.tenant, required=required, by=self.actor, at=self.actor.now())
        self.tenant.refresh_from_db(fields=["requires_second_factor"])
        return self.shown()

    def shown(self) -> Response:
        return Response(SignInOut(self.tenant).data)


class Organisation(TenantView):
    scopes = {"GET": None, "PATCH": "purchases:write"}

    @extend_schema(operation_id="get_tenant", responses=TenantOut)
    def get(self, request: Request) -> Response:
        """The organisation in which the token acts."""
        self.query(Input)
        return self.shown(self.tenant)

    @extend_schema(operation_id="change_tenant", request=TenantChange, responses=TenantOut)
    def patch(self, request: Request) -> Response:
        """Say who the organisation is on its invoices, for global and billing admins."""
        self.actor.require(Right.CHANGE_BILLING)
        billing = self.body(TenantChange)["billing"]
        try:
            changed = organisations.set_billing_details(
                tenant=self.tenant, by=self.actor, at=self.actor.now(), **billing
            )
        except BadInput as bad:
            raise BadInput(bad.message, field=f"billing.{bad.field}", code=bad.field_code) from bad
        return self.shown(changed)

    def shown(self, tenant: Tenant) -> Response:
        return Response(TenantOut(tenant, context={"guest": self.actor.is_guest}).data)
