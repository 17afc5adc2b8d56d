"""What a renewal is asked: less than a purchase, by the same rules."""

from datetime import timedelta

import pytest

from policies.eligibility import renewal_verdicts
from policies.models import Exclusion, Market, TenantSettings
from tests.factories import NOON, ExclusionFactory, FamilyFactory, PlanFactory, PolicyFactory, TenantFactory

pytestmark = pytest.mark.django_db

TODAY = NOON.date()
DAY = timedelta(days=1)
ASKED = ["tenant_is_managed", "sector_is_allowed", "market_is_open", "nothing_excludes", "plan_is_renewable"]


@pytest.fixture
def tenant():
    return TenantFactory(country="US")


def codes(tenant, plan, at=NOON, **facts):
    return [verdict.code for verdict in renewal_verdicts(tenant, plan, at, **facts) if not verdict.passed]


def test_asks_its_own_rules_in_their_order_with_their_rows(tenant, plan, django_assert_num_queries):
    with django_assert_num_queries(2):
        told = renewal_verdicts(tenant, plan, NOON)
    assert [(verdict.rule, verdict.passed) for verdict in told] == [(rule, True) for rule in ASKED]
    assert told[2].source.id == str(Market.objects.get().pk)


def test_what_an_admin_says_ends_no_renewal(tenant, plan):
    PolicyFactory(tenant=tenant, product=plan.product, value="disabled")
    TenantSettings.objects.create(tenant=tenant, self_service_enabled=False, set_at=NOON)
    plan.product.self_service = False
    plan.product.save()
    assert codes(tenant, plan) == []


def test_a_tenant_that_is_no_longer_managed(plan):
    assert codes(TenantFactory(country="US", managed=False), plan) == ["tenant_not_managed"]


def test_a_plan_that_is_no_longer_sold(tenant, plan):
    plan.renewable = False
    assert codes(tenant, plan) == ["plan_not_renewable"]


@pytest.mark.parametrize(
    ("closes", "code"), [(TODAY, ["market_closed"]), (TODAY - DAY, ["market_closed"]), (TODAY + DAY, [])]
)
def test_a_market_that_has_closed(tenant, plan, market, closes, code):
    market.closes_on = closes
    market.save()
    assert codes(tenant, plan) == code


def test_the_familys_own_market_decides(tenant, plan):
    Market.objects.create(country="US", name="US", family=plan.product.family, closes_on=TODAY)
    assert codes(tenant, plan) == ["market_closed"]
    assert codes(tenant, PlanFactory()) == []


def test_only_an_exclusion_that_says_so_ends_renewals(tenant, plan):
    row = ExclusionFactory(country="US", product=plan.product)
    assert codes(tenant, plan) == []
    row.ends_renewals = True
    row.save()
    [verdict] = [v for v in renewal_verdicts(tenant, plan, NOON) if not v.passed]
    assert (verdict.code, verdict.source.id) == ("operator_exclusion", str(row.pk))
    assert codes(tenant, PlanFactory()) == []
    assert codes(TenantFactory(country="DE"), plan) == ["market_closed"]


def test_a_sectors_row_says_so_too(plan):
    school = TenantFactory(country="US", sector="education")
    assert codes(school, plan) == ["sector_excluded"]
    Exclusion.objects.filter(sector="education").update(ends_renewals=False)
    assert codes(school, plan) == []


def test_an_exclusion_ends_renewals_on_its_own_days_alone(tenant, plan):
    ExclusionFactory(product=plan.product, valid_from=TODAY, valid_to=TODAY + DAY, ends_renewals=True)
    assert [codes(tenant, plan, at=NOON + n * DAY) for n in (-1, 0, 1)] == [[], ["operator_exclusion"], []]


def test_all_that_fails_is_named(plan):
    tenant = TenantFactory(country="IN", managed=False, sector="government")
    ExclusionFactory(family=plan.product.family, ends_renewals=True)
    ExclusionFactory(family=FamilyFactory(), ends_renewals=True)
    plan.renewable = False
    assert codes(tenant, plan) == [
        "tenant_not_managed",
        "sector_excluded",
        "market_closed",
        "operator_exclusion",
        "plan_not_renewable",
    ]
