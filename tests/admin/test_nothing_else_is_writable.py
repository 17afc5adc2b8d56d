"""The procurement view reads: only policies, billing details and sellers have forms."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from tenants.journal.models import Event
from tests import factories
from tests.admin.pages import ALL, DOMAINS, JOURNAL, OF_TENANTS, POLICIES, PURCHASES, browser_of, listed, opened
from tests.callers import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

METHODS = ["post", "put", "patch", "delete"]
WRITES = ("INSERT", "UPDATE", "DELETE")


def test_there_is_no_address_to_add_delete_or_look_back():
    for page in ALL:
        for name in ("add", "delete", "history"):
            with pytest.raises(NoReverseMatch):
                reverse(f"admin:{page}_{name}", args=[] if name == "add" else ["x"])


@pytest.mark.parametrize(
    "name", ["login", "logout", "password_change", "autocomplete", "search", "view_on_site", "app_list"]
)
def test_the_frameworks_own_pages_do_not_exist(name):
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:{name}")


def test_nor_do_their_addresses(contoso):
    browser = browser_of(contoso)
    for path in ("login/", "password_change/", "search/", "autocomplete/", "r/1/1/", "auth/", "add/"):
        assert browser.get(f"/admin/{path}").status_code == 404
        assert browser.post(f"/admin/{path}").status_code == 404


@pytest.mark.parametrize("method", METHODS)
def test_no_list_takes_a_write(operator, contoso, bought, method):
    body = {"action": "delete_selected", "_selected_action": [str(bought.pk)], "post": "yes", "_save": "Save"}
    for browser in (signed_in(operator), browser_of(contoso)):
        for page in ALL:
            response = getattr(browser, method)(listed(page), body if method == "post" else "")
            assert response.status_code == 403, page


@pytest.mark.parametrize("method", METHODS)
def test_no_row_takes_a_write(contoso, bought, method):
    rows = {
        PURCHASES: bought,
        DOMAINS: factories.DomainFactory(tenant=contoso),
        JOURNAL: Event.objects.of(contoso).first(),
    }
    browser = browser_of(contoso)
    for page, row in rows.items():
        body = {"quantity": "99", "state": "left", "name": "else", "_save": "Save"} if method == "post" else ""
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert getattr(browser, method)(opened(page, row), body).status_code == 403, page
        assert not [query for query in queries if query["sql"].startswith(WRITES)], page


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_policy_takes_no_other_write(contoso, plan, method):
    assert getattr(browser_of(contoso), method)(opened(POLICIES, plan.product)).status_code == 403


def test_no_page_offers_to_add_or_to_delete(contoso, bought):
    browser = browser_of(contoso)
    for page in OF_TENANTS:
        text = browser.get(listed(page)).content.decode()
        for offer in ("/add/", "/delete/", "delete_selected", "action-select", "/history/"):
            assert offer not in text, (page, offer)


def test_no_admin_may_write(contoso, rf):
    for model_admin in admin.site._registry.values():
        request = rf.get("/admin/")
        request.actor = factories.admin_of(contoso)
        assert not model_admin.has_add_permission(request)
        assert not model_admin.has_change_permission(request)
        assert not model_admin.has_delete_permission(request)
        assert not model_admin.get_actions(request)
