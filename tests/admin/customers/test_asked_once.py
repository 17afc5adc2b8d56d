"""Which customers let somebody in is asked once for a page: its header, its navigation and what it shows agree."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.admin.customers.there import CUSTOMERS, HOME, PURCHASES, TOGETHER, address, customer
from tests.callers import signed_in
from tests.factories import buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAGES = [CUSTOMERS, HOME, TOGETHER, PURCHASES, *map(address, ("renewals", "approvals", "leavers", "policies"))]


@pytest.mark.parametrize("page", PAGES)
def test_which_customers_let_somebody_in_is_asked_once(partner, plan, page):
    _contoso, ana, pat = customer(partner, "contoso", roles=["global_admin"])
    buy(ana, plan)
    browser = signed_in(pat.member)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(page, follow=page == HOME).status_code == 200
    asked = [query["sql"] for query in captured if 'FROM "tenants_delegation"' in query["sql"]]
    pages = 2 if page == HOME else 1  # whoever has no role at home is led on to their customers
    assert len(asked) == pages, asked
