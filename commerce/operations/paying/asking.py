"""
Which payments and refunds the provider is asked about, and by whom: sweeps that run at the same time share them out.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Model, Q, QuerySet

from commerce import gateways
from commerce.models import Payment, PaymentState, Refund
from tenants.scope import EVERYBODY, Scope

# As long as a sweep may run at most, so that none asks about what another one has taken.
ASK_AFTER = timedelta(seconds=60)
# Cardholders take their time, and their own page asks as well.
ASK_AGAIN_WHILE_WAITING = timedelta(minutes=5)
# Few at a time: what a killed sweep has taken waits for a minute.
AT_ONCE = 5

Row = TypeVar("Row", bound=Model)


def payments(at: datetime) -> QuerySet[Payment]:
    """Those whose answer is not known here, of the provider in use: no other one knows their keys."""
    waiting = Q(state=PaymentState.REQUIRES_ACTION, asked_at__gte=at - ASK_AGAIN_WHILE_WAITING)
    due = Payment.objects.unanswered(at - ASK_AFTER).filter(_is_rested(at), gateway=gateways.current().name)
    return due.exclude(waiting)


def refunds(at: datetime) -> QuerySet[Refund]:
    due = Refund.objects.unanswered(at - ASK_AFTER)
    return due.filter(_is_rested(at), payment__gateway=gateways.current().name)


def claimed(
    due: Callable[[datetime], QuerySet[Row]], *, at: datetime, limit: int, among: Scope = EVERYBODY
) -> Iterator[Row]:
    """Each for one caller only. What cannot be settled goes to the end of the line and holds up no other."""
    left = limit
    while left > 0 and (rows := _claim(among.of(due(at)), at, min(left, AT_ONCE))):
        yield from rows
        left -= len(rows)


@transaction.atomic
def _claim(due: QuerySet[Row], at: datetime, most: int) -> list[Row]:
    rows = list(due.select_for_update(of=("self",), no_key=True, skip_locked=True)[:most])
    due.model._default_manager.filter(pk__in=[row.pk for row in rows]).update(asked_at=at)
    return rows


def _is_rested(at: datetime) -> Q:
    return Q(asked_at=None) | Q(asked_at__lt=at - ASK_AFTER)
