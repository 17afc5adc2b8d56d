"""Giving the seats of the organisation's own purchases, on their page."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import ngettext

from commerce.admin.seats_in_bulk import SeatsInBulk
from commerce.forms.seats import AssignForm, ReleaseForm
from commerce.models import Purchase
from licensing.models import Seat, Subscription
from licensing.operations import seats
from licensing.operations.seats import require_assigner
from tenants.access import Actor
from tenants.dates import listed_day
from tenants.refusal import NotAllowed, Refused

# A page lists this many people of a purchase; the number of all of them stands beside.
SHOWN_SEATS = 200


class SeatGiving(SeatsInBulk):
    """The two buttons below the people of a purchase, for whoever may press them."""

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("<path:object_id>/assign/", guarded(self.assign_view), name="commerce_purchase_assign"),
            path("<path:object_id>/release/", guarded(self.release_view), name="commerce_purchase_release"),
            *super().get_urls(),
        ]

    def assign_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        purchase, actor = self.pressed(request, object_id)
        form = AssignForm(request.POST)
        if not form.is_valid():
            return self.page(request, purchase, 400, assign=form)
        try:
            members = seats.members_by_email(form.cleaned_data["members"], by=actor)
            given = seats.assign(subscription=purchase, members=members, by=actor, at=actor.now())
        except NotAllowed as refused:
            raise PermissionDenied(str(refused)) from None
        except Refused as refused:
            form.add_error("members", str(refused))
            return self.page(request, purchase, refused.http_status, assign=form)
        messages.success(request, have_seats(len(given), str(members[0])))
        return redirect("admin:commerce_purchase_change", purchase.pk)

    def release_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        purchase, actor = self.pressed(request, object_id)
        form = ReleaseForm(Seat.objects.open().filter(subscription=purchase).with_people(), request.POST)
        if not form.is_valid():
            messages.error(request, str(form.errors["seats"][0]))
            return redirect("admin:commerce_purchase_change", purchase.pk)
        members = [seat.member for seat in form.cleaned_data["seats"]]
        try:
            seats.release(subscription=purchase, members=members, by=actor, at=actor.now())
        except NotAllowed as refused:
            raise PermissionDenied(str(refused)) from None
        text = ngettext("The seat of %(name)s is free.", "%(count)s seats are free.", len(members))
        messages.success(request, text % {"name": members[0], "count": len(members)})
        return redirect("admin:commerce_purchase_change", purchase.pk)

    def pressed(self, request: HttpRequest, object_id: str) -> tuple[Purchase, Actor]:
        """:raises PermissionDenied: nothing was sent, or somebody who may not even read it"""
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        return self.found(request, object_id), self.actor(request)


def may_assign(purchase: Subscription, by: Actor) -> bool:
    try:
        require_assigner(purchase, by)
    except NotAllowed:
        return False
    return purchase.gives_access


def seats_of(purchase: Purchase) -> dict[str, Any]:
    held = Seat.objects.of(purchase.tenant).open().filter(subscription=purchase).with_people()
    shown = [
        {
            "id": seat.pk,
            "person": str(seat.member),
            "email": seat.member.user.email,
            "since": listed_day(seat.assigned_at),
        }
        for seat in held.order_by("assigned_at", "pk")[:SHOWN_SEATS]
    ]
    return {
        "purchase": purchase,
        "seats": shown,
        "more": purchase.seats_assigned - len(shown),
        "free": purchase.seats_free if purchase.gives_access else 0,
    }


def have_seats(count: int, name: str) -> str:
    text = ngettext("%(name)s has a seat now.", "%(count)s people have a seat now.", count)
    return text % {"name": name, "count": count}
