"""Which tenant somebody acts in on the web: kept in the session, asked anew at each request."""

from uuid import UUID

from django.http import HttpRequest

from tenants.access import Actor, acting_delegations, acting_memberships, actor_in, actor_of
from tenants.directory.delegations import Delegation
from tenants.directory.models import Tenant, User

CHOSEN = "acting_tenant"


def actor_for(user: User, chosen: object) -> Actor | None:
    """
    The person in the tenant they chose, else where they are at home, else as a guest; an operator in none.

    None when there is no place left for them: disabled or left everywhere, or a demo person outside the demo.
    """
    found = actor_in(user, UUID(chosen)) if isinstance(chosen, str) else None
    if found is not None:
        return found
    memberships = acting_memberships(user)
    return actor_of(memberships[0]) if memberships else actor_in(user, None)


def actor_of_request(request: HttpRequest) -> Actor | None:
    """Who is signed in on the web and acts, found by the middleware; None when nobody is."""
    actor = getattr(request, "actor", None)
    return actor if isinstance(actor, Actor) else None


def customers_of_request(request: HttpRequest) -> list[Delegation]:
    """The customers in which who acts may act for a partner at this very moment; asked once a request."""
    found: list[Delegation] | None = getattr(request, "customers", None)
    if found is None:
        actor = actor_of_request(request)
        user = actor.user if actor is not None and not actor.is_operator else None
        found = request.customers = acting_delegations(user) if user is not None else []  # type: ignore[attr-defined]
    return found


def choose(request: HttpRequest, tenant: Tenant) -> None:
    request.session[CHOSEN] = str(tenant.pk)
