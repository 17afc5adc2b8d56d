"""Partners for tests: an organisation lets somebody in, by the operations that everybody uses."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tenants.access import Actor, actor_in
from tenants.directory.delegations import Delegation
from tenants.directory.models import Membership, Tenant, User
from tenants.directory.operations import delegations
from tests.factories import MembershipFactory, TenantFactory, admin_of

YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Delegate:
    """A partner's person, and what lets them in."""

    member: Membership
    delegation: Delegation

    @property
    def user(self) -> User:
        return self.member.user

    @property
    def actor(self) -> Actor:
        found = actor_in(self.user, self.delegation.tenant_id)
        assert found is not None
        return found

    @property
    def as_token_holder(self) -> Membership:
        """What `token_for` and `signed_in` take: the person, and the customer in which they act. Not a row."""
        return Membership(tenant=self.delegation.tenant, user=self.user)


def let_in(
    tenant: Tenant, *, roles=("billing_admin",), at: datetime, partner: Tenant | None = None, lasts=YEAR
) -> Delegate:
    """Somebody new of a partner who acts in the tenant from now on."""
    partner = partner or TenantFactory()
    granted = delegations.grant(
        tenant=tenant, partner=partner, roles=roles, ends_at=at + lasts, by=admin_of(tenant), at=at
    )
    accepted = delegations.accept(delegation=granted, by=admin_of(partner), at=at)
    return Delegate(MembershipFactory(tenant=partner, name="Pat Partner"), accepted)
