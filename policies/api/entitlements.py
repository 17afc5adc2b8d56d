"""May this person use this product now? What a product asks at its door."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import Email, person_asked_about, product_named
from policies.operations import auto_claims, uses
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


class UseBody(EntitlementQuery):
    user = Email(required=False, help_text=_("An e-mail address; default the caller. Others: for who assigns seats."))
    at = serializers.DateTimeField(required=False, help_text=_("When they used it last; default now."))


class Entitlements(TenantView):
    scopes = {"GET": "entitlements:read"}

    @extend_schema(operation_id="get_entitlement", parameters=[EntitlementQuery], responses=EntitlementOut)
    def get(self, request: Request) -> Response:
        """
        Whether a person may use a product now. Whoever sees all purchases may ask for anybody of the tenant. Whoever
        asks for themselves takes a free central seat, where their organisation lets people claim on first use.
        """
        asked = self.query(EntitlementQuery)
        person = person_asked_about(asked.get("user"), by=self.actor, right=Right.SEE_ALL_PURCHASES)
        product = product_named(asked["product"])
        if self.actor.is_member(person.pk):
            answer = auto_claims.use(member=person, product=product, by=self.actor, at=self.actor.now())
        else:  # A question about somebody else gives them nothing.
            answer = entitlement(member=person, product=product)
        return Response(EntitlementOut(answer).data)


class Use(TenantView):
    """Told at the door of a product; the scope is the one that the question there needs, which may give a seat, too."""

    scopes = {"POST": "entitlements:read"}

    @extend_schema(operation_id="report_use", request=UseBody, responses=EntitlementOut)
    def post(self, request: Request) -> Response:
        """
        Report that a person used a product, so that seats that nobody uses can be found; the answer is whether they may
        use it. Who has no seat takes a free central one, where their organisation lets people claim on first use and
        the use is not older than a day.
        """
        body, at = self.body(UseBody), self.actor.now()
        person = person_asked_about(body.get("user"), by=self.actor, right=Right.ASSIGN_CENTRAL_SEATS)
        product = product_named(body["product"])
        answer = uses.report(member=person, product=product, used_at=body.get("at", at), by=self.actor, at=at)
        return Response(EntitlementOut(answer).data)
