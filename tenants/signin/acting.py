"""Which tenant somebody acts in on the web: kept in the session, asked anew at each request."""

from django.http import HttpRequest

from tenants.access import Actor, acting_memberships, actor_of, is_welcome
from tenants.directory.models import Membership, User

CHOSEN = "acting_tenant"


def actor_for(user: User, chosen: object) -> Actor | None:
    """
    The person in the tenant they chose, else where they are at home, else as a guest; an operator in none.

    None when there is no place left for them: disabled or left everywhere, or a demo person outside the demo.
    """
    membership = membership_for(user, chosen)
    if membership is not None:
        return actor_of(membership)
    return Actor(user=user) if user.is_operator and is_welcome(user) else None


def membership_for(user: User, chosen: object) -> Membership | None:
    open_to = acting_memberships(user)
    for membership in open_to:
        if str(membership.tenant_id) == chosen:
            return membership
    return open_to[0] if open_to else None


def actor_of_request(request: HttpRequest) -> Actor | None:
    """Who is signed in on the web and acts, found by the middleware; None when nobody is."""
    actor = getattr(request, "actor", None)
    return actor if isinstance(actor, Actor) else None


def choose(request: HttpRequest, membership: Membership) -> None:
    request.session[CHOSEN] = str(membership.tenant_id)
