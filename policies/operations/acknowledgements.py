"""Data policies that a buyer must have read before paying; what was read stays on record."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Product
from policies.models import Acknowledgement, GovernancePolicy
from tenants.access import Actor
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import BadInput

# The ids of what somebody says to have read; with the version that they saw, or without: what stands now.
Read = Mapping[str, int | None]


def wanted(*, member: Membership, product: Product, subject: UUID) -> list[GovernancePolicy]:
    """The policies to acknowledge before `subject` is paid for, but for those that were; one query or two."""
    asking = list(
        GovernancePolicy.objects.of(member.tenant).filter(acknowledge=True).fitting(product).order_by("name", "pk")
    )
    if not asking:
        return []
    done = set(
        Acknowledgement.objects.filter(tenant=member.tenant_id, member=member, subject=subject).values_list(
            "policy", "version"
        )
    )
    return [policy for policy in asking if (policy.pk, policy.version) not in done]


@transaction.atomic
def acknowledge(*, product: Product, subject: UUID, read: Read, by: Actor, at: datetime) -> None:
    """
    Note what the actor has read before paying for `subject`. Nothing is asked for, or it was noted: nothing changes.

    :raises BadInput: something that is asked for was not read, or not as it is now; or there is no such policy
    """
    missing = wanted(member=by.home, product=product, subject=subject)
    _require_known(read, product, by)
    if any(_is_unread(policy, read) for policy in missing):
        names = ", ".join(policy.name for policy in missing if _is_unread(policy, read))
        said = _("Read this first, and say that you did: %(names)s.") % {"names": names}
        raise BadInput(said, field="acknowledge", code="required")
    for policy in missing:
        _note(policy, subject, by=by, at=at)


def _require_known(read: Read, product: Product, by: Actor) -> None:
    if not read:
        return
    fitting = GovernancePolicy.objects.of(by.home.tenant).fitting(product)
    if set(read) - {str(pk) for pk in fitting.values_list("pk", flat=True)}:
        raise BadInput(_("There is no such policy."), field="acknowledge", code="does_not_exist")


def _is_unread(policy: GovernancePolicy, read: Read) -> bool:
    seen = read.get(str(policy.pk), 0)
    return seen is not None and seen != policy.version


def _note(policy: GovernancePolicy, subject: UUID, *, by: Actor, at: datetime) -> None:
    told = {"name": policy.name, "kind": policy.kind, "settings": policy.settings, "version": policy.version}
    _row, is_new = Acknowledgement.objects.get_or_create(
        tenant_id=policy.tenant_id,
        member=by.home,
        subject=subject,
        policy=policy.pk,
        version=policy.version,
        defaults={"name": policy.name, "kind": policy.kind, "settings": policy.settings, "at": at},
    )
    if is_new:
        events.record(
            "governance.acknowledged",
            tenant=by.home.tenant,
            by=by,
            at=at,
            subject=policy.pk,
            member=by.home.pk,
            checkout=subject,
            **told,
        )
