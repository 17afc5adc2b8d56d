"""What a person bought: seats, renewal, end. Never more than their own."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from commerce.forms import AssignForm, ReleaseForm
from commerce.models import Order
from commerce.views import wording
from commerce.views.people import for_members
from licensing.models import Seat, Subscription
from licensing.operations import seats as seat_operations
from licensing.operations import subscriptions as subscription_operations
from tenants.access import Actor
from tenants.refusal import Refused

PAGE = 25


@never_cache
@require_safe
@for_members
def my_subscriptions(request: HttpRequest, by: Actor) -> HttpResponse:
    mine = Subscription.objects.managed_by(by.home).with_people().order_by("-created_at", "-pk")
    page = Paginator(mine, PAGE).get_page(request.GET.get("page"))
    orders = Order.objects.of(by.home.tenant).paid().filter(subscription__in=[s.pk for s in page.object_list])
    paid = {order.subscription_id: order for order in orders}
    rows = [
        {"subscription": subscription, "look": wording.look_of(subscription), "order": paid.get(subscription.pk)}
        for subscription in page.object_list
    ]
    return render(
        request,
        "commerce/subscriptions.html",
        {"page": page, "rows": rows, "section": "subscriptions", "after_switch": request.path},
    )


@never_cache
@require_safe
@for_members
def my_subscription(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return _shown(request, by, own(by, subscription_id), AssignForm())


@require_POST
@for_members
def assign(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription, form = own(by, subscription_id), AssignForm(request.POST)
    if not form.is_valid():
        return _shown(request, by, subscription, form, status=400)
    try:
        members = seat_operations.members_by_email(form.cleaned_data["members"], by=by)
        given = seat_operations.assign(subscription=subscription, members=members, by=by, at=timezone.now())
    except Refused as refusal:
        form.add_error("members", str(refusal))
        return _shown(request, by, subscription, form, status=refusal.http_status)
    text = ngettext("%(name)s has a seat now.", "%(count)s people have a seat now.", len(given))
    messages.success(request, text % {"name": members[0], "count": len(given)})
    return redirect("my-subscription", subscription_id=subscription.pk)


@require_POST
@for_members
def release(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription = own(by, subscription_id)
    taken = {seat.pk: seat for seat in Seat.objects.open().filter(subscription=subscription).with_people()}
    form = ReleaseForm(list(taken), request.POST)
    if form.is_valid():
        members = [taken[seat].member for seat in form.cleaned_data["seats"]]
        seat_operations.release(subscription=subscription, members=members, by=by, at=timezone.now())
        text = ngettext("The seat of %(name)s is free.", "%(count)s seats are free.", len(members))
        messages.success(request, text % {"name": members[0], "count": len(members)})
    else:
        messages.error(request, str(form.errors["seats"][0]))
    return redirect("my-subscription", subscription_id=subscription.pk)


@require_POST
@for_members
def auto_renew(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription, wanted = own(by, subscription_id), request.POST.get("auto_renew") == "on"
    try:
        subscription_operations.set_auto_renew(subscription=subscription, auto_renew=wanted, by=by, at=timezone.now())
    except subscription_operations.SubscriptionInactive as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Automatic renewal is on.") if wanted else _("Automatic renewal is off."))
    return redirect("my-subscription", subscription_id=subscription.pk)


def own(by: Actor, subscription_id: UUID) -> Subscription:
    return get_object_or_404(Subscription.objects.managed_by(by.home).with_people(), pk=subscription_id)


def _shown(
    request: HttpRequest, by: Actor, subscription: Subscription, form: AssignForm, *, status: int = 200
) -> HttpResponse:
    seats = Seat.objects.open().filter(subscription=subscription).with_people().order_by("assigned_at", "pk")
    orders = Order.objects.of(by.home.tenant).paid().filter(subscription=subscription).with_lines()
    context = {
        "section": "subscriptions",
        "subscription": subscription,
        "look": wording.look_of(subscription),
        "seats": seats,
        "orders": wording.with_lines(orders.order_by("-created_at")),
        "form": form,
        "links": wording.links_of(subscription.plan.product),
    }
    return render(request, "commerce/subscription.html", context, status=status)
