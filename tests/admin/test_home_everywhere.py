"""The first page of an operator: what waits in all organisations, and lists of one of them."""

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.admin.customers.waiting import everything, new_product, told_at_home
from tests.admin.pages import ALL, APPROVALS, DUNNING, OF_ONE, PEOPLE, PURCHASES, REQUESTS, browser_of, listed
from tests.callers import signed_in
from tests.factories import MembershipFactory, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HOME = reverse("admin:index")
AT_MOST = 15


def rows(browser, address):
    answer = browser.get(address)
    assert answer.status_code == 200, address
    return list(answer.context["cl"].result_list)


def test_what_waits_in_all_organisations_is_as_much_as_its_list_has(contoso, fabrikam, plan, operator):
    for tenant in (contoso, fabrikam):
        everything(MembershipFactory(tenant=tenant), plan)
    browser = signed_in(operator)
    told = told_at_home(browser, HOME)
    assert list(told) == [
        "2 purchases wait for an approval",
        "2 licence requests wait for a decision",
        "2 purchases of people who left wait for a decision",
        "2 renewals could not be charged",
    ]
    for text, url in told.items():
        assert len(rows(browser, url)) == int(text.split()[0]), text
        assert [row.tenant for row in rows(browser, f"{url}&tenant=fabrikam")] == [fabrikam], text


def test_an_organisation_is_told_of_its_own_alone(contoso, fabrikam, plan):
    for tenant in (contoso, fabrikam):
        everything(MembershipFactory(tenant=tenant), plan)
    new_product()
    browser = browser_of(contoso)
    told = told_at_home(browser, HOME)
    assert [text[0] for text in told] == ["1"] * 5
    for text, url in told.items():
        answer = browser.get(url).context
        shown = answer["cl"].result_list if "cl" in answer else answer["form"].fields["products"].choices
        assert len(shown) == 1, text


def test_each_organisation_leads_to_its_purchases(contoso, fabrikam, plan, operator):
    now = timezone.now()
    for tenant, number in ((contoso, 3), (fabrikam, 2)):
        for _ in range(number):
            buy(MembershipFactory(tenant=tenant), plan, at=now)
    browser = signed_in(operator)
    told = browser.get(HOME).context["seats"]["by_other"]["lines"]
    assert [line["name"] for line in told] == ["Contoso", "Fabrikam"]
    for line in told:
        found = rows(browser, line["url"])
        assert {str(row.tenant) for row in found} == {line["name"]}
        assert len(found) == line["purchases"]


# Lists whose rows belong to organisations, but for the steps that hold for all of them.
NARROWED = sorted({*ALL} - {*OF_ONE, DUNNING})


@pytest.mark.parametrize("page", NARROWED)
def test_every_list_of_organisations_is_narrowed_to_one(operator, page, contoso, fabrikam, plan):
    for tenant in (contoso, fabrikam):
        everything(MembershipFactory(tenant=tenant), plan)
    browser = signed_in(operator)
    answer = browser.get(f"{listed(page)}?tenant={contoso.slug}")
    model = apps.get_model(page.replace("_", ".", 1))
    belongs = any(field.name == "tenant" for field in model._meta.fields)
    assert answer.status_code == (200 if belongs else 400)
    if belongs:
        assert {row.tenant for row in answer.context["cl"].result_list} <= {contoso}


def test_rows_of_several_organisations_are_narrowed_to_those_of_one(operator, contoso, fabrikam, plan):
    for tenant in (contoso, fabrikam):
        everything(MembershipFactory(tenant=tenant), plan)
    browser = signed_in(operator)
    for page in (PEOPLE, PURCHASES, APPROVALS, REQUESTS):
        assert {row.tenant for row in rows(browser, listed(page))} >= {contoso, fabrikam}, page
        assert {row.tenant for row in rows(browser, f"{listed(page)}?tenant={contoso.slug}")} == {contoso}, page


def test_an_organisation_that_never_was_is_said_or_nothing_found(operator, bought):
    browser = signed_in(operator)
    for slug in ("nowhere", "%00", "x" * 300):
        assert rows(browser, f"{listed(PEOPLE)}?tenant={slug}") == []
        assert rows(browser, f"{listed(PURCHASES)}?tenant={slug}") == []
    assert "There is no such organisation." in browser.get(f"{listed(PURCHASES)}?tenant=nowhere").content.decode()
    assert 'name="tenant" value="nowhere"' in browser.get(f"{listed(PEOPLE)}?tenant=nowhere").content.decode()


def test_nobody_else_asks_for_an_organisation(contoso, bought):
    browser = browser_of(contoso)
    assert 'name="tenant"' not in browser.get(listed(PEOPLE)).content.decode()
    for page in (PEOPLE, PURCHASES):
        assert browser.get(f"{listed(page)}?tenant={contoso.slug}").status_code == 400


def test_it_costs_the_same_with_two_organisations_and_with_twenty(plan, operator):
    browser, counts = signed_in(operator), []
    for more in (2, 18):
        for _ in range(more):
            everything(MembershipFactory(), plan)
        browser.get(HOME)
        with CaptureQueriesContext(connection) as captured:
            assert len(told_at_home(browser, HOME)) == 4
        counts.append(len(captured))
    assert counts[0] == counts[1] <= AT_MOST
