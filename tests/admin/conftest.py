import pytest

from tenants.journal import events
from tests import factories
from tests.factories import NOON, buy, plan_on_sale


@pytest.fixture
def contoso(db):
    return factories.TenantFactory(slug="contoso", name="Contoso")


@pytest.fixture
def fabrikam(db):
    return factories.TenantFactory(slug="fabrikam", name="Fabrikam")


@pytest.fixture
def plan(db):
    return plan_on_sale()


@pytest.fixture
def operator(db):
    return factories.UserFactory(email="ops@seatwise.example", is_operator=True)


@pytest.fixture
def bought(contoso, plan):
    """Two seats in Contoso."""
    return purchase_of("Ana", contoso, plan)


@pytest.fixture
def elsewhere(fabrikam, plan):
    """Two seats in Fabrikam, which Contoso's people must never see."""
    return purchase_of("Felix", fabrikam, plan)


def purchase_of(name, tenant, plan):
    subscription = buy(factories.MembershipFactory(tenant=tenant, name=name), plan, at=NOON)
    events.sequence(tenant.pk)  # what follows a commit, which a test never sees
    return subscription
