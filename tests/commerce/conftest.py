from datetime import timedelta

import pytest
from django.utils import timezone

from commerce.operations.accounts.invariants import CHECKS
from tests.callers import Api
from tests.factories import DomainFactory, MembershipFactory, PlanFactory, agree, buy, plan_on_sale, price_centrally


@pytest.fixture
def tenant():
    """Contoso, with a domain of its own and its words for those who may not buy."""
    return DomainFactory(
        tenant__name="Contoso",
        tenant__slug="contoso",
        tenant__contact_url="https://help.contoso.example/",
        tenant__contact_message="Ask us in the software channel.",
    ).tenant


@pytest.fixture
def ana(tenant):
    """Somebody who may buy."""
    return MembershipFactory(tenant=tenant, name="Ana Alvarez", user__email="ana@contoso.example")


@pytest.fixture
def cleo(ana):
    """A colleague."""
    return MembershipFactory(tenant=ana.tenant, name="Cleo Costa", user__email="cleo@contoso.example")


@pytest.fixture
def plan():
    """What there is to buy: USD 9.99 a seat and month."""
    return plan_on_sale(product__id="CFQ7TTC0H9MP", product__name="Power BI Pro", product__family__slug="power-bi")


@pytest.fixture
def api(ana):
    return Api(ana)


@pytest.fixture
def opened(api, plan):
    """What the API says of a checkout of two seats."""
    answer = api.post("checkouts/", {"plan": plan.pk, "quantity": 2}, key="open")
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def admin(ana):
    """Somebody who sees and ends what others in the tenant bought."""
    return MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])


@pytest.fixture
def subscription(ana, plan):
    """Two seats, bought just now."""
    return buy(ana, plan, 2, timezone.now())


@pytest.fixture
def half_gone(ana, plan):
    """Five seats, about half of whose term is over."""
    return buy(ana, plan, 5, at=timezone.now() - timedelta(days=15))


@pytest.fixture
def office():
    """Sold centrally alone: USD 10.50 a seat and month."""
    return price_centrally(PlanFactory(product__self_service=False, product__name="Office suite"), "10.50")


@pytest.fixture
def bill(tenant):
    """Who buys for Contoso."""
    return MembershipFactory(tenant=tenant, roles=["billing_admin"], name="Bill", user__email="bill@contoso.example")


@pytest.fixture
def agreement(tenant, office):
    """What Contoso pays for it: USD 9.00."""
    return agree(tenant, prices=[(office, "9.00")])


def state_of(row):
    row.refresh_from_db()
    return row.state


def all_is_well():
    return [finding for check in CHECKS for finding in check()] == []


def errors(answer):
    """What the API finds wrong, field by field."""
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid"
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]
