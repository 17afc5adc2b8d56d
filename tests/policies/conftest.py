import pytest

from licensing.operations import seats, subscriptions
from policies.eligibility import decide
from policies.operations import governance
from policies.operations.access import entitlement
from policies.operations.governance import Terms
from tests.factories import (
    NOON,
    DepartmentFactory,
    MarketFactory,
    MembershipFactory,
    PlanFactory,
    ProductFactory,
    TenantFactory,
    acting,
    admin_of,
)


@pytest.fixture
def market():
    return MarketFactory(country="US")


@pytest.fixture
def product(market):
    return ProductFactory()


@pytest.fixture
def ana():
    return MembershipFactory()


@pytest.fixture
def tenant(ana):
    return ana.tenant


@pytest.fixture
def by(tenant):
    """Somebody who may change its policies."""
    return admin_of(tenant)


@pytest.fixture
def plan(product):
    return PlanFactory(product=product)


@pytest.fixture
def say(tenant, by):
    """Set a policy of the tenant's about data or access."""

    def add(kind="residency", name="", **said):
        terms = Terms(name=name or f"About {kind}", kind=kind, **said)
        return governance.add(tenant=tenant, terms=terms, by=by, at=NOON)

    return add


@pytest.fixture
def world(market):
    """Two people of two departments, one below the other, and two products, of which one has a trial."""
    ana = MembershipFactory()
    above = DepartmentFactory(tenant=ana.tenant)
    below = DepartmentFactory(tenant=ana.tenant, parent=above)
    ana.department = above
    ana.save()
    ben = MembershipFactory(tenant=ana.tenant, department=below)
    product = ProductFactory()
    other = ProductFactory(family=product.family, trial_days=30, trial_seats=1)
    return ana, ben, product, other


@pytest.fixture
def pro():
    return ProductFactory(pk="CFQ7TTC0H9MP", family__slug="power-bi")


@pytest.fixture
def contoso(pro):
    """What the file of tests/policies/filed.py names."""
    tenant = TenantFactory(slug="contoso", contact_email="")
    DepartmentFactory(tenant=tenant, name="Sales: North")
    MembershipFactory(tenant=tenant, user__email="ana@contoso.example")
    return tenant


def codes(member, product, at=NOON, **purchase):
    return [verdict.code for verdict in decide(member, product, at=at, **purchase).failures]


def member_in(country="US", **tenant):
    return MembershipFactory(tenant=TenantFactory(country=country, **tenant))


def seat(member, plan, ref=""):
    """A seat of the plan for a member."""
    by = acting(member)
    subscription = subscriptions.grant(
        plan=plan, quantity=1, channel="self_service", purchaser=member, order_ref=ref or str(member.pk), by=by, at=NOON
    )
    seats.assign(subscription=subscription, members=[member], by=by, at=NOON)
    return subscription


def told(member, product):
    """Whether the product is for this person, and why."""
    answer = entitlement(member=member, product=product)
    return answer.entitled, answer.reason
