"""Telling people that half, four fifths or all of a spend limit is taken: once in each of its periods."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from policies import limits
from policies.models import Approver, LimitNotice, SpendLimit
from policies.spending import period
from tenants.access import Right, has_right
from tenants.amounts import money
from tenants.delivery import jobs, letters
from tenants.directory.models import Department, Membership, Tenant
from tenants.directory.tree import and_above
from tenants.scope import EVERYBODY, Scope

THRESHOLDS = (50, 80, 100)


def tell_all(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """Look at the limits of every tenant: a new period begins with the renewals in it. Returns how many it told of."""
    tenants = Tenant.objects.filter(Exists(SpendLimit.objects.filter(tenant=OuterRef("pk"))))
    return sum(tell(tenant=tenant, at=at) for tenant in among.of(tenants, "pk").iterator())


def tell(*, tenant: Tenant, at: datetime) -> int:
    """
    Have letters sent for the limits of a tenant of which more is taken than was told of. Of several thresholds that are
    passed at once only the highest is told. Returns how many limits it told of.
    """
    month = limits.this_month(tenant, at)
    told = 0
    for limit in SpendLimit.objects.with_sums(tenant, month).order_by("pk"):
        passed = [share for share in THRESHOLDS if limit.amount and limit.committed * 100 >= limit.amount * share]
        told += bool(passed) and _tell(limit, passed, month=month, at=at)
    return told


@transaction.atomic
def _tell(limit: SpendLimit, passed: list[int], *, month: int, at: datetime) -> bool:
    start, _end = period(limit.period, month)
    rows = [
        LimitNotice(tenant_id=limit.tenant_id, limit=limit, period_start=start, threshold=share, told_at=at)
        for share in passed
    ]
    # The constraint decides who tells it, of two processes at once and of every later one.
    LimitNotice.objects.bulk_create(rows, ignore_conflicts=True)
    newest = LimitNotice.objects.filter(pk=rows[-1].pk).first()
    if newest is None:
        return False
    jobs.enqueue("policies.deliver_limit_notice", notice_id=str(newest.pk))
    return True


def deliver(*, notice_id: UUID, site: str, sender: str, at: datetime) -> None:
    """To whoever may change the tenant's policies, and for a department's limit to those who approve for it."""
    notice = LimitNotice.objects.select_related("limit").filter(pk=notice_id).first()
    if notice is None:
        return  # the limit was removed meanwhile
    limits_ = SpendLimit.objects.with_sums(notice.limit.tenant, limits.this_month(notice.limit.tenant, at))
    limit = limits_.with_scope().get(pk=notice.limit_id)
    for member in _readers(limit):
        told = {
            "limit": limit,
            "threshold": notice.threshold,
            "amount": money(limit.amount, limit.currency),
            "committed": money(limit.committed, limit.currency),
            "url": site + reverse("admin:policies_spendlimit_changelist"),
        }
        letters.send(
            "policies/mail/limit_notice.txt",
            to=member,
            told=told,
            message_id=f"limit-notice-{notice.pk}-{member.pk}",
            sender=sender,
        )


def _readers(limit: SpendLimit) -> Iterable[Membership]:
    reads = has_right(Right.CHANGE_POLICY)
    if limit.department is not None:
        named = Approver.objects.filter(member=OuterRef("pk"), department__in=_and_above(limit.department))
        reads |= Q(Exists(named))
    return Membership.objects.filter(reads, tenant=limit.tenant_id).active().select_related("user", "tenant")


def _and_above(department: Department) -> list[UUID]:
    parents = dict(Department.objects.filter(tenant=department.tenant_id).values_list("pk", "parent"))
    return and_above(department.pk, parents)
