"""Processes that are killed while they carry out what changes of policy ask for: each thing is done once in the end."""

from datetime import timedelta

import pytest

from commerce.models import Refund
from commerce.operations.changes import policy_endings
from commerce.operations.paying import refunds
from licensing.models import Subscription
from policies.models import Ending
from policies.operations import policies
from policies.operations.endings import Existing
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests.factories import NOON, MembershipFactory, TenantFactory, buy, plan_on_sale
from tests.faults.test_killed import LATER, books_agree, every, killed_or_done

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def forbid(existing):
    """What three people have bought is to end."""
    tenant, plan = TenantFactory(), plan_on_sale()
    for member in MembershipFactory.create_batch(3, tenant=tenant):
        buy(member, plan)
    policies.set_product_policy(
        tenant=tenant,
        product=plan.product,
        value="disabled",
        reason="Too dear",
        existing=Existing(rule=existing),
        by=SYSTEM,
        at=NOON,
    )


def ended_once_in_the_end(told):
    policy_endings.apply_due(at=LATER)
    refunds.retry_unsettled(at=LATER + timedelta(days=1))
    assert not Ending.objects.waiting().exists()
    for type in ("policy.applied", told):
        subjects = Event.objects.filter(type=type).values_list("subject", flat=True)
        assert sorted(subjects) == sorted(str(pk) for pk in Subscription.objects.values_list("pk", flat=True))
    assert Job.objects.filter(name="commerce.tell_policy_ending").count() == 3
    books_agree()


@every(last=280, step=56)
def test_canceling(victim, nth, last):
    forbid("cancel")
    killed_or_done(*victim({"do": "end by policy", "at": LATER, "die": nth}), nth, last)
    ended_once_in_the_end("subscription.canceled")
    assert set(Subscription.objects.values_list("state", flat=True)) == {"disabled"}
    assert list(Refund.objects.values_list("state", flat=True)) == ["succeeded"] * 3


@every(last=75, step=25)
def test_stopping_at_renewal(victim, nth, last):
    forbid("stop_at_renewal")
    killed_or_done(*victim({"do": "end by policy", "at": LATER, "die": nth}), nth, last)
    ended_once_in_the_end("subscription.renewal_stopped")
    assert set(Subscription.objects.values_list("state", "auto_renew")) == {("active", False)}
