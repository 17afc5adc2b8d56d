"""Under which terms organisations buy centrally: their admins read them, the operator writes them."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce import money as exact
from commerce.amounts import money
from commerce.models import Agreement
from commerce.operations.buying import agreements
from commerce.operations.buying.agreements import Terms
from tenants import clock
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.directory.models import Tenant
from tenants.procurement import Row, Section, badge
from tenants.procurement_filters import Filter
from tenants.procurement_form import FormAdmin


class HoldsFilter(Filter):
    title, parameter_name = gettext_lazy("holds"), "holds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("now", _("Today")), ("not", _("Not today"))]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        today = Agreement.objects.in_force(timezone.localdate()).values("pk")
        return queryset.filter(pk__in=today) if value == "now" else queryset.exclude(pk__in=today)


class AgreementForm(forms.Form):
    """What is agreed; a price on each line."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=agreements.LONGEST_NAME)
    valid_from = forms.DateField(label=gettext_lazy("Valid from"), help_text=gettext_lazy("Such as 2026-01-31."))
    valid_to = forms.DateField(
        label=gettext_lazy("Valid to"),
        help_text=gettext_lazy("The first day on which it holds no longer; empty: it has no end."),
        required=False,
    )
    pay_by_invoice = forms.BooleanField(label=gettext_lazy("Purchases are paid by invoice"), required=False)
    payment_days = forms.IntegerField(
        label=gettext_lazy("Days to pay"),
        min_value=0,
        max_value=agreements.MOST_DAYS,
        initial=30,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    prices = forms.CharField(
        label=gettext_lazy("Prices"),
        help_text=gettext_lazy(
            "A plan and the price of one seat for one term on each line, such as power-bi-pro-annual 79.00. "
            "Other plans have their list price."
        ),
        max_length=50_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocapitalize": "none"}),
    )

    def clean_prices(self) -> dict[str, Decimal]:
        prices: dict[str, Decimal] = {}
        for line in filter(None, map(str.strip, self.cleaned_data["prices"].splitlines())):
            plan, _space, amount = line.partition(" ")
            try:
                prices[plan] = Decimal(amount.strip())
            except InvalidOperation:
                told = {"line": line}
                raise forms.ValidationError(_("“%(line)s” is no plan with its price."), params=told) from None
        return prices


class NewAgreementForm(AgreementForm):
    """Whose it is, and in which currency, can never be changed."""

    tenant = forms.SlugField(label=gettext_lazy("Organisation"), help_text=gettext_lazy("Its short name."))
    currency = forms.CharField(
        label=gettext_lazy("Currency"),
        help_text=gettext_lazy("Empty: that of the price list in its country."),
        max_length=3,
        required=False,
    )
    field_order = ("tenant", "name", "currency")

    def clean_tenant(self) -> Tenant:
        found = Tenant.objects.filter(slug=self.cleaned_data["tenant"]).first()
        if found is None:
            raise forms.ValidationError(_("There is no organisation of that short name."))
        return found

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()


@admin.register(Agreement)
class AgreementAdmin(FormAdmin):
    """Terms of central purchases: prices of an organisation's own, and whether it pays by invoice."""

    right = Right.SEE_ALL_PURCHASES
    list_title = gettext_lazy("Agreements")
    list_before_template = "admin/_agreements.html"
    list_display = ["name", "holds", "begins", "ends", "pays", "currency"]
    list_filter = [HoldsFilter]
    search_fields = ["name"]
    search_help_text = gettext_lazy("Name")
    sortable_by = ["name", "begins", "ends"]
    ordering = ["-created_at"]
    empty_text = gettext_lazy(
        "An agreement gives your organisation prices of its own, or lets it pay by invoice. Ask the operator for one."
    )
    form_title = gettext_lazy("What is agreed")
    read_only_note = gettext_lazy("The operator writes down what was agreed. Ask the operator to change it.")

    def get_urls(self) -> list[URLPattern]:
        new = self.admin_site.admin_view(self.new_view)
        return [path("new/", new, name="commerce_agreement_new"), *super().get_urls()]

    def rows(self) -> QuerySet[Agreement]:
        return Agreement.objects.with_prices()

    def new_view(self, request: HttpRequest) -> HttpResponse:
        return self.form_view(request, None, title=_("New agreement"))

    @admin.display(description=gettext_lazy("state"))
    def holds(self, agreement: Agreement) -> str:
        today = agreement.tenant.today(clock.now(agreement.tenant))
        if agreement.is_in_force(today):
            return badge(_("Holds"), "green")
        return badge(_("Not yet")) if agreement.valid_from > today else badge(_("Ended"))

    @admin.display(description=gettext_lazy("valid from"), ordering="valid_from")
    def begins(self, agreement: Agreement) -> str:
        return listed_day(agreement.valid_from)

    @admin.display(description=gettext_lazy("valid to"), ordering="valid_to")
    def ends(self, agreement: Agreement) -> str:
        return listed_day(agreement.valid_to) if agreement.valid_to else _("No end")

    @admin.display(description=gettext_lazy("payment"))
    def pays(self, agreement: Agreement) -> str:
        if not agreement.pay_by_invoice:
            return _("By card")
        return _("By invoice, within %(days)s days") % {"days": agreement.payment_days}

    def sections(self, request: HttpRequest, row: Agreement | None) -> list[Section]:
        if row is None:
            return []
        whose = ["organisation"] if self.actor(request).is_operator else []
        facts = [self.line(name, row) for name in [*whose, "holds", "begins", "ends", "pays", "currency"]]
        prices: list[tuple[str | Promise, str]] = [
            (str(price.plan), money(price.amount, row.currency)) for price in row.prices.all()
        ]
        listed = [Row(label=plan, value=price) for plan, price in prices]
        return [
            Section(title=_("Terms"), rows=facts),
            Section(title=_("Prices of a seat"), rows=listed or [Row(label=_("All plans"), value=_("List price"))]),
        ]

    def may_change(self, actor: Actor) -> bool:
        return actor.is_operator

    def form_for(self, row: Agreement | None, data: Any = None) -> AgreementForm:
        if row is None:
            return NewAgreementForm(data)
        prices = [f"{price.plan_id} {exact.text(price.amount, row.currency)}" for price in row.prices.all()]
        return AgreementForm(data, initial={"name": row.name, **Terms.of(row).fields, "prices": "\n".join(prices)})

    def keep(self, row: Agreement | None, form: forms.Form, *, by: Actor, at: datetime) -> Agreement:
        said = dict(form.cleaned_data)
        if row is not None:
            return agreements.change(agreement=row, by=by, at=at, **said)
        whose = {name: said.pop(name) for name in ("tenant", "name", "currency")}
        return agreements.add(**whose, terms=Terms(**said), by=by, at=at)

    def said(self, row: Agreement) -> str:
        return _("%(agreement)s holds for the next order and renewal. What was bought stays as it is.") % {
            "agreement": row
        }
