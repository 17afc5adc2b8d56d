"""Where self-service is sold, from and until which day."""

from datetime import date

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from policies.models import Market
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import CallView


class MarketQuery(Input):
    family = serializers.SlugField(
        max_length=63, required=False, help_text=_("One row a country: the family's own, else the one for all.")
    )
    on = serializers.DateField(required=False, help_text=_("Default the tenant's own date."))


class MarketOut(serializers.Serializer):
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2, XK for Kosovo")
    name = serializers.CharField()
    family = serializers.CharField(source="family_id", allow_null=True, help_text="null: every family")
    open = serializers.SerializerMethodField()
    opens_on = serializers.DateField(allow_null=True)
    closes_on = serializers.DateField(allow_null=True, help_text="The first day on which it is closed again.")

    def get_open(self, market: Market) -> bool:
        return market.is_open(self.context["on"])


class Markets(CallView):
    scopes = {"GET": None}
    orderings = {"country": "country", "id": "id"}
    default_ordering = "country"

    @extend_schema(operation_id="list_markets", parameters=[MarketQuery], responses=page_of(MarketOut))
    def get(self, request: Request) -> Response:
        """Countries and regions, and whether each is open on a day. What is not listed is closed."""
        asked = self.query(MarketQuery)
        markets = Market.objects.for_family(asked["family"]) if "family" in asked else Market.objects.all()
        return self.page(markets, MarketOut, on=asked.get("on") or self.today())

    def today(self) -> date:
        tenant, now = self.actor.tenant, self.actor.now()
        return tenant.today(now) if tenant else now.date()
