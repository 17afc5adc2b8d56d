"""
The whole system is killed in the middle of many purchases and started again: what it makes of them, by the provider's
own books.

`make test` takes a short form with the sweep alone; `make test-faults` kills 25 times at each point and starts the
real web server, worker and schedule.
"""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from commerce.models import Order, Payment, SandboxCharge
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.paying import settlement
from tests.factories import MembershipFactory, open_checkout, plan_on_sale
from tests.faults.conftest import KILLED
from tests.faults.system import running

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

POINTS = (
    "before the charge",  # the provider never hears of it
    "after the charge",  # the provider has accepted, nobody heard the answer
    "after the answer",  # the answer was heard, nothing was written down
    "before the settlement commits",
)
WITHIN = 120
AT_ONCE = 5


def kill(victim, times):
    """People of as many organisations pay, and their process dies at each of the points, `times` times."""
    plan, at = plan_on_sale(), timezone.now()
    for point in POINTS:
        bought = [open_checkout(MembershipFactory(), plan, at=at) for _ in range(times)]
        orders = [{"do": "pay", "checkout": checkout.pk, "at": timezone.now(), "die": point} for checkout in bought]
        for first in range(0, times, AT_ONCE):
            batch = orders[first : first + AT_ONCE]
            assert victim(*batch) == [KILLED] * len(batch)


def books():
    """By the provider's own ledger: charges without a paid order, paid orders without a charge, double charges."""
    charged = list(SandboxCharge.objects.using("sandbox").filter(state="captured").values_list("key", flat=True))
    orders = dict(Payment.objects.values_list("pk", "order"))
    paid = set(Order.objects.paid().values_list("pk", flat=True))
    paid_for = [orders[key] for key in charged]
    without_order = [order for order in paid_for if order not in paid]
    return len(without_order), len(paid - set(paid_for)), len(paid_for) - len(set(paid_for))


def unanswered():
    return Payment.objects.live().count()


def test_a_few_of_each_converge_by_the_sweep(victim):
    kill(victim, 2)
    assert books() == (6, 0, 0)
    settlement.reconcile(at=timezone.now() + timedelta(seconds=61))
    assert (unanswered(), books()) == (0, (0, 0, 0))
    assert Order.objects.paid().count() == 6
    assert [finding for check in CHECKS for finding in check()] == []


@pytest.mark.faults
def test_twenty_five_of_each_converge_within_two_minutes_of_the_restart(victim, capsys):
    kill(victim, 25)
    assert books() == (75, 0, 0)
    restarted = time.monotonic()
    with running():
        while (unanswered() or any(books())) and time.monotonic() - restarted < WITHIN:
            time.sleep(0.5)
        took = time.monotonic() - restarted
    with capsys.disabled():
        print(f"\n100 killed processes: {books()} after {took:.0f} s, {Order.objects.paid().count()} paid orders")  # noqa: T201
    assert (unanswered(), books()) == (0, (0, 0, 0))
    assert Order.objects.paid().count() == 75
    assert [finding for check in CHECKS for finding in check()] == []


@pytest.mark.faults
def test_without_the_sweep_and_the_providers_events_money_is_left_without_an_order(victim):
    # The control: without its schedule neither the sweep nor the sandbox's sender runs.
    kill(victim, 5)
    with running(("web", "worker")):
        time.sleep(70)
    assert books() == (15, 0, 0)
