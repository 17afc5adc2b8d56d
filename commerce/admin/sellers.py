"""Who bills which market, for the operator."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_countries import countries

from commerce.models import Seller
from commerce.operations.billing import sellers
from tenants.access import Actor
from tenants.procurement import as_lines
from tenants.procurement_form import FormAdmin

BETWEEN_CODES = re.compile(r"[\s,;]+")


def _countries() -> Iterator[tuple[str, str | Promise]]:
    yield "", gettext_lazy("Choose a country")
    yield from countries


class SellerForm(forms.Form):
    """What its next invoices say, and whom they are for."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        error_messages={"required": gettext_lazy("Type the legal name.")},
    )
    country = forms.ChoiceField(
        label=gettext_lazy("Country"),
        help_text=gettext_lazy("Where it pays its taxes."),
        choices=_countries,
        error_messages=dict.fromkeys(("required", "invalid_choice"), gettext_lazy("Choose a country.")),
    )
    address = forms.CharField(
        label=gettext_lazy("Address"),
        help_text=gettext_lazy("Line by line, with the country."),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    tax_id = forms.CharField(label=gettext_lazy("Tax number"), max_length=40, required=False)
    markets = forms.CharField(
        label=gettext_lazy("Markets"),
        help_text=gettext_lazy(
            "Codes of the countries that it bills, such as DE AT. The default seller bills the rest."
        ),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def clean_markets(self) -> list[str]:
        return list(filter(None, BETWEEN_CODES.split(self.cleaned_data["markets"].upper())))


class NewSellerForm(SellerForm):
    """What can never be changed is asked once."""

    slug = forms.SlugField(
        label=gettext_lazy("Short name"), help_text=gettext_lazy("For commands, such as seatwise-eu."), max_length=63
    )
    begins = forms.RegexField(
        sellers.PREFIX,
        label=gettext_lazy("Prefix"),
        help_text=gettext_lazy("The numbers of its invoices begin with it: 2 to 8 capital letters."),
        error_messages={"invalid": gettext_lazy("Use 2 to 8 capital letters from A to Z.")},
    )
    field_order = ("slug", "begins")

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if Seller.objects.filter(slug=slug).exists():
            raise forms.ValidationError(_("There is a seller of that short name already."))
        return slug


@admin.register(Seller)
class SellerAdmin(FormAdmin):
    """The legal entities that bill, with the countries that are theirs."""

    list_title = gettext_lazy("Sellers")
    list_before_template = "admin/_sellers.html"
    list_display = ["name", "slug", "prefix", "country_name", "bills"]
    ordering = ["name"]
    sortable_by = ["name"]
    detail_fields = ["name", "slug", "prefix", "country_name", "tax_id", "lines", "bills"]
    form_title = gettext_lazy("What its next invoices say")

    def get_urls(self) -> list[URLPattern]:
        new = self.admin_site.admin_view(self.new_view)
        return [path("new/", new, name="commerce_seller_new"), *super().get_urls()]

    def rows(self) -> QuerySet[Seller]:
        return Seller.objects.prefetch_related("markets")

    def new_view(self, request: HttpRequest) -> HttpResponse:
        return self.form_view(request, None, title=_("New seller"))

    @admin.display(description=gettext_lazy("country"))
    def country_name(self, seller: Seller) -> str:
        return str(countries.name(seller.country) or seller.country)

    @admin.display(description=gettext_lazy("address"))
    def lines(self, seller: Seller) -> str:
        return as_lines(seller.address)

    @admin.display(description=gettext_lazy("markets"))
    def bills(self, seller: Seller) -> str:
        own = ", ".join(_codes(seller))
        if not seller.is_default:
            return own
        return _("%(own)s and every other") % {"own": own} if own else _("All that have no other seller")

    def may_change(self, actor: Actor) -> bool:
        return actor.is_operator

    def form_for(self, row: Seller | None, data: Any = None) -> SellerForm:
        if row is None:
            return NewSellerForm(data)
        stands = {name: getattr(row, name) for name in ("name", "country", "address", "tax_id")}
        return SellerForm(data, initial={**stands, "markets": " ".join(_codes(row))})

    def keep(self, row: Seller | None, form: forms.Form, *, by: Actor, at: datetime) -> Seller:
        said = dict(form.cleaned_data)
        fixed = (said.pop("slug"), said.pop("begins")) if row is None else (row.slug, row.prefix)
        return sellers.save_seller(slug=fixed[0], prefix=fixed[1], **said, by=by, at=at)

    def said(self, row: Seller) -> str:
        return _("The next invoices of %(seller)s say so. Those that were issued stay.") % {"seller": row}


def _codes(seller: Seller) -> list[str]:
    return sorted(market.country for market in seller.markets.all())
