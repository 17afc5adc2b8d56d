"""Central seats that people take by using a product: the products for which they may, and how many seats may go so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.models import Product
from policies.admin.shown import tenant_of
from policies.models import AutoClaim
from policies.operations import auto_claims
from tenants.access import Actor, Right
from tenants.dates import listed_minute
from tenants.procurement import BY_COMMAND
from tenants.procurement_form import ReasonForm, TakenBackAdmin

NOT_A_NUMBER = gettext_lazy("Type a whole number of seats, at least one.")


class CeilingForm(ReasonForm):
    """How many people may hold a seat that they took so."""

    field_order = ("product", "ceiling", "reason")
    ceiling = forms.IntegerField(
        label=gettext_lazy("At most"),
        help_text=gettext_lazy("So many people hold a seat that they took by using the product. Others ask for one."),
        min_value=1,
        max_value=auto_claims.HIGHEST_CEILING,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), NOT_A_NUMBER),
    )


class AllowForm(CeilingForm):
    """A product besides."""

    product = forms.ModelChoiceField(
        Product.objects.order_by("name"),
        label=gettext_lazy("Product"),
        empty_label=gettext_lazy("Choose a product"),
        error_messages=dict.fromkeys(("required", "invalid_choice"), gettext_lazy("Choose a product.")),
    )


@admin.register(AutoClaim)
class AutoClaimAdmin(TakenBackAdmin):
    """For each product of which people take free central seats by using it, up to how many."""

    right = Right.READ_POLICY
    list_title = gettext_lazy("Seats on first use")
    list_intro = gettext_lazy(
        "Whoever uses one of these products and has no seat takes a free central one, as long as there are any."
    )
    list_before_template = "admin/_auto_claims.html"
    list_display = ["name", "in_use", "free", "set_by_whom", "when"]
    list_display_links = ["name"]
    ordering = ["product__name"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("People ask their admins for seats, or take them on the product's page.")
    detail_fields = ["name", "in_use", "free", "set_by_whom", "when", "reason"]
    detail_template = "admin/auto_claim.html"
    form_title = gettext_lazy("Another ceiling")
    save_label = gettext_lazy("Set the ceiling")
    read_only_note = gettext_lazy("Global and billing admins change it.")
    new_title = gettext_lazy("Let people take seats on first use")
    new_heading = gettext_lazy("Of which product, and how many")
    take_back_heading = gettext_lazy("Nobody takes a seat by using it any more; seats that were taken stay")
    take_back_label = gettext_lazy("Let nobody take seats")
    taken_back = gettext_lazy("Only admins give seats of it now. Seats that were taken stay.")

    def rows(self) -> QuerySet[AutoClaim]:
        return AutoClaim.objects.with_people().with_use()

    def may_change(self, actor: Actor) -> bool:
        return actor.tenant is not None and actor.may(Right.CHANGE_POLICY)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may = self.has_view_permission(request) and self.may_change(self.actor(request))
        return super().changelist_view(request, {"may_change": may, **(extra_context or {})})

    def form_for(self, row: AutoClaim | None, data: Any = None) -> forms.Form:
        return AllowForm(data) if row is None else CeilingForm(data, initial={"ceiling": row.ceiling})

    def keep(self, row: AutoClaim | None, form: forms.Form, *, by: Actor, at: datetime) -> AutoClaim:
        said = form.cleaned_data
        product = said["product"] if row is None else row.product
        return auto_claims.allow(
            tenant=tenant_of(by), product=product, ceiling=said["ceiling"], reason=said["reason"], by=by, at=at
        )

    def take_back(self, row: AutoClaim, *, reason: str, by: Actor, at: datetime) -> None:
        auto_claims.forbid(auto_claim=row, reason=reason, by=by, at=at)

    def said(self, row: AutoClaim) -> str:
        told = {"count": row.ceiling, "product": row.product.name}
        return _("Up to %(count)s people take seats of %(product)s by using it.") % told

    @admin.display(description=gettext_lazy("product"))
    def name(self, row: AutoClaim) -> str:
        return row.product.name

    @admin.display(description=gettext_lazy("taken so"))
    def in_use(self, row: AutoClaim) -> str:
        return _("%(taken)s of %(ceiling)s") % {"taken": row.seats_taken, "ceiling": row.ceiling}

    @admin.display(description=gettext_lazy("free central seats"))
    def free(self, row: AutoClaim) -> str:
        return str(row.seats_free)

    @admin.display(description=gettext_lazy("set by"))
    def set_by_whom(self, row: AutoClaim) -> str:
        return str(row.set_by or BY_COMMAND)

    @admin.display(description=gettext_lazy("set at"))
    def when(self, row: AutoClaim) -> str:
        return listed_minute(row.set_at)
