"""The purchases that a query asks for, and what it may not ask."""

from datetime import timedelta

import pytest

from commerce.models import Purchase
from commerce.operations.procurement import found
from licensing.models import Subscription
from licensing.operations import lifecycle
from licensing.operations.subscriptions import set_auto_renew
from tenants.access import SYSTEM, Actor
from tenants.refusal import BadInput
from tests.factories import (
    NOON,
    DepartmentFactory,
    FamilyFactory,
    MembershipFactory,
    OperatorFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def contoso():
    return TenantFactory(slug="contoso", contact_email="it@contoso.example")


@pytest.fixture
def ana(contoso):
    team = DepartmentFactory(tenant=contoso, name="Sales", parent=DepartmentFactory(tenant=contoso, name="Market"))
    return MembershipFactory(tenant=contoso, name="Ana", user__email="ana@contoso.example", department=team)


@pytest.fixture
def bi(ana):
    family = FamilyFactory(slug="power-bi")
    plan = plan_on_sale("9.99", product__name="Power BI Pro", product__slug="power-bi-pro", product__family=family)
    return buy(ana, plan)


@pytest.fixture
def central(contoso, bi):
    """Seats of another product, which cost less and of which all are taken."""
    admin = MembershipFactory(tenant=contoso, name="Bo", user__email="bo@contoso.example", roles=["global_admin"])
    bought = buy_centrally(admin, plan_on_sale(product__name="Office", term="P1Y"))
    Subscription.objects.filter(pk=bought.pk).update(seats_assigned=2)
    return bought


@pytest.fixture
def elsewhere(bi):
    """The same in another organisation."""
    department = DepartmentFactory(name="Sales")
    felix = MembershipFactory(tenant=department.tenant, name="Ana Felix", department=department)
    return buy(felix, bi.plan)


def ask(by, at=NOON, tenant=None, **query):
    return {row.pk for row in found.purchases(by=by, query=query, at=at, tenant=tenant)}


FOUND = [
    {"q": "power"},
    {"q": "ANA"},
    {"q": "Ana@Contoso"},
    {"q": "an"},
    {"channel": "self_service"},
    {"product": "power-bi-pro"},
    {"family": "power-bi"},
    {"purchaser": "Ana@contoso.example"},
    {"assigned_to": "ana@contoso.example"},
    {"department": "sales"},
    {"department": "Market"},
    {"unused": "1"},
    {"over": "9"},
    {"over": "9.98", "channel": "self_service", "state": "active", "q": " power ", "family": ""},
    {"expires_before": "2026-04-10", "expires_after": "2026-04-10"},
    {"expires_within": "31"},
]


@pytest.mark.parametrize("query", FOUND, ids=str)
def test_each_filter_finds_what_has_it_and_nothing_of_another_organisation(contoso, bi, central, elsewhere, query):
    assert ask(admin_of(contoso), **query) == {bi.pk}


@pytest.mark.parametrize(
    "query",
    [
        {"q": "nothing"},
        {"channel": "partner"},
        {"state": "deleted"},
        {"over": "9.99"},
        {"renewal": "failed"},
        {"expires_before": "2026-04-09"},
        {"expires_after": "2027-04-11"},
        {"expires_within": "30"},
    ],
    ids=str,
)
def test_what_nothing_has_is_not_found(contoso, bi, central, query):
    assert ask(admin_of(contoso), **query) == set()


def test_a_query_without_a_filter_finds_everything_of_the_organisation(contoso, bi, central, elsewhere):
    assert ask(admin_of(contoso)) == ask(admin_of(contoso), q="", state=" ") == {bi.pk, central.pk}


WRONG = {
    "channel": "x",
    "state": "'",
    "product": "none",
    "family": "none",
    "purchaser": "nobody@contoso.example",
    "assigned_to": "nobody",
    "department": "01890000-0000-7000-8000-000000000000",
    "expires_after": "soon",
    "expires_before": "9999-12-31",
    "expires_within": "0",
    "unused": "yes",
    "over": "NaN",
    "spent_in": "2026-13",
    "renewal": "paid",
    "q": "\0",
    "tenant__slug": "fabrikam",
}


@pytest.mark.parametrize(
    ("name", "value", "finds"),
    [
        ("over", "1e-99999", None),
        ("over", "0.0000001", None),
        ("over", "1E+3", 0),
        ("expires_before", "2999-12-31T23:59:59-23:59", 1),
        ("expires_after", "1970-01-01T00:00:00+23:59", 1),
    ],
)
def test_what_the_database_could_not_read_is_refused_or_said_otherwise(contoso, bi, name, value, finds):
    rows, wrong = found.look(by=admin_of(contoso), query={name: value}, at=NOON)
    assert (rows.count(), len(wrong)) == (finds or 0, int(finds is None))


@pytest.mark.parametrize("name", WRONG)
def test_what_can_be_nothing_is_said(contoso, bi, name):
    with pytest.raises(BadInput) as refused:
        ask(admin_of(contoso), **{name: WRONG[name]})
    assert refused.value.field == name
    rows, wrong = found.look(by=admin_of(contoso), query={"state": "active", name: WRONG[name]}, at=NOON)
    assert (list(rows), len(wrong)) == ([], 1)


def test_people_and_departments_of_another_organisation_are_as_those_that_never_were(contoso, bi, elsewhere):
    foreign = {
        "purchaser": elsewhere.purchaser.user.email,
        "assigned_to": elsewhere.purchaser.user.email,
        "department": str(elsewhere.purchaser.department_id),
    }
    for name, value in foreign.items():
        with pytest.raises(BadInput) as theirs:
            ask(admin_of(contoso), **{name: value})
        with pytest.raises(BadInput) as never:
            ask(admin_of(contoso), **{name: WRONG[name]})
        assert (str(theirs.value), theirs.value.field_code) == (str(never.value), never.value.field_code)


@pytest.mark.parametrize("role", ["license_admin", "user_admin"])
def test_who_is_told_no_prices_does_not_learn_them_by_asking(contoso, central, role):
    by = admin_of(contoso, role)
    for amount in ("0", "9"):
        with pytest.raises(BadInput) as refused:
            ask(by, over=amount)
        assert refused.value.field_code == "not_allowed"
    assert central.pk in ask(by)


def test_roles_and_people_find_no_more_than_they_may_see(contoso, ana, bi, central, elsewhere):
    assert ask(admin_of(contoso, "user_admin")) == {central.pk}
    assert ask(acting(ana)) == {bi.pk}
    assert ask(acting(MembershipFactory(tenant=contoso))) == set()


def test_an_operator_and_the_system_ask_over_all_or_one_organisation(contoso, bi, elsewhere):
    for by in (Actor(user=OperatorFactory()), SYSTEM):
        assert ask(by) == ask(by, q="power", over="9") == ask(by, department="sales") == {bi.pk, elsewhere.pk}
        assert ask(by, tenant=contoso) == ask(by, tenant=contoso, q="ana") == {bi.pk}


def test_days_are_those_of_the_organisation(contoso, bi):
    contoso.time_zone = "Pacific/Kiritimati"  # there the term ends on the day after
    contoso.save()
    assert ask(admin_of(contoso), expires_after="2026-04-11") == {bi.pk}
    assert ask(admin_of(contoso), expires_before="2026-04-10") == set()


def test_many_people_who_match_are_found_as_few_are(contoso, bi, central, monkeypatch):
    few = {text: ask(admin_of(contoso), q=text) for text in ("contoso.example", "a")}
    monkeypatch.setattr(found.searching, "NAMED", 1)
    assert {text: ask(admin_of(contoso), q=text) for text in few} == few
    assert ask(admin_of(contoso), department="market") == {bi.pk}
    assert few["contoso.example"] == {bi.pk, central.pk}


def test_what_costs_less_since_is_not_over_its_old_price(contoso, bi):
    assert Purchase.objects.priced_over(9).count() == 1
    bi.billing_periods.update(starts_at=NOON - timedelta(days=60), ends_at=NOON - timedelta(days=30))
    period = bi.billing_periods.get()
    period.pk, period.unit_price, period.starts_at, period.ends_at = None, 5, NOON, bi.term_end
    period.save(force_insert=True)
    assert ask(admin_of(contoso), over="4") == {bi.pk}
    assert ask(admin_of(contoso), over="9") == set()


def test_within_so_many_days_is_from_now_to_the_last_of_them(contoso, bi):
    by, second = admin_of(contoso), timedelta(seconds=1)
    first, last = bi.term_end - timedelta(days=30), bi.term_end
    for at, finds in ((first - second, False), (first, True), (last, True), (last + second, False)):
        assert (ask(by, at=at, expires_within="30") == {bi.pk}) is finds, at


def test_seats_that_nobody_may_use_are_not_unused(contoso, bi):
    lifecycle.end(subscription=bi, cause="canceled", by=SYSTEM, at=NOON)
    assert ask(admin_of(contoso), state="disabled") == {bi.pk}
    assert ask(admin_of(contoso), unused="1") == set()


def test_a_renewal_is_coming_where_it_is_on_and_the_term_runs(contoso, bi, central):
    by = admin_of(contoso)
    assert ask(by, renewal="coming") == {bi.pk, central.pk}
    set_auto_renew(subscription=central, auto_renew=False, by=by, at=NOON)
    assert ask(by, renewal="coming") == {bi.pk}
    lifecycle.advance_due(at=bi.term_end)
    assert ask(by, state="expired") == {bi.pk}
    assert ask(by, renewal="coming") == set()
