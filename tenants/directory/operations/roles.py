"""The roles of an organisation's people: who gives and takes them, and whom a role protects from whom."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor, Right
from tenants.directory.models import Membership, MemberState, Role, RoleGrant
from tenants.directory.operations.organisations import lock
from tenants.journal import events
from tenants.refusal import NotAllowed, Refused


class LastGlobalAdmin(Refused):
    message = _("This is the last active global admin of the organisation. Make somebody else one first.")


@transaction.atomic
def grant(*, membership: Membership, role: str, by: Actor, at: datetime) -> None:
    """
    Give a role; one that is held already stays as it is.

    :raises NotAllowed: without the right to manage the roles of this tenant
    """
    by.require_in(membership.tenant, Right.MANAGE_ROLES)
    lock(membership.tenant)
    _grant(membership, role, by, at)


@transaction.atomic
def revoke(*, membership: Membership, role: str, by: Actor, at: datetime) -> None:
    """
    Take a role away; one that is not held is no matter.

    :raises NotAllowed: without the right to manage the roles of this tenant
    :raises LastGlobalAdmin: nobody would be left to administer the tenant
    """
    by.require_in(membership.tenant, Right.MANAGE_ROLES)
    lock(membership.tenant)
    _revoke(membership, role, by, at)


@transaction.atomic
def put(*, membership: Membership, roles: Collection[str], by: Actor, at: datetime) -> None:
    """
    Give the roles that are named and take away all others, all or nothing.

    :raises NotAllowed: without the right to manage the roles of this tenant
    :raises LastGlobalAdmin: nobody would be left to administer the tenant
    """
    by.require_in(membership.tenant, Right.MANAGE_ROLES)
    lock(membership.tenant)
    for role in Role.values:
        change = _grant if role in roles else _revoke
        change(membership, role, by, at)


def _grant(membership: Membership, role: str, by: Actor, at: datetime) -> None:
    _row, is_new = RoleGrant.objects.get_or_create(
        tenant=membership.tenant, membership=membership, role=role, defaults={"granted_at": at}
    )
    if is_new:
        events.record("role.granted", tenant=membership.tenant, by=by, at=at, subject=membership.pk, role=role)


def _revoke(membership: Membership, role: str, by: Actor, at: datetime) -> None:
    if role == Role.GLOBAL_ADMIN:
        keep_a_global_admin(membership)
    removed, _by_model = RoleGrant.objects.filter(tenant=membership.tenant, membership=membership, role=role).delete()
    if removed:
        events.record("role.revoked", tenant=membership.tenant, by=by, at=at, subject=membership.pk, role=role)


def keep_a_global_admin(membership: Membership) -> None:
    """:raises LastGlobalAdmin: without this one there is no active one left"""
    admins = RoleGrant.objects.filter(
        tenant=membership.tenant, role=Role.GLOBAL_ADMIN, membership__state=MemberState.ACTIVE
    )
    if admins.filter(membership=membership).exists() and not admins.exclude(membership=membership).exists():
        raise LastGlobalAdmin


def may_manage(membership: Membership, by: Actor) -> bool:
    """Whether somebody who manages people may change this one: never with a role that they do not hold themselves."""
    if by.is_system or by.is_operator or by.may(Right.MANAGE_ROLES):
        return True
    return {grant.role for grant in membership.role_grants.all()} <= by.roles


def require_manageable(membership: Membership, by: Actor) -> None:
    """:raises NotAllowed: the person has a role that the other does not hold"""
    if not may_manage(membership, by):
        raise NotAllowed(_("This person has a role that you do not have: only a global admin may change them."))
