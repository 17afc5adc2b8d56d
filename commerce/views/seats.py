"""Who uses what a person bought: seats given and taken back, several at a time."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import ngettext

from commerce.forms.seats import AssignForm, ReleaseForm
from commerce.views.people import sent_from
from commerce.views.subscriptions import own, shown
from licensing.models import Seat, Subscription
from licensing.operations import seats
from tenants.access import Actor
from tenants.refusal import Refused


@sent_from("my-subscription")
def assign(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription, form = own(by, subscription_id), AssignForm(request.POST)
    if not form.is_valid():
        return shown(request, by, subscription, form, status=400)
    try:
        members = seats.members_by_email(form.cleaned_data["members"], by=by)
        given = seats.assign(subscription=subscription, members=members, by=by, at=by.now())
    except Refused as refusal:
        form.add_error("members", str(refusal))
        return shown(request, by, subscription, form, status=refusal.http_status)
    text = ngettext("%(name)s has a seat now.", "%(count)s people have a seat now.", len(given))
    messages.success(request, text % {"name": members[0], "count": len(given)})
    return redirect("my-subscription", subscription_id=subscription.pk)


@sent_from("my-subscription")
def release(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription = own(by, subscription_id)
    form = ReleaseForm(Seat.objects.open().filter(subscription=subscription).with_people(), request.POST)
    if form.is_valid():
        members = [seat.member for seat in form.cleaned_data["seats"]]
        seats.release(subscription=subscription, members=members, by=by, at=by.now())
        text = ngettext("The seat of %(name)s is free.", "%(count)s seats are free.", len(members))
        messages.success(request, text % {"name": members[0], "count": len(members)})
    else:
        messages.error(request, str(form.errors["seats"][0]))
    return redirect(_where_one_was(request, subscription))


def _where_one_was(request: HttpRequest, subscription: Subscription) -> str:
    """The page of the list, and the search, from which the seats were chosen."""
    url = reverse("my-subscription", kwargs={"subscription_id": subscription.pk})
    kept = {name: request.GET[name] for name in ("q", "page") if request.GET.get(name)}
    return f"{url}?{urlencode(kept)}" if kept else url
