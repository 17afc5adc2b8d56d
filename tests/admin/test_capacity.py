"""The page of what seats bring, beside what is in use of it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.operations import usage
from tests import factories
from tests.admin.pages import CAPACITY, browser_of, listed
from tests.factories import admin_of, buy, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_stands_by_product_and_channel_beside_what_is_in_use(contoso):
    admin, now = admin_of(contoso), timezone.now()
    plan = plan_on_sale(product__name="Apps", product__capacity={"database_mb": 250, "runs": 5})
    buy(factories.MembershipFactory(tenant=contoso), plan, 4, at=now)
    buy_centrally(admin.membership, plan, 2, at=now)
    in_use = {"database_mb": 2048}
    usage.report_capacity(tenant=contoso, product=plan.product, in_use=in_use, by=admin, at=now)
    page = browser_of(contoso, "license_admin").get(listed(CAPACITY))
    [product] = page.context["products"]
    cells = {line["name"]: [cell["text"] for cell in line["cells"]] for line in product["channels"]}
    assert cells == {"Self-service": ["1,000\xa0MB", "20"], "Central": ["500\xa0MB", "10"]}
    assert [cell["text"] for cell in product["sums"]] == ["1.5\xa0GB", "30"]
    assert [(cell["text"], cell["over"]) for cell in product["in_use"]] == [("2\xa0GB", True), ("", False)]
    assert "More than bought" in page.content.decode()


def test_costs_the_same_for_one_product_and_for_thirty(contoso):
    admin, browser, costs = admin_of(contoso), browser_of(contoso), []
    for more in (1, 29):
        for _each in range(more):
            plan = plan_on_sale(product__capacity={"file_mb": 250})
            buy_centrally(admin.membership, plan, 2, at=timezone.now())
            usage.report_capacity(
                tenant=contoso, product=plan.product, in_use={"file_mb": 1}, by=admin, at=timezone.now()
            )
        browser.get(listed(CAPACITY))
        with CaptureQueriesContext(connection) as queries:
            page = browser.get(listed(CAPACITY))
        costs.append((len(page.context["products"]), len(queries)))
    assert costs == [(1, costs[0][1]), (30, costs[0][1])]


def test_says_so_where_there_is_none(contoso, bought):
    assert "No capacity yet" in browser_of(contoso).get(listed(CAPACITY)).content.decode()
