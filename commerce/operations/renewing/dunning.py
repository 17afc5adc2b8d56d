"""
What follows a renewal that its card did not pay: when it is tried again, who is told of it, and when it is given up.
When is data: the steps of the tenant, else the operator's. A card that will never pay is not tried before it changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from commerce.models import DunningStep, HardDecline, Order, Payment, PaymentSource, Renewal, RenewalState
from commerce.operations.renewing import notices
from licensing.calendar import days_later
from licensing.models import GIVES_ACCESS, Subscription, SubscriptionState
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.journal import events
from tenants.scope import EVERYBODY, Scope

MORNING = time(9)
# There is no card to try: as hard as the bank's hardest no, whatever the list of codes says.
NO_PAYMENT_METHOD = "no_payment_method"
# Nothing of these is under way: they wait for their time, or for another card.
WAITING = (RenewalState.RETRYING, RenewalState.BLOCKED)


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """Which day's step is the last that has come, and what comes next of its own."""

    step: int
    next_try_at: datetime | None
    next_letter_at: datetime | None


def failed(*, renewal: Renewal, code: str, order: Order | None, at: datetime) -> None:
    """
    A try brought nothing: set when the next one is, if there is one, and have its payer told. The caller holds the lock
    of its subscription and its own, and has seen that this try was not counted yet. `order`: what was tried; none:
    there was nothing to try.
    """
    if Subscription.objects.filter(pk=renewal.subscription_id, state=SubscriptionState.TRIAL).exists():
        _end_with_trial(renewal, code, order, at=at)
        return
    [held] = DunningStep.objects.for_each([renewal.tenant]).values()
    steps = {step.day: step for step in held}
    before = renewal.step if renewal.first_failed_at else None
    renewal.first_failed_at = renewal.first_failed_at or at
    hard = is_hard(code)
    coming = ahead(held, since=renewal.first_failed_at, zone=renewal.tenant.zone, hard=hard, at=at)
    renewal.step = coming.step
    renewal.next_try_at, renewal.next_letter_at = coming.next_try_at, coming.next_letter_at
    renewal.state = RenewalState.RETRYING if renewal.next_try_at else RenewalState.BLOCKED
    renewal.decline_code, renewal.leased_until, renewal.faults = code, None, 0
    another = order is not None and _is_paid_otherwise_by_now(renewal, order)
    if another:
        _at_once(renewal, at)
    renewal.save(
        update_fields=[
            "state", "step", "next_try_at", "next_letter_at", "first_failed_at", "decline_code", "leased_until",
            "faults",
        ]
    )  # fmt: skip
    # A try between two steps was asked for by somebody, who wants to know.
    told = not another and (before == renewal.step or (renewal.step in steps and steps[renewal.step].mail))
    fact = {**_fact(renewal), "order": order.pk if order else None, "told": told}
    events.record("renewal.failed", tenant=renewal.tenant, by=SYSTEM, at=at, subject=renewal.subscription_id, **fact)
    if told:
        jobs.enqueue("commerce.tell_failed_renewal", **_letter(renewal))


def _end_with_trial(renewal: Renewal, code: str, order: Order | None, *, at: datetime) -> None:
    """No access without payment, so there is no time for another try: the trial ends when it ends."""
    renewal.state, renewal.refused_by = RenewalState.REFUSED, [code]
    renewal.decline_code, renewal.first_failed_at, renewal.settled_at = code, at, at
    renewal.next_try_at = renewal.leased_until = renewal.next_letter_at = None
    renewal.save(
        update_fields=[
            "state", "refused_by", "decline_code", "first_failed_at", "settled_at", "next_try_at", "leased_until",
            "next_letter_at",
        ]
    )  # fmt: skip
    fact = {**_fact(renewal), "order": order.pk if order else None}
    events.record("renewal.failed", tenant=renewal.tenant, by=SYSTEM, at=at, subject=renewal.subscription_id, **fact)
    jobs.enqueue("commerce.tell_unpaid_trial", subscription_id=str(renewal.subscription_id))


def refused(*, renewal: Renewal, at: datetime) -> None:
    """A rule forbids it, which people are told at once, unless they were before. The caller holds the renewal."""
    notices.tell_refused(renewal, at=at)


def try_at_once(*, subscriptions: Iterable[UUID]) -> int:
    """
    What pays for subscriptions changes, in the caller's transaction: have the renewals of them that failed tried as
    soon as it has. Returns how many may be. Also of those that are just being charged: that may be with the card that
    was there before.
    """
    payable = Renewal.objects.payable_by_another_card().filter(subscription__in=subscriptions)
    found = payable.values_list("pk", flat=True)
    jobs.enqueue_each("commerce.renew_now", [{"renewal_id": str(pk)} for pk in found])
    return len(found)


@transaction.atomic
def resume(*, renewal_id: UUID, at: datetime) -> bool:
    """
    Let one that failed be tried now, whatever its next step; also of a trial that still runs. No: it never failed, is
    just being charged, is settled, or was set aside, which another card does not mend.
    """
    subscription_id = Renewal.objects.values_list("subscription", flat=True).get(pk=renewal_id)
    Subscription.objects.locked().get(pk=subscription_id)
    held = (
        Renewal.objects.locked()
        .not_held()
        .payable_by_another_card()
        .filter(pk=renewal_id, first_failed_at__isnull=False)
    )
    renewal = held.select_related("tenant").first()
    if renewal is None or renewal.state not in (*WAITING, RenewalState.REFUSED):
        return False
    if renewal.state == RenewalState.REFUSED:
        if renewal.starts_at <= at:
            return False
        reopen(renewal, at=at)
        return True
    _at_once(renewal, at)
    renewal.save(update_fields=["state", "next_try_at", "next_letter_at", "leased_until"])
    events.record("renewal.resumed", tenant=renewal.tenant, by=SYSTEM, at=at, subject=renewal.subscription_id)
    return True


def reopen(renewal: Renewal, *, at: datetime) -> None:
    """What ended it holds no longer, and its term has not begun: tried as if anew. The caller holds it."""
    renewal.state, renewal.next_try_at = RenewalState.DUE, at
    renewal.settled_at = renewal.first_failed_at = renewal.leased_until = None
    renewal.refused_by, renewal.decline_code = [], ""
    renewal.save(
        update_fields=[
            "state", "next_try_at", "settled_at", "first_failed_at", "leased_until", "refused_by", "decline_code",
        ]
    )  # fmt: skip
    events.record("renewal.resumed", tenant=renewal.tenant, by=SYSTEM, at=at, subject=renewal.subscription_id)


@transaction.atomic
def remind_due(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    Tell payers again on the days of steps on which nothing is tried: because the step says so, or because only another
    card would help. Of two sweeps one tells. Returns how many were told.
    """
    due = Renewal.objects.filter(
        next_letter_at__lte=at, state__in=WAITING, subscription__state__in=GIVES_ACCESS
    ).order_by("next_letter_at", "pk")
    claimed = among.of(due).select_for_update(of=("self",), no_key=True, skip_locked=True)
    found = list(claimed.select_related("tenant")[:limit])
    if not found:
        return 0
    held = DunningStep.objects.for_each(renewal.tenant for renewal in found)
    for renewal in found:
        if renewal.first_failed_at is not None:
            hard = renewal.state == RenewalState.BLOCKED
            coming = ahead(
                held[renewal.tenant], since=renewal.first_failed_at, zone=renewal.tenant.zone, hard=hard, at=at
            )
            renewal.step, renewal.next_letter_at = coming.step, coming.next_letter_at
    Renewal.objects.bulk_update(found, ["step", "next_letter_at"])
    facts = [events.Fact(tenant=each.tenant, subject=each.subscription_id, data=_fact(each)) for each in found]
    events.record_each("renewal.reminded", facts, by=SYSTEM, at=at)
    jobs.enqueue_each("commerce.tell_failed_renewal", [_letter(renewal) for renewal in found])
    return len(found)


def is_hard(code: str) -> bool:
    """Whether the card that was declined so will never pay."""
    return code == NO_PAYMENT_METHOD or HardDecline.objects.filter(pk=code).exists()


def ahead(steps: Iterable[DunningStep], *, since: datetime, zone: ZoneInfo, hard: bool, at: datetime) -> Ahead:
    """
    By the clock alone, so that it does not matter which of the steps were seen: a sweep that was away for a week goes
    on with the next one. Where nothing is tried before, each step with a letter is a reminder.
    """
    moments = [(moment_of(step.day, since=since, zone=zone), step) for step in steps]
    coming = [(moment, step) for moment, step in moments if moment > at]
    tries = [moment for moment, step in coming if step.retry and not hard]
    letters = [moment for moment, step in coming if step.mail and not (tries and moment >= tries[0])]
    return Ahead(
        step=max((step.day for moment, step in moments if moment <= at), default=0),
        next_try_at=tries[0] if tries else None,
        next_letter_at=letters[0] if letters else None,
    )


def moment_of(day: int, *, since: datetime, zone: ZoneInfo) -> datetime:
    """At once on day 0; so many days on, at 09:00 of the tenant, counted on its calendar."""
    if day == 0:
        return since
    morning = datetime.combine(since.astimezone(zone).date(), MORNING, zone)
    return days_later(morning, zone, day)


def _at_once(renewal: Renewal, at: datetime) -> None:
    renewal.state, renewal.next_try_at = RenewalState.RETRYING, at
    renewal.next_letter_at = renewal.leased_until = None


def _is_paid_otherwise_by_now(renewal: Renewal, order: Order) -> bool:
    """Another card was chosen while this one was tried."""
    tried = Payment.objects.filter(order=order, card__isnull=False).order_by("-started_at", "-pk").first()
    source = PaymentSource.objects.filter(subscription=renewal.subscription_id, payment_method__isnull=False).first()
    return tried is not None and source is not None and tried.card_id != source.payment_method_id


def _fact(renewal: Renewal) -> dict[str, object]:
    return {
        "starts_at": renewal.starts_at,
        "attempts": renewal.attempts,
        "code": renewal.decline_code,
        "next_try_at": renewal.next_try_at,
    }


def _letter(renewal: Renewal) -> dict[str, object]:
    # Names the letter, so that one that is sent twice is one.
    return {"renewal_id": str(renewal.pk), "about": f"{renewal.attempts}-{renewal.step}"}
