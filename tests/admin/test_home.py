"""The first page: what was bought and spent, what renews and what waits, for whom, and what it costs to show."""

from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.operations.changes import cancellations
from commerce.operations.procurement import coming
from licensing.models import Subscription
from licensing.operations import seats
from tenants.directory.operations import delegations
from tests import factories, ledger
from tests.admin.pages import browser_of
from tests.callers import signed_in
from tests.factories import acting, admin_of, buy, buy_centrally, plan_on_sale, price_centrally
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HOME = reverse("admin:index")
AT_MOST = 15


@pytest.fixture
def ana(contoso):
    return factories.MembershipFactory(
        tenant=contoso, name="Ana", department=factories.DepartmentFactory(tenant=contoso, name="Sales")
    )


def shown(browser, query=""):
    response = browser.get(HOME + query)
    assert response.status_code == 200
    return response.context


def text_of(browser):
    return unescape(browser.get(HOME).content.decode())


# --- Figures


def test_spend_of_this_month_is_what_cards_were_charged(contoso, plan, ana):
    now = timezone.now()
    buy(ana, plan, 3, at=now)
    given_back = buy(ana, plan, 2, at=now)
    cancellations.cancel_subscription(subscription=given_back, reason="", by=acting(ana), at=now)
    charged = sum(ledger.captured()) - sum(ledger.refunded())
    [spend] = shown(browser_of(contoso))["spend"]
    assert spend["currency"] == "USD"
    assert [month["total"] for month in spend["months"]] == ["0.00"] * 11 + [f"{charged:.2f}"]
    assert spend["total"] == spend["this_month"] == f"${charged:.2f}"


def test_channels_stand_beside_each_other_and_currencies_are_never_added(contoso, plan, ana, operator):
    now = timezone.now()
    buy(ana, plan, 1, at=now)
    factories.RoleGrantFactory(membership=ana)
    buy_centrally(ana, price_centrally(plan_on_sale()), 2, at=now)
    [spend] = shown(browser_of(contoso))["spend"]
    assert [channel["name"] for channel in spend["channels"]] == ["Self-service", "Central"]
    assert (spend["sums"], spend["sum"]) == (["9.99", "17.98"], "27.97")
    buy(factories.MembershipFactory(tenant__country="SE"), plan_on_sale("99.00", "SEK", "SE"), 1, at=now)
    everywhere = shown(signed_in(operator))["spend"]
    assert [(one["currency"], one["sum"]) for one in everywhere] == [("SEK", "99.00"), ("USD", "27.97")]


def test_seats_are_told_by_product_and_department_with_their_lists(contoso, plan, ana):
    now = timezone.now()
    bought = buy(ana, plan, 5, at=now)
    buy(factories.MembershipFactory(tenant=contoso), plan, 1, at=now)
    colleagues = factories.MembershipFactory.create_batch(2, tenant=contoso)
    seats.assign(subscription=bought, members=colleagues, by=acting(ana), at=now)
    browser = browser_of(contoso)
    told = shown(browser)["seats"]
    assert (told["purchases"], told["seats"], told["used"], told["unused"]) == (2, 6, 4, 2)
    assert [(line["name"], line["purchases"], line["seats"], line["used"]) for line in told["by_product"]["lines"]] == [
        (plan.product.name, 2, 6, 4)
    ]
    assert [(line["name"], line["seats"]) for line in told["by_other"]["lines"]] == [("Sales", 5), ("No department", 1)]
    nobodys = browser.get(told["by_other"]["lines"][1]["url"]).context["cl"].result_list
    assert [row.quantity for row in nobodys] == [1]
    for url in (told["unused_url"], told["by_product"]["lines"][0]["url"], told["by_other"]["lines"][0]["url"]):
        assert [row.pk for row in browser.get(url).context["cl"].result_list if row.quantity == 5] == [bought.pk], url


def test_a_department_counts_as_many_purchases_as_its_list_has(contoso, plan, ana):
    sales = ana.department
    # Nobody of the one between bought anything.
    between = factories.DepartmentFactory(tenant=contoso, name="EMEA", parent=sales)
    below = factories.DepartmentFactory(tenant=contoso, name="Iberia", parent=between)
    now = timezone.now()
    for department, bought in ((sales, 2), (below, 3), (factories.DepartmentFactory(tenant=contoso, name="sales"), 1)):
        for _ in range(bought):
            buy(factories.MembershipFactory(tenant=contoso, department=department), plan, 1, at=now)
    browser = browser_of(contoso)
    told = shown(browser)["seats"]["by_other"]["lines"]
    assert [(line["name"], line["purchases"]) for line in told] == [
        ("Sales", 5), ("EMEA", 3), ("Iberia", 3), ("sales", 1)
    ]  # fmt: skip
    for line in told:
        assert len(browser.get(line["url"]).context["cl"].result_list) == line["purchases"], line["name"]
    assert shown(browser)["seats"]["purchases"] == 6
    assert "A department is counted with those below it." in text_of(browser)


def test_renewals_of_the_next_90_days_are_told_with_what_they_will_cost(contoso, plan, ana):
    now = timezone.now()
    soon, later = buy(ana, plan, 2, at=now), buy(ana, plan, 3, at=now)
    Subscription.objects.filter(pk=later.pk).update(auto_renew=False)
    told = shown(browser_of(contoso))["renewals"]
    [line] = [line for line in told["lines"] if line["purchases"]]
    assert (line["purchases"], line["seats"], line["amounts"]) == (1, 2, ["$19.98"])
    found = browser_of(contoso).get(line["url"]).context["cl"].result_list
    assert [row.pk for row in found] == [soon.pk]


def test_where_more_renews_than_is_read_nothing_is_told_as_if_it_were_all(contoso, plan, ana, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(coming, "MOST", 1)
    for _ in range(3):
        buy(ana, plan, 2, at=now)
    browser = browser_of(contoso)
    assert shown(browser)["renewals"]["more"]
    page = text_of(browser)
    assert "2 or more" in page
    assert "Not counted" in page
    assert "$39.96" not in page


def test_what_waits_leads_to_its_list(contoso, plan, ana):
    factories.ApprovalFactory(requester=ana, plan=plan)
    browser = browser_of(contoso)
    [line] = shown(browser)["waits"]
    assert line["text"] == "1 purchase waits for an approval"
    assert browser.get(line["url"]).status_code == 200


def test_what_somebody_asked_for_themselves_waits_for_others(contoso, plan):
    admin = admin_of(contoso).membership
    factories.ApprovalFactory(requester=admin, plan=plan)
    assert shown(signed_in(admin))["waits"] == []
    assert len(shown(browser_of(contoso))["waits"]) == 1


def test_new_products_wait_until_somebody_decides(contoso, plan):
    plan.product.created_at = contoso.created_at + timedelta(days=1)
    plan.product.save()
    [line] = shown(browser_of(contoso))["waits"]
    assert line["text"] == "1 new product waits for a decision"
    factories.PolicyFactory(tenant=contoso, product=plan.product, value="enabled")
    assert shown(browser_of(contoso))["waits"] == []


def test_each_chart_has_its_table(contoso, plan, ana):
    buy(ana, plan, 1, at=timezone.now())
    page = text_of(browser_of(contoso))
    assert page.count('role="img"') == page.count("<details>") == 1
    assert "Show as a table" in page
    assert "style=" not in page[page.index("Spend by month") : page.index("Newest purchases")]


def test_an_organisation_that_has_nothing_reads_what_will_stand_here(contoso):
    page = text_of(browser_of(contoso))
    for said in ("Nothing was spent in the last twelve months", "Nobody has bought anything yet", "Nothing renews"):
        assert said in page


# --- Who


@pytest.mark.parametrize(
    "role, sees_money, sees_own_purchases",
    [
        ("global_admin", True, True),
        ("billing_admin", True, True),
        ("global_reader", True, True),
        ("license_admin", False, True),
        ("user_admin", False, False),
    ],
)
def test_whoever_may_not_know_prices_finds_none(contoso, plan, ana, role, sees_money, sees_own_purchases):
    buy(ana, plan, 2, at=timezone.now())
    browser = browser_of(contoso, role)
    page = browser.get(HOME).content.decode()
    assert ("19.98" in page) == sees_money
    assert ("Spend by month" in page) == sees_money
    assert bool(shown(browser)["seats"]["purchases"]) == sees_own_purchases


def test_nothing_of_another_organisation_is_counted(contoso, fabrikam, elsewhere):
    told = shown(browser_of(contoso))
    assert (told["spend"], told["seats"]["purchases"], told["renewals"]["any"]) == ([], 0, False)


def test_an_operator_reads_all_of_them_by_organisation(operator, bought, elsewhere):
    told = shown(signed_in(operator))["seats"]
    assert told["purchases"] == 2
    assert [line["name"] for line in told["by_other"]["lines"]] == ["Contoso", "Fabrikam"]


# --- What it costs


def cost(browser):
    browser.get(HOME)
    with CaptureQueriesContext(connection) as queries:
        browser.get(HOME)
    return len(queries)


def test_it_costs_the_same_however_much_was_bought(contoso, ana, operator):
    browsers = [browser_of(contoso), browser_of(contoso, "license_admin"), signed_in(operator)]
    now = timezone.now()

    def more(number):
        for _ in range(number):
            sold = plan_on_sale()
            department = factories.DepartmentFactory(tenant=contoso)
            buyer = factories.MembershipFactory(tenant=contoso, department=department)
            buy(buyer, sold, at=now)
            factories.ApprovalFactory(requester=buyer, plan=sold)

    more(1)
    before = [cost(browser) for browser in browsers]
    more(29)
    assert [cost(browser) for browser in browsers] == before
    assert max(before) <= AT_MOST


# --- A partner


def test_a_partners_person_reads_their_customers_together_by_what_each_delegation_allows(contoso, fabrikam, plan):
    now = timezone.now()
    partner = factories.TenantFactory(name="Partner")
    admin = admin_of(partner)
    for customer, role in ((contoso, "billing_admin"), (fabrikam, "license_admin")):
        by = admin_of(customer)
        granted = delegations.grant(
            tenant=customer, partner=partner, roles=[role], ends_at=now + timedelta(days=30), by=by, at=now
        )
        delegations.accept(delegation=granted, by=admin, at=now)
        buy(factories.MembershipFactory(tenant=customer), plan, 2, at=now)
    buy(factories.MembershipFactory(), plan, 5, at=now)
    browser = signed_in(admin.membership)
    assert "?of=customers" in browser.get(HOME).content.decode()
    told = shown(browser, "?of=customers")
    assert [(line["name"], line["seats"]) for line in told["seats"]["by_other"]["lines"]] == [
        ("Contoso", 2),
        ("Fabrikam", 2),
    ]
    [spend] = told["spend"]
    assert (spend["sum"], told["renewals"]["sees_prices"]) == ("19.98", False)
    with time_machine.travel(now + timedelta(days=31)):
        told = shown(signed_in(admin.membership), "?of=customers")
        assert (told["seats"]["purchases"], told["spend"]) == (0, [])


def test_a_customer_that_asks_for_a_second_factor_tells_nothing_to_whoever_has_none(contoso, plan):
    now = timezone.now()
    pat = let_in(contoso, roles=["billing_admin"], at=now)
    factories.RoleGrantFactory(membership=pat.member, role="global_reader")
    buy(factories.MembershipFactory(tenant=contoso), plan, 2, at=now)
    browser = signed_in(pat.member)
    for asks, purchases in ((False, 1), (True, 0)):
        contoso.requires_second_factor = asks
        contoso.save()
        told = shown(browser, "?of=customers")
        assert (told["seats"]["purchases"], len(told["spend"])) == (purchases, purchases)
        [customer] = browser.get(reverse("admin:tenants_delegation_customers")).context["customers"]
        assert customer.purchases == (purchases or None)


def test_whoever_has_no_customers_finds_nothing_under_their_name(contoso, bought):
    told = shown(browser_of(contoso), "?of=customers")
    assert (told["seats"]["purchases"], told["spend"], told["renewals"]["any"]) == (0, [], False)
