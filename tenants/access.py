"""Who acts, in which tenant, and what that allows. Asked at each request: a change of role acts at the next one."""

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from tenants.directory.models import Membership, Role, Tenant, User
from tenants.refusal import NotAllowed


class Right(StrEnum):
    """What a role may allow; the table of roles below is the only place that says which does."""

    # With prices; the two below without: all of them, or those that are the tenant's own.
    SEE_ALL_PURCHASES = "see_all_purchases"
    SEE_PURCHASES = "see_purchases"
    SEE_CENTRAL_PURCHASES = "see_central_purchases"
    END_PURCHASES_OF_OTHERS = "end_purchases_of_others"
    READ_POLICY = "read_policy"
    CHANGE_POLICY = "change_policy"
    APPROVE_PURCHASES = "approve_purchases"
    DECIDE_REQUESTS = "decide_requests"
    CHANGE_BILLING = "change_billing"
    BUY_CENTRALLY = "buy_centrally"
    ASSIGN_CENTRAL_SEATS = "assign_central_seats"
    MANAGE_PEOPLE = "manage_people"
    READ_JOURNAL = "read_journal"


_SEES = frozenset({Right.SEE_PURCHASES, Right.SEE_CENTRAL_PURCHASES})
_READS = _SEES | {Right.SEE_ALL_PURCHASES, Right.READ_POLICY, Right.READ_JOURNAL}
_BILLING = _READS | {
    Right.CHANGE_POLICY,
    Right.APPROVE_PURCHASES,
    Right.CHANGE_BILLING,
    Right.BUY_CENTRALLY,
    Right.END_PURCHASES_OF_OTHERS,
}
# Who gives people what the organisation has.
_GIVES = frozenset({Right.ASSIGN_CENTRAL_SEATS, Right.DECIDE_REQUESTS})

RIGHTS: dict[str, frozenset[Right]] = {
    Role.GLOBAL_ADMIN: _BILLING | _GIVES | {Right.MANAGE_PEOPLE},
    Role.BILLING_ADMIN: _BILLING,
    Role.LICENSE_ADMIN: _SEES | _GIVES | {Right.READ_POLICY},
    Role.USER_ADMIN: _GIVES | {Right.SEE_CENTRAL_PURCHASES},
    Role.GLOBAL_READER: _READS,
}


def roles_with(right: Right) -> list[str]:
    """The roles that allow it."""
    return [role for role, rights in RIGHTS.items() if right in rights]


# What a token of the API may be narrowed to; a scope never allows more than its person may.
SCOPES = (
    "purchases:read",
    "purchases:write",
    "seats:write",
    "policies:read",
    "policies:write",
    "requests:write",
    "members:read",
    "members:write",
    "events:read",
    "webhooks:write",
    "entitlements:read",
)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person in one acting tenant, an operator (in none), or the system (nobody)."""

    user: User | None = None
    membership: Membership | None = None
    roles: frozenset[str] = frozenset()

    @property
    def tenant(self) -> Tenant | None:
        return self.membership.tenant if self.membership else None

    @property
    def home(self) -> Membership:
        """The membership that acts. Only edges that serve people of a tenant call this."""
        if self.membership is None:
            raise NotAllowed(_("This is for the people of an organisation; an operator belongs to none."))
        return self.membership

    @property
    def is_operator(self) -> bool:
        return self.user is not None and self.user.is_operator

    @property
    def is_system(self) -> bool:
        return self.user is None

    def may(self, right: Right) -> bool:
        return any(right in RIGHTS.get(role, frozenset()) for role in self.roles)

    def require(self, right: Right) -> None:
        """:raises NotAllowed: no role of the person allows it"""
        if not self.may(right):
            raise NotAllowed(_("Your roles in this organisation do not allow this."))

    def require_in(self, tenant: Tenant, right: Right) -> None:
        """:raises NotAllowed: neither operator nor system, and without the right in this very tenant"""
        if self.is_system or self.is_operator:
            return
        if self.tenant != tenant:
            raise NotAllowed(_("You act in another organisation."))
        self.require(right)

    def require_operator(self) -> None:
        """:raises NotAllowed: neither operator nor system"""
        if not (self.is_system or self.is_operator):
            raise NotAllowed(_("Only an operator can do this."))

    def is_member(self, member_id: object) -> bool:
        return self.membership is not None and self.membership.pk == member_id


SYSTEM = Actor()


def actor_of(membership: Membership) -> Actor:
    """The actor behind an active membership, with the roles it holds now."""
    return Actor(
        user=membership.user,
        membership=membership,
        roles=frozenset(membership.role_grants.values_list("role", flat=True)),
    )


def is_welcome(user: User) -> bool:
    """Demo people exist for the demo alone: elsewhere their sessions and tokens are worth nothing."""
    return settings.DEMO or not user.is_demo


def acting_memberships(user: User) -> "list[Membership]":
    """Where a person may act: the active home membership first, then the tenants that made them a guest."""
    if not is_welcome(user):
        return []
    memberships = Membership.objects.active().filter(user=user).select_related("tenant", "user", "department")
    return sorted(memberships, key=lambda m: (m.is_guest, m.tenant.name))
