"""The list of purchases: its columns, filters, kept filters and pages, and what each of them tells to whom."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commerce.models import SavedFilter
from commerce.operations.procurement import saved_filters
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import factories
from tests.admin.pages import PURCHASES, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import NOON, acting, admin_of, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

KEEP = "/admin/commerce/purchase/keep-filter/"
KEPT = "/admin/commerce/purchase/kept-filters/"


def rows_of(browser, query=""):
    response = browser.get(f"{listed(PURCHASES)}?{query}")
    assert response.status_code == 200
    return response


def text_of(browser, query=""):
    return rows_of(browser, query).content.decode()


# --- Filters


def test_what_is_wrong_with_a_filter_is_said_beside_what_was_typed(contoso, bought):
    text = text_of(browser_of(contoso), "expires_before=soon&over=x&state=active")
    assert "Type a day, such as 2026-12-31." in text
    assert "Type an amount, such as 20 or 9.99." in text
    assert 'value="soon"' in text
    assert "Nothing matches" in text


def test_filters_narrow_the_list(contoso, bought, elsewhere):
    browser = browser_of(contoso)
    for query in ("over=9", "unused=1", f"purchaser={bought.purchaser.user.email}", "expires_before=2026-04-10"):
        assert [row.pk for row in rows_of(browser, query).context["cl"].result_list] == [bought.pk], query
    for query in ("over=10", "channel=partner", f"purchaser={elsewhere.purchaser.user.email}"):
        assert list(rows_of(browser, query).context["cl"].result_list) == [], query


# --- Kept filters


def keep(browser, query="state=active&columns=buyer", **typed):
    return browser.post(f"{KEEP}?{query}", {"name": "Running", **typed})


def test_what_ends_within_a_time_stands_in_the_order_of_its_end(contoso, plan):
    ana, now = factories.MembershipFactory(tenant=contoso), timezone.now()
    ends = [buy(ana, plan, 1, at=now - timedelta(days=ago)).term_end for ago in (5, 20, 10)]

    def ends_in(query):
        return [row.term_end for row in rows_of(browser_of(contoso), query).context["cl"].result_list]

    assert ends_in("expires_within=60") == sorted(ends)
    assert ends_in("expires_after=2020-01-01&state=active") == sorted(ends)
    # Without the filter the newest stands first.
    assert ends_in("") == sorted(ends, reverse=True)


def test_a_filter_is_kept_and_leads_to_what_it_asks(contoso, bought):
    member = admin_of(contoso).membership
    browser = signed_in(member)
    answer = keep(browser)
    assert answer["Location"] == f"{listed(PURCHASES)}?state=active&columns=product&columns=buyer"
    assert "Running" in text_of(browser)
    assert Event.objects.filter(type="filter.kept").count() == 1
    assert "Running" not in text_of(browser_of(contoso)), "it is one's own"
    assert keep(browser).status_code == 400, "there is one of this name"
    assert SavedFilter.objects.count() == 1


def test_a_shared_filter_is_for_everybody_in_the_organisation_and_nobody_else(contoso, fabrikam, bought):
    keep(browser_of(contoso), shared="on")
    assert "Running" in text_of(browser_of(contoso, "global_reader"))
    assert "Running" not in text_of(browser_of(fabrikam))
    assert "Running" not in browser_of(fabrikam).get(KEPT).content.decode()
    kept = SavedFilter.objects.get()
    assert browser_of(fabrikam).post(f"{KEPT}{kept.pk}/remove/").status_code == 404
    assert SavedFilter.objects.count() == 1


@pytest.mark.parametrize(
    ("role", "heads"),
    [
        ("billing_admin", "Product,Plan,Purchaser,Purchaser’s e-mail,Currency,Price paid,Refunded"),
        ("license_admin", "Product,Plan,Purchaser,Purchaser’s e-mail"),
    ],
)
def test_a_shared_filter_keeps_its_columns_up_to_the_file(contoso, bought, role, heads):
    keep(browser_of(contoso), "columns=buyer&columns=price_paid", shared="on")
    reader = browser_of(contoso, role)
    [(_kept, url)] = rows_of(reader).context["kept"]
    [link] = re.findall(r'"([^"]+/export/\?format=csv[^"]*)"', reader.get(url).content.decode())
    file = b"".join(reader.get(unescape(link)).streaming_content).decode("utf-8-sig")
    assert file.splitlines()[0] == heads


def test_a_shared_filter_by_price_tells_no_prices(contoso, plan):
    buy_centrally(factories.MembershipFactory(tenant=contoso, roles=["global_admin"]), plan)
    by = admin_of(contoso)
    saved_filters.keep(name="Dear", query={"over": "5"}, shared=True, by=by, at=NOON)
    reader = admin_of(contoso, "license_admin")
    assert saved_filters.usable(reader).count() == 1
    with pytest.raises(BadInput):
        saved_filters.keep(name="Dear", query={"over": "5"}, by=reader, at=NOON)


def test_only_who_keeps_it_or_a_billing_admin_removes_it(contoso):
    by = admin_of(contoso, "global_reader")
    kept = saved_filters.keep(name="Mine", query={"state": "active"}, shared=True, by=by, at=NOON)
    with pytest.raises(NotAllowed):
        saved_filters.remove(kept=kept.pk, by=admin_of(contoso, "license_admin"), at=NOON)
    assert SavedFilter.objects.count() == 1
    for _twice in range(2):
        saved_filters.remove(kept=kept.pk, by=admin_of(contoso, "billing_admin"), at=NOON)
    assert SavedFilter.objects.count() == 0
    assert Event.objects.filter(type="filter.removed").count() == 1


@pytest.mark.parametrize("query", [{"nothing": "x"}, {"state": "x"}, {"over": "much"}])
def test_what_cannot_be_asked_is_not_kept(contoso, query):
    with pytest.raises(BadInput):
        saved_filters.keep(name="Bad", query=query, by=admin_of(contoso), at=NOON)
    assert not SavedFilter.objects.exists()


def test_members_without_a_role_and_operators_keep_none(contoso, operator):
    with pytest.raises(NotAllowed):
        saved_filters.keep(name="X", query={}, by=acting(factories.MembershipFactory(tenant=contoso)), at=NOON)
    assert signed_in(operator).get(KEEP).status_code == 403
    assert signed_in(operator).get(KEPT).status_code == 403


# --- Cost and end


def test_the_list_costs_the_same_with_one_row_and_with_thirty(contoso, plan):
    browser = browser_of(contoso)
    everybody = factories.DepartmentFactory(tenant=contoso, name="All")
    factories.TaxRateFactory(country="US", rate="0.1000", name="Tax")
    queries = {"": [], "q=person": [], "unused=1&channel=self_service": [], "over=1": []}
    queries |= {f"product={plan.product_id}": [], "department=all": []}
    for number in (1, 29):
        for index in range(number):
            department = factories.DepartmentFactory(tenant=contoso, parent=everybody)
            member = factories.MembershipFactory(tenant=contoso, department=department)
            buy(member, plan, at=timezone.now() - timedelta(minutes=index))
        for query, taken in queries.items():
            rows_of(browser, query)
            with CaptureQueriesContext(connection) as captured:
                found = rows_of(browser, query).context["cl"].result_list
            assert len(found) == number + len(taken), query
            taken.append(len(captured))
    for query, (one, thirty) in queries.items():
        assert one == thirty, query
        assert thirty <= 15, query


def test_pages_end_where_one_should_filter(contoso, plan, monkeypatch):
    for _ in range(5):
        buy(factories.MembershipFactory(tenant=contoso), plan)
    monkeypatch.setattr("commerce.admin.purchases.PurchaseAdmin.list_per_page", 2)
    monkeypatch.setattr("tenants.procurement_pages.LAST_ROW", 4)
    browser = browser_of(contoso)
    first, last, beyond = (text_of(browser, f"p={page}") for page in (1, 2, 3))
    ends = "Search or filter to find the others"
    assert ('rel="next"' in first, ends in first) == (True, False)
    assert ('rel="next"' in last, ends in last) == (False, True)
    assert ends in beyond
    # Nothing of it is said where there are not so many.
    monkeypatch.setattr("tenants.procurement_pages.LAST_ROW", 5)
    assert ends not in text_of(browser, "p=4")


# --- The page


def test_the_page_tells_the_history_to_whoever_may_read_the_journal(contoso, bought):
    for role, tells in (("global_admin", True), ("global_reader", True), ("license_admin", False)):
        text = browser_of(contoso, role).get(opened(PURCHASES, bought)).content.decode()
        assert ("What happened" in text) == tells, role
        assert ("Invoices</h2>" in text) == tells, role
    assert "Seat assigned" in browser_of(contoso).get(opened(PURCHASES, bought)).content.decode()


def test_the_history_names_the_channel_as_every_other_page_does(contoso, bought):
    text = browser_of(contoso).get(opened(PURCHASES, bought)).content.decode()
    assert "Channel: self-service" in text
    assert "self service" not in text.lower()
