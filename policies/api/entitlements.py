"""May this person use this product now? What a product asks at its door."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import Email, person_asked_about, product_named
from policies.operations.access import entitlement
from tenants.access import Right
from tenants.api.reading import Input
from tenants.api.views import TenantView


class EntitlementQuery(Input):
    product = serializers.CharField(max_length=40)
    user = Email(required=False, help_text=_("An e-mail address; default the caller. Others: for admins."))


class EntitlementOut(serializers.Serializer):
    entitled = serializers.BooleanField()
    reason = serializers.CharField(
        help_text="`seat`, `no_seat`, `subscription_disabled`, `member_not_active` or `access_policy`"
    )
    until = serializers.DateTimeField(allow_null=True, help_text="When access ends as things stand.")
    subscription = serializers.CharField(allow_null=True, help_text="The id of the subscription that gives it.")


class Entitlements(TenantView):
    scopes = {"GET": "entitlements:read"}

    @extend_schema(operation_id="get_entitlement", parameters=[EntitlementQuery], responses=EntitlementOut)
    def get(self, request: Request) -> Response:
        """Whether a person may use a product now. Whoever sees all purchases may ask for anybody of the tenant."""
        asked = self.query(EntitlementQuery)
        person = person_asked_about(asked.get("user"), by=self.actor, right=Right.SEE_ALL_PURCHASES)
        answer = entitlement(member=person, product=product_named(asked["product"]))
        return Response(EntitlementOut(answer).data)
