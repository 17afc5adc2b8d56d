"""Everybody who may come along, each in the victim's organisation of the walk of outsiders, or acting in it."""

from datetime import timedelta
from urllib.parse import urlencode

from django.utils import timezone

from tenants.directory.delegations import Delegation
from tenants.directory.models import Role, Tenant
from tests import factories
from tests.callers import Api, Brief, signed_in, token_for
from tests.outsiders.world import World

ROLES = tuple(Role.values)
# Of the organisation itself; `owner` is who bought, and pays by card.
MEMBERS = (*ROLES, "owner", "colleague")
# A partner's person to whom everything was delegated that can be.
WHO = (*MEMBERS, "guest", "delegate", "operator", "stranger")


class Caller:
    """By the API with a token, elsewhere with a session. The same one for all calls: it is made before they begin."""

    def __init__(self, who=None, tenant: Tenant | None = None):
        self.api, self.web = Api(client=Brief), signed_in(who, Brief) if who else Brief()
        if who is not None:
            self.api.headers = {"Authorization": f"Bearer {token_for(who)}"}
        if tenant is not None:
            act_for(self, who, tenant)

    def call(self, method, url, body=None):
        if url.startswith("/api/"):
            return self.api.call(method, url, body, key="matrix")
        return self.web.generic(method, url, urlencode(body or {}), content_type="application/x-www-form-urlencoded")


def act_for(caller: Caller, who, tenant: Tenant) -> None:
    """A partner's person, in a customer's organisation."""
    session = caller.web.session
    session["acting_tenant"] = str(tenant.pk)
    session.save()
    caller.api.headers = {"Authorization": f"Bearer {token_for(who, tenant=tenant)}"}


def everybody(world: World) -> dict[str, Caller]:
    tenant = world.tenant
    callers = {role: Caller(factories.MembershipFactory(tenant=tenant, roles=[role])) for role in ROLES}
    callers["owner"] = Caller(world.owner)
    callers["colleague"] = Caller(world.colleague)
    callers["guest"] = Caller(factories.GuestFactory(tenant=tenant))
    callers["delegate"] = Caller(delegate(world), tenant)
    callers["operator"] = Caller(world.operator)
    callers["stranger"] = Caller()
    assert tuple(callers) == WHO
    return callers


def delegate(world: World):
    now = timezone.now()
    person = factories.MembershipFactory()
    Delegation.objects.create(
        tenant=world.tenant,
        partner=person.tenant,
        roles=list(ROLES),
        granted_by=world.admin,
        granted_at=now,
        ends_at=now + timedelta(days=30),
        accepted_by=person.user,
        accepted_at=now,
    )
    return person
