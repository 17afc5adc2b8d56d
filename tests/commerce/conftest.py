import pytest

from tests.factories import MembershipFactory, plan_on_sale


@pytest.fixture
def ana():
    """Somebody who may buy."""
    return MembershipFactory()


@pytest.fixture
def plan():
    """What there is to buy: USD 9.99 a seat and month."""
    return plan_on_sale()
