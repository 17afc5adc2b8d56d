"""Asking for a licence where one may not buy, and what became of it."""

import re
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from commerce.views.people import for_members, sent_from
from licensing.models import Product
from licensing.operations.seats import members_by_email
from policies.models import LicenseRequest, LicenseRequestPerson, PersonState, RequestState
from policies.models.request import LONGEST_TEXT
from policies.operations import requests
from tenants.access import Actor
from tenants.refusal import Refused
from tenants.text import is_clean

PAGE = 25
KINDS = {RequestState.WAITING: "amber", RequestState.DECIDED: "green"}
OF_PEOPLE = {PersonState.WAITING: "amber", PersonState.GRANTED: "green", PersonState.DECLINED: "red"}


class AskForm(forms.Form):
    """For whom, and why."""

    members = forms.CharField(
        label=gettext_lazy("For whom"),
        help_text=gettext_lazy("Work e-mails, several divided by commas or lines."),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": gettext_lazy("Type at least one work e-mail.")},
    )
    reason = forms.CharField(
        label=gettext_lazy("What you need it for"),
        help_text=gettext_lazy("Your admins read it when they decide."),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": gettext_lazy("Say what you need it for, in a few words.")},
    )

    def clean_members(self) -> list[str]:
        return [address for address in re.split(r"[\s,;]+", self.cleaned_data["members"]) if address]


@never_cache
@require_safe
@for_members
def my_requests(request: HttpRequest, by: Actor) -> HttpResponse:
    mine = LicenseRequest.objects.by_requester(by.home).with_people()
    page = Paginator(mine.order_by("-created_at", "-pk"), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [_row(asked) for asked in page.object_list],
        "section": "requests",
        "zone": by.home.tenant.zone,
    }
    return render(request, "commerce/license_requests.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def new_request(request: HttpRequest, by: Actor, product_id: str) -> HttpResponse:
    if not is_clean(product_id):
        raise Http404
    product = get_object_or_404(Product, pk=product_id)
    process = requests.own_process(by.home.tenant)
    filled = {"members": by.home.user.email, "reason": _filled_reason(request, product)}
    form = AskForm(request.POST or None, initial=filled)
    status = 200
    if request.method == "POST":
        status = 400
        if process is None and form.is_valid():
            try:
                _ask(product, form, by)
            except Refused as refusal:
                form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
                status = refusal.http_status
            else:
                messages.success(request, _("Your request was sent. You get an e-mail when it is decided."))
                return redirect("my-requests")
    context = {
        "product": product,
        "form": form,
        "process": process,
        "is_guest": by.home.is_guest,
        "section": "requests",
    }
    return render(request, "commerce/new_license_request.html", context, status=status)


@sent_from("my-requests", names=False)
def withdraw(request: HttpRequest, by: Actor, request_id: UUID) -> HttpResponse:
    asked = get_object_or_404(LicenseRequest.objects.by_requester(by.home), pk=request_id)
    try:
        requests.withdraw(request=asked, by=by, at=by.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Withdrawn."))
    return redirect("my-requests")


def _ask(product: Product, form: AskForm, by: Actor) -> LicenseRequest:
    return requests.ask(
        product=product,
        reason=form.cleaned_data["reason"],
        members=members_by_email(form.cleaned_data["members"], by=by),
        by=by,
        at=by.now(),
    )


def _filled_reason(request: HttpRequest, product: Product) -> str:
    """What a free seat that members do not take themselves fills in."""
    if "free_seat" not in request.GET:
        return ""
    return _("Our organisation has a free seat of %(product)s. I would like to use it.") % {"product": product.name}


def _row(asked: LicenseRequest) -> dict[str, Any]:
    return {
        "request": asked,
        "look": KINDS.get(RequestState(asked.state), ""),
        "people": [_person(person) for person in asked.people.all()],
    }


def _person(person: LicenseRequestPerson) -> dict[str, Any]:
    return {"person": person, "look": OF_PEOPLE.get(PersonState(person.state), "")}
