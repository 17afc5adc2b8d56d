"""Where the operator refuses self-service. Operators alone read and change it."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import product_named
from licensing.models import Family
from policies.models import Exclusion
from policies.operations import exclusions
from policies.operations.exclusions import Terms
from tenants.api.reading import Flag, Input
from tenants.api.schema import page_of
from tenants.api.views import CallView
from tenants.directory.models import Sector
from tenants.refusal import BadInput
from tenants.text import LONGEST_REASON


class ExclusionChange(Input):
    """What is left out stays; null or empty takes it away."""

    sector = serializers.ChoiceField(Sector.choices, required=False, allow_null=True, allow_blank=True)
    country = serializers.CharField(
        max_length=2, required=False, allow_null=True, allow_blank=True, help_text="ISO 3166-1 alpha-2"
    )
    family = serializers.CharField(
        max_length=63, required=False, allow_null=True, allow_blank=True, help_text=_("The family's slug.")
    )
    product = serializers.CharField(max_length=40, required=False, allow_null=True, allow_blank=True)
    valid_from = serializers.DateField(required=False, allow_null=True)
    valid_to = serializers.DateField(required=False, allow_null=True, help_text=_("The first day on which it is over."))
    ends_renewals = Flag(required=False)
    reason = serializers.CharField(max_length=LONGEST_REASON)
    preview = Flag(required=False, help_text=_("Only tell what it would do."))


class ExclusionBody(ExclusionChange):
    """At least one of sector, country, family and product; a tenant must fit all that are named."""


class WhyQuery(Input):
    reason = serializers.CharField(max_length=LONGEST_REASON)


class ExclusionOut(serializers.Serializer):
    """What is null, it is said for all of."""

    id = serializers.CharField()
    sector = serializers.SerializerMethodField(help_text="Or null.")
    country = serializers.SerializerMethodField(help_text="Or null.")
    family = serializers.CharField(source="family_id", allow_null=True)
    product = serializers.CharField(source="product_id", allow_null=True)
    valid_from = serializers.DateField(allow_null=True)
    valid_to = serializers.DateField(allow_null=True, help_text="The first day on which it is over.")
    ends_renewals = serializers.BooleanField()
    reason = serializers.CharField()
    set_by = serializers.EmailField(
        source="set_by.email", default=None, allow_null=True, help_text="The operator's address. null: a command's."
    )
    set_at = serializers.DateTimeField(source="said_at", help_text="Since when it says what it says.")
    created_at = serializers.DateTimeField()

    def get_sector(self, row: Exclusion) -> str | None:
        return row.sector or None

    def get_country(self, row: Exclusion) -> str | None:
        return row.country or None


class EffectsOut(serializers.Serializer):
    tenants = serializers.IntegerField(help_text="How many it hits.")
    renewals_ended = serializers.IntegerField(help_text="Running self-service subscriptions that would not renew.")


ANSWER = PolymorphicProxySerializer(
    component_name="ExclusionOrEffects", serializers=[ExclusionOut, EffectsOut], resource_type_field_name=None
)


class ExclusionView(CallView):
    scopes = {}

    def readable(self) -> QuerySet[Exclusion]:
        self.actor.require_operator()
        return Exclusion.objects.select_related("family", "product", "set_by")


class Exclusions(ExclusionView):
    scopes = {"GET": "policies:read", "POST": "policies:write"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_exclusions", responses=page_of(ExclusionOut))
    def get(self, request: Request) -> Response:
        """Where self-service is refused, before any policy is asked."""
        rows = self.readable()
        self.query(Input)
        return self.page(rows, ExclusionOut)

    @extend_schema(operation_id="add_exclusion", request=ExclusionBody, responses={200: EffectsOut, 201: ExclusionOut})
    def post(self, request: Request) -> Response:
        """Refuse self-service to a sector, country, family, product or any combination; with `preview` not yet."""
        self.actor.require_operator()
        body = self.body(ExclusionBody)
        terms = terms_in(body, Terms())
        if body.get("preview"):
            return Response(EffectsOut(exclusions.effects(terms)).data)
        row = exclusions.add(terms=terms, reason=body["reason"], by=self.actor, at=self.actor.now())
        return Response(ExclusionOut(row).data, status=201)


class OneExclusion(ExclusionView):
    scopes = {"GET": "policies:read", "PATCH": "policies:write", "DELETE": "policies:write"}

    @extend_schema(operation_id="get_exclusion", responses=ExclusionOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One of them."""
        return Response(ExclusionOut(self.find(self.readable(), pk=id)).data)

    @extend_schema(operation_id="change_exclusion", request=ExclusionChange, responses=ANSWER)
    def patch(self, request: Request, id: UUID) -> Response:
        """From now on it hits what is said here; with `preview` not yet."""
        row = self.find(self.readable(), pk=id)
        body = self.body(ExclusionChange)
        terms = terms_in(body, Terms.of(row))
        if body.get("preview"):
            return Response(EffectsOut(exclusions.effects(terms)).data)
        row = exclusions.change(exclusion=row, terms=terms, reason=body["reason"], by=self.actor, at=self.actor.now())
        return Response(ExclusionOut(row).data)

    @extend_schema(operation_id="remove_exclusion", parameters=[WhyQuery], responses={204: None})
    def delete(self, request: Request, id: UUID) -> Response:
        """Take it back."""
        row = self.find(self.readable(), pk=id)
        exclusions.remove(exclusion=row, reason=self.query(WhyQuery)["reason"], by=self.actor, at=self.actor.now())
        return Response(status=204)


def terms_in(body: dict[str, Any], stands: Terms) -> Terms:
    """
    What stands, with what was sent instead.

    :raises BadInput: there is no such family or product
    """
    said = {name: getattr(stands, name) for name in Terms.__dataclass_fields__}
    for name in said.keys() & body.keys():
        said[name] = body[name]
    for name in ("sector", "country"):
        said[name] = said[name] or ""
    if "product" in body:
        said["product"] = product_named(body["product"]) if body["product"] else None
    if "family" in body:
        said["family"] = _family_named(body["family"]) if body["family"] else None
    return Terms(**said)


def _family_named(slug: str) -> Family:
    found = Family.objects.filter(pk=slug).first()
    if found is None:
        raise BadInput(_("There is no such family."), field="family", code="does_not_exist")
    return found
