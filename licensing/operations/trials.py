"""Trials begin, and may be given more time once. Without a card they end by themselves, as their states do."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from licensing.calendar import days_later
from licensing.models import Channel, Plan, Subscription, SubscriptionState, TrialUse
from licensing.operations.subscriptions import SubscriptionInactive, require_in_own_tenant
from tenants.access import Actor, Right
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import Refused

ONE_USE = "one_trial_per_person_and_product"


class TrialNotOffered(Refused):
    message = _("There is no trial of this product.")


class TrialAlreadyUsed(Refused):
    message = _("You have had your trial of this product.")


class TrialAlreadyExtended(Refused):
    message = _("This trial was extended already. It can be extended once.")


class TrialConverted(Refused):
    message = _("What follows this trial is paid already.")


class NotATrial(Refused):
    message = _("This is not a trial.")


@transaction.atomic
def start(
    *,
    plan: Plan,
    quantity: int,
    purchaser: Membership,
    order_ref: str,
    converts: bool = False,
    by: Actor,
    at: datetime,
) -> Subscription:
    """
    Start a trial: it runs as long as its product says and costs nothing. It never renews, but for one with a card,
    which `converts`: its first term begins when it ends, unless renewal is turned off.

    :raises TrialNotOffered: the product has none
    :raises TrialAlreadyUsed: the person had theirs, perhaps since this very moment
    """
    product, tenant = plan.product, purchaser.tenant
    if product.trial_days is None:
        raise TrialNotOffered
    end = days_later(at, tenant.zone, product.trial_days)
    subscription = Subscription.objects.create(
        tenant=tenant,
        plan=plan,
        channel=Channel.SELF_SERVICE,
        state=SubscriptionState.TRIAL,
        purchaser=purchaser,
        owner=purchaser,
        payer=purchaser,
        quantity=quantity,
        term_start=at,
        term_end=end,
        # Terms are counted from where the first one begins.
        anchor_at=end if converts else at,
        time_zone=tenant.time_zone,
        auto_renew=converts,
        converts=converts,
        state_ends_at=end,
        order_ref=order_ref,
        created_at=at,
    )
    _use(subscription, at)
    events.record(
        "trial.started",
        tenant=tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        plan=plan.pk,
        quantity=quantity,
        ends_at=end,
        converts=converts,
    )
    return subscription


def _use(subscription: Subscription, at: datetime) -> None:
    """Who asks twice in one moment waits here for the first to be through, and then has had it."""
    try:
        with transaction.atomic():
            TrialUse.objects.create(
                tenant=subscription.tenant,
                member=subscription.purchaser,
                product=subscription.plan.product,
                subscription=subscription,
                started_at=at,
            )
    except IntegrityError as error:
        if ONE_USE not in str(error):
            raise
        raise TrialAlreadyUsed from error


@transaction.atomic
def extend(*, subscription: Subscription, by: Actor, at: datetime) -> Subscription:
    """
    Give a running trial as many days again as its product has, from its end on. Once.

    :raises NotAllowed: `by` may not change what the tenant allows
    :raises NotATrial: it was bought
    :raises SubscriptionInactive: the trial has ended
    :raises TrialConverted: its first term is paid already
    :raises TrialNotOffered: the product has no trial any more, so nothing says how long
    :raises TrialAlreadyExtended: that was done before
    """
    require_in_own_tenant(subscription, by, Right.CHANGE_POLICY)
    subscription = _running(subscription, at=at)
    use = TrialUse.objects.get(subscription=subscription)
    if use.extended_at is not None:
        raise TrialAlreadyExtended
    days = subscription.plan.product.trial_days
    if days is None:
        raise TrialNotOffered
    use.extended_at = at
    use.save(update_fields=["extended_at"])
    before, end = subscription.term_end, days_later(subscription.term_end, subscription.zone, days)
    subscription.term_end = subscription.state_ends_at = end
    if subscription.converts:
        subscription.anchor_at = end
    subscription.save(update_fields=["term_end", "state_ends_at", "anchor_at"])
    events.record(
        "trial.extended",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        before=before,
        ends_at=end,
    )
    return subscription


def can_be_extended(subscription: Subscription, *, at: datetime) -> bool:
    """A trial that runs, of a product that still has one, and that was not extended before."""
    if subscription.state != SubscriptionState.TRIAL or subscription.term_end <= at or subscription.renewed_until:
        return False
    unused = TrialUse.objects.filter(subscription=subscription, extended_at=None).exists()
    return unused and subscription.plan.product.trial_days is not None


def _running(subscription: Subscription, *, at: datetime) -> Subscription:
    """The locked row."""
    locked = Subscription.objects.locked().select_related("tenant", "plan__product").get(pk=subscription.pk)
    if not locked.is_trial:
        raise NotATrial
    if locked.state != SubscriptionState.TRIAL or locked.term_end <= at:
        raise SubscriptionInactive
    if locked.renewed_until is not None:
        raise TrialConverted
    return locked
