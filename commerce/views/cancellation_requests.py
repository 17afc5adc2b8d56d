"""Where a purchaser reads that they are asked to cancel, and answers."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce.models import CancellationRequest
from commerce.operations.centralising import requests
from commerce.views.people import for_members, sent_from
from tenants.access import Actor
from tenants.refusal import Refused
from tenants.text import LONGEST_REASON


class KeepForm(forms.Form):
    """Why somebody keeps what they were asked to cancel."""

    reason = forms.CharField(
        label=gettext_lazy("Why you keep it"),
        help_text=gettext_lazy("Your organisation's admins read it."),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": gettext_lazy("Say in a few words why you keep it.")},
    )


@never_cache
@require_safe
@for_members
def my_cancellation_request(request: HttpRequest, by: Actor, request_id: UUID) -> HttpResponse:
    return _page(request, _put_to(by, request_id), KeepForm())


@sent_from("my-cancellation-request")
def promise(request: HttpRequest, by: Actor, request_id: UUID) -> HttpResponse:
    asked = _put_to(by, request_id)
    try:
        requests.promise(request=asked, by=by, at=by.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Your organisation knows that you will cancel. Do it when it suits you."))
    return redirect("my-cancellation-request", request_id=asked.pk)


@sent_from("my-cancellation-request")
def keep(request: HttpRequest, by: Actor, request_id: UUID) -> HttpResponse:
    asked, form = _put_to(by, request_id), KeepForm(request.POST)
    if form.is_valid():
        try:
            requests.keep(request=asked, reason=form.cleaned_data["reason"], by=by, at=by.now())
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(request, _("Your organisation knows why you keep it. Nothing changes."))
            return redirect("my-cancellation-request", request_id=asked.pk)
    return _page(request, asked, form, status=400)


def _page(request: HttpRequest, asked: CancellationRequest, form: KeepForm, *, status: int = 200) -> HttpResponse:
    context = {
        "section": "subscriptions",
        "asked": asked,
        "subscription": asked.subscription,
        "form": form,
        "is_open": asked.is_standing and requests.goes_on(asked.subscription),
    }
    return render(request, "commerce/cancellation_request.html", context, status=status)


def _put_to(by: Actor, request_id: UUID) -> CancellationRequest:
    return get_object_or_404(CancellationRequest.objects.put_to(by.home).with_people(), pk=request_id)
