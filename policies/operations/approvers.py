"""Who approves the purchases of a department besides the admins who may approve all."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from policies.models import Approver
from tenants.access import Actor, Right
from tenants.directory.models import Department, Membership, Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.refusal import BadInput


@transaction.atomic
def name(*, tenant: Tenant, department: Department, member: Membership, by: Actor, at: datetime) -> Approver:
    """
    Let a member approve the purchases of a department and of those below it. Named already: nothing changes.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: a department of another tenant, or no active member of this one
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    if department.tenant_id != tenant.pk:
        raise BadInput(_("There is no such department."), field="department", code="does_not_exist")
    if member.tenant_id != tenant.pk or member.is_guest or not member.is_active:
        raise BadInput(_("Only active members approve purchases."), field="member", code="not_a_member")
    organisations.lock(tenant)
    approver, is_new = Approver.objects.get_or_create(
        tenant=tenant, department=department, member=member, defaults={"created_at": at}
    )
    if is_new:
        _record("approver.named", approver, by=by, at=at)
    return approver


@transaction.atomic
def remove(*, approver: Approver, by: Actor, at: datetime) -> None:
    """
    The member no longer approves for the department; what they have decided stands.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    """
    by.require_in(approver.tenant, Right.CHANGE_POLICY)
    organisations.lock(approver.tenant)
    removed, _each = Approver.objects.filter(pk=approver.pk).delete()
    if removed:
        _record("approver.removed", approver, by=by, at=at)


def _record(type: str, approver: Approver, *, by: Actor, at: datetime) -> None:
    events.record(
        type,
        tenant=approver.tenant,
        by=by,
        at=at,
        subject=approver.member_id,
        member=approver.member_id,
        department=approver.department_id,
    )
