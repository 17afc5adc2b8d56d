"""What the walk sends in a field: a call of the visitor's own, filled from rows of theirs and of the victim's."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from commerce.models import Invoice, LeaverTask, TransferOffer
from licensing.models import Seat
from policies.operations.settings import let_members_claim_seats
from tenants.access import SYSTEM
from tenants.directory.models import Department
from tests import factories
from tests.outsiders.world import World, left_behind, offered


@dataclass(frozen=True)
class Body:
    """A call of the visitor's own (`route` is filled from rows of the visitor) whose `field` names the victim's row."""

    method: str
    route: str
    field: str
    value: Callable[[World], Any]
    others: Callable[[World], dict[str, Any]] = lambda world: {}

    def filled(self, world: World) -> tuple[str, Any]:
        fills = {name: fill(world) for name, fill in FILLS.items() if f"{{{name}}}" in self.route}
        url = self.route.format(**fills)
        content = {self.field: self.value(world), **self.others(world)}
        if self.method == "GET":
            return f"{url}?{urlencode(content)}", None
        return url, content


def own_subscription(world: World) -> Any:
    """A purchase of the outsider's, made when it is first asked for: the call is theirs, only the field is not."""
    held = Seat.objects.filter(member=world.outsider).select_related("subscription").first()
    return held.subscription if held else factories.buy(world.outsider, world.plan, at=timezone.now())


def own_earlier_one(world: World) -> Any:
    """Another one of the outsider's, which ends before the first and could end with it."""
    return factories.buy(world.outsider, world.plan, at=timezone.now() - timedelta(days=20))


def own_department(world: World) -> Department:
    found = Department.objects.filter(tenant=world.outsider.tenant).first()
    return found or factories.DepartmentFactory(tenant=world.outsider.tenant)


def own_card(world: World) -> Any:
    return factories.add_card(world.outsider).payment_method


def own_offer(world: World) -> TransferOffer:
    """To the outsider, by somebody of their own organisation."""
    giver = factories.MembershipFactory(tenant=world.outsider.tenant)
    return offered(giver, world.outsider, world.plan, timezone.now())


def own_leaver(world: World) -> LeaverTask:
    return left_behind(factories.MembershipFactory(tenant=world.outsider.tenant), world.plan, timezone.now())


def own_invoice(world: World) -> Any:
    """An open invoice of the outsider's."""
    found = Invoice.objects.of(world.outsider.tenant).filter(order__state="invoiced").first()
    return found or factories.buy_centrally(world.outsider, world.plan).orders.get().invoices.get()


def own_central(world: World) -> Any:
    """A central purchase of the outsider's organisation."""
    return factories.buy_centrally(world.outsider, world.plan, at=timezone.now())


def own_checkout(world: World) -> Any:
    """A quote of the outsider's for what the victim's organisation has free seats of, and lets its members take."""
    let_members_claim_seats(tenant=world.outsider.tenant, allowed=True, by=SYSTEM, at=timezone.now())
    return factories.open_checkout(world.outsider, world.central.subscription.plan, at=timezone.now())


FILLS: dict[str, Callable[[World], Any]] = {
    "own": lambda w: own_subscription(w).pk,
    "checkout": lambda w: factories.open_checkout(w.outsider, w.plan, at=timezone.now()).pk,
    "claimable": lambda w: own_checkout(w).pk,
    "invoice": lambda w: own_invoice(w).pk,
    "card": lambda w: own_card(w).pk,
    "member": lambda w: w.outsider.pk,
    "plan": lambda w: w.plan.pk,
    "offered": lambda w: own_offer(w).subscription_id,
    "offer": lambda w: own_offer(w).pk,
    "leaver": lambda w: own_leaver(w).pk,
    "central": lambda w: own_central(w).pk,
}


def owner(world: World) -> str:
    return world.owner.user.email


def department(world: World) -> str:
    return str(world.tenant.departments.get().pk)


def one_seat(world: World) -> dict[str, Any]:
    return {"plan": world.plan.pk, "quantity": 1}


SAID = {"subject": "Whose", "body": "Tell me"}
