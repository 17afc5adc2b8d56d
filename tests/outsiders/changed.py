"""Purchases of the victim's that are being changed, and the forms that change them, as their pages sign them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from commerce.models import Order
from commerce.operations.changes import cancellations, quantity, reactivations
from commerce.views.shown import Shown, sign
from licensing.models import Plan, Subscription
from licensing.operations import lifecycle
from tenants.directory.models import Membership
from tests import factories
from tests.callers import signed_in


@dataclass
class Changed:
    """More seats that wait for their cardholder, with another number from the renewal on; and a term that is over."""

    order: Order
    ended: Subscription


def build(*, owner: Membership, plan: Plan, at: datetime) -> Changed:
    ended = factories.buy(owner, plan, at=at - timedelta(days=40))
    lifecycle.advance_due(at=at)
    ended.refresh_from_db()
    subscription = factories.buy(owner, plan, at=at - timedelta(hours=1))
    asked = {
        "subscription": subscription,
        "return_url": factories.RETURN_URL,
        "by": factories.acting(owner),
        "at": at,
    }
    quantity.change(quantity=1, when="renewal", **asked)
    done = quantity.change(quantity=5, payment_method="pm_card_authenticationRequired", **asked)
    return Changed(order=done.order, ended=ended)


def shown(subscription: Subscription, seats: int, who: Membership | None = None) -> str:
    """As the owner's page signs it: no seats are a cancellation, the same number after the end is another term."""
    at = timezone.now()
    asked = {"subscription": subscription, "by": factories.acting(who or subscription.owner), "at": at}
    if seats == 0:
        total = cancellations.preview_cancellation(**asked).total
    elif not subscription.gives_access or subscription.state == "expired":
        total = reactivations.preview_reactivation(**asked).total
    else:
        total = quantity.preview(quantity=seats, **asked).total
    return sign(subscription, Shown(quantity=seats, when="now", as_of=at, total=total, typed=1))


def align_form(page: str, target: Subscription, earlier: Subscription, who: Membership) -> dict[str, Any]:
    """As its page shows it to somebody who may."""
    chosen = [str(earlier.pk), str(target.pk)]
    return {"chosen": chosen, "shown": signed_in(who).get(page, {"chosen": chosen}).context["shown"]}


def seats_form(subscription: Subscription, seats: int, who: Membership | None = None) -> dict[str, Any]:
    return {"quantity": 1, "when": "now", "shown": shown(subscription, seats, who)}
