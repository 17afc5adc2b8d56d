"""The columns of the list of purchases: which stand there, for whom, and how others are chosen."""

import re

import pytest
from django.utils import timezone

from commerce.models import ExportSchedule, SavedFilter
from commerce.operations.procurement import columns
from tests import factories
from tests.admin.pages import browser_of
from tests.admin.test_purchase_list import KEEP, keep, rows_of, text_of
from tests.factories import buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SEND = "/admin/commerce/purchase/send-regularly/"
OF_PRICES = {"unit_price", "price_paid", "next_charge"}
EVERY_COLUMN = "&".join(f"columns={name}" for name in columns.LISTED)


def shown(browser, query=""):
    return rows_of(browser, query).context["cl"].list_display


def test_each_purchase_is_shown_with_all_that_procurement_asks(contoso, plan):
    ana = factories.MembershipFactory(
        tenant=contoso, name="Ana", department=factories.DepartmentFactory(tenant=contoso, name="Sales")
    )
    factories.TaxRateFactory(country="US", rate="0.1000", name="Tax")
    buy(ana, plan, 3, at=timezone.now())
    factories.PolicyFactory(tenant=contoso, product=plan.product, value="approval_required")
    text = text_of(browser_of(contoso), EVERY_COLUMN)
    for said in ("Ana", "Sales", "Self-service", "$9.99", "$32.97", "On", "Active", "Needs approval"):
        assert said in text, said


def test_what_people_scan_stands_first_and_each_column_has_its_own_name(contoso, bought):
    text = text_of(browser_of(contoso), EVERY_COLUMN)
    said = ["product", "purchaser", "state", "quantity", "used", "price paid", "next charge", "expires", "unit price"]
    cells = re.findall(r'data-label="([^"]+)"', text)
    assert [name for name in cells if name.lower() in said] == said


def test_columns_are_chosen(contoso, bought):
    browser = browser_of(contoso)
    assert [name for name in shown(browser) if name != "chosen"] == list(columns.FIRST_SHOWN)
    assert [name for name in shown(browser, EVERY_COLUMN) if name != "chosen"] == list(columns.LISTED)
    assert [n for n in shown(browser, "columns=in_state&columns=buyer") if n != "chosen"] == [
        "product",
        "buyer",
        "in_state",
    ]
    assert [n for n in shown(browser, "columns=") if n != "chosen"] == list(columns.FIRST_SHOWN)


def test_a_column_that_does_not_exist_is_told_with_those_that_do(contoso, bought):
    browser = browser_of(contoso)
    answer = rows_of(browser, "columns=colour&columns=buyer&state=active")
    assert "There is no column “colour”. There are: product, buyer, in_state," in answer.text
    assert 'href="?state=active">Leave it out</a>' in answer.text
    assert list(answer.context["cl"].result_list) == []
    assert "export/?" not in answer.text
    for path in (KEEP, SEND):
        refused = browser.post(f"{path}?columns=colour", {"name": "X", "every": "day", "format": "csv"})
        assert (refused.status_code, "There is no column “colour”." in refused.text) == (400, True), path
    assert not SavedFilter.objects.exists()
    assert not ExportSchedule.objects.exists()


def test_a_column_that_somebody_may_not_read_is_left_out_and_not_told(contoso, bought):
    answer = rows_of(browser_of(contoso, "license_admin"), "columns=price_paid&columns=buyer")
    assert answer.context["cl"].wrong == []
    assert [name for name in answer.context["cl"].list_display if name != "chosen"] == ["product", "buyer"]


def test_columns_are_boxes_and_the_one_that_always_stands_there_cannot_be_unticked(contoso, bought):
    text = text_of(browser_of(contoso), "columns=buyer")
    boxes = re.findall(r'<input type="checkbox" name="columns" value="(\w+)"( checked)?( disabled)?>', text)
    assert [name for name, _checked, _disabled in boxes] == list(columns.LISTED)
    assert [name for name, checked, _disabled in boxes if checked] == ["product", "buyer"]
    assert [name for name, _checked, disabled in boxes if disabled] == ["product"]
    # Sent by the form whatever is ticked: to untick all the others leaves this one.
    assert '<input type="hidden" name="columns" value="product">' in text


@pytest.mark.parametrize("role", ["license_admin", "user_admin"])
def test_who_is_told_no_prices_finds_no_price_in_any_column(contoso, plan, role):
    buy_centrally(factories.MembershipFactory(tenant=contoso, roles=["global_admin"]), plan)
    browser = browser_of(contoso, role)
    for query in ("", EVERY_COLUMN, "o=6", "o=-7", "columns=price_paid&o=1"):
        assert not OF_PRICES & set(shown(browser, query)), query
        assert "8.99" not in text_of(browser, query), query
        assert "17.98" not in text_of(browser, query), query


def test_who_is_told_no_prices_does_not_learn_them_by_a_filter(contoso, plan):
    buy_centrally(factories.MembershipFactory(tenant=contoso, roles=["global_admin"]), plan)
    browser = browser_of(contoso, "license_admin")
    assert "costs more" not in text_of(browser)
    for amount in ("1", "1000"):
        answer = rows_of(browser, f"over={amount}")
        assert "Your roles do not show you prices." in answer.content.decode()
        assert list(answer.context["cl"].result_list) == []
    assert len(rows_of(browser_of(contoso), "over=1").context["cl"].result_list) == 1


def test_what_a_user_admin_sees_has_no_policy(contoso, bought):
    assert "policy_result" not in shown(browser_of(contoso, "user_admin"), EVERY_COLUMN)
    assert "policy_result" in shown(browser_of(contoso, "license_admin"), EVERY_COLUMN)


def test_a_file_has_the_columns_of_the_list_that_leads_to_it(contoso, bought):
    text = text_of(browser_of(contoso), "state=active&columns=buyer")
    for page in ("export/?format=csv&amp;", "send-regularly/?", "keep-filter/?"):
        assert f"/admin/commerce/purchase/{page}state=active&amp;columns=product&amp;columns=buyer" in text, page


@pytest.mark.parametrize("role", ["global_admin", "license_admin"])
def test_what_stands_there_anyway_is_no_choice(contoso, bought, role):
    browser = browser_of(contoso, role)
    first = "&".join(f"columns={name}" for name, _label, shown, _fixed in rows_of(browser).context["columns"] if shown)
    assert 'export/?format=csv&amp;unused=1"' in text_of(browser, f"unused=1&{first}")
    keep(browser, first)
    assert SavedFilter.objects.get().columns == []


def test_all_of_them_stay_chosen_where_a_filter_is_kept(contoso, bought):
    browser = browser_of(contoso)
    keep(browser, EVERY_COLUMN)
    [(_kept, url)] = rows_of(browser).context["kept"]
    assert shown(browser, url.partition("?")[2]) == ["chosen", *columns.LISTED]
