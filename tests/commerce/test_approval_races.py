"""Approvals at the same moment: with each other, with the buyer, with time."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import Payment
from commerce.models.checkout import CheckoutQuerySet
from commerce.operations.buying import approvals as deciding
from commerce.operations.buying import checkouts
from commerce.operations.paying import settlement
from policies.models import Approval
from policies.models.approval import ApprovalQuerySet
from policies.operations import approvals
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.conftest import all_is_well, state_of
from tests.factories import NOON, MembershipFactory, PolicyFactory, acting, open_checkout, pay
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

LAPSES = NOON + timedelta(days=14)


@pytest.fixture
def bosses(ana):
    PolicyFactory(tenant=ana.tenant, value="approval_required")
    people = MembershipFactory.create_batch(8, tenant=ana.tenant, roles=["billing_admin"])
    return [acting(boss) for boss in people]


@pytest.fixture
def waiting(bosses, ana, plan):
    return pay(open_checkout(ana, plan))


def decide(by, approve=True, at=NOON):
    return deciding.decide(approval=Approval.objects.get(), approve=approve, by=by, at=at)


def charge(checkout, at=NOON):
    deciding.charge(checkout=checkout, return_url="http://testserver/back/", at=at)


def test_of_eight_approvers_at_once_one_decides_and_one_charge_follows(waiting, bosses):
    won = race(decide, bosses, refused=approvals.ApprovalNotWaiting)
    assert won == 1
    assert Event.objects.filter(type="approval.approved").count() == 1
    race(lambda _: charge(waiting), range(8))
    assert (state_of(waiting), ledger.captured()) == ("completed", [Decimal("19.98")])
    assert Payment.objects.count() == 1
    assert all_is_well()


def test_without_the_locks_several_decide(waiting, bosses, monkeypatch):
    """The control: what the two row locks are for."""
    for rows in (CheckoutQuerySet, ApprovalQuerySet):
        monkeypatch.setattr(rows, "locked", lambda self: self.order_by("pk"))
    assert race(decide, bosses, refused=approvals.ApprovalNotWaiting) > 1


def test_approving_and_declining_at_once_ends_one_way(waiting, bosses):
    yes = dict.fromkeys(bosses[:4], True) | dict.fromkeys(bosses[4:], False)
    won = race(lambda by: decide(by, yes[by]), bosses, refused=approvals.ApprovalNotWaiting)
    assert won == 1
    charge(waiting)
    approved = Approval.objects.get().state == "approved"
    assert state_of(waiting) == ("completed" if approved else "canceled")
    assert len(ledger.captured()) == approved


def test_approving_while_the_buyer_cancels_charges_all_or_nothing(waiting, bosses, ana):
    def cancel():
        checkouts.cancel_checkout(checkout=waiting, by=acting(ana), at=NOON)

    def approve():
        decide(bosses[0])
        charge(waiting)

    known = (approvals.ApprovalNotWaiting, checkouts.CheckoutClosed, settlement.PaymentInProgress)
    race(lambda act: act(), [approve, cancel], refused=known)
    if state_of(waiting) == "canceled":
        assert ledger.captured() == []
    else:
        charge(waiting)
        assert (state_of(waiting), len(ledger.captured())) == ("completed", 1)
    assert all_is_well()


def test_approving_while_it_lapses_ends_one_way(waiting, bosses):
    """The sweep has found it overdue by its own clock, when an approver's click is still in time by theirs."""
    early = LAPSES - timedelta(seconds=1)

    def approve():
        decide(bosses[0], at=early)

    race(
        lambda act: act(),
        [approve, lambda: checkouts.expire_overdue(at=LAPSES)],
        refused=approvals.ApprovalNotWaiting,
    )
    found = (state_of(waiting), Approval.objects.get().state)
    assert found in [("open", "approved"), ("expired", "lapsed")]


def test_twenty_clicks_ask_for_one_approval(bosses, ana, plan):
    checkout = open_checkout(ana, plan)
    assert race(lambda _: pay(checkout), range(20)) == 20
    assert (Approval.objects.count(), state_of(checkout)) == (1, "awaiting_approval")
    assert Event.objects.filter(type="approval.requested").count() == 1


def test_the_buyers_card_and_the_kept_one_at_once_charge_one(waiting, bosses):
    decide(bosses[0])
    known = (settlement.PaymentInProgress, checkouts.CheckoutCompleted)
    race(lambda act: act(), [lambda: charge(waiting), lambda: pay(waiting)] * 4, refused=known)
    assert (state_of(waiting), ledger.captured()) == ("completed", [Decimal("19.98")])
    assert all_is_well()
