"""What a person bought: seats, renewal, end. Never more than their own."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce.forms.seats import AssignForm, FindSeatForm
from commerce.models import CancellationRequest, Order, Purchase, TransferOffer
from commerce.operations.changes import alignable, cancellations
from commerce.operations.changes.cancellations import Cancellation
from commerce.operations.pricing import next_charge
from commerce.views import governing, looks, paying, standing, wording
from commerce.views.people import for_members, sent_from
from licensing.models import Seat, Solution, Subscription, SubscriptionState
from licensing.operations import subscriptions as subscription_operations
from licensing.operations.subscriptions import RenewalStopped, SubscriptionInactive
from policies.operations import access
from tenants.access import Actor

PAGE = 25
SEATS_A_PAGE = 50


@never_cache
@require_safe
@for_members
def my_subscriptions(request: HttpRequest, by: Actor) -> HttpResponse:
    mine = Purchase.objects.managed_by(by.home).for_procurement().order_by("-created_at", "-pk")
    page = Paginator(mine, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "offers": TransferOffer.objects.open().made_to(by.home).with_people().order_by("created_at", "pk")[:PAGE],
        "to_align": alignable.behind_others(Subscription.objects.managed_by(by.home), at=by.now()).with_people(),
        "rows": [_row(purchase) for purchase in cast("list[Purchase]", page.object_list)],
        "section": "subscriptions",
        "after_switch": request.path,
    }
    return render(request, "commerce/subscriptions.html", context)


def _row(purchase: Purchase) -> dict[str, object]:
    return {
        "subscription": purchase,
        "look": looks.look_of(purchase),
        "end": looks.end_of(purchase),
        "charged": purchase.paid + purchase.refunded,
    }


@never_cache
@require_safe
@for_members
def my_subscription(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return shown(request, by, own(by, subscription_id), AssignForm())


@sent_from("my-subscription")
def auto_renew(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription = own(by, subscription_id)
    turn_renewal(request, subscription, by)
    return redirect("my-subscription", subscription_id=subscription.pk)


def turn_renewal(request: HttpRequest, subscription: Subscription, by: Actor) -> None:
    """As the button says that was pressed."""
    wanted = request.POST.get("auto_renew") == "on"
    try:
        subscription_operations.set_auto_renew(subscription=subscription, auto_renew=wanted, by=by, at=by.now())
    except (SubscriptionInactive, RenewalStopped) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Automatic renewal is on.") if wanted else _("Automatic renewal is off."))


def own(by: Actor, subscription_id: UUID) -> Subscription:
    return get_object_or_404(Subscription.objects.managed_by(by.home).with_people(), pk=subscription_id)


def ends_anyway(preview: Cancellation) -> bool:
    """Whether canceling would change nothing: no money goes back, and no other term follows."""
    return not (preview.ends_now or preview.refunds or preview.subscription.auto_renew)


def shown(
    request: HttpRequest, by: Actor, subscription: Subscription, form: AssignForm, *, status: int = 200
) -> HttpResponse:
    """The page of one subscription, with a page of the people who have a seat."""
    orders = Order.objects.of(by.home.tenant).granted().filter(subscription=subscription).with_lines()
    context = {
        "section": "subscriptions",
        "subscription": subscription,
        "look": looks.look_of(subscription),
        "orders": wording.with_lines(orders.order_by("-created_at")),
        "form": form,
        "links": wording.links_of(subscription.plan.product),
        "solutions": Solution.objects.shown_beside(subscription.plan.product),
        "may_cancel": may_cancel(subscription, by),
        "next": next_charge.of(subscription, tenant=subscription.tenant),
        "asked_to_cancel": _asked_to_cancel(subscription, by),
        "offered": TransferOffer.objects.open().filter(subscription=subscription).with_people().first(),
        **paying.of_subscription(subscription, by),
        **standing.of_subscription(subscription, by),
        **governing.of_user(by.home, subscription.plan.product, access.NO_ACCESS_NOW),
    }
    return render(request, "commerce/subscription.html", context | _seats(request, subscription), status=status)


def _asked_to_cancel(subscription: Subscription, by: Actor) -> CancellationRequest | None:
    return CancellationRequest.objects.standing().put_to(by.home).filter(subscription=subscription).first()


def _seats(request: HttpRequest, subscription: Subscription) -> dict[str, object]:
    find = FindSeatForm(request.GET)
    seats = Seat.objects.open().filter(subscription=subscription).with_people().by_name()
    seats = seats.matching(find.cleaned_data["q"]) if find.is_valid() else seats.none()
    page = Paginator(seats, SEATS_A_PAGE).get_page(request.GET.get("page"))
    return {
        "find": find,
        "searched": bool(request.GET.get("q")),
        "has_many": subscription.seats_assigned > SEATS_A_PAGE,
        "page": page,
        "seats": page.object_list,
    }


def may_cancel(subscription: Subscription, by: Actor) -> bool:
    """Whether canceling would change anything: asked of the lines only where another term does not follow anyway."""
    now = by.now()
    if subscription.state not in (SubscriptionState.ACTIVE, SubscriptionState.TRIAL) or subscription.term_end <= now:
        return False
    if subscription.auto_renew or subscription.is_trial:
        return True
    return not ends_anyway(cancellations.preview_cancellation(subscription=subscription, by=by, at=now))
