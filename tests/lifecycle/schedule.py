"""The jobs and sweeps that move subscriptions, in the order of the schedule, at a moment that a test chooses."""

from contextlib import contextmanager
from uuid import UUID

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.operations.buying import checkouts
from commerce.operations.changes import policy_endings, scheduled
from commerce.operations.handover import acceptance, offers
from commerce.operations.leaving import noticing, warnings
from commerce.operations.paying import card_setups, open_orders, refunds, settlement
from commerce.operations.renewing import dunning, notices, sweeps
from tenants.delivery.models import Job
from tenants.scope import Scope
from tests.commerce.renewing import PROVIDER


def _renew_now(at, renewal_id):
    dunning.resume(renewal_id=UUID(renewal_id), at=at)
    sweeps.renew_one(renewal_id=UUID(renewal_id), provider=PROVIDER, at=at)


# What moves anything but letters.
JOBS = {
    "commerce.renew_now": _renew_now,
    "commerce.after_leaving": lambda at, member_id: noticing.look_at(member_id=UUID(member_id), at=at),
    "commerce.apply_policy_change": lambda at, tenant_id: policy_endings.apply_due(
        at=at, among=Scope(only=UUID(tenant_id))
    ),
}


def run_jobs(at):
    found = list(Job.objects.filter(name__in=JOBS).order_by("created_at", "pk"))
    for job in found:
        JOBS[job.name](at, **job.arguments)
        job.delete()
    return len(found)


def run(at):
    """Once each, as the schedule would; returns how much moved."""
    moved = run_jobs(at)
    moved += len(settlement.reconcile_payments(at=at))
    refunds.retry_unsettled(at=at)
    card_setups.reconcile(at=at)
    moved += sweeps.renew_due(provider=PROVIDER, at=at, hands=1).total()
    dunning.remind_due(at=at)
    notices.tell_due(at=at)
    checkouts.expire_overdue(at=at)
    moved += scheduled.advance_due(at=at)
    moved += open_orders.cancel_overdue(at=at)
    moved += policy_endings.apply_due(at=at)
    moved += noticing.watch(at=at)
    warnings.warn(at=at)
    acceptance.finish_waiting(at=at)
    offers.lapse_due(at=at)
    return moved + run_jobs(at)


@contextmanager
def silent_provider():
    """It does what it is asked, but its answers never arrive."""
    with pytest.MonkeyPatch.context() as patch:
        for call in ("charge", "refund"):
            done = getattr(SandboxGateway, call)

            def say_nothing(self, *args, done=done, **options):
                done(self, *args, **options)
                raise GatewayUnavailable

            patch.setattr(SandboxGateway, call, say_nothing)
        yield
