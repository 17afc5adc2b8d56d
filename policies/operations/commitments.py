"""What purchases take of spend limits: written down as soon as they wait or are paid for, and let go when they end."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Plan, Product, Subscription
from policies import limits
from policies.models import Commitment, Counted, LimitMode, SpendLimit
from policies.spending import MONTHS, Proposal, Renewals
from tenants.delivery import jobs
from tenants.directory.models import Membership, Tenant
from tenants.refusal import Refused


class SpendLimitExceeded(Refused):
    http_status = 403
    message = _("This would pass a spending limit of your organisation.")


def renewals(plan: Plan, *, begins: datetime, per_seat: Decimal, quantity: int, tenant: Tenant) -> Renewals:
    """Those of a plan whose first one falls due at a moment."""
    return Renewals(
        first_month=limits.this_month(tenant, begins), step=MONTHS[plan.term], per_seat=per_seat, quantity=quantity
    )


def lock_limits(*, member: Membership, product: Product) -> bool:
    """
    Have one purchase after another weighed against the limits that a member's purchase of a product counts towards: in
    the caller's transaction, before it decides and commits. Returns whether there are any.
    """
    fitting = SpendLimit.objects.fitting(member, list(limits.own_departments(member)))
    return bool(fitting.filter(Q(product=None) | Q(product=product)).locked().values_list("pk", flat=True))


def require_room(*, proposal: Proposal, member: Membership, product: Product, at: datetime) -> None:
    """
    For what asks no other rule, as central purchases: whoever buys for the tenant may approve, so that only limits
    that refuse stand in the way. The caller has locked them.

    :raises SpendLimitExceeded: a limit that counts it, and that refuses, has no room
    """
    found = limits.taken(member, limits.own_departments(member), at=at, subject=proposal.subject)
    weighed = limits.weighed(found, proposal, month=limits.this_month(member.tenant, at))
    for row in limits.rows(weighed, product, counts_as=proposal.counts_as):
        if row.is_passed and row.mode == LimitMode.HARD:
            raise SpendLimitExceeded


def commit_spend(*, proposal: Proposal, member: Membership, product: Product, at: datetime) -> None:
    """
    Count a purchase that waits for its payment or an approval. In the caller's transaction, which holds the lock of
    the limits. Counted already: as it is now.
    """
    _write(_rows(proposal, member, product, at=at), update=["amount", "quantity", "first_month", "departments"])
    _tell(member.tenant)


def settle(
    *,
    proposal: Proposal,
    member: Membership,
    product: Product,
    subscription: Subscription,
    is_new: bool,
    was_weighed: bool = True,
    at: datetime,
) -> None:
    """
    What was counted is charged. It stays in the month in which it was first counted; renewals are the subscription's
    from now on. Also what nobody counted any more, when its money came after all. `was_weighed`: no for what is
    charged unasked, as renewals are.
    """
    rows = _rows(proposal, member, product, at=at)
    for row in rows:
        row.settled = row.step == 0
        row.subscription = subscription
    once = [row for row in rows if row.step == 0]
    _write(once, update=["amount", "settled", "subscription"])
    again = [row for row in rows if row.step]
    if is_new:
        _write(again, update=["amount", "subscription"])
        return
    if was_weighed:
        Commitment.objects.of(member.tenant).filter(subject=proposal.subject, step__gt=0).delete()
    of_its_own = Commitment.objects.of(member.tenant).filter(subscription=subscription, step__gt=0)
    if again:
        # What was a trial counts as what it has become.
        of_its_own.update(amount=again[0].amount, counts_as=again[0].counts_as)


def fall_due_from(*, subscription: Subscription, begins: datetime) -> None:
    """The renewals of a subscription come at another time from now on."""
    Commitment.objects.filter(tenant=subscription.tenant, subscription=subscription, step__gt=0).update(
        first_month=limits.this_month(subscription.tenant, begins)
    )


def release(*, tenant: Tenant, subject: UUID) -> None:
    """Nobody paid for it, and nobody is about to. What was charged stays counted."""
    Commitment.objects.of(tenant).filter(subject=subject, settled=False, subscription=None).delete()


def give_back(*, subject: UUID, of: UUID, amount: Decimal, at: datetime) -> None:
    """Count a refund, in its own month, of what is counted under `of`."""
    charge = Commitment.objects.filter(subject=of, step=0).select_related("tenant").first()
    if charge is None:
        return
    charge.pk, charge.subject, charge.amount = None, subject, -amount
    charge.first_month, charge.created_at = limits.this_month(charge.tenant, at), at
    _write([charge], update=["amount"])


def counted_as(channel: str) -> str:
    return Counted.CENTRAL if channel == Counted.CENTRAL else Counted.SELF_SERVICE


def _rows(proposal: Proposal, member: Membership, product: Product, *, at: datetime) -> list[Commitment]:
    known = {
        "tenant": member.tenant,
        "subject": proposal.subject,
        "member": member,
        "departments": list(limits.own_departments(member)),
        "product": product,
        "counts_as": proposal.counts_as,
        "currency": proposal.currency,
        "created_at": at,
    }
    rows = [Commitment(amount=proposal.amount, first_month=limits.this_month(member.tenant, at), **known)]
    if again := proposal.renewals:
        rows.append(
            Commitment(
                amount=again.per_seat,
                quantity=again.quantity,
                first_month=again.first_month,
                step=again.step,
                **known,
            )
        )
    return rows


def _write(rows: list[Commitment], *, update: list[str]) -> None:
    Commitment.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["tenant", "subject", "step"], update_fields=update
    )


def _tell(tenant: Tenant) -> None:
    if SpendLimit.objects.of(tenant).exists():
        jobs.enqueue("policies.tell_spend_limits", tenant_id=str(tenant.pk))
