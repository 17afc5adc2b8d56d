"""
A dry run over what an organisation has decided and bought: time and queries, from 1,000 decisions and 200 subscriptions
to ten times as many. Beside it: the same decisions only fetched.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench import many
from policies.models import Decision
from policies.models.policy import PolicyValue
from policies.operations import dry_runs
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import Scope
from tenants.access import SYSTEM
from tenants.directory.models import Tenant

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
PEOPLE, ROUNDS = 1_000, 7
SIZES = ((1_000, 200), (10_000, 2_000))
GROWTH = 11.0  # ten times the rows, and a little


def milliseconds(deed: Callable[[], object]) -> float:
    taken = []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        deed()
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


def main() -> int:
    crowd = many.crowd(tenants=1, people=PEOPLE, seats=1, at=AT)
    decision = Decision.objects.filter(tenant=crowd.bought.tenant).latest("at")
    tenant = Tenant.objects.exclude(pk=crowd.bought.tenant_id).get()
    change = Change(values=(NewValue(scope=Scope(product=crowd.bought.plan.product), value=PolicyValue.DISABLED),))

    def dry_run() -> object:
        return dry_runs.of(tenant=tenant, change=change, by=SYSTEM, at=AT)

    def fetch() -> object:
        return list(Decision.objects.filter(tenant=tenant).order_by("-at", "-pk"))

    taken, queries, before = [], [], (0, 0)
    for decisions, subscriptions in SIZES:
        many.subscriptions(crowd, before[1] + 1, subscriptions, due=1)
        many.decisions(crowd, decision, before[0] + 1, decisions)
        before = (decisions, subscriptions)
        with CaptureQueriesContext(connection) as captured:
            touched = dry_runs.of(tenant=tenant, change=change, by=SYSTEM, at=AT)
        told = (touched.decisions_count, touched.subscriptions_count)
        taken.append(milliseconds(dry_run))
        queries.append(len(captured))
        print(
            f"{decisions:>6,} decisions, {subscriptions:>5,} subscriptions: {taken[-1]:.0f} ms, {queries[-1]} queries,"
            f" {taken[-1] / milliseconds(fetch):.1f} times the fetching of the decisions; touched {told}"
        )
        if told != (decisions, subscriptions):
            return 1
    growth = taken[1] / taken[0]
    print(f"growth: {growth:.1f} for ten times the rows; goal at most {GROWTH:g}, and as many queries")
    return int(growth > GROWTH or queries[0] != queries[1])
