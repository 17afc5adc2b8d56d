"""Purchases as a file by e-mail again and again: the page that asks for one, and the list of what somebody is sent."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.kept_filters import KeptFilters
from commerce.admin.purchase_list import query_of, query_to_take
from commerce.models import Every, FileFormat
from commerce.operations.procurement import addresses, columns, schedules
from commerce.operations.procurement.saved_filters import LONGEST_NAME
from tenants.access import Actor, Right
from tenants.procurement import READS
from tenants.procurement_form import blame
from tenants.refusal import Refused


class ScheduleForm(forms.Form):
    """What it is called, how often it comes, and as what."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("Stands in the subject of the e-mail."),
        max_length=LONGEST_NAME,
        error_messages={"required": gettext_lazy("Type a name.")},
    )
    every = forms.ChoiceField(
        label=gettext_lazy("Sent"),
        help_text=gettext_lazy("At 07:00 of your organisation’s time."),
        choices=Every.choices,
        initial=Every.WEEK,
    )
    format = forms.ChoiceField(label=gettext_lazy("Format"), choices=FileFormat.choices)


class Schedules(KeptFilters):
    """A link below the filters, to be sent what they find."""

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("send-regularly/", guarded(self.schedule_view), name="commerce_purchase_schedule"),
            path("sent-regularly/", guarded(self.schedules_view), name="commerce_purchase_schedules"),
            path(
                "sent-regularly/<uuid:schedule_id>/remove/",
                guarded(self.remove_schedule_view),
                name="commerce_purchase_remove_schedule",
            ),
            *super().get_urls(),
        ]

    def schedule_view(self, request: HttpRequest) -> HttpResponse:
        """What is sent stands in the address, as in that of the list."""
        actor = self.sent_to(request, *READS, "POST")
        if request.method in READS and self.wrong_in(request):
            return self.back(request)
        form = ScheduleForm(request.POST if request.method == "POST" else None)
        query, chosen = query_of(request), self.columns_of(request)
        if request.method == "POST" and form.is_valid():
            try:
                query, chosen = query_to_take(request), self.columns_to_take(request)
                schedules.add(query=query, columns=chosen, by=actor, at=actor.now(), **form.cleaned_data)
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, _("You are sent it from the next such day on."))
                return redirect("admin:commerce_purchase_schedules")
        context = {
            "form": form,
            "title": _("Send purchases regularly"),
            "heading": self.said(request, query) or _("All purchases"),
            "columns": columns.said(chosen),
            "save_label": _("Send it to me"),
        }
        return self.page_of(request, "admin/schedule.html", 400 if form.errors else 200, **context)

    def schedules_view(self, request: HttpRequest) -> HttpResponse:
        sent = [
            {
                "row": row,
                "url": addresses.of_list(row.filters, row.columns),
                "query": self.said(request, row.filters),
                "columns": columns.said(row.columns),
            }
            for row in schedules.own(self.sent_to(request, *READS))
        ]
        return self.page_of(request, "admin/schedules.html", sent=sent, title=_("Sent regularly"))

    def remove_schedule_view(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        actor = self.sent_to(request, "POST")
        row = get_object_or_404(schedules.own(actor), pk=schedule_id)
        schedules.remove(schedule=row.pk, by=actor, at=actor.now())
        messages.success(request, _("It is not sent any more."))
        return redirect("admin:commerce_purchase_schedules")

    def sent_to(self, request: HttpRequest, *methods: str) -> Actor:
        """:raises PermissionDenied: somebody who may not take purchases away as a file"""
        actor = self.keeper(request, *methods)
        if not actor.may(Right.EXPORT_PURCHASES):
            raise PermissionDenied
        return actor
