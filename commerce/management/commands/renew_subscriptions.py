from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from commerce.gateways import pace
from commerce.models import Renewal
from commerce.operations.renewing import due, sweeps
from commerce.operations.renewing.renewals import Provider, Result
from tenants import clock
from tenants.management.operator_command import OperatorCommand, Output
from tenants.scope import Scope

AT_ONCE = 1_000
# In the order in which a summary tells them.
TOLD = (Result.CHARGED, Result.INVOICED, Result.DECLINED, Result.REFUSED, Result.LAPSED, Result.WAITING, sweeps.BROKEN)


class Command(OperatorCommand):
    help = "Charges the terms that follow those which end today, each once, and tries again what is due to be."
    takes_at = True
    changes_many = True

    def perform(self, *, at: datetime, dry_run: bool, **options: Any) -> Output:
        if dry_run:
            return self._what_is_due(at)
        provider = Provider(site=settings.BASE_URL, pace=pace.current())
        scopes = list(clock.scopes(at))
        for scope, there in scopes:
            due.open_due(at=there, among=scope)
        total, done = self._left(scopes), Counter[str]()
        for scope, there in scopes:
            while step := sweeps.renew_due(provider=provider, at=there, limit=AT_ONCE, now=timezone.now, among=scope):
                done += step
                self.progress(min(done.total(), total), total)
        self.failed = bool(done[sweeps.BROKEN])
        return {"due": total, **{result: done[result] for result in TOLD}, "left": self._left(scopes)}

    def _left(self, scopes: Iterable[tuple[Scope, datetime]]) -> int:
        return sum(sweeps.left(at=there, now=timezone.now(), among=scope) for scope, there in scopes)

    def _what_is_due(self, at: datetime) -> Output:
        scopes = list(clock.scopes(at))
        rows = [
            {
                "subscription": subscription.pk,
                "tenant": subscription.tenant.slug,
                "plan": subscription.plan_id,
                "begins": subscription.term_end,
                "tried": 0,
            }
            for scope, there in scopes
            for subscription in due.coming_due(at=there, among=scope)
        ]
        again = (
            renewal
            for scope, there in scopes
            for renewal in scope.of(Renewal.objects.claimable(there, now=timezone.now()))
            .select_related("subscription", "tenant")
            .order_by("next_try_at")
        )
        return rows + [
            {
                "subscription": renewal.subscription_id,
                "tenant": renewal.tenant.slug,
                "plan": renewal.subscription.plan_id,
                "begins": renewal.starts_at,
                "tried": renewal.attempts,
            }
            for renewal in again
        ]
