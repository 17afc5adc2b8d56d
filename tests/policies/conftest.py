import pytest

from policies.eligibility import decide
from tests.factories import NOON, MarketFactory, MembershipFactory, ProductFactory, TenantFactory


@pytest.fixture
def market():
    return MarketFactory(country="US")


@pytest.fixture
def product(market):
    return ProductFactory()


@pytest.fixture
def ana():
    return MembershipFactory()


def codes(member, product, at=NOON, **purchase):
    return [verdict.code for verdict in decide(member, product, at=at, **purchase).failures]


def member_in(country="US", **tenant):
    return MembershipFactory(tenant=TenantFactory(country=country, **tenant))
