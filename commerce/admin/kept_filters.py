"""Filters of the list of purchases that people keep: the page that keeps one, and the button that removes it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.purchase_filters import Asked
from commerce.admin.purchase_list import PurchaseListing, query_to_take
from commerce.operations.procurement import addresses, columns, saved_filters
from commerce.operations.procurement.saved_filters import LONGEST_NAME
from tenants.access import Actor, Right
from tenants.procurement import READS
from tenants.procurement_form import blame
from tenants.refusal import Refused


class KeepForm(forms.Form):
    """What it is called, and for whom it is kept."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=LONGEST_NAME,
        error_messages={"required": gettext_lazy("Type a name.")},
    )
    shared = forms.BooleanField(
        label=gettext_lazy("Share it with everybody who sees the organisation's purchases"),
        help_text=gettext_lazy("Each of them finds what they may see."),
        required=False,
    )


class KeptFilters(PurchaseListing):
    """Links above the list, to what somebody has asked before."""

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("keep-filter/", guarded(self.keep_view), name="commerce_purchase_keep_filter"),
            path("kept-filters/", guarded(self.kept_view), name="commerce_purchase_kept_filters"),
            path(
                "kept-filters/<uuid:filter_id>/remove/",
                guarded(self.remove_kept_view),
                name="commerce_purchase_remove_filter",
            ),
            *super().get_urls(),
        ]

    def keep_view(self, request: HttpRequest) -> HttpResponse:
        """What is kept stands in the address, as in that of the list."""
        actor = self.keeper(request, *READS, "POST")
        if request.method in READS and self.wrong_in(request):
            return self.back(request)
        form = KeepForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                said = {**form.cleaned_data, "query": query_to_take(request)}
                chosen = self.columns_to_take(request)
                kept = saved_filters.keep(by=actor, at=actor.now(), columns=chosen, **said)
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, _("Kept. It stands above the list of purchases."))
                return redirect(addresses.of_list(kept.query, kept.columns))
        context = {"form": form, "heading": _("Keep this filter"), "save_label": _("Keep filter")}
        return self.page_of(request, "admin/form.html", 400 if form.errors else 200, **context)

    def kept_view(self, request: HttpRequest) -> HttpResponse:
        actor = self.keeper(request, *READS)
        kept = [
            {
                "row": row,
                "url": addresses.of_list(row.query, row.columns),
                "query": self.said(request, row.query),
                "columns": columns.said(row.columns),
                "may_remove": row.user == actor.user or actor.may(Right.CHANGE_BILLING),
            }
            for row in saved_filters.usable(actor)
        ]
        return self.page_of(request, "admin/kept_filters.html", kept=kept)

    def remove_kept_view(self, request: HttpRequest, filter_id: UUID) -> HttpResponse:
        actor = self.keeper(request, "POST")
        kept = get_object_or_404(saved_filters.usable(actor), pk=filter_id)
        try:
            saved_filters.remove(kept=kept.pk, by=actor, at=actor.now())
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, _("The filter is removed."))
        return redirect("admin:commerce_purchase_kept_filters")

    def keeper(self, request: HttpRequest, *methods: str) -> Actor:
        """:raises PermissionDenied: somebody who keeps none, or nothing was sent"""
        actor = self.actor(request)
        if not self.has_view_permission(request) or actor.tenant is None or request.method not in methods:
            raise PermissionDenied
        return actor

    def said(self, request: HttpRequest, query: dict[str, str]) -> str:
        """In the words of the form."""
        fields = {each.parameter_name: each(request, {}, self.model, self) for each in self.list_filter}
        return ", ".join(_said(fields.get(name), value) for name, value in query.items())

    def page_of(self, request: HttpRequest, template: str, status: int = 200, **context: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name
        shown = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "model_admin": self,
            "title": _("Kept filters"),
            "parent_title": self.list_title,
            "parent_url": reverse("admin:commerce_purchase_changelist"),
            "sections": [],
            **context,
        }
        return TemplateResponse(request, template, shown, status=status)


def _said(field: Asked | None, value: str) -> str:
    if field is None:
        return _("Search: %(value)s") % {"value": value}
    choices = {str(key): str(label) for key, label in field.lookup_choices}
    return f"{capfirst(str(field.title))}: {choices.get(value, value)}"
