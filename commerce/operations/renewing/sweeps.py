"""Renewals in numbers: what is due is claimed and charged by some threads at a time, until nothing is left."""

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime
from uuid import UUID

from django.db import connections

from commerce.models import Renewal
from commerce.operations.renewing import claims, due, renewals
from commerce.operations.renewing.claims import Claim, Desk
from commerce.operations.renewing.renewals import Provider, Result
from licensing.operations.lifecycle import WRONG_WITH_ONE
from tenants.delivery.trouble import Noted, RaisedAtTheEnd
from tenants.scope import EVERYBODY, Scope

log = logging.getLogger(__name__)

# The provider's answer takes most of the time.
HANDS = 8

# What each try came to, and how many broke.
Tally = Counter[str]
BROKEN = "broken"


def renew_due(
    *,
    provider: Provider,
    at: datetime,
    limit: int = 500,
    hands: int = HANDS,
    goes_on: Callable[[], bool] = lambda: True,
    now: Callable[[], datetime] | None = None,
    among: Scope = EVERYBODY,
) -> Tally:
    """
    Charge the terms that are due, each once, whoever else sweeps at the same time. One that breaks is put aside and
    holds up no other; a defect is raised when the others have had their turn. `goes_on` is asked before each; what has
    begun then still ends. `now` tells the world's time, by which leases run, where `at` may be another: what a killed
    sweep had in its hands is taken up soon, whatever day it was for.
    """
    due.open_due(at=at, among=among)
    due.withdraw_unwanted(at=at, among=among)
    due.reopen_refused(at=at, among=among)
    desk = Desk(hands=hands, limit=limit, at=at, goes_on=goes_on, now=now, among=among)
    if hands == 1:
        return _work(desk, provider)
    with ThreadPoolExecutor(hands, thread_name_prefix="renewal") as pool:
        working = [pool.submit(copy_context().run, _work_apart, desk, provider) for _hand in range(hands)]
        try:
            wait(working)
        finally:
            desk.close()
    return sum((_told(work) for work in working), Tally())


def renew_one(*, renewal_id: UUID, provider: Provider, at: datetime, now: datetime | None = None) -> Result | None:
    """Charge one now, if its time has come and nobody works on it. None: not so."""
    claim = claims.take_one(renewal_id, at=at, now=now)
    return _counted(claim, provider, at=at) if claim else None


def left(*, at: datetime, now: datetime | None = None, among: Scope = EVERYBODY) -> int:
    """How many are due that nobody works on, and that nothing is wrong with."""
    return among.of(Renewal.objects.claimable(at, now=now)).count()


def _work_apart(desk: Desk, provider: Provider) -> Tally:
    try:
        return _work(desk, provider)
    finally:
        connections.close_all()  # those of this thread


def _work(desk: Desk, provider: Provider) -> Tally:
    tally, later = Tally(), RaisedAtTheEnd()
    while claim := desk.next():
        try:
            with later:
                tally[_one(claim, provider, at=desk.at)] += 1
        finally:
            desk.done(claim)
    desk.close()
    later.raise_first()
    return tally


def _one(claim: Claim, provider: Provider, *, at: datetime) -> str:
    try:
        return _counted(claim, provider, at=at)
    except WRONG_WITH_ONE:
        log.exception("renewal %s cannot be charged", claim.renewal)
        return BROKEN


def _counted(claim: Claim, provider: Provider, *, at: datetime) -> Result:
    """Whatever breaks it counts, or the row that does it would come back to each sweep for ever."""
    with Noted(lambda _said: claims.broke(claim, at=at)):
        return renewals.renew(claim, provider=provider, at=at)


def _told(work: "Future[Tally]") -> Tally:
    """:raises: what no renewal may raise, after the others have had their turn"""
    return work.result()
