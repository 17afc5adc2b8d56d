"""
That a term ends soon is told before, so that somebody decides: 30 days before of a year, and 7 days before of any. That
it will be refused is told then, or, where that turns out later, at once. Each once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from commerce.models import NoticeKind, Renewal, RenewalNotice
from licensing.models import Channel, Subscription, SubscriptionState, Term
from licensing.models.subscription import SubscriptionQuerySet
from policies import eligibility
from policies.reasons import as_reason
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.journal import events
from tenants.scope import BATCH, EVERYBODY, Scope, in_batches

# Of terms that are longer than that only.
MONTH_BEFORE, WEEK_BEFORE = 30, 7
AT_ONCE = 0
# The first key of the advisory lock that one sweep holds.
SWEEP_LOCK = 7_351

Reasons = list[dict[str, str]]


@transaction.atomic
def tell_due(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """Write down who is told what of the end of a term, and have it told. Returns how many; the rest waits."""
    if not _is_alone():
        return 0
    told = 0
    for rows, days in ((_of_long_terms(at), MONTH_BEFORE), (_ending_within(at, WEEK_BEFORE), WEEK_BEFORE)):
        told += _tell(list(_untold(among.of(rows), days)[: limit - told]), days, at=at)
    return told + _tell_refused(at, limit=limit - told, among=among)


def tell_refused(renewal: Renewal, *, at: datetime) -> None:
    """It is refused now. Told before: nothing more. The caller holds it."""
    subscription = Subscription.objects.select_related("tenant", "plan__product").get(pk=renewal.subscription_id)
    notices = RenewalNotice.objects.filter(subscription=subscription, term_end=renewal.starts_at)
    if not notices.filter(kind=NoticeKind.REFUSED).exists():
        reasons = reasons_against([subscription])[0]
        known = {reason["code"] for reason in reasons}
        reasons += [{"code": code, "detail": ""} for code in renewal.refused_by if code not in known]
        _write([_notice(subscription, AT_ONCE, NoticeKind.REFUSED, reasons, at)], at=at)


def reasons_against(subscriptions: Sequence[Subscription]) -> list[Reasons]:
    """Why the renewal of each will be refused at its day, as far as that is known; empty: it will not. Two queries."""
    asked = [(each.tenant, each.plan, each.channel == Channel.SELF_SERVICE, each.term_end) for each in subscriptions]
    return [
        [as_reason(verdict) for verdict in verdicts if not verdict.passed]
        for verdicts in eligibility.renewals_verdicts(asked)
    ]


def _is_alone() -> bool:
    # Of two sweeps at once the second would tell the same people; the constraint is the second wall.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [SWEEP_LOCK])
        return bool(cursor.fetchone()[0])


def _ending_within(at: datetime, days: int) -> SubscriptionQuerySet:
    """Whose term ends so soon, with none that is paid behind it; a partner's we do not charge for."""
    running = Subscription.objects.filter(
        state=SubscriptionState.ACTIVE, renewed_until=None, term_end__gt=at, term_end__lte=at + timedelta(days=days)
    )
    return running.exclude(channel=Channel.PARTNER)


def _of_long_terms(at: datetime) -> SubscriptionQuerySet:
    """Within the last week that letter is told alone; that a term ends which is not to renew is told once, then."""
    rows = _ending_within(at, MONTH_BEFORE).filter(plan__term=Term.YEAR, auto_renew=True)
    return rows.filter(term_end__gt=at + timedelta(days=WEEK_BEFORE))


def _untold(rows: SubscriptionQuerySet, days: int) -> SubscriptionQuerySet:
    told = RenewalNotice.objects.filter(subscription=OuterRef("pk"), term_end=OuterRef("term_end"), days=days)
    return rows.filter(~Exists(told)).select_related("tenant", "plan__product").order_by("term_end", "pk")


def _tell(subscriptions: Sequence[Subscription], days: int, *, at: datetime) -> int:
    made = []
    for subscription, reasons in zip(subscriptions, reasons_against(subscriptions), strict=True):
        refused = NoticeKind.REFUSED if reasons else NoticeKind.RENEWS
        kind = refused if subscription.auto_renew else NoticeKind.ENDS
        told = reasons if kind == NoticeKind.REFUSED else []
        made.append(_notice(subscription, days, kind, told, at))
    return _write(made, at=at)


def _tell_refused(at: datetime, *, limit: int, among: Scope) -> int:
    """Whoever was told that it renews, and will now be refused."""
    of_this_term = Q(subscription=OuterRef("pk"), term_end=OuterRef("term_end"))
    believes = RenewalNotice.objects.filter(of_this_term, kind=NoticeKind.RENEWS)
    knows = RenewalNotice.objects.filter(of_this_term, kind=NoticeKind.REFUSED)
    rows = among.of(_ending_within(at, MONTH_BEFORE)).filter(Exists(believes), ~Exists(knows), auto_renew=True)
    keys = in_batches(rows, "term_end")
    told = 0
    while told < limit and (some := list(islice(keys, BATCH))):
        found = Subscription.objects.filter(pk__in=some).select_related("tenant", "plan__product")
        ordered = list(found.order_by("term_end", "pk"))
        against = zip(ordered, reasons_against(ordered), strict=True)
        refused = [(subscription, reasons) for subscription, reasons in against if reasons][: limit - told]
        told += _write([_notice(each, AT_ONCE, NoticeKind.REFUSED, why, at) for each, why in refused], at=at)
    return told


def _notice(subscription: Subscription, days: int, kind: NoticeKind, reasons: Reasons, at: datetime) -> RenewalNotice:
    return RenewalNotice(
        tenant=subscription.tenant,
        subscription=subscription,
        term_end=subscription.term_end,
        days=days,
        kind=kind,
        reasons=reasons,
        created_at=at,
    )


def _write(notices: Iterable[RenewalNotice], *, at: datetime) -> int:
    made = list(notices)
    if not made:
        return 0
    RenewalNotice.objects.bulk_create(made, ignore_conflicts=True)
    # Those that somebody else was faster with are not among them.
    written = RenewalNotice.objects.filter(pk__in=[notice.pk for notice in made]).select_related("tenant")
    facts = [
        events.Fact(
            tenant=notice.tenant,
            subject=notice.subscription_id,
            data={
                "term_end": notice.term_end,
                "days": notice.days,
                "kind": notice.kind,
                "codes": [reason["code"] for reason in notice.reasons],
            },
        )
        for notice in written
    ]
    events.record_each("renewal.announced", facts, by=SYSTEM, at=at)
    jobs.enqueue_each("commerce.tell_coming_renewal", [{"notice_id": str(notice.pk)} for notice in written])
    return len(facts)
