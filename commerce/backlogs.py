"""What waits for the sweeps of this app, counted for the operator: each in one or two queries, by the tables alone."""

from datetime import datetime

from django.db.models import Q

from commerce import gateways
from commerce.models import (
    CardSetup,
    Checkout,
    IncomingEvent,
    IncomingState,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    Renewal,
    ScheduledChange,
    TakeOver,
)
from commerce.models.payment import LIVE
from commerce.models.renewal import FAULTS, TRIED
from commerce.operations.changes import policy_endings
from commerce.operations.paying import asking, card_setups, incoming, open_orders
from licensing.models import Subscription
from tenants.delivery.sweeps import Backlog, counted


def payments(at: datetime) -> Backlog:
    """Whose answer is not known here; set aside: captured with another amount than agreed."""
    known = Payment.objects.filter(gateway=gateways.current().name, state__in=[*LIVE, PaymentState.SET_ASIDE])
    asked = Q(started_at__gte=at - asking.ASK_AFTER) | Q(asked_at__gte=at - asking.ASK_AFTER)
    failed = Q(state=PaymentState.SET_ASIDE)
    return counted(known, since="started_at", running=asked & ~failed, failed=failed)


def refunds(at: datetime) -> Backlog:
    known = Refund.objects.filter(
        payment__gateway=gateways.current().name, state__in=[RefundState.STARTED, RefundState.FAILED]
    )
    asked = Q(created_at__gte=at - asking.ASK_AFTER) | Q(asked_at__gte=at - asking.ASK_AFTER)
    failed = Q(state=RefundState.FAILED)
    return counted(known, since="created_at", running=asked & ~failed, failed=failed)


def cards(at: datetime) -> Backlog:
    live = CardSetup.objects.live().filter(gateway=gateways.current().name)
    asked = Q(started_at__gte=at - card_setups.ASK_AFTER) | Q(asked_at__gte=at - card_setups.ASK_AFTER)
    return counted(live, since="started_at", running=asked)


def checkouts(at: datetime) -> Backlog:
    return counted(Checkout.objects.overdue(at), since="expires_at")


def subscriptions(at: datetime) -> Backlog:
    """At the end of a state or a term, with the changes that wait for it."""
    return counted(Subscription.objects.due(at), since="state_ends_at") + counted(
        ScheduledChange.objects.due(at), since="takes_effect_at"
    )


def policy_changes(at: datetime) -> Backlog:
    return counted(policy_endings.due(at), since="due_at")


def orders(at: datetime) -> Backlog:
    """That wait for their cardholder for longer than they may."""
    return counted(open_orders.overdue(at), since="created_at")


def renewals(at: datetime) -> Backlog:
    """Whose next try is due; set aside: those that broke here time and again."""
    due = Renewal.objects.not_held().filter(state__in=TRIED, next_try_at__lte=at)
    running = Q(leased_until__gt=at)
    return counted(due, since="next_try_at", running=running, failed=Q(faults__gte=FAULTS) & ~running)


def take_overs(at: datetime) -> Backlog:
    """That are to be settled."""
    return counted(TakeOver.objects.due(at), since="next_try_at")


def incoming_events(at: datetime) -> Backlog:
    known = IncomingEvent.objects.filter(state__in=[IncomingState.RECEIVED, IncomingState.FAILED])
    failed = Q(state=IncomingState.FAILED)
    taken = Q(tried_at__gt=at - incoming.LEASE) | Q(received_at__gte=at - incoming.LOST_AFTER)
    return counted(known, since="received_at", running=taken & ~failed, failed=failed)
