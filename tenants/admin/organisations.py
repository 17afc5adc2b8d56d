"""Organisations: all of them for the operator, their own for its admins, who say how it is billed."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_countries import countries

from tenants.access import Actor, Right
from tenants.directory.models import Sector, Tenant
from tenants.directory.operations import organisations
from tenants.directory.tax_numbers import LONGEST
from tenants.procurement import Row, Section, as_lines, badge
from tenants.procurement_filters import Filter
from tenants.procurement_form import FormAdmin


class SectorFilter(Filter):
    title, parameter_name, field = gettext_lazy("sector"), "sector", "sector"
    choices_of = Sector


class BillingForm(forms.Form):
    """Who the organisation is on its invoices."""

    legal_name = forms.CharField(
        label=gettext_lazy("Legal name"),
        help_text=gettext_lazy("As it must stand on an invoice. Empty: the name that everybody uses."),
        max_length=organisations.LONGEST_LEGAL_NAME,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    address = forms.CharField(
        label=gettext_lazy("Billing address"),
        help_text=gettext_lazy("Street, postal code and town, line by line. The country is added."),
        max_length=organisations.LONGEST_ADDRESS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "street-address"}),
    )
    tax_number = forms.CharField(
        label=gettext_lazy("Tax number"),
        help_text=gettext_lazy("In the European Union the VAT number, with the letters of the country first."),
        max_length=LONGEST,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@admin.register(Tenant)
class TenantAdmin(FormAdmin):
    """An organisation's own page, where its billing details are changed; the operator reads those of all."""

    right = Right.SEE_ALL_PURCHASES
    list_title = gettext_lazy("Organisations")
    list_display = ["name", "slug", "country", "sector", "is_managed", "time_zone"]
    list_filter = [SectorFilter]
    search_fields = ["name", "slug"]
    search_help_text = gettext_lazy("Name or short name")
    ordering = ["name"]
    empty_text = gettext_lazy("Organisations appear here as soon as they exist.")
    detail_fields = [
        "name",
        "slug",
        "country",
        "sector",
        "is_managed",
        "time_zone",
        "contact_email",
        "contact_url",
        "contact_message",
    ]
    form_title = gettext_lazy("Change the billing details")
    read_only_note = gettext_lazy("Global and billing admins of the organisation may change its billing details.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        actor = self.actor(request)
        if actor.is_operator:
            return Tenant.objects.all()
        return Tenant.objects.filter(pk=actor.organisation.pk)

    @admin.display(description=gettext_lazy("directory"), ordering="managed")
    def is_managed(self, tenant: Tenant) -> str:
        return badge(_("Managed"), "green") if tenant.managed else badge(_("Not managed"), "amber")

    def sections(self, request: HttpRequest, row: Tenant) -> list[Section]:
        [whole] = super().sections(request, row)
        billing = Section(title=_("On the next invoices"), rows=_billing(row))
        return [billing, Section(title=_("The organisation"), rows=whole.rows)]

    def may_change(self, actor: Actor) -> bool:
        return actor.may(Right.CHANGE_BILLING)

    def form_for(self, row: Tenant, data: Any = None) -> BillingForm:
        stands = {"legal_name": row.legal_name, "address": row.billing_address, "tax_number": row.tax_number}
        return BillingForm(data, initial=stands)

    def keep(self, row: Tenant, form: forms.Form, *, by: Actor, at: datetime) -> Tenant:
        return organisations.set_billing_details(tenant=row, by=by, at=at, **form.cleaned_data)

    def said(self, row: Tenant) -> str:
        return _("The next invoices say so. Those that were issued stay as they are.")


def _billing(tenant: Tenant) -> list[Row]:
    """As they stand on paper, down to the country that is always there."""
    country = str(countries.name(tenant.country) or tenant.country)
    return [
        Row(label=_("Name"), value=tenant.billed_as),
        Row(label=_("Address"), value=as_lines(tenant.billing_address, country)),
        Row(label=_("Tax number"), value=tenant.tax_number),
    ]
