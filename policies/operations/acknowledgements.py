"""Data policies that a buyer must have read before paying; what was read stays on record."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
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
NOTHING_READ: Read = MappingProxyType({})


def wanted(*, member: Membership, product: Product, subject: UUID | None = None) -> list[GovernancePolicy]:
    """
    The policies to acknowledge before `subject` is paid for, or begins, but for those that were; one query or two.
    """
    asking = list(
        GovernancePolicy.objects.of(member.tenant).filter(acknowledge=True).fitting(product).order_by("name", "pk")
    )
    if not asking or subject is None:
        return asking
    done = set(
        Acknowledgement.objects.filter(tenant=member.tenant_id, member=member, subject=subject).values_list(
            "policy", "version"
        )
    )
    return [policy for policy in asking if (policy.pk, policy.version) not in done]


@transaction.atomic
def acknowledge(
    *, product: Product, subject: UUID, read: Read, about: str = "checkout", by: Actor, at: datetime
) -> None:
    """
    Note what the actor has read before paying for `subject`, which is a checkout, or what `about` says. Nothing is
    asked for, or it was noted: nothing changes.

    :raises BadInput: something that is asked for was not read, or not as it is now; or there is no such policy
    """
    missing = wanted(member=by.home, product=product, subject=subject)
    _require_present(read, product, by)
    unread = [policy.name for policy in missing if str(policy.pk) not in read]
    if unread:
        names = ", ".join(unread)
        said = _("Read this first, and say that you did: %(names)s.") % {"names": names}
        raise BadInput(said, field="acknowledge", code="required")
    for policy in missing:
        _note(policy, subject, about, by=by, at=at)


def acknowledge_order(*, product: Product, order_id: UUID, read: Read | None, by: Actor, at: datetime) -> None:
    """
    As `acknowledge`, for an order without a checkout. `read` none: nobody is asked.

    :raises BadInput: as `acknowledge`
    """
    if read is not None:
        acknowledge(product=product, subject=order_id, read=read, about="order", by=by, at=at)


def _require_present(read: Read, product: Product, by: Actor) -> None:
    """:raises BadInput: what is named does not hold for the product, or was changed after it was read"""
    if not read:
        return
    fitting = {str(policy.pk): policy for policy in GovernancePolicy.objects.of(by.home.tenant).fitting(product)}
    if set(read) - set(fitting):
        raise BadInput(_("There is no such policy."), field="acknowledge", code="does_not_exist")
    changed = [fitting[pk].name for pk, version in read.items() if version not in (None, fitting[pk].version)]
    if changed:
        said = _("Changed since you read it; read it again: %(names)s.") % {"names": ", ".join(sorted(changed))}
        raise BadInput(said, field="acknowledge", code="changed")


def _note(policy: GovernancePolicy, subject: UUID, about: str, *, by: Actor, at: datetime) -> None:
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
            **{about: subject},
            **told,
        )
