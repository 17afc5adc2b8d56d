"""Where a partner's person records what the partner has sold to the customer for whom they act."""

from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.operations.buying import partner
from licensing.models import Plan
from tenants.access import Actor, Right
from tenants.ids import new_id
from tenants.procurement import READS, ProcurementAdmin
from tenants.procurement_form import blame
from tenants.refusal import Refused
from tenants.shown import A_DAY, read_back, sign

SALT = "seatwise.partner_record"


@dataclass(frozen=True, kw_only=True)
class _Page:
    """One page with the form. `once` makes a second click find what the first one recorded."""

    once: UUID


class RecordForm(forms.Form):
    """What the partner has sold."""

    plan = forms.ModelChoiceField(
        Plan.objects.select_related("product").order_by("product__name", "term"),
        label=gettext_lazy("Plan"),
        empty_label=gettext_lazy("Choose a plan"),
        error_messages=dict.fromkeys(("required", "invalid_choice"), gettext_lazy("Choose a plan.")),
    )
    quantity = forms.IntegerField(
        label=gettext_lazy("Seats"),
        help_text=gettext_lazy("The term begins now. Nobody is charged here: your customer pays you."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages=dict.fromkeys(("required", "invalid"), gettext_lazy("Type a whole number of seats.")),
    )
    once = forms.CharField(widget=forms.HiddenInput)


def view(pages: ProcurementAdmin, request: HttpRequest, actor: Actor) -> HttpResponse:
    """:raises PermissionDenied: a partner's person whose roles do not allow buying"""
    if not actor.may(Right.BUY_CENTRALLY):
        raise PermissionDenied(_("Your delegation does not allow you to record purchases."))
    if request.method in READS:
        return _page(pages, request, RecordForm(initial={"once": sign(_Page(once=new_id()), SALT)}))
    form = RecordForm(request.POST)
    if form.is_valid():
        try:
            recorded = partner.record(
                plan=form.cleaned_data["plan"],
                quantity=form.cleaned_data["quantity"],
                record_id=_once(form.cleaned_data["once"]),
                by=actor,
                at=actor.now(),
            )
        except Refused as refused:
            blame(form, refused)
        else:
            messages.success(request, _("Recorded. Its seats can be assigned from now on."))
            return redirect("admin:commerce_purchase_change", recorded.pk)
    return _page(pages, request, form, 400)


def _once(signed: str) -> UUID | None:
    page = read_back(_Page, signed, SALT, holds_for=A_DAY)
    return page.once if page else None


def _page(pages: ProcurementAdmin, request: HttpRequest, form: RecordForm, status: int = 200) -> TemplateResponse:
    request.current_app = pages.admin_site.name
    context = {
        **pages.admin_site.each_context(request),
        "opts": pages.opts,
        "model_admin": pages,
        "title": _("Record a purchase"),
        "parent_title": pages.list_title,
        "parent_url": reverse("admin:commerce_purchase_changelist"),
        "form": form,
        "save_label": _("Record the purchase"),
    }
    return TemplateResponse(request, "admin/form.html", context, status=status)
