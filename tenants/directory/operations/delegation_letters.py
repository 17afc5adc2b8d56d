"""Telling both sides of a delegation: its offer, what the partner says to it, that it ends soon or is over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from tenants.access import Right, has_right
from tenants.dates import minute
from tenants.delivery import jobs, letters
from tenants.directory.delegations import TOLD_BEFORE, Delegation, DelegationQuerySet, DelegationState
from tenants.directory.models import Membership, Tenant
from tenants.scope import EVERYBODY, Scope

# What ended longer ago than this is no news any more, whatever held the letter up.
NEWS_FOR = timedelta(days=7)
ENDED = len(TOLD_BEFORE)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A template, who reads it, and in which states of the delegation it is still true."""

    template: str
    to_customer: bool = True
    to_partner: bool = True
    states: tuple[DelegationState, ...]


_OVER = (DelegationState.REVOKED, DelegationState.ENDED)
LETTERS = {
    "offered": Letter(template="offered", to_customer=False, states=(DelegationState.OFFERED,)),
    "accepted": Letter(template="accepted", to_partner=False, states=(DelegationState.ACTIVE,)),
    "declined": Letter(template="declined", to_partner=False, states=_OVER),
    "ending": Letter(template="ending", states=(DelegationState.ACTIVE,)),
    "expired": Letter(template="ended", states=_OVER),
    "withdrawn": Letter(template="ended", states=_OVER),
    "given_up": Letter(template="ended", states=_OVER),
}


def tell_due(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """
    Have letters sent for what ends in 30 or 7 days, and for what is over. Late, only the latest of them; of an offer
    that nobody has accepted none before it is over. Returns how many delegations were told of.
    """
    told = 0
    for count in range(ENDED, 0, -1):
        for delegation in among.of(_due(count, at)).order_by("ends_at", "pk").iterator():
            told += _tell(delegation, count)
    return told


def _due(count: int, at: datetime) -> DelegationQuerySet:
    found = Delegation.objects.to_tell_of().filter(told__lt=count, ends_at__lte=at + TOLD_BEFORE[count - 1])
    if count == ENDED:
        return found.filter(ends_at__gt=at - NEWS_FOR)
    return found.filter(ends_at__gt=at, accepted_at__isnull=False)


@transaction.atomic
def _tell(delegation: Delegation, count: int) -> bool:
    # The row decides who tells it, of two sweeps at once and of every later one; renewed or taken back, nobody does.
    mine = Delegation.objects.to_tell_of().filter(pk=delegation.pk, told__lt=count, ends_at=delegation.ends_at)
    if not mine.update(told=count):
        return False
    what = "expired" if count == ENDED else "ending"
    jobs.enqueue("tenants.tell_delegation", delegation_id=str(delegation.pk), what=what)
    return True


def deliver(*, delegation_id: UUID, what: str, site: str, sender: str, at: datetime) -> None:
    """To the global admins of the side, or sides, that it is for; nothing where it is not so any more."""
    delegation = Delegation.objects.with_names().get(pk=delegation_id)
    letter = LETTERS[what]
    if delegation.state_at(at) not in letter.states:
        return
    for member, is_partner in _readers(letter, delegation):
        letters.send(
            f"tenants/mail/delegation_{letter.template}.txt",
            to=member,
            told={
                "delegation": delegation,
                "what": what,
                "is_partner": is_partner,
                "customer": delegation.tenant.name,
                "partner": delegation.partner_name,
                "other": delegation.tenant.name if is_partner else delegation.partner_name,
                "roles": delegation.role_names,
                "ends": minute(delegation.ends_at, delegation.tenant.zone),
                "url": site + reverse("admin:tenants_delegation_change", args=[delegation.pk]),
            },
            message_id=f"delegation-{delegation.pk}-{what}-{delegation.told}-{delegation.ends_at:%Y%m%d%H%M}-{member.pk}",
            sender=sender,
            zone=delegation.tenant.zone,
        )


def _readers(letter: Letter, delegation: Delegation) -> Iterable[tuple[Membership, bool]]:
    if letter.to_customer:
        yield from ((member, False) for member in _deciders(delegation.tenant))
    if letter.to_partner:
        yield from ((member, True) for member in _deciders(delegation.partner))


def _deciders(tenant: Tenant) -> Iterable[Membership]:
    people = Membership.objects.of(tenant).active().filter(has_right(Right.MANAGE_DELEGATIONS))
    return people.select_related("user", "tenant").order_by("pk")
