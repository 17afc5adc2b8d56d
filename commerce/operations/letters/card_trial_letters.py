"""
What somebody who tries a product with a card is told: at the start, seven days and one day before it becomes a
purchase, and when its first term could not be charged.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from commerce.models import Checkout, NoticeKind, Renewal, RenewalNotice, RenewalState
from commerce.operations.letters import decline_reasons, post
from licensing.models import Subscription, SubscriptionState
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.journal import events
from tenants.scope import EVERYBODY, Scope

# So many days before, the nearest first: of a trial that is as short as that, the letter of its start has told.
DAYS = (1, 7)
AT_ONCE = 500


def context_of(trial: Subscription) -> dict[str, Any]:
    """What its first term costs, as it was shown at the start."""
    promised = Checkout.objects.get(trial=trial, with_trial=True)
    return {"total": promised.total, "currency": promised.currency}


def tell_coming(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """
    Tell of each trial that becomes a purchase within seven days, and within one: once each, and again of another end
    after an extension. Returns how many were told.
    """
    told, nearer = 0, 0
    for days in DAYS:
        due = Subscription.objects.filter(
            state=SubscriptionState.TRIAL,
            converts=True,
            auto_renew=True,
            renewed_until=None,
            # Of a running trial the same moment as its end, and the one that has an index.
            state_ends_at__gt=at + timedelta(days=nearer),
            state_ends_at__lte=at + timedelta(days=days),
            term_end__gt=F("term_start") + timedelta(days=days),
        )
        said = RenewalNotice.objects.filter(subscription=OuterRef("pk"), term_end=OuterRef("term_end"), days=days)
        untold = among.of(due).exclude(Exists(said)).order_by("state_ends_at", "pk").select_related("tenant")
        told += sum(_tell(trial, days, at=at) for trial in untold[:AT_ONCE])
        nearer = days
    return told


@transaction.atomic
def _tell(trial: Subscription, days: int, *, at: datetime) -> int:
    # Of two sweeps one tells: the row is unique.
    _row, is_new = RenewalNotice.objects.get_or_create(
        subscription=trial,
        term_end=trial.term_end,
        days=days,
        defaults={"tenant": trial.tenant, "kind": NoticeKind.RENEWS, "created_at": at},
    )
    if not is_new:
        return 0
    events.record(
        "trial.converting", tenant=trial.tenant, by=SYSTEM, at=at, subject=trial.pk, days=days, ends_at=trial.term_end
    )
    jobs.enqueue("commerce.deliver_converting_trial", subscription_id=str(trial.pk), days=days)
    return 1


def deliver_coming(*, subscription_id: UUID, days: int, site: str, sender: str, at: datetime) -> None:
    """To whoever is going to pay, unless renewal was turned off or it has ended meanwhile."""
    trial = Subscription.objects.with_people().get(pk=subscription_id)
    runs = trial.state == SubscriptionState.TRIAL and trial.term_end > at
    if not runs or not trial.auto_renew:
        return
    _send("card_trial_converts", trial, f"trial-{trial.pk}-{trial.term_end:%Y%m%dT%H%M%S}-{days}", site, sender)


def deliver_unpaid(*, subscription_id: UUID, site: str, sender: str) -> None:
    """That its first term could not be charged, so that it ends, and how to go on all the same."""
    trial = Subscription.objects.with_people().get(pk=subscription_id)
    declined = Renewal.objects.filter(subscription=trial, state=RenewalState.REFUSED).order_by("-starts_at").first()
    if declined is None or not trial.is_trial:
        return
    reason = decline_reasons.why(declined.decline_code)
    _send("card_trial_unpaid", trial, f"trial-{trial.pk}-unpaid", site, sender, reason=reason)


def _send(name: str, trial: Subscription, message_id: str, site: str, sender: str, **told: object) -> None:
    payer = trial.payer
    if payer is None or not payer.is_active:
        return
    context = {**context_of(trial), **told}
    post.send(name, to=payer, context=context, message_id=message_id, site=site, sender=sender, subscription=trial)
