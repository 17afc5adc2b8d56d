"""Letting a partner's people in: granted and taken back by an organisation, accepted or given up by the partner."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor, Right
from tenants.delivery import jobs
from tenants.directory.delegations import TOLD_BEFORE, Delegation
from tenants.directory.models import Role, Tenant
from tenants.directory.operations.organisations import lock
from tenants.journal import events
from tenants.refusal import BadInput, Refused

LONGEST_YEARS = 2


class DelegationExists(Refused):
    message = _("This partner has a delegation already. Renew it, or take it back first.")


class DelegationOver(Refused):
    message = _("This delegation is over. It has to be granted anew.")


def partner_called(slug: str) -> Tenant:
    """:raises BadInput: no organisation has this short name"""
    partner = Tenant.objects.filter(slug=slug).first()
    if partner is None:
        raise BadInput(_("There is no such partner."), field="partner", code="does_not_exist")
    return partner


@transaction.atomic
def grant(
    *, tenant: Tenant, partner: Tenant, roles: Collection[str], ends_at: datetime, by: Actor, at: datetime
) -> Delegation:
    """
    Offer a partner roles in this tenant until a moment, at most two years ahead. They hold once the partner accepts.

    :raises NotAllowed: without the right to manage this tenant's delegations, or no member of it
    :raises BadInput: no such role, none at all, the tenant itself as its partner, or a moment past or too far ahead
    :raises DelegationExists: one that is neither over nor taken back
    """
    by.require_in(tenant, Right.MANAGE_DELEGATIONS)
    granter = by.home
    named = _known(roles)
    _require_time(ends_at, at)
    if partner == tenant:
        raise BadInput(_("An organisation is not its own partner."), field="partner", code="own_organisation")
    # Row lock: whether there is one already is decided by one grant after another.
    lock(tenant)
    if Delegation.objects.of(tenant).to_partner(partner).open(at).exists():
        raise DelegationExists
    delegation = Delegation.objects.create(
        tenant=tenant,
        partner=partner,
        roles=named,
        granted_by=granter,
        granted_at=at,
        ends_at=ends_at,
        told=_passed(ends_at, at),
    )
    _record("delegation.granted", delegation, by=by, at=at, roles=named, ends_at=ends_at)
    _write(delegation, "offered")
    return delegation


@transaction.atomic
def accept(*, delegation: Delegation, by: Actor, at: datetime) -> Delegation:
    """
    From now on the partner's people act there. Accepting twice changes nothing.

    :raises NotAllowed: no global admin of the partner
    :raises DelegationOver: it has ended or was taken back
    """
    by.require_in(delegation.partner, Right.MANAGE_DELEGATIONS)
    delegation = _locked(delegation)
    _require_open(delegation, at)
    if delegation.accepted_at is None:
        delegation.accepted_by, delegation.accepted_at = by.home.user, at
        # An offer that waited: what has passed by now is no longer told.
        delegation.told = _passed(delegation.ends_at, at)
        delegation.save(update_fields=["accepted_by", "accepted_at", "told"])
        _record("delegation.accepted", delegation, by=by, at=at)
        _tell_partner("delegation.accepted", delegation, by=by, at=at)
        _write(delegation, "accepted")
    return delegation


@transaction.atomic
def renew(*, delegation: Delegation, ends_at: datetime, by: Actor, at: datetime) -> Delegation:
    """
    Let it end at another moment, at most two years from now; the partner need not accept again.

    :raises NotAllowed: without the right to manage this tenant's delegations
    :raises BadInput: a moment past or too far ahead
    :raises DelegationOver: it has ended or was taken back
    """
    by.require_in(delegation.tenant, Right.MANAGE_DELEGATIONS)
    _require_time(ends_at, at)
    delegation = _locked(delegation)
    _require_open(delegation, at)
    if delegation.ends_at != ends_at:
        before, delegation.ends_at = delegation.ends_at, ends_at
        delegation.told = _passed(ends_at, at)
        delegation.save(update_fields=["ends_at", "told"])
        _record("delegation.renewed", delegation, by=by, at=at, old={"ends_at": before}, ends_at=ends_at)
    return delegation


@transaction.atomic
def revoke(*, delegation: Delegation, by: Actor, at: datetime) -> Delegation:
    """
    Take it back, or, by the partner, give it up: nobody acts by it from the next request on. Of one that is over
    already nothing changes.

    :raises NotAllowed: neither a global admin of the tenant nor one of the partner
    """
    by.require_in(
        delegation.partner if by.tenant == delegation.partner else delegation.tenant, Right.MANAGE_DELEGATIONS
    )
    delegation = _locked(delegation)
    if delegation.revoked_at is None and delegation.ends_at > at:
        delegation.revoked_by, delegation.revoked_at = by.user, at
        delegation.save(update_fields=["revoked_by", "revoked_at"])
        _record("delegation.revoked", delegation, by=by, at=at)
        is_partner = by.tenant == delegation.partner
        if is_partner:
            _tell_partner("delegation.revoked", delegation, by=by, at=at)
        if is_partner and delegation.accepted_at is None:
            _write(delegation, "declined")
        else:
            _write(delegation, "given_up" if is_partner else "withdrawn")
    return delegation


def longest(at: datetime) -> datetime:
    """The last moment at which a delegation may end that is granted or renewed now."""
    try:
        return at.replace(year=at.year + LONGEST_YEARS)
    except ValueError:
        return at.replace(year=at.year + LONGEST_YEARS, day=28)  # from the 29th of February


def _require_time(ends_at: datetime, at: datetime) -> None:
    if ends_at <= at:
        raise BadInput(_("It must end in the future."), field="ends_at", code="not_in_the_future")
    if ends_at > longest(at):
        raise BadInput(_("It lasts two years at most. Renew it before then."), field="ends_at", code="too_long")


def _passed(ends_at: datetime, at: datetime) -> int:
    """How many of the moments at which both sides are told of its end are over already: those need no letter."""
    return sum(ends_at - before <= at for before in TOLD_BEFORE)


def _known(roles: Collection[str]) -> list[str]:
    if not roles:
        raise BadInput(_("Name at least one role."), field="roles", code="required")
    if set(roles) - set(Role.values):
        raise BadInput(_("There is no such role."), field="roles", code="invalid_choice")
    return [role for role in Role.values if role in roles]


def _locked(delegation: Delegation) -> Delegation:
    rows = Delegation.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("tenant", "partner").get(pk=delegation.pk)


def _require_open(delegation: Delegation, at: datetime) -> None:
    if delegation.revoked_at is not None or delegation.ends_at <= at:
        raise DelegationOver


def _record(type: str, delegation: Delegation, *, by: Actor, at: datetime, **data: object) -> None:
    events.record(
        type,
        tenant=delegation.tenant,
        by=by,
        at=at,
        subject=delegation.pk,
        partner=delegation.partner_id,
        **data,
    )


def _tell_partner(type: str, delegation: Delegation, *, by: Actor, at: datetime) -> None:
    """What the partner's own people decide stands in its journal as well."""
    events.record(
        type,
        tenant=delegation.partner,
        by=by,
        at=at,
        subject=delegation.pk,
        customer=delegation.tenant_id,
    )


def _write(delegation: Delegation, what: str) -> None:
    jobs.enqueue("tenants.tell_delegation", delegation_id=str(delegation.pk), what=what)
