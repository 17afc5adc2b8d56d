"""What partners offer beside products: written by a partner's global admins, approved by an operator."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.models import Product, Solution, SolutionState
from licensing.operations import solutions
from tenants.access import Actor, Right
from tenants.dates import listed_minute
from tenants.procurement import Section, badge
from tenants.procurement_filters import Filter
from tenants.procurement_form import FormAdmin
from tenants.refusal import Refused

_KIND = {
    SolutionState.WAITING: "amber",
    SolutionState.APPROVED: "green",
    SolutionState.DECLINED: "red",
    SolutionState.WITHDRAWN: "",
}


class StateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = SolutionState


class SolutionForm(forms.Form):
    """What everybody reads once it is approved."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    text = forms.CharField(label=gettext_lazy("What it does"), max_length=500, widget=forms.Textarea(attrs={"rows": 4}))
    link = forms.CharField(
        label=gettext_lazy("Page"),
        help_text=gettext_lazy("Where people read more, beginning with https://."),
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )
    products = forms.ModelMultipleChoiceField(
        Product.objects.order_by("name"),
        label=gettext_lazy("Products that it extends"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one product.")},
    )


@admin.register(Solution)
class SolutionAdmin(FormAdmin):
    """A partner's own solutions; an operator reads those of all, and decides."""

    right = Right.MANAGE_DELEGATIONS
    list_title = gettext_lazy("Solutions")
    list_intro = gettext_lazy("What a partner offers that extends a product. It is shown once an operator approves it.")
    list_before_template = "admin/_solutions.html"
    list_display = ["name", "shown_products", "shown_state", "changed"]
    list_filter = [StateFilter]
    ordering = ["-changed_at", "-pk"]
    sortable_by = ()
    empty_text = gettext_lazy("A partner of other organisations may offer here what extends a product.")
    detail_fields = ["name", "text", "link", "shown_products", "shown_state", "changed"]
    form_title = gettext_lazy("Change it")
    save_label = gettext_lazy("Send it for approval")
    read_only_note = gettext_lazy("Global admins of the partner write it; an operator decides whether it is shown.")

    def rows(self) -> QuerySet[Solution]:
        return Solution.objects.prefetch_related("products").select_related("tenant")

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("new/", guarded(self.new_view), name="licensing_solution_new"),
            path("<uuid:object_id>/approve/", guarded(self.approve_view), name="licensing_solution_approve"),
            path("<uuid:object_id>/decline/", guarded(self.decline_view), name="licensing_solution_decline"),
            path("<uuid:object_id>/withdraw/", guarded(self.withdraw_view), name="licensing_solution_withdraw"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {"may_change": self.may_change(self.actor(request))}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def new_view(self, request: HttpRequest) -> HttpResponse:
        actor = self.actor(request)
        if actor.tenant is None or not self.may_change(actor):
            raise PermissionDenied
        return self.form_view(request, Solution(tenant=actor.tenant), title=_("Offer a solution"))

    def may_change(self, actor: Actor) -> bool:
        return actor.tenant is not None and actor.may(Right.MANAGE_DELEGATIONS)

    def form_for(self, row: Solution, data: Any = None) -> SolutionForm:
        if row._state.adding:
            return SolutionForm(data)
        stands = {"name": row.name, "text": row.text, "link": row.link, "products": row.products.all()}
        return SolutionForm(data, initial=stands)

    def keep(self, row: Solution, form: forms.Form, *, by: Actor, at: datetime) -> Solution:
        known = None if row._state.adding else row
        return solutions.save(tenant=row.tenant, solution=known, by=by, at=at, **form.cleaned_data)

    def said(self, row: Solution) -> str:
        return _("It is shown once an operator has approved it.")

    def approve_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        said = _("It is shown beside its products.")
        return self.decided(request, object_id, said, solutions.decide, approve=True, seen=_seen(request))

    def decline_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        said = _("It is not shown.")
        return self.decided(request, object_id, said, solutions.decide, approve=False, seen=_seen(request))

    def withdraw_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return self.decided(request, object_id, _("Nobody is shown it any more."), solutions.withdraw)

    def decided(self, request: HttpRequest, object_id: Any, said: str, operation: Any, **how: Any) -> HttpResponse:
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        found, actor = self.found(request, str(object_id)), self.actor(request)
        try:
            operation(solution=found, by=actor, at=actor.now(), **how)
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, said)
        return redirect(self.next_page(found))

    def sections(self, request: HttpRequest, row: Solution) -> list[Section]:
        if row._state.adding:
            return []
        actor = self.actor(request)
        data = {
            "row": row,
            "seen": row.changed_at.isoformat(),
            "may_decide": actor.is_operator and row.state != SolutionState.WITHDRAWN,
            "may_withdraw": not actor.is_operator and row.state != SolutionState.WITHDRAWN,
        }
        decide = Section(title=_("Decide"), template="admin/_solution.html", data=data)
        return [*super().sections(request, row), decide]

    @admin.display(description=gettext_lazy("products"))
    def shown_products(self, row: Solution) -> str:
        return ", ".join(sorted(product.name for product in row.products.all()))

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, row: Solution) -> str:
        return badge(row.get_state_display(), _KIND[SolutionState(row.state)])

    @admin.display(description=gettext_lazy("changed"))
    def changed(self, row: Solution) -> str:
        return listed_minute(row.changed_at)


def _seen(request: HttpRequest) -> datetime | None:
    """The last change of what the page showed whose button was pressed."""
    try:
        return parse_datetime(request.POST.get("seen", ""))
    except ValueError:  # it looks like a moment, and is none
        return None
