"""The catalogue, public: what there is and what it costs in a country. Signed in: in one's own tenant."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from django_countries import countries
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.fields import SkipField
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.models import Price
from commerce.operations.pricing.prices import FALLBACK_COUNTRY, prices_in
from licensing.models import Channel, Plan, Product, Term
from licensing.models.catalogue import ProductQuerySet
from policies import eligibility
from policies.models import Market
from tenants import clock
from tenants.api import pages
from tenants.api.fields import Money, money
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import CallView


class CountryField(serializers.CharField):
    default_error_messages = {"invalid_choice": _("Use the two letters of a country or region, such as US.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=2, max_length=2, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data).upper()
        if code not in countries and not Market.objects.filter(country=code).exists():
            self.fail("invalid_choice")
        return code


class ProductQuery(Input):
    family = serializers.CharField(max_length=63, required=False, help_text=_("A family's slug."))
    search = serializers.CharField(max_length=200, required=False)
    country = CountryField(
        required=False, help_text=_("Whose list prices, without a tenant: default US. Signed in, it is the tenant's.")
    )


class PlanOut(serializers.Serializer):
    id = serializers.CharField()
    term = serializers.ChoiceField(Term.choices)
    price = serializers.SerializerMethodField(help_text="Of one seat for one term; null: not sold there.")

    @extend_schema_field(Money(allow_null=True))
    def get_price(self, plan: Plan) -> dict[str, str] | None:
        price: Price | None = self.context["prices"].get(plan.pk)
        return money(price.amount, price.currency) if price else None


class TrialOut(serializers.Serializer):
    days = serializers.IntegerField(source="trial_days")
    seats = serializers.IntegerField(source="trial_seats")


class EligibleField(serializers.BooleanField):
    def get_attribute(self, instance: Product) -> bool:
        answers = self.context.get("answers")
        if answers is None:
            raise SkipField
        answer = answers[instance.pk]
        return bool(answer.allowed or answer.needs_approval)


class ProductOut(serializers.Serializer):
    id = serializers.CharField()
    slug = serializers.CharField()
    name = serializers.CharField()
    family = serializers.CharField(source="family_id", help_text="The family's slug.")
    summary = serializers.CharField()
    self_service = serializers.BooleanField()
    plans = PlanOut(many=True)
    trial = serializers.SerializerMethodField(help_text="The terms of a trial; null: there is none.")
    resources = serializers.DictField(child=serializers.URLField())
    eligible = EligibleField(
        required=False,
        help_text="Whether the caller may buy it now, at once or once it is approved; absent without a tenant.",
    )

    @extend_schema_field(TrialOut(allow_null=True))
    def get_trial(self, product: Product) -> dict[str, Any] | None:
        return TrialOut(product).data if product.trial_days else None


class Products(CallView):
    scopes = {"GET": None}
    public = ("GET",)
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_products", parameters=[ProductQuery], responses=page_of(ProductOut))
    def get(self, request: Request) -> Response:
        """Products with their plans and prices, also without a token."""
        asked, now = self.query(ProductQuery), clock.now(self.caller.tenant if self.caller else None)
        found = pages.page(self.products(asked), request, orderings=self.orderings)
        context: dict[str, Any] = {"prices": self.prices(found.rows, asked.get("country", FALLBACK_COUNTRY), at=now)}
        member = self.caller.membership if self.caller else None
        if member is not None:
            context["answers"] = eligibility.decide_all(member, found.rows, at=now)
        results = ProductOut(found.rows, many=True, context=context).data
        return Response({"next": found.next, "previous": found.previous, "results": results})

    def products(self, asked: dict[str, Any]) -> ProductQuerySet:
        products = Product.objects.with_plans()
        if "family" in asked:
            products = products.filter(family=asked["family"])
        return products.matching(asked["search"]) if "search" in asked else products

    def prices(self, products: Iterable[Product], country: str, *, at: datetime) -> dict[str, Price]:
        plans = [plan for product in products for plan in product.plans.all()]
        tenant = self.caller.tenant if self.caller else None
        if tenant is not None:
            return prices_in(tenant.country, plans, channel=Channel.SELF_SERVICE, on=tenant.today(at))
        return prices_in(country, plans, channel=Channel.SELF_SERVICE, on=at.date())
