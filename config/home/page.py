"""What the first page shows: what was bought and spent, what renews and what waits."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from commerce.admin import paid, sees_prices, state_badge
from commerce.models import Purchase
from commerce.operations.procurement import customers
from config.home import figures
from config.home.reach import Reach, of_customers, own
from config.home.seats import seats
from config.home.waiting import at_customers, waiting
from config.home.wasted import parts, wasted
from policies import eligibility
from policies.admin import value_badge
from policies.models import SelfServiceProduct
from policies.operations import policies
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.signin.acting import actor_of_request, customers_of_request

NEWEST = 5
CUSTOMERS = "customers"


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows."""
    actor = actor_of_request(request)
    if actor is None:
        raise PermissionDenied
    if request.GET.get("of") == CUSTOMERS:
        acting = _at_customers(request, actor)
        told = {"title": _("Your customers"), "waits": at_customers(actor, acting)}
        return {**context, **told, **_shared(of_customers(actor, acting))}
    shared = _shared(own(actor))
    waits = waiting(actor, parts(actor, shared["seats"]["used"]))
    products = list(SelfServiceProduct.objects.order_by("family__name", "name")) if actor.tenant else []
    return {
        **context,
        "title": _("Overview"),
        "organisation": None if actor.is_operator else actor.tenant,
        "may_have_customers": actor.membership is not None and not actor.is_guest,
        **shared,
        "waste": wasted(actor, waits.beside),
        "newest": [_as_line(purchase) for purchase in _newest_purchases(actor)],
        "sees_prices": sees_prices(actor),
        "policies": _policies(actor, products),
        "closed": _why_closed(actor, products),
        "stopped": waits.stopped,
        "waits": waits.lines,
    }


def _at_customers(request: HttpRequest, actor: Actor) -> list[Actor]:
    """A partner's own people, from where they are at home, as they would act for each customer."""
    if actor.user is None or actor.membership is None or actor.is_guest:
        return []
    return customers.acting(actor.user, customers_of_request(request))


def _shared(reach: Reach) -> dict[str, Any]:
    """What is told of one organisation and of many."""
    return {
        "reach": reach,
        "spend": figures.spend(reach),
        "seats": seats(reach),
        "renewals": figures.renewals(reach),
    }


def _newest_purchases(actor: Actor) -> list[Any]:
    purchases = Purchase.objects.all() if actor.is_operator else Purchase.objects.visible_to(actor)
    # Which they are first: what stands beside a purchase is read for these alone.
    newest = purchases.order_by("-created_at", "-pk")[:NEWEST]
    rows = Purchase.objects.few(newest).for_list().priced_for(actor)
    return list(rows.order_by("-created_at", "-pk"))


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


def _policies(actor: Actor, products: list[SelfServiceProduct]) -> list[dict[str, Any]]:
    """What holds for each product in the acting tenant; an operator acts in none."""
    if actor.tenant is None or not actor.may(Right.READ_POLICY):
        return []
    return [
        {
            "url": reverse("admin:policies_selfserviceproduct_change", args=[policy.product.pk]),
            "product": policy.product,
            "value": value_badge(policy.value),
        }
        for policy in policies.in_force(actor.tenant, products, at=actor.now())
    ]


def _why_closed(actor: Actor, products: list[SelfServiceProduct]) -> list[str]:
    if actor.membership is None:
        return []
    return eligibility.why_closed(actor.membership, products, at=actor.now())
