"""What the filters of the purchases of all customers find, and where pages lead and end."""

from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from tests.admin.customers.there import (
    AT_MOST,
    CUSTOMERS,
    PURCHASES,
    TOGETHER,
    address,
    customer,
    found,
    lines,
    shown,
    text_of,
)
from tests.callers import signed_in
from tests.factories import NOON, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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


@pytest.mark.parametrize("page", [PURCHASES, address("renewals")])
def test_what_is_no_filter_and_no_page_is_told(partner, plan, page):
    _contoso, ana, pat = customer(partner, "contoso")
    buy(ana, plan, at=timezone.now())
    browser = signed_in(pat.member)
    assert len(found(browser, "customer=contoso&colour=", page)) == 1, "what is empty asks for nothing"
    answer = browser.get(f"{page}?customer=contoso&colour=red&o=3")
    assert (answer.status_code, answer.context["lines"]) == (400, [])
    for name in ("colour", "o"):
        assert f"There is no filter “{name}”." in answer.text
    assert 'href="?customer=contoso&amp;o=3">Leave it out</a>' in answer.text
    assert "Nothing matches" in answer.text
    for number in ("2", "999", "none"):
        text = text_of(browser, f"customer=contoso&p={number}", page)
        assert f"There is no page “{number}”" in text
        assert 'href="?customer=contoso">First page</a>' in text
        for untrue in ("Nothing matches", "The list ends here", 'rel="prev"'):
            assert untrue not in text, (number, untrue)


def test_pages_hold_fifty_and_lead_to_each_other(partner, plan, monkeypatch):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    for minute in range(5):
        buy(ana, plan, at=now - timedelta(minutes=minute))
    browser = signed_in(pat.member)
    assert shown(browser).context["paginator"].per_page == 50
    monkeypatch.setattr("commerce.admin.customers_list.A_PAGE", 2)
    monkeypatch.setattr("tenants.procurement_pages.LAST_ROW", 4)
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


def test_what_opens_a_row_is_called_by_its_product_alone(partner, plan):
    _contoso, ana, pat = customer(partner, "contoso")
    buy(ana, plan, at=timezone.now())
    assert f"> {plan.product.name}, acting for Contoso</span>" in text_of(signed_in(pat.member))


def test_customers_and_their_figures_lead_to_it(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    _fabrikam, felix, _pat = customer(partner, "fabrikam")
    buy(ana, plan, 3, at=now), buy(ana, plan, 1, at=now), buy(felix, plan, 1, at=now)
    browser = signed_in(pat.member)
    page = unescape(browser.get(CUSTOMERS).content.decode())
    assert f'href="{PURCHASES}"' in page
    assert f'href="{PURCHASES}?customer=contoso">2</a>' in page
    told = browser.get(TOGETHER).context
    [spend] = told["spend"]
    month = spend["months"][-1]
    assert month["total"] == "49.95"
    links = [(month["url"], 3), (month["cells"][0]["url"], 3), (spend["channels"][0]["url"], 3)]
    links += [(line["url"], line["purchases"]) for line in told["seats"]["by_other"]["lines"]]
    links += [(line["url"], line["purchases"]) for line in told["seats"]["by_product"]["lines"]]
    links += [(line["url"], line["purchases"]) for line in told["renewals"]["lines"] if line["purchases"]]
    links += [(told["seats"]["unused_url"], 1)]
    for url, number in links:
        assert url.startswith(PURCHASES), url
        assert len(browser.get(url).context["lines"]) == number, url


def test_figures_lead_nowhere_where_the_list_shows_more_than_they_tell(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    customer(partner, "fabrikam", roles=["user_admin"])
    factories.RoleGrantFactory(membership=pat.member, role="global_reader")
    buy(ana, plan, at=now)
    browser = signed_in(pat.member)
    assert PURCHASES + "?" not in browser.get(TOGETHER).content.decode()
    page = browser.get(CUSTOMERS).content.decode()
    assert f'{PURCHASES}?customer=fabrikam">Central ones</a>' in page


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
