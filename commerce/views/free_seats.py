"""A free seat of the organisation's own, taken with one click, and the page that says so."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce.models import Checkout
from commerce.operations.buying import free_seats
from commerce.views import wording
from commerce.views.people import for_members, sent_from
from licensing.models import Plan, Seat
from tenants.access import Actor
from tenants.refusal import Refused


@sent_from("checkout")
def use_instead(request: HttpRequest, by: Actor, checkout_id: UUID) -> HttpResponse:
    """The button of a checkout's page."""
    checkout = get_object_or_404(Checkout.objects.by_buyer(by.home).with_plan(), pk=checkout_id)
    try:
        seat = free_seats.use_instead(checkout=checkout, by=by, at=by.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("checkout", checkout_id=checkout.pk)
    return redirect("my-seat", seat_id=seat.pk)


@sent_from("buy")
def claim(request: HttpRequest, by: Actor, plan_id: str) -> HttpResponse:
    """The button of the page that tells somebody that they may not buy."""
    plan = get_object_or_404(Plan.objects.select_related("product"), pk=plan_id)
    try:
        seat = free_seats.claim(product=plan.product, by=by, at=by.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("buy", plan_id=plan.pk)
    return redirect("my-seat", seat_id=seat.pk)


@never_cache
@require_safe
@for_members
def my_seat(request: HttpRequest, by: Actor, seat_id: UUID) -> HttpResponse:
    mine = Seat.objects.of(by.home.tenant).with_access().filter(member=by.home)
    seat = get_object_or_404(mine.select_related("subscription__plan__product"), pk=seat_id)
    context = {
        "product": seat.subscription.plan.product,
        "until": seat.subscription.state_ends_at,
        "zone": seat.subscription.zone,
        "links": wording.links_of(seat.subscription.plan.product),
    }
    return render(request, "commerce/seat.html", context)
