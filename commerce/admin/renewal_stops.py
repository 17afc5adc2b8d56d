"""What a change of policy does to a purchase, on its page: when it ends it, and that it may renew again."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from commerce.operations.changes import policy_endings
from licensing.models import Subscription, SubscriptionState
from policies.models import Ending
from tenants import clock
from tenants.access import Actor, Right
from tenants.procurement import ProcurementAdmin
from tenants.refusal import Refused
from tenants.text import LONGEST_REASON


class RenewalStops(ProcurementAdmin):
    """The button that leaves a renewal to its owner again. The operation knows who may."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.allow_renewal_view)
        mine = path("<uuid:subscription_id>/allow-renewal/", view, name="commerce_purchase_allow_renewal")
        return [mine, *super().get_urls()]

    def allow_renewal_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        actor = self.actor(request)
        if request.method != "POST" or actor.membership is None or not actor.may(Right.CHANGE_POLICY):
            raise PermissionDenied
        subscription = get_object_or_404(Subscription.objects.visible_to(actor), pk=subscription_id)
        reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
        try:
            policy_endings.lift_stop(subscription=subscription, reason=reason, by=actor, at=actor.now())
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Its renewal is left to its owner again."))
        return redirect("admin:commerce_purchase_change", subscription.pk)


def ended_by_policy(subscription: Subscription, by: Actor) -> dict[str, Any] | None:
    """What is planned for a purchase and whether its renewal is stopped, as its page shows it; none: neither."""
    planned = planned_end(subscription)
    stopped = policy_endings.is_stopped(subscription)
    if (planned is None and not stopped) or subscription.state == SubscriptionState.DELETED:
        return None
    return {
        "subscription": subscription,
        "planned": planned,
        "stopped_at": subscription.renewal_stopped_at if stopped else None,
        "may_allow": stopped and by.membership is not None and by.may(Right.CHANGE_POLICY),
    }


def planned_end(subscription: Subscription) -> Ending | None:
    return policy_endings.planned_for([subscription], at=clock.now(subscription.tenant)).get(subscription.pk)
