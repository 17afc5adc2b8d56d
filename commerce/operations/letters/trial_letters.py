"""What somebody who tries a product is told: what it is, until when, and that it ends by itself."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from commerce.operations.letters import card_trial_letters, post
from licensing.models import Subscription, SubscriptionState, TrialUse
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.journal import events
from tenants.scope import EVERYBODY, Scope

# A trial that is no longer than this is told of at its start alone.
BEFORE = timedelta(days=7)
AT_ONCE = 500


def deliver(*, subscription_id: UUID, site: str, sender: str) -> None:
    """To the person who started it, unless they have left since."""
    trial = Subscription.objects.with_people().get(pk=subscription_id)
    if not trial.purchaser.is_active:
        return
    post.send(
        "card_trial_started" if trial.converts else "trial_started",
        to=trial.purchaser,
        context=card_trial_letters.context_of(trial) if trial.converts else {},
        message_id=f"trial-{trial.pk}",
        site=site,
        sender=sender,
        subscription=trial,
    )


def tell_ending(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """
    Tell of each trial that ends within seven days, once for each end: one that was extended has another. Returns how
    many were told.
    """
    due = TrialUse.objects.filter(
        subscription__state=SubscriptionState.TRIAL,
        subscription__auto_renew=False,  # else it becomes a purchase, which `card_trial_letters` tell
        # Of a running trial the same moment as its end, and the one that has an index.
        subscription__state_ends_at__gt=at,
        subscription__state_ends_at__lte=at + BEFORE,
        subscription__term_end__gt=F("subscription__term_start") + BEFORE,
    )
    untold = among.of(due).exclude(_told()).order_by("subscription__state_ends_at", "pk")
    return sum(_tell(use, at=at) for use in untold.select_related("subscription", "tenant")[:AT_ONCE])


@transaction.atomic
def _tell(use: TrialUse, *, at: datetime) -> int:
    # Of two sweeps one tells.
    end = use.subscription.term_end
    mine = TrialUse.objects.filter(Q(told_of_end=None) | ~Q(told_of_end=end), pk=use.pk)
    if not mine.update(told_of_end=end):
        return 0
    events.record("trial.ending", tenant=use.tenant, by=SYSTEM, at=at, subject=use.subscription_id, ends_at=end)
    jobs.enqueue("commerce.deliver_ending_trial", subscription_id=str(use.subscription_id))
    return 1


def _told() -> Q:
    return Q(told_of_end__isnull=False, told_of_end=F("subscription__term_end"))


def deliver_ending(*, subscription_id: UUID, site: str, sender: str, at: datetime) -> None:
    """To its holder, unless they have left, or it has ended meanwhile."""
    trial = Subscription.objects.with_people().get(pk=subscription_id)
    holder = trial.owner
    if holder is None or not holder.is_active or trial.state != SubscriptionState.TRIAL or trial.term_end <= at:
        return
    if trial.auto_renew:
        return
    post.send(
        "trial_ends",
        to=holder,
        context={"contact": trial.tenant.contact_email},
        message_id=f"trial-{trial.pk}-ends-{trial.term_end:%Y%m%dT%H%M%S}",
        site=site,
        sender=sender,
        subscription=trial,
    )
