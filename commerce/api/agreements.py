"""The terms under which the tenant buys centrally."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.models import Agreement
from commerce.models.agreement import AgreementQuerySet
from commerce.operations.buying import agreements
from commerce.operations.buying.agreements import Terms
from tenants.access import Right
from tenants.api.fields import MoneyField
from tenants.api.reading import Flag, Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.refusal import BadInput

MOST_PRICES = 500


class MoneyBody(Input):
    amount = serializers.RegexField(r"^\d{1,9}(\.\d{1,3})?\Z", help_text=_("Plain digits."))
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", help_text="ISO 4217")


class AgreedPriceBody(Input):
    plan = serializers.CharField(max_length=80)
    price = MoneyBody(help_text=_("Of one seat for one term, in the agreement's currency."))


class AgreementChange(Input):
    """What is left out stays. `prices` are all of them: what is not among them has its list price."""

    name = serializers.CharField(max_length=agreements.LONGEST_NAME)
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(
        required=False, allow_null=True, help_text=_("The first day on which it holds no longer; null: it has no end.")
    )
    pay_by_invoice = Flag(required=False, help_text=_("Only the operator allows it."))
    payment_days = serializers.IntegerField(required=False, min_value=0, max_value=agreements.MOST_DAYS)
    prices = serializers.ListField(child=AgreedPriceBody(), required=False, max_length=MOST_PRICES)


class AgreementBody(AgreementChange):
    currency = serializers.RegexField(
        r"^[A-Z]{3}\Z", required=False, help_text=_("ISO 4217; default that of the price list in the tenant's market.")
    )


class AgreedPriceOut(serializers.Serializer):
    plan = serializers.CharField(source="plan_id")
    price = MoneyField(amount="amount", currency="agreement.currency")


class AgreementOut(serializers.Serializer):
    """A plan that has no price here has that of the price list."""

    id = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(allow_null=True, help_text="The first day on which it holds no longer.")
    pay_by_invoice = serializers.BooleanField()
    payment_days = serializers.IntegerField()
    prices = AgreedPriceOut(many=True)
    created_at = serializers.DateTimeField()


class AgreementView(TenantView):
    scopes = {}

    def readable(self) -> AgreementQuerySet:
        self.actor.require(Right.SEE_ALL_PURCHASES)
        return Agreement.objects.of(self.tenant).with_prices()

    def shown(self, id: UUID, *, status: int = 200) -> Response:
        return Response(AgreementOut(self.find(self.readable(), pk=id)).data, status=status)


class Agreements(AgreementView):
    scopes = {"GET": "purchases:read", "POST": "purchases:write"}

    @extend_schema(operation_id="list_agreements", responses=page_of(AgreementOut))
    def get(self, request: Request) -> Response:
        """The tenant's agreements, for whoever sees all purchases."""
        readable = self.readable()
        self.query(Input)
        return self.page(readable, AgreementOut)

    @extend_schema(operation_id="add_agreement", request=AgreementBody, responses={201: AgreementOut})
    def post(self, request: Request) -> Response:
        """For whoever buys centrally. To pay by invoice, or less than in the price list, is the operator's to allow."""
        self.actor.require(Right.BUY_CENTRALLY)
        body = self.body(AgreementBody)
        name, currency = body.pop("name"), body.pop("currency", "") or agreements.currency_of(self.tenant)
        terms = Terms(**body | {"prices": prices_in(currency, body.get("prices", []))})
        added = agreements.add(
            tenant=self.tenant, name=name, currency=currency, terms=terms, by=self.actor, at=self.actor.now()
        )
        return self.shown(added.pk, status=201)


class OneAgreement(AgreementView):
    scopes = {"GET": "purchases:read", "PATCH": "purchases:write"}

    @extend_schema(operation_id="get_agreement", responses=AgreementOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One agreement."""
        return self.shown(id)

    @extend_schema(operation_id="change_agreement", request=AgreementChange, responses=AgreementOut)
    def patch(self, request: Request, id: UUID) -> Response:
        """It holds for the next order and renewal: what was bought stays as it was bought."""
        agreement = self.find(self.readable(), pk=id)
        self.actor.require(Right.BUY_CENTRALLY)
        changes = self.body(AgreementChange, partial=True)
        if "prices" in changes:
            changes["prices"] = prices_in(agreement.currency, changes["prices"])
        agreements.change(agreement=agreement, by=self.actor, at=self.actor.now(), **changes)
        return self.shown(id)


def prices_in(currency: str, given: list[dict[str, Any]]) -> dict[str, Decimal]:
    """:raises BadInput: in another currency, or a plan twice"""
    prices: dict[str, Decimal] = {}
    for index, entry in enumerate(given):
        if entry["price"]["currency"] != currency:
            told = {"currency": currency}
            message = _("The agreement's prices are in %(currency)s.") % told
            raise BadInput(message, field=f"prices.{index}.price.currency", code="wrong_currency")
        if entry["plan"] in prices:
            raise BadInput(_("This plan has a price already."), field=f"prices.{index}.plan", code="twice")
        prices[entry["plan"]] = Decimal(entry["price"]["amount"])
    return prices
