"""
What is done to many rows at once, one act for each deed of the registry: on the page that offers it, and by the call
that comes to the same. A deed that is new fails a test until it stands here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from commerce.deeds import purchases, seats, take_overs
from commerce.operations.changes import cancellations
from licensing.models import Seat, Subscription
from licensing.operations.seats import assign
from policies.deeds import APPLY_TEMPLATE
from tenants.directory.models import Membership
from tests import factories
from tests.outsiders.taken_over import taken_over
from tests.outsiders.world import World
from tests.roles.audiences import BILLING, DELEGATE, GIVES, GLOBAL, LICENSE

ENDS = GLOBAL | BILLING | DELEGATE
PURCHASES, TAKE_OVERS = "/admin/commerce/purchase/bulk/", "/admin/commerce/takeover/bulk/"
WASTE = "/admin/licensing/wastedseat/bulk/"

Made = Callable[[World], Any]


@dataclass(frozen=True, kw_only=True)
class Call:
    method: str
    url: Made
    body: Made
    audience: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class OfDeed:
    """`row` makes what the deed is done to; `page` and `body` take it. `call` is None where the API has none."""

    deed: str
    page: Callable[[World, Any], str]
    row: Made
    body: Callable[[World, Any], dict[str, Any]]
    audience: frozenset[str]
    call: Call | None

    def __str__(self) -> str:
        return self.deed.partition(".")[2]


def on_list(deed: str, page: str, row: Made, audience: frozenset[str], call: Call | None, **given: str) -> OfDeed:
    """As a list does it: the row is ticked there."""

    def body(world: World, chosen: Any) -> dict[str, Any]:
        return {"deed": deed, "which": "ticked", "row": str(chosen.pk), "reason": "Agreed", **given}

    return OfDeed(deed=deed, page=lambda _world, _row: page, row=row, body=body, audience=audience, call=call)


# --- Rows


def bought(world: World) -> Subscription:
    return world.subscription


def stopped(world: World) -> Subscription:
    found = Subscription.objects.filter(pk=world.subscription.pk)
    found.update(renewal_stopped_at=timezone.now(), auto_renew=False)
    return found.get()


def own(world: World) -> Subscription:
    return world.central.subscription


def own_that_ends(world: World) -> Subscription:
    Subscription.objects.filter(pk=own(world).pk).update(auto_renew=False)
    return own(world)


def bought_of_what_is_central(world: World) -> Subscription:
    return factories.buy(world.colleague, own(world).plan, 1, at=timezone.now())


def ended_with_people(world: World) -> Subscription:
    over = bought_of_what_is_central(world)
    by, at = factories.acting(over.purchaser), timezone.now()
    cancellations.cancel_subscription(subscription=over, reason="Over", by=by, at=at)
    return over


def second_seat(world: World) -> Seat:
    """Of the admin, who has a central one of the product."""
    return factories.buy(world.admin, own(world).plan, 1, at=timezone.now()).seats.get()


def seat_beside_idle_ones(world: World) -> Seat:
    return bought_of_what_is_central(world).seats.get()


def seat_of_a_leaver(world: World) -> Seat:
    leaver = factories.MembershipFactory(tenant=world.tenant)
    by, at = factories.acting(world.admin), timezone.now()
    [seat] = assign(subscription=own(world), members=[leaver], by=by, at=at)
    Membership.objects.filter(pk=leaver.pk).update(state="left")
    return seat


# --- The calls that come to the same


def to_purchase(path: str, body: Made, audience: frozenset[str] = ENDS, row: Made = bought) -> Call:
    return Call(method="POST", url=lambda w: f"/api/v1/subscriptions/{row(w).pk}/{path}", body=body, audience=audience)


def nothing(_world: World) -> dict[str, Any]:
    return {}


ASK_BY_CALL = to_purchase("request-cancellation/", nothing)


def _merged(world: World) -> dict[str, Any]:
    return {"with": [str(bought_of_what_is_central(world).pk)], "reason": "Agreed"}


def _of_taken_over(path: str) -> Call:
    return Call(
        method="POST",
        url=lambda w: f"/api/v1/subscriptions/{taken_over(w).subscription_id}/take-over/{path}/",
        body=nothing,
        audience=ENDS,
    )


DEEDS = [
    on_list(purchases.ASK_TO_CANCEL, PURCHASES, bought, ENDS, ASK_BY_CALL),
    # The API stops renewals by a policy and what it does to purchases that exist: no call stops one.
    on_list(purchases.STOP_RENEWAL, PURCHASES, bought, ENDS, None),
    on_list(
        purchases.ALLOW_RENEWAL,
        PURCHASES,
        stopped,
        ENDS,
        to_purchase("auto-renew/", lambda w: {"auto_renew": True, "reason": "Agreed"}, row=stopped),
    ),
    on_list(
        purchases.TURN_RENEWAL_OFF,
        PURCHASES,
        own,
        ENDS,
        to_purchase("auto-renew/", lambda w: {"auto_renew": False}, row=own),
    ),
    on_list(
        purchases.TURN_RENEWAL_ON,
        PURCHASES,
        own_that_ends,
        ENDS,
        to_purchase("auto-renew/", lambda w: {"auto_renew": True}, row=own_that_ends),
    ),
    on_list(
        take_overs.TAKE_OVER,
        PURCHASES,
        bought,
        ENDS,
        to_purchase("take-over/", lambda w: {"mode": "cancel", "reason": "Agreed"}),
        mode="cancel",
    ),
    # The page orders the seats that it lacks, which a partner's people do not; the call refuses them that alone.
    OfDeed(
        deed=take_overs.MERGE,
        page=lambda w, _row: f"/admin/commerce/purchase/{own(w).pk}/merge/",
        row=bought_of_what_is_central,
        body=lambda _world, row: {"purchases": str(row.pk), "reason": "Agreed"},
        audience=GLOBAL | BILLING,
        call=to_purchase("merge/", _merged, row=own),
    ),
    on_list(take_overs.SETTLE_TAKE_OVER, TAKE_OVERS, taken_over, ENDS, _of_taken_over("settle")),
    on_list(take_overs.UNDO_TAKE_OVER, TAKE_OVERS, taken_over, ENDS, _of_taken_over("undo")),
    on_list(
        seats.RELEASE_SEAT,
        f"{WASTE}?waste=leaver",
        seat_of_a_leaver,
        GLOBAL | LICENSE | DELEGATE,  # who give seats and see the waste: a user admin does not
        to_purchase("seats/release/", lambda w: {"members": [w.admin.user.email]}, GIVES | DELEGATE, row=own),
    ),
    on_list(seats.ASK_FOR_SEAT, f"{WASTE}?waste=twice", second_seat, ENDS, ASK_BY_CALL),
    on_list(
        seats.GIVE_CENTRAL_SEAT,
        f"{WASTE}?waste=beside_central",
        seat_beside_idle_ones,
        GLOBAL | LICENSE | DELEGATE,
        to_purchase("seats/", lambda w: {"members": [w.colleague.user.email]}, GIVES | DELEGATE, row=own),
    ),
    OfDeed(
        deed=seats.GIVE_SEAT,
        page=lambda w, _row: f"/admin/commerce/purchase/{own(w).pk}/give-seats/",
        row=lambda w: w.colleague,
        body=lambda _world, row: {"subjects": str(row.pk)},
        audience=GIVES | DELEGATE,
        call=to_purchase("seats/", lambda w: {"members": [w.colleague.user.email]}, GIVES | DELEGATE, row=own),
    ),
    # The API gives seats of a subscription, whoever used another one before.
    OfDeed(
        deed=seats.GIVE_TO_FORMER,
        page=lambda _world, row: f"/admin/commerce/purchase/{row.pk}/former-people/",
        row=ended_with_people,
        body=lambda _world, row: {"subjects": str(row.purchaser_id)},
        audience=GLOBAL | LICENSE | DELEGATE,
        call=None,
    ),
    # Across the customers of a partner's people, and theirs alone.
    OfDeed(
        deed=APPLY_TEMPLATE,
        page=lambda _world, _row: "/admin/tenants/delegation/policies/",
        row=bought,
        body=lambda w, _row: {
            "customers": w.tenant.slug,
            "template": f"products: {{{w.plan.product_id}: disabled}}",
            "reason": "Agreed",
        },
        audience=DELEGATE,
        call=Call(
            method="PUT",
            url=lambda _world: "/api/v1/policies/products/",
            body=lambda w: {"products": [w.plan.product_id], "value": "disabled", "reason": "Agreed"},
            audience=ENDS,
        ),
    ),
]
