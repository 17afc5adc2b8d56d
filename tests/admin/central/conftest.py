"""What the organisation bought itself in these tests: seats of an office suite, and an agreement about it."""

import pytest
from django.utils import timezone

from tests import factories
from tests.factories import agree, buy_centrally, price_centrally


@pytest.fixture
def office(db):
    return price_centrally(factories.PlanFactory(product__name="Office suite", product__self_service=False), "10.50")


@pytest.fixture
def agreement(contoso, office):
    return agree(contoso, prices=[(office, "9.00")])


@pytest.fixture
def central(contoso, office):
    """Three seats of the organisation's own, for USD 8.99 each."""
    bill = factories.MembershipFactory(tenant=contoso, roles=["billing_admin"], name="Bill")
    return buy_centrally(bill, office, 3, at=timezone.now())
