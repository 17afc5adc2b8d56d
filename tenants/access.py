"""Who acts, in which tenant, and what that allows. Asked at each request: a change of role acts at the next one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from tenants import clock
from tenants.directory.delegations import Delegation
from tenants.directory.models import Membership, Role, RoleGrant, Tenant, User
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
    # Lists of purchases as files, what is wasted and what it brings: with prices for whoever sees them elsewhere.
    EXPORT_PURCHASES = "export_purchases"
    SEE_WASTE = "see_waste"
    SEE_CAPACITY = "see_capacity"
    # Never somebody with a role that one does not hold, unless one may manage roles, too.
    MANAGE_PEOPLE = "manage_people"
    MANAGE_ROLES = "manage_roles"
    MANAGE_SIGN_IN = "manage_sign_in"
    MANAGE_DELEGATIONS = "manage_delegations"
    MANAGE_WEBHOOKS = "manage_webhooks"
    READ_JOURNAL = "read_journal"
    MOVE_CLOCK = "move_clock"


_SEES = frozenset({Right.SEE_PURCHASES, Right.SEE_CENTRAL_PURCHASES})
_REPORTS = frozenset({Right.EXPORT_PURCHASES, Right.SEE_WASTE, Right.SEE_CAPACITY})
_READS = _SEES | _REPORTS | {Right.SEE_ALL_PURCHASES, Right.READ_POLICY, Right.READ_JOURNAL}
_BILLING = _READS | {
    Right.CHANGE_POLICY,
    Right.APPROVE_PURCHASES,
    Right.CHANGE_BILLING,
    Right.BUY_CENTRALLY,
    Right.END_PURCHASES_OF_OTHERS,
}
# Who gives people what the organisation has.
_GIVES = frozenset({Right.ASSIGN_CENTRAL_SEATS, Right.DECIDE_REQUESTS})
# Who comes in, what they may, and where news goes: an organisation's own people decide this, never a partner's.
OWN_PEOPLE_ONLY = frozenset({Right.MANAGE_ROLES, Right.MANAGE_SIGN_IN, Right.MANAGE_DELEGATIONS, Right.MANAGE_WEBHOOKS})

RIGHTS: dict[str, frozenset[Right]] = {
    Role.GLOBAL_ADMIN: _BILLING | _GIVES | OWN_PEOPLE_ONLY | {Right.MANAGE_PEOPLE, Right.MOVE_CLOCK},
    Role.BILLING_ADMIN: _BILLING,
    Role.LICENSE_ADMIN: _SEES | _GIVES | _REPORTS | {Right.READ_POLICY},
    Role.USER_ADMIN: _GIVES | {Right.SEE_CENTRAL_PURCHASES, Right.MANAGE_PEOPLE},
    Role.GLOBAL_READER: _READS,
}


def roles_with(right: Right) -> list[str]:
    """The roles that allow it."""
    return [role for role, rights in RIGHTS.items() if right in rights]


def has_right(right: Right) -> Q:
    """Of members: those to whom a role of theirs allows it."""
    return Q(Exists(RoleGrant.objects.filter(membership=OuterRef("pk"), role__in=roles_with(right))))


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
    """
    A person in one acting tenant, by their membership or by a delegation to the partner they work for; an operator
    (in no tenant), or the system (nobody).
    """

    user: User | None = None
    membership: Membership | None = None
    delegation: Delegation | None = None
    roles: frozenset[str] = frozenset()
    # They hold roles here that allow nothing, until they have set up the second factor that the organisation asks for.
    needs_second_factor: bool = False

    @property
    def tenant(self) -> Tenant | None:
        if self.delegation is not None:
            return self.delegation.tenant
        return self.membership.tenant if self.membership else None

    @property
    def employer_id(self) -> UUID | None:
        """Whom they work for: where they act, but for a partner's people."""
        if self.delegation is not None:
            return self.delegation.partner_id
        return self.membership.tenant_id if self.membership else None

    @property
    def organisation(self) -> Tenant:
        """:raises NotAllowed: an operator or the system, who act in no organisation"""
        if self.tenant is None:
            raise NotAllowed(_("This is for the people of an organisation; an operator belongs to none."))
        return self.tenant

    @property
    def home(self) -> Membership:
        """
        The membership that acts: who buys, owns, pays or asks for themselves.

        :raises NotAllowed: an operator, or a partner's person, who is no member here
        """
        if self.delegation is not None:
            raise NotAllowed(_("You act here for a partner: only people of the organisation itself can do this."))
        if self.membership is None:
            raise NotAllowed(_("This is for the people of an organisation; an operator belongs to none."))
        return self.membership

    @property
    def is_delegate(self) -> bool:
        return self.delegation is not None

    @property
    def is_guest(self) -> bool:
        return self.membership is not None and self.membership.is_guest

    def own(self, *keys: str) -> Q:
        """Rows of the acting membership, by any of these keys to it; whoever has none owns nothing."""
        if self.membership is None:
            return Q(pk__in=[])
        return Q(*((key, self.membership) for key in keys), _connector=Q.OR)

    @property
    def is_operator(self) -> bool:
        return self.user is not None and self.user.is_operator

    @property
    def is_system(self) -> bool:
        return self.user is None

    def now(self) -> datetime:
        """What time it is for who acts: for edges, which tell it to operations. An operator has the world's time."""
        return clock.now(self.tenant)

    def may(self, right: Right) -> bool:
        if self.is_delegate and right in OWN_PEOPLE_ONLY:
            return False
        return any(right in RIGHTS.get(role, frozenset()) for role in self.roles)

    def require(self, right: Right) -> None:
        """:raises NotAllowed: no role of the person allows it"""
        if self.needs_second_factor:
            raise NotAllowed(_("Your organisation asks admins for a second factor. Set one up, then try again."))
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
    roles = frozenset(membership.role_grants.values_list("role", flat=True))
    locked = bool(roles) and lacks_second_factor(membership.user, membership.tenant)
    return Actor(
        user=membership.user,
        membership=membership,
        roles=frozenset() if locked else roles,
        needs_second_factor=locked,
    )


def lacks_second_factor(user: User, tenant: Tenant) -> bool:
    """Whether the roles that somebody holds in a tenant allow nothing, by session and token alike."""
    return tenant.requires_second_factor and user.second_factor_since is None


def delegate_of(user: User, delegation: Delegation) -> Actor:
    """A partner's person in the customer's tenant, with the roles that the delegation has now."""
    locked = lacks_second_factor(user, delegation.tenant)
    return Actor(
        user=user,
        delegation=delegation,
        roles=frozenset() if locked else frozenset(delegation.roles),
        needs_second_factor=locked,
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


def acting_delegations(user: User) -> "list[Delegation]":
    """The customers in which a partner's person may act at this very moment, each by the customer's own clock."""
    if not is_welcome(user):
        return []
    found = Delegation.objects.in_force(clock.now()).for_person(user).select_related("tenant", "partner")
    in_force = [delegation for delegation in found if delegation.ends_at > clock.now(delegation.tenant)]
    return sorted(in_force, key=lambda delegation: (delegation.tenant.name, delegation.pk))


def acting_places(user: User, customers: "Sequence[Delegation] | None" = None) -> "list[Tenant]":
    """
    Every organisation in which a person may act: by their memberships first, then a partner's `customers`, asked for
    where they are not there yet.
    """
    places = [membership.tenant for membership in acting_memberships(user)]
    places += [delegation.tenant for delegation in (acting_delegations(user) if customers is None else customers)]
    return list(dict.fromkeys(places))


def actor_in(user: User, tenant_id: UUID | None) -> Actor | None:
    """
    A person as they act in one tenant at this very moment, or an operator in none; None where they may not. A guest who
    works for a partner acts by its delegation while there is one.
    """
    if not is_welcome(user):
        return None
    if tenant_id is None:
        return Actor(user=user) if user.is_operator else None
    return _acting_in(user, tenant_id, lambda: acting_delegations(user))


def actor_at(user: User, tenant: Tenant, *, at: datetime) -> Actor | None:
    """The same at a moment of the tenant's clock, for what was told one."""
    if not is_welcome(user):
        return None
    found = Delegation.objects.of(tenant).in_force(at).for_person(user).select_related("tenant", "partner")
    return _acting_in(user, tenant.pk, lambda: found.order_by("pk"))


def _acting_in(user: User, tenant_id: UUID, delegations: Callable[[], Iterable[Delegation]]) -> Actor | None:
    memberships = Membership.objects.active().select_related("tenant", "user", "department")
    membership = memberships.filter(user=user, tenant=tenant_id).first()
    if membership is None or membership.is_guest:
        for delegation in delegations():
            if delegation.tenant_id == tenant_id:
                return delegate_of(user, delegation)
    return actor_of(membership) if membership is not None else None
