"""A subscription begins, and who may decide over it. How it ends is in `licensing.operations.lifecycle`."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.calendar import term_end
from licensing.models import Channel, Plan, Subscription, SubscriptionState
from tenants.access import Actor, Right
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import NotAllowed, Refused


class SubscriptionInactive(Refused):
    message = _("This subscription is no longer active.")


class TrialEndsByItself(SubscriptionInactive):
    message = _("A trial ends by itself and is never charged. To go on, buy the product.")


class RenewalStopped(Refused):
    message = _("Your organisation lets this subscription end with its term. Ask your IT contact if you still need it.")


class RecordedByPartner(Refused):
    message = _("A partner has sold this and recorded it: what changes, your organisation agrees with the partner.")


class QuantityBelowAssigned(Refused):
    message = _("More seats are assigned than would be left. Release some first.")


@transaction.atomic
def grant(
    *, plan: Plan, quantity: int, channel: str, purchaser: Membership, order_ref: str, by: Actor, at: datetime
) -> Subscription:
    """
    Start a subscription: its first term begins now, in the tenant's zone as it is now. What a partner recorded never
    renews: nobody is charged here, and the partner records the next term as it did this one.
    """
    tenant = purchaser.tenant
    end = term_end(at, tenant.zone, plan.term)
    subscription = Subscription.objects.create(
        tenant=tenant,
        plan=plan,
        channel=channel,
        purchaser=purchaser,
        owner=purchaser if channel == Channel.SELF_SERVICE else None,
        payer=purchaser if channel == Channel.SELF_SERVICE else None,
        quantity=quantity,
        auto_renew=channel != Channel.PARTNER,
        term_start=at,
        term_end=end,
        anchor_at=at,
        time_zone=tenant.time_zone,
        state_ends_at=end,
        order_ref=order_ref,
        created_at=at,
    )
    events.record(
        "subscription.started",
        tenant=tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        plan=plan.pk,
        quantity=quantity,
        channel=channel,
        term_end=end,
    )
    return subscription


@transaction.atomic
def add_seats(*, subscription: Subscription, count: int, by: Actor, at: datetime) -> Subscription:
    """
    More seats, for people to be assigned to; also of the next term, where that is paid already.

    :raises SubscriptionInactive: it is disabled or deleted
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if not subscription.gives_access:
        raise SubscriptionInactive
    if subscription.renewed_quantity is not None:
        subscription.renewed_quantity += count
    return _set_quantity(subscription, subscription.quantity + count, by=by, at=at)


@transaction.atomic
def remove_seats(*, subscription: Subscription, count: int, by: Actor, at: datetime) -> Subscription:
    """
    Fewer seats, none of those that are taken.

    :raises QuantityBelowAssigned: more people hold seats than would be left
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if subscription.quantity - count < max(subscription.seats_assigned, 1):
        raise QuantityBelowAssigned(assigned=subscription.seats_assigned)
    return _set_quantity(subscription, subscription.quantity - count, by=by, at=at)


def _set_quantity(subscription: Subscription, quantity: int, *, by: Actor, at: datetime) -> Subscription:
    before, subscription.quantity = subscription.quantity, quantity
    subscription.save(update_fields=["quantity", "renewed_quantity"])
    events.record(
        "subscription.quantity_changed",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        before=before,
        quantity=quantity,
    )
    return subscription


def require_manager(subscription: Subscription, by: Actor) -> None:
    """
    The owner manages a subscription, nobody else, whatever their role. What is the tenant's own is managed by those
    who buy for it.

    :raises NotAllowed: `by` is not its owner, or may not buy for the tenant that owns it
    """
    if subscription.owner_id is None:
        require_in_own_tenant(subscription, by, Right.BUY_CENTRALLY)
    elif not by.is_member(subscription.owner_id):
        raise NotAllowed(_("Only the owner of this subscription can do this."))


def require_in_own_tenant(subscription: Subscription, by: Actor, right: Right) -> None:
    """:raises NotAllowed: `by` acts in another tenant, or has no role there that allows it"""
    if by.tenant is None or by.tenant.pk != subscription.tenant_id:
        raise NotAllowed(_("You act in another organisation."))
    by.require(right)


def require_ender(subscription: Subscription, by: Actor) -> None:
    """:raises NotAllowed: neither its owner nor somebody who may end others' purchases in this tenant"""
    if by.tenant != subscription.tenant or not by.may(Right.END_PURCHASES_OF_OTHERS):
        require_manager(subscription, by)


@transaction.atomic
def set_auto_renew(*, subscription: Subscription, auto_renew: bool, by: Actor, at: datetime) -> Subscription:
    """
    Turn automatic renewal off or on. Saying it twice changes nothing. An admin may turn it off, but never on: that
    would spend another person's money.

    :raises NotAllowed: not its owner, nor, to turn it off, an admin who may end it
    :raises SubscriptionInactive: the term has ended already
    :raises RenewalStopped: to turn it on, and an admin lets it end
    :raises TrialEndsByItself: a trial without a card, so there is nothing to renew
    :raises RecordedByPartner: to turn it on, and a partner recorded it
    """
    # Whose it is at this moment: of the tenant's own it is the tenant's money.
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    require = require_manager if auto_renew and subscription.owner_id else require_ender
    require(subscription, by)
    require_turnable(subscription, auto_renew=auto_renew)
    turn_renewal(subscription, auto_renew=auto_renew, by=by, at=at)
    return subscription


def require_turnable(subscription: Subscription, *, auto_renew: bool) -> None:
    """
    Whether its renewal can be turned off or on at all, by whomever.

    :raises SubscriptionInactive: the term has ended already
    :raises RenewalStopped: to turn it on, and an admin lets it end
    :raises TrialEndsByItself: a trial without a card, so there is nothing to renew
    :raises RecordedByPartner: to turn it on, and a partner recorded it
    """
    if subscription.never_charged:
        raise TrialEndsByItself
    if subscription.state not in (SubscriptionState.ACTIVE, SubscriptionState.TRIAL):
        raise SubscriptionInactive
    if auto_renew:
        require_paid_here(subscription)
        require_renewable(subscription)


def require_paid_here(subscription: Subscription) -> None:
    """:raises RecordedByPartner: its partner is paid, elsewhere"""
    if subscription.channel == Channel.PARTNER:
        raise RecordedByPartner


def require_renewable(subscription: Subscription) -> None:
    """:raises RenewalStopped: an admin lets it end; what the organisation took over is its own to renew"""
    if subscription.renewal_stopped_at is not None and subscription.owner_id is not None:
        raise RenewalStopped


def turn_renewal(subscription: Subscription, *, auto_renew: bool, by: Actor, at: datetime) -> None:
    """As `set_auto_renew`, for a caller who holds the lock of a running subscription and has asked who may."""
    if subscription.auto_renew != auto_renew:
        subscription.auto_renew = auto_renew
        subscription.save(update_fields=["auto_renew"])
        events.record(
            "subscription.renewal_changed",
            tenant=subscription.tenant,
            by=by,
            at=at,
            subject=subscription.pk,
            auto_renew=auto_renew,
        )
