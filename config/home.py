"""The first page of the procurement view: the newest purchases, what may be bought, and whether anything may."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.admin import paid, sees_prices, state_badge
from commerce.models import Purchase
from policies import eligibility
from policies.admin import value_badge
from policies.models import Approval, LicenseRequest, SelfServiceProduct
from policies.operations import inbox, policies
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.signin.acting import actor_of_request

NEWEST = 5


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows; named in config.appearance as unfold's dashboard."""
    actor = actor_of_request(request)
    if actor is None:
        raise PermissionDenied
    return {
        **context,
        "title": _("Overview"),
        "organisation": None if actor.is_operator else actor.tenant,
        "newest": [_as_line(purchase) for purchase in _newest_purchases(actor)],
        "sees_prices": sees_prices(actor),
        "policies": _policies(actor),
        "closed": _why_closed(actor),
        "waits": _waits(actor),
    }


def _newest_purchases(actor: Actor) -> list[Any]:
    purchases = Purchase.objects.all() if actor.is_operator else Purchase.objects.visible_to(actor)
    return list(purchases.for_procurement().priced_for(actor).order_by("-created_at")[:NEWEST])


def _as_line(purchase: Purchase) -> dict[str, Any]:
    return {
        "url": reverse("admin:commerce_purchase_change", args=[purchase.pk]),
        "product": purchase.plan,
        "tenant": purchase.tenant,
        "purchaser": purchase.purchaser,
        "quantity": purchase.quantity,
        "paid": paid(purchase, beside=True),
        "bought": listed_day(purchase.created_at),
        "state": state_badge(purchase),
    }


def _policies(actor: Actor) -> list[dict[str, Any]]:
    """What holds for each product in the acting tenant; an operator acts in none."""
    if actor.tenant is None or not actor.may(Right.READ_POLICY):
        return []
    products = SelfServiceProduct.objects.order_by("family__name", "name")
    return [
        {
            "url": reverse("admin:policies_selfserviceproduct_change", args=[policy.product.pk]),
            "product": policy.product,
            "value": value_badge(policy.value),
        }
        for policy in policies.in_force(actor.tenant, products, at=timezone.now())
    ]


def _waits(actor: Actor) -> list[dict[str, Any]]:
    """What waits for the reader's decision."""
    return [waiting for waiting in (_approvals(actor), _new_products(actor), _license_requests(actor)) if waiting]


def _approvals(actor: Actor) -> dict[str, Any] | None:
    if actor.tenant is None or not actor.may(Right.APPROVE_PURCHASES):
        return None
    asked = Approval.objects.of(actor.tenant).waiting().exclude(requester=actor.membership).count()
    told = ngettext("%(count)s purchase waits for an approval", "%(count)s purchases wait for an approval", asked)
    return {"text": told % {"count": asked}, "url": reverse("admin:policies_approval_changelist")} if asked else None


def _new_products(actor: Actor) -> dict[str, Any] | None:
    if actor.tenant is None or not actor.may(Right.CHANGE_POLICY):
        return None
    new = inbox.new_products(actor.tenant).count()
    told = ngettext("%(count)s new product waits for a decision", "%(count)s new products wait for a decision", new)
    return {"text": told % {"count": new}, "url": reverse("admin:policies_selfserviceproduct_new")} if new else None


def _license_requests(actor: Actor) -> dict[str, Any] | None:
    if actor.tenant is None or not actor.may(Right.DECIDE_REQUESTS):
        return None
    asked = LicenseRequest.objects.of(actor.tenant).waiting().count()
    told = ngettext(
        "%(count)s licence request waits for a decision", "%(count)s licence requests wait for a decision", asked
    )
    url = reverse("admin:policies_licenserequest_changelist") + "?state=waiting"
    return {"text": told % {"count": asked}, "url": url} if asked else None


def _why_closed(actor: Actor) -> list[str]:
    if actor.membership is None:
        return []
    return eligibility.why_closed(actor.membership, SelfServiceProduct.objects.all(), at=timezone.now())
