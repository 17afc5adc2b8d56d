"""A renewal as a decision: what somebody has, what it will cost, and what they may do about it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce.operations.changes import scheduled
from commerce.operations.renewing import decision
from commerce.views import wording
from commerce.views.people import for_members
from commerce.views.subscriptions import own
from licensing.models import SubscriptionState
from tenants.access import Actor


@never_cache
@require_safe
@for_members
def renewal(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription = own(by, subscription_id)
    found = decision.of(subscription, at=by.now()) if subscription.state == SubscriptionState.ACTIVE else None
    if found is None:  # its own page says how it stands
        return redirect("my-subscription", subscription_id=subscription.pk)
    context = {
        "section": "subscriptions",
        "subscription": found.subscription,
        "decision": found,
        "lines": [wording.renewal_line(found)],
        "charge": found.charge,
        "scheduled": scheduled.waiting(subscription),
        "may_remove_seats": subscription.quantity > subscription.plan.min_quantity,
    }
    return render(request, "commerce/renewal.html", context)
