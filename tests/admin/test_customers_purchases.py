"""The purchases of all customers of a partner: of whom, as what, until when, and what it costs to show them."""

from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tenants.directory.delegations import Delegation
from tests import factories
from tests.admin.pages import browser_of
from tests.callers import signed_in
from tests.factories import NOON, TenantFactory, buy, buy_centrally, plan_on_sale, price_centrally
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

LIST = reverse("admin:tenants_delegation_purchases")
CUSTOMERS = reverse("admin:tenants_delegation_customers")
HOME = reverse("admin:index")
AT_MOST = 15


@pytest.fixture
def partner():
    return TenantFactory(slug="partnerworks", time_zone="UTC")


def customer(partner, name, roles=("billing_admin",), **more):
    """An organisation that lets the partner in: the delegate, in it a member, and an admin."""
    tenant = TenantFactory(slug=name, name=name.capitalize(), **more)
    pat = let_in(tenant, partner=partner, roles=roles, at=timezone.now())
    return tenant, factories.MembershipFactory(tenant=tenant, name=f"Person of {name}"), pat


def shown(browser, query=""):
    response = browser.get(f"{LIST}?{query}")
    assert response.status_code == 200
    return response


def lines(browser, query=""):
    return shown(browser, query).context["lines"]


def found(browser, query=""):
    return [line["url"].split("/")[-3] for line in lines(browser, query)]


def text_of(browser, query=""):
    return unescape(shown(browser, query).content.decode())


# --- Whose, and what of them


def test_each_customers_purchases_stand_there_newest_first_and_nobody_elses(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    _fabrikam, felix, _pat = customer(partner, "fabrikam")
    first, second = buy(ana, plan, 3, at=now - timedelta(minutes=2)), buy(felix, plan, 2, at=now - timedelta(minutes=1))
    of_partner = buy(factories.MembershipFactory(tenant=partner), plan, at=now)
    of_nobody = buy(factories.MembershipFactory(), plan, at=now)
    browser = signed_in(pat.member)
    assert found(browser) == [str(second.pk), str(first.pk)]
    page = text_of(browser)
    for told in ("Contoso", "Fabrikam", "Person of contoso", plan.product.name, "Self-service", "$9.99", "$29.97"):
        assert told in page, told
    for hidden in (of_partner, of_nobody):
        assert str(hidden.pk) not in page
        assert hidden.purchaser.user.email not in page


def test_each_customer_shows_what_it_would_to_whoever_acts_there(partner, plan):
    now = timezone.now()
    central = price_centrally(plan_on_sale())
    bought = {}
    roles = ["billing_admin", "global_reader", "license_admin", "user_admin"]
    for role in roles:
        tenant, member, pat = customer(partner, role.replace("_", "-"), roles=[role])
        admin = factories.MembershipFactory(tenant=tenant, roles=["global_admin"])
        bought[role] = (buy(member, plan, at=now), buy_centrally(admin, central, at=now))
    browser = signed_in(pat.member)
    told = {line["url"].split("/")[-3]: line for line in lines(browser)}
    for role, (own, of_all) in bought.items():
        assert (str(own.pk) in told) == (role != "user_admin"), role
        assert str(of_all.pk) in told, role
        priced = role in ("billing_admin", "global_reader")
        assert told[str(of_all.pk)]["unit_price"] == ("$8.99" if priced else "–"), role
        assert ("17.98" in told[str(of_all.pk)]["paid"]) == priced, role
    for role in roles:
        tenant = bought[role][0].tenant
        acting = signed_in(pat.member)
        acting.post("/acting-for/", {"tenant": tenant.slug})
        there = acting.get(reverse("admin:commerce_purchase_changelist")).context["cl"].result_list
        assert {str(row.pk) for row in there} == set(found(browser, f"customer={tenant.slug}")), role


def test_where_no_customer_tells_prices_there_are_none_and_no_filter_by_them(partner, plan):
    tenant, _member, pat = customer(partner, "contoso", roles=["license_admin"])
    buy_centrally(factories.MembershipFactory(tenant=tenant, roles=["global_admin"]), plan, at=timezone.now())
    browser = signed_in(pat.member)
    page = text_of(browser)
    for hidden in ("Unit price", "Price paid", "8.99", "17.98", "costs more", "spent_in"):
        assert hidden not in page, hidden
    for query in ("over=1", f"spent_in={timezone.now():%Y-%m}"):
        assert "Your roles do not show you prices." in text_of(browser, query)
        assert found(browser, query) == []


def test_by_price_those_are_found_alone_that_tell_theirs(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    _fabrikam, felix, _pat = customer(partner, "fabrikam", roles=["license_admin"])
    told, _hidden = buy(ana, plan, at=now), buy(felix, plan, at=now)
    browser = signed_in(pat.member)
    for query in ("over=5", f"spent_in={now:%Y-%m}+USD", f"spent_in={now:%Y-%m}"):
        assert found(browser, query) == [str(told.pk)], query
    assert "Your roles do not show you prices." in text_of(browser, "over=5&customer=fabrikam")


def test_a_delegation_that_is_over_shows_nothing_from_its_very_minute(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    _fabrikam, felix, _pat = customer(partner, "fabrikam")
    mine, other = buy(ana, plan, at=now), buy(felix, plan, at=now)
    ends = now + timedelta(minutes=30)
    Delegation.objects.filter(tenant=ana.tenant).update(ends_at=ends)
    with time_machine.travel(ends - timedelta(seconds=1), tick=False):
        browser = signed_in(pat.member)
        assert set(found(browser)) == {str(mine.pk), str(other.pk)}
    with time_machine.travel(ends, tick=False):
        assert found(browser) == [str(other.pk)]
        assert found(browser, "customer=contoso") == []
        assert "There is no such customer." in text_of(browser, "customer=contoso")
        assert "Nobody here has this address." in text_of(browser, f"purchaser={ana.user.email}")
        assert "Contoso" not in text_of(browser)
        Delegation.objects.update(ends_at=ends)
        assert browser.get(LIST).status_code == 403


def test_a_customer_that_asks_for_a_second_factor_shows_nothing_to_whoever_has_none(partner, plan):
    tenant, ana, pat = customer(partner, "contoso")
    buy(ana, plan, at=timezone.now())
    browser = signed_in(pat.member)
    for asks, number in ((False, 1), (True, 0)):
        tenant.requires_second_factor = asks
        tenant.save()
        assert len(found(browser)) == number


def test_whoever_has_no_customers_is_refused(partner, contoso, operator, plan):
    buy(factories.MembershipFactory(tenant=contoso), plan)
    for browser in (browser_of(contoso), browser_of(partner), signed_in(operator)):
        assert browser.get(LIST).status_code == 403
    _tenant, _member, pat = customer(partner, "fabrikam")
    assert signed_in(pat.member).post(LIST).status_code == 403


# --- Filters


def test_the_filters_of_one_organisation_ask_of_all(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    fabrikam, felix, _pat = customer(partner, "fabrikam")
    felix.department = factories.DepartmentFactory(tenant=fabrikam, name="Sales")
    felix.save()
    wide, other = buy(ana, plan, 3, at=now - timedelta(hours=1)), buy(felix, plan_on_sale(), 1, at=now)
    browser = signed_in(pat.member)
    for query in (
        "customer=contoso",
        "q=of contoso",
        f"q={plan.product.name}&channel=self_service&state=active",
        f"product={plan.product_id}",
        f"purchaser={ana.user.email}",
        f"assigned_to={ana.user.email}",
        "unused=1",
    ):
        assert found(browser, query) == [str(wide.pk)], query
    assert found(browser, "department=sales") == [str(other.pk)]
    assert found(browser, "renewal=coming&expires_within=90") == [str(wide.pk), str(other.pk)], "the soonest first"
    for query in ("channel=partner", "renewal=failed", "customer=contoso&q=felix"):
        assert found(browser, query) == [], query
        assert "Nothing matches" in text_of(browser, query)


def test_people_of_organisations_that_are_no_customers_are_as_those_that_never_were(partner, plan):
    _contoso, _ana, pat = customer(partner, "contoso")
    secret = factories.DepartmentFactory(name="Secret")
    stranger = factories.MembershipFactory(tenant=secret.tenant, department=secret)
    buy(stranger, plan, at=timezone.now())
    browser = signed_in(pat.member)
    for name, theirs, never in (
        ("purchaser", stranger.user.email, "nobody@nowhere.example"),
        ("assigned_to", stranger.user.email, "nobody@nowhere.example"),
        ("department", "Secret", "Nothing"),
        ("customer", stranger.tenant.slug, "nowhere"),
    ):
        said = [shown(browser, f"{name}={value}").context["wrong"] for value in (theirs, never)]
        assert said[0] == said[1] != [], name


def test_what_is_wrong_is_said_and_nothing_found(partner, plan):
    _contoso, ana, pat = customer(partner, "contoso")
    buy(ana, plan, at=timezone.now())
    browser = signed_in(pat.member)
    page = text_of(browser, "expires_before=soon&state=active&spent_in=2026-13")
    assert "Type a day, such as 2026-12-31." in page
    assert "Type a month, such as 2026-03, or 2026-03 USD." in page
    assert 'value="soon"' in page
    assert found(browser, "state=nothing") == []
    assert len(found(browser, "columns=x&p=none&o=3")) == 1


# --- Pages, and where they lead


def test_pages_hold_fifty_and_lead_to_each_other(partner, plan, monkeypatch):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    for minute in range(5):
        buy(ana, plan, at=now - timedelta(minutes=minute))
    browser = signed_in(pat.member)
    assert shown(browser).context["paginator"].per_page == 50
    monkeypatch.setattr("commerce.admin.customers_purchases.A_PAGE", 2)
    monkeypatch.setattr("tenants.procurement.LAST_ROW", 4)
    pages = [found(browser, f"state=active&p={page}") for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [2, 2, 0]
    assert len({*pages[0], *pages[1]}) == 4
    first, last, beyond = (text_of(browser, f"state=active&p={page}") for page in (1, 2, 3))
    assert 'href="?state=active&p=2" rel="next"' in first
    assert 'rel="next"' not in last
    assert "Search or filter to find the others" in last
    assert "Search or filter to find the others" in beyond


def test_a_row_is_opened_by_acting_for_its_customer(partner, plan):
    tenant, ana, pat = customer(partner, "contoso")
    bought = buy(ana, plan, at=timezone.now())
    browser = signed_in(pat.member)
    [line] = lines(browser)
    assert browser.get(line["url"]).status_code in (403, 404), "a link alone leads nowhere"
    assert 'action="/acting-for/"' in text_of(browser)
    answer = browser.post("/acting-for/", {"tenant": tenant.slug, "next": line["url"]}, follow=True)
    assert answer.redirect_chain == [(line["url"], 302)]
    assert answer.context["row"].pk == bought.pk
    assert len(found(browser)) == 1, "also from there"


def test_customers_and_their_figures_lead_to_it(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    _fabrikam, felix, _pat = customer(partner, "fabrikam")
    buy(ana, plan, 3, at=now), buy(ana, plan, 1, at=now), buy(felix, plan, 1, at=now)
    browser = signed_in(pat.member)
    page = unescape(browser.get(CUSTOMERS).content.decode())
    assert f'href="{LIST}"' in page
    assert f'href="{LIST}?customer=contoso">2</a>' in page
    told = browser.get(f"{HOME}?of=customers").context
    [spend] = told["spend"]
    month = spend["months"][-1]
    assert month["total"] == "49.95"
    links = [(month["url"], 3), (month["cells"][0]["url"], 3), (spend["channels"][0]["url"], 3)]
    links += [(line["url"], line["purchases"]) for line in told["seats"]["by_other"]["lines"]]
    links += [(line["url"], line["purchases"]) for line in told["seats"]["by_product"]["lines"]]
    links += [(line["url"], line["purchases"]) for line in told["renewals"]["lines"] if line["purchases"]]
    links += [(told["seats"]["unused_url"], 1)]
    for url, number in links:
        assert url.startswith(LIST), url
        assert len(browser.get(url).context["lines"]) == number, url


def test_figures_lead_nowhere_where_the_list_shows_more_than_they_tell(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    customer(partner, "fabrikam", roles=["user_admin"])
    factories.RoleGrantFactory(membership=pat.member, role="global_reader")
    buy(ana, plan, at=now)
    browser = signed_in(pat.member)
    assert LIST + "?" not in browser.get(f"{HOME}?of=customers").content.decode()
    page = browser.get(CUSTOMERS).content.decode()
    assert f'{LIST}?customer=fabrikam">Central ones</a>' in page


def test_it_costs_the_same_with_one_customer_and_with_thirty(partner, plan):
    now = timezone.now()
    _first, ana, pat = customer(partner, "customer-0")
    buy(ana, plan, at=now)
    browser, counts = signed_in(pat.member), {}
    queries = ("", "q=person", "unused=1&channel=self_service", "over=1", f"spent_in={now:%Y-%m}", "department=sales")
    for more in range(2):
        for number in range(29 * more):
            _tenant, member, _pat = customer(partner, f"customer-{number + 1}")
            buy(member, plan, at=now)
        for query in queries:
            shown(browser, query)
            with CaptureQueriesContext(connection) as captured:
                told = lines(browser, query)
            counts.setdefault(query, []).append((len(told), len(captured)))
    for query, ((one, of_one), (thirty, of_thirty)) in counts.items():
        assert (one, thirty) == ((0, 0) if "department" in query else (1, 30)), query
        assert of_one == of_thirty <= AT_MOST, query


def test_a_month_is_each_customers_own(partner, plan):
    _ahead, ana, pat = customer(partner, "ahead", time_zone="Pacific/Kiritimati")
    _behind, felix, _pat = customer(partner, "behind", time_zone="America/Los_Angeles")
    late = NOON.replace(day=31)
    april, march = buy(ana, plan, at=late), buy(felix, plan, at=late)
    browser = signed_in(pat.member)
    assert found(browser, "spent_in=2026-03") == [str(march.pk)]
    assert found(browser, "spent_in=2026-04") == [str(april.pk)]
