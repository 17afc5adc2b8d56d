"""A spend limit of USD 25 a month that asks for an approval: three seats pass it, two do not."""

from decimal import Decimal

import pytest

from policies.eligibility import PurchaseRefused
from policies.models import Commitment, SpendLimit
from tests.commerce.approving import approval_of, approve, charge, decline
from tests.commerce.conftest import state_of
from tests.factories import NOON, MembershipFactory, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def limit(ana):
    return SpendLimit.objects.create(
        tenant=ana.tenant,
        level="tenant",
        period="month",
        amount=Decimal(25),
        currency="USD",
        mode="approval",
        counts=["self_service"],
        set_at=NOON,
        created_at=NOON,
    )


@pytest.fixture
def over(limit, ana, plan):
    MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])
    return pay(open_checkout(ana, plan, 3))


@pytest.fixture
def admin(ana):
    return MembershipFactory(tenant=ana.tenant, roles=["global_admin"])


def test_what_passes_it_waits_and_is_counted(over):
    assert (over.state, approval_of(over).codes) == ("awaiting_approval", ["spend_limit_exceeded"])
    assert Commitment.objects.get(subject=over.pk, step=0).amount == Decimal("29.97")


def test_the_seats_that_are_approved_are_counted(over, admin):
    approve(over, admin, quantity=2)
    assert Commitment.objects.get(subject=over.pk, step=0).amount == Decimal("19.98")
    assert charge(over).state == "completed"


def test_what_is_approved_may_pass_it(over, admin):
    approve(over, admin)
    assert charge(over).state == "completed"


def test_one_that_refuses_by_now_refuses_the_approval(over, admin, limit):
    limit.mode = "hard"
    limit.save()
    with pytest.raises(PurchaseRefused):
        approve(over, admin)
    assert state_of(over) == "awaiting_approval"
    assert approve(over, admin, quantity=2).state == "approved"


def test_what_was_declined_is_not_counted(over, admin):
    decline(over, admin)
    assert not Commitment.objects.exists()
