"""A policy template for several customers: the process dies before any of its statements. Each customer has it once."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from policies.deeds import APPLY_TEMPLATE
from policies.models import Policy
from policies.operations import templates
from tenants.access import actor_in
from tenants.journal.models import Event
from tenants.runs import operations as runs
from tenants.runs import rows, work
from tests.factories import ProductFactory, TenantFactory
from tests.faults.test_killed import every, killed_or_done
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def asked_for(*, customers, products):
    """Of a partner's person, in the background."""
    partner, now = TenantFactory(), timezone.now()
    let_in_each = [let_in(TenantFactory(), partner=partner, at=now) for _ in range(customers)]
    pat = let_in_each[0]
    text = "products: {" + ", ".join(f"{ProductFactory().pk}: disabled" for _ in range(products)) + "}"
    shown = {}
    for each in let_in_each:
        made = templates.plan(template=text, by=actor_in(pat.user, each.delegation.tenant_id), at=now)
        shown[str(each.delegation.tenant_id)] = templates.mark_of(made)
    given = {"template": text, "reason": "Agreed", "shown": shown}
    by = actor_in(pat.user, partner.pk)
    return runs.start(deed=APPLY_TEMPLATE, subjects=list(shown), given=given, by=by, at=now, weight=51)


@every(last=80, step=16)
def test_is_finished_by_the_next_process_and_said_once(victim, nth, last):
    run = asked_for(customers=2, products=3)
    [code] = victim({"do": "continue run", "run": run.pk, "at": timezone.now(), "die": nth})
    killed_or_done(code, nth, last)
    # Wholly or not at all: nobody has a part of it.
    assert set(Counter(Policy.objects.values_list("tenant", flat=True)).values()) <= {3}
    with time_machine.travel(timezone.now() + rows.LEASE + timedelta(seconds=1)):
        work.go_on(UUID(str(run.pk)), at=timezone.now(), seconds=30)
    assert run.counts()["done"] == 2
    for counted in (Policy.objects, Event.objects.filter(type="policy.changed")):
        assert Counter(counted.values_list("tenant", flat=True)) == {UUID(row.subject): 3 for row in run.rows.all()}
    for type in ("run.started", "run.finished"):
        assert Event.objects.filter(type=type, subject=str(run.pk)).count() == 1
