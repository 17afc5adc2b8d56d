"""Who works on which renewal: taken in small batches, for a while, and shared out so that no tenant takes all hands."""

from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Condition
from uuid import UUID

from django.db import transaction
from django.db.models import F

from commerce.models import Renewal
from commerce.models.renewal import RenewalQuerySet
from tenants.scope import EVERYBODY, Scope

# Above the hard time limit of a task and the time that a call may take: nobody takes what another one works on.
LEASE = timedelta(seconds=90)
# Few at a time: what a killed process has taken waits for the end of its lease.
AT_ONCE = 16
# After something went wrong here, and the longer the oftener it did.
AFTER_A_FAULT = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Claim:
    renewal: UUID
    tenant: UUID
    # It was tried before: the order of that try may still wait for its cardholder.
    tried: bool


@transaction.atomic
def take(
    *,
    at: datetime,
    now: datetime | None = None,
    most: int = AT_ONCE,
    but: Collection[UUID] = (),
    among: Scope = EVERYBODY,
) -> list[Claim]:
    """
    Renewals whose time has come, for this caller alone until the lease ends; none of some tenants. `now`: the world's
    time, by which it ends, where `at` may be another.
    """
    due = among.of(Renewal.objects.claimable(at, now=now)).order_by("next_try_at")
    return _lease((due.exclude(tenant__in=but) if but else due), most, now or at)


@transaction.atomic
def take_one(renewal_id: UUID, *, at: datetime, now: datetime | None = None) -> Claim | None:
    """That one, if its time has come and nobody works on it."""
    return next(iter(_lease(Renewal.objects.claimable(at, now=now).filter(pk=renewal_id), 1, now or at)), None)


def _lease(due: RenewalQuerySet, most: int, now: datetime) -> list[Claim]:
    rows = list(due.select_for_update(of=("self",), no_key=True, skip_locked=True).only("tenant", "order")[:most])
    if rows:
        Renewal.objects.filter(pk__in=[row.pk for row in rows]).update(leased_until=now + LEASE)
    return [Claim(renewal=row.pk, tenant=row.tenant_id, tried=row.order_id is not None) for row in rows]


def let_go(claim: Claim) -> None:
    """It was not begun: whoever is next may have it at once."""
    Renewal.objects.filter(pk=claim.renewal).update(leased_until=None)


def broke(claim: Claim, *, at: datetime) -> None:
    """It failed for a reason of ours. It is tried again later, and after some times left for an operator."""
    Renewal.objects.filter(pk=claim.renewal, next_try_at__isnull=False).update(
        faults=F("faults") + 1, leased_until=None, next_try_at=at + AFTER_A_FAULT
    )


class Desk:
    """
    Hands out renewals to some threads. Of one tenant at most half of the threads work at a time, so that its trouble
    with the provider leaves hands for the others.
    """

    def __init__(
        self,
        *,
        hands: int,
        limit: int,
        at: datetime,
        goes_on: Callable[[], bool],
        now: Callable[[], datetime] | None = None,
        among: Scope = EVERYBODY,
    ) -> None:
        self.among = among
        # By which leases run; none: by `at`.
        self.world_time = now or (lambda: at)
        self.at, self.left, self.goes_on = at, limit, goes_on
        self.of_one_tenant = max(hands // 2, 1)
        self.waiting: deque[Claim] = deque()
        self.working: Counter[UUID] = Counter()
        self.changed = Condition()
        # The tenants but for whom nothing was due: not asked again before that has changed.
        self.empty_but: frozenset[UUID] | None = None

    def next(self) -> Claim | None:
        """The next one to work on; waits while only busy tenants may have any. None: it is done."""
        with self.changed:
            while self.goes_on() and self.left > 0:
                claim = self._free() or self._fetched()
                if claim is not None:
                    self.left -= 1
                    self.working[claim.tenant] += 1
                    return claim
                if not self._busy():
                    return None
                self.changed.wait(timeout=1)
        return None

    def done(self, claim: Claim) -> None:
        with self.changed:
            self.working[claim.tenant] -= 1
            self.empty_but = None
            self.changed.notify_all()

    def close(self) -> None:
        """No more is handed out; what nobody began is given back."""
        with self.changed:
            self.left = 0
            while self.waiting:
                let_go(self.waiting.popleft())
            self.changed.notify_all()

    def _free(self) -> Claim | None:
        for claim in self.waiting:
            if self.working[claim.tenant] < self.of_one_tenant:
                self.waiting.remove(claim)
                return claim
        return None

    def _busy(self) -> frozenset[UUID]:
        """Tenants that have as many hands as they may, or whose next ones are here already."""
        full = {tenant for tenant, hands in self.working.items() if hands >= self.of_one_tenant}
        return frozenset(full | {claim.tenant for claim in self.waiting})

    def _taken(self, busy: frozenset[UUID]) -> list[Claim]:
        most = min(AT_ONCE, self.left)
        return take(at=self.at, now=self.world_time(), most=most, but=busy, among=self.among)

    def _fetched(self) -> Claim | None:
        busy = self._busy()
        if busy == self.empty_but:
            return None
        self.waiting.extend(self._taken(busy))
        found = self._free()
        self.empty_but = None if found else busy
        return found
