"""Purchases as files: by the command, and from the list in the procurement view."""

import csv
import io
import json
import zipfile
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.operations.procurement import columns, exports
from licensing.models import Subscription
from tenants.access import SYSTEM
from tenants.directory.models import Role
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.callers import signed_in
from tests.factories import DepartmentFactory, MembershipFactory, OperatorFactory, acting, admin_of, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

URL = "admin:commerce_purchase_export"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def plan():
    return plan_on_sale()


@pytest.fixture
def bought(plan):
    ana = MembershipFactory(name="=HYPERLINK(1)")
    return buy(ana, plan, 3, at=timezone.now())


def lines(answer):
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def cells(content):
    """The texts and figures of a workbook's first sheet, row by row."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert not book.testzip()
        sheet = parsed(book, "xl/worksheets/sheet1.xml")
        shared = [texts(item) for item in parsed(book, "xl/sharedStrings.xml")]
    return [[_cell(each, shared) for each in row.iter(f"{SHEET}c")] for row in sheet.iter(f"{SHEET}row")]


def parsed(book, name):
    return ElementTree.fromstring(book.read(name)) if name in book.namelist() else ()  # noqa: S314 (our own)


def texts(element):
    return "".join(text.text or "" for text in element.iter(f"{SHEET}t"))


def _cell(cell, shared):
    assert cell.find(f"{SHEET}f") is None, "a formula"
    if cell.get("t") == "inlineStr":
        return texts(cell)
    value = cell.findtext(f"{SHEET}v")
    return shared[int(value)] if cell.get("t") == "s" else value


def exported(capfdbinary, *arguments):
    call_command("export_purchases", *arguments)
    return capfdbinary.readouterr().out


class TestTheCommand:
    def test_writes_each_purchase_with_its_money_in_minor_digits(self, bought, capfdbinary):
        [row] = json.loads(exported(capfdbinary, bought.tenant.slug, "--format", "json"))
        assert (row["id"], row["quantity"], row["seats_assigned"]) == (str(bought.pk), 3, 1)
        assert (row["currency"], row["unit_price"], row["paid"], row["next_charge"]) == (
            "USD",
            "9.99",
            "29.97",
            "29.97",
        )
        assert row["purchaser_email"] == bought.purchaser.user.email

    def test_makes_formulas_harmless_in_csv_and_in_a_workbook(self, bought, capfdbinary):
        text = exported(capfdbinary, bought.tenant.slug).decode("utf-8-sig")
        [row] = csv.DictReader(io.StringIO(text))
        assert row["Purchaser"] == "'=HYPERLINK(1)"
        _heads, line = cells(exported(capfdbinary, bought.tenant.slug, "--format", "xlsx"))
        assert "'=HYPERLINK(1)" in line
        assert {"29.97", "9.99"} <= set(line)

    def test_of_nothing_has_its_heads(self, bought, capfdbinary):
        there = bought.tenant.slug
        assert exported(capfdbinary, there, "--format", "json", "--filter", "state=disabled") == b"[]\n"
        [heads] = cells(exported(capfdbinary, there, "--format", "xlsx", "--filter", "state=disabled"))
        assert heads[:2] == ["Id", "Organisation"]

    def test_writes_a_new_file_and_never_over_another(self, bought, tmp_path):
        file = tmp_path / "purchases.csv"
        call_command("export_purchases", bought.tenant.slug, "--output", str(file))
        before = file.read_bytes()
        assert str(bought.pk).encode() in before
        with pytest.raises(CommandError, match="cannot be written"):
            call_command("export_purchases", bought.tenant.slug, "--output", str(file))
        assert file.read_bytes() == before

    @pytest.mark.parametrize(
        ("arguments", "said", "code"),
        [
            (["--filter", "state"], "NAME=VALUE", 2),
            (["--filter", "colour=red"], "colour", 2),
            (["--filter", "state=red"], "state", 2),
            (["--filter", "state=active", "--filter", "state=expired"], "more than once", 2),
            # There may have been one once.
            (["--filter", "product=gone"], "There is no such product", 1),
        ],
    )
    def test_says_what_is_wrong_with_a_filter(self, bought, arguments, said, code):
        with pytest.raises(CommandError, match=said) as wrong:
            call_command("export_purchases", bought.tenant.slug, *arguments)
        assert wrong.value.returncode == code
        assert not Event.objects.filter(type="purchases.exported").exists()

    def test_writes_the_columns_that_are_named_in_their_order(self, bought, capfdbinary):
        there = bought.tenant.slug
        [row] = json.loads(exported(capfdbinary, there, "--format", "json", "--columns", "state, id,paid,id"))
        assert list(row.items()) == [("state", "active"), ("id", str(bought.pk)), ("paid", "29.97")]
        heads, _line = cells(exported(capfdbinary, there, "--format", "xlsx", "--columns", "state,id"))
        assert heads == ["State", "Id"]
        assert exported(capfdbinary, there, "--columns", "quantity").decode("utf-8-sig") == "Quantity\r\n3\r\n"

    @pytest.mark.parametrize("names", ["state,colour", "in_state", "", "state,"])
    def test_refuses_an_unknown_column_with_those_that_there_are(self, bought, names, tmp_path):
        file = tmp_path / "purchases.csv"
        with pytest.raises(CommandError, match=r"There is no column.*id, tenant, product, plan") as refused:
            call_command("export_purchases", bought.tenant.slug, "--columns", names, "--output", str(file))
        assert refused.value.returncode == 2
        assert not file.exists()
        assert not Event.objects.filter(type="purchases.exported").exists()

    def test_refuses_an_unknown_tenant(self, db):
        with pytest.raises(CommandError, match="no tenant 'nobody'"):
            call_command("export_purchases", "nobody")


class TestFromTheList:
    def test_is_what_the_filter_shows_of_ones_own_organisation(self, bought, plan):
        buy(MembershipFactory(), plan, 9, at=timezone.now())
        small = buy(bought.purchaser, plan, 1, at=timezone.now())
        browser = signed_in(admin_of(bought.tenant).home)
        assert [row["Id"] for row in lines(browser.get(reverse(URL)))] == [str(small.pk), str(bought.pk)]
        assert [row["Id"] for row in lines(browser.get(reverse(URL), {"unused": "1"}))] == [str(bought.pk)]
        event = Event.objects.filter(type="purchases.exported").order_by("-pk")[0]
        assert (event.data, event.tenant) == ({"format": "csv", "filters": ["unused"]}, bought.tenant)

    def test_has_the_columns_that_the_list_shows(self, bought):
        browser = signed_in(admin_of(bought.tenant).home)
        [row] = lines(browser.get(reverse(URL), {"columns": ["in_state", "price_paid"]}))
        assert row == {
            "Product": bought.plan.product.name,
            "Plan": bought.plan_id,
            "Currency": "USD",
            "Price paid": "29.97",
            "Refunded": "0.00",
            "State": "active",
        }
        kept = Event.objects.filter(type="purchases.exported").latest("pk").data
        assert kept["columns"] == ["product", "plan", "currency", "paid", "refunded", "state"]

    @pytest.mark.parametrize("asked", [(), ("",), columns.FIRST_SHOWN])
    def test_has_all_columns_where_nobody_chose_any(self, bought, asked):
        browser = signed_in(admin_of(bought.tenant).home)
        [row] = lines(browser.get(reverse(URL), {"columns": list(asked)}))
        assert list(row) == [str(column.label) for column in columns.COLUMNS.values()]

    def test_chosen_columns_tell_a_license_admin_no_money(self, bought):
        license_admin = admin_of(bought.tenant, role=Role.LICENSE_ADMIN).home
        [row] = lines(signed_in(license_admin).get(reverse(URL), {"columns": ["price_paid", "unit_price", "quantity"]}))
        assert list(row) == ["Product", "Plan", "Quantity"]

    def test_of_all_organisations_says_whose_each_is(self, bought):
        [row] = lines(signed_in(OperatorFactory()).get(reverse(URL), {"columns": ["quantity"]}))
        assert row == {
            "Organisation": bought.tenant.slug,
            "Product": bought.plan.product.name,
            "Plan": bought.plan_id,
            "Quantity": "3",
        }

    def test_a_workbook_says_the_same(self, bought):
        answer = signed_in(admin_of(bought.tenant).home).get(reverse(URL), {"format": "xlsx"})
        assert answer["Content-Disposition"].endswith('.xlsx"')
        assert cells(b"".join(answer.streaming_content))[1][0] == str(bought.pk)

    def test_has_no_money_for_a_license_admin(self, bought):
        license_admin = admin_of(bought.tenant, role=Role.LICENSE_ADMIN).home
        [row] = lines(signed_in(license_admin).get(reverse(URL)))
        assert row["Quantity"] == "3"
        assert not {"Price paid", "Unit price", "Next charge", "Currency"} & row.keys()

    @pytest.mark.parametrize("role", [Role.USER_ADMIN, None])
    def test_is_nothing_for_others(self, bought, role):
        person = admin_of(bought.tenant, role=role).home if role else bought.purchaser
        assert signed_in(person).get(reverse(URL)).status_code == 403
        assert not Event.objects.filter(type="purchases.exported").exists()

    @pytest.mark.parametrize("role", [Role.USER_ADMIN, None])
    def test_the_operation_itself_is_for_who_may(self, bought, role):
        by = admin_of(bought.tenant, role=role) if role else acting(bought.purchaser)
        with pytest.raises(NotAllowed):
            exports.begin(query={}, format="csv", by=by, at=timezone.now())
        assert not Event.objects.filter(type="purchases.exported").exists()

    def test_says_on_the_list_which_files_there_are(self, bought):
        answer = signed_in(admin_of(bought.tenant).home).get(reverse(URL), {"format": "pdf"}, follow=True)
        assert answer.redirect_chain[0][1] == 302
        assert (answer.status_code, "Files come as CSV or XLSX." in answer.text) == (200, True)

    @pytest.mark.parametrize(
        ("query", "said", "status"),
        [
            ({"format": "csv", "state": "red"}, "There is no such state.", 200),
            ({"format": "xlsx", "state": "\0"}, "This cannot be looked for.", 200),
            ({"format": "csv", "stat": "disabled"}, "There is no filter “stat”.", 400),
            ({"format": "csv", "state": ["active", "expired"]}, "Asked for more than once.", 400),
            ({"format": "csv", "columns": "colour"}, "There is no column “colour”. There are: product, buyer,", 200),
        ],
    )
    @pytest.mark.parametrize("url", [URL, "admin:commerce_purchase_keep_filter", "admin:commerce_purchase_schedule"])
    def test_says_on_the_list_what_is_wrong(self, bought, url, query, said, status):
        browser = signed_in(admin_of(bought.tenant).home)
        answer = browser.get(reverse(url), query, follow=True)
        assert answer.redirect_chain[0][1] == 302
        assert (answer.status_code, said in answer.text) == (status, True)
        assert not Event.objects.filter(type="purchases.exported").exists()

    def test_links_to_what_it_shows(self, bought):
        page = signed_in(admin_of(bought.tenant).home).get(
            reverse("admin:commerce_purchase_changelist"), {"unused": "1"}
        )
        assert f'{reverse(URL)}?format=csv&amp;unused=1"' in page.text


def test_each_column_of_the_list_is_written_and_each_name_is_known_once():
    parts = [part for shown in columns.LISTED.values() for part in shown]
    assert set(parts) <= set(columns.COLUMNS)
    assert set(columns.COLUMNS) - set(parts) == {"id", "tenant", "term_start", "created_at"}
    # Whoever may read a column of the list may read all that a file says of it, and the other way round.
    for name, shown in columns.LISTED.items():
        rights = {(columns.COLUMNS[part].of_money, columns.COLUMNS[part].of_policy) for part in shown}
        assert rights == {(name in columns.OF_PRICES, name in columns.OF_POLICY)}, name


def test_loses_and_repeats_nothing_where_many_were_bought_at_once(bought, plan, monkeypatch):
    monkeypatch.setattr(exports, "READ_AT_ONCE", 3)
    for _copy in range(7):
        buy(bought.purchaser, plan, 1, at=bought.created_at)
    begun = exports.begin(query={}, format="csv", by=SYSTEM, at=timezone.now(), tenant=bought.tenant)
    ids = [row[0] for row in begun.rows]
    assert sorted(ids) == sorted(str(pk) for pk in Subscription.objects.values_list("pk", flat=True))


def test_asks_the_database_as_often_for_thirty_as_for_one(bought):
    def queries_of():
        with CaptureQueriesContext(connection) as captured:
            list(exports.begin(query={}, format="csv", by=SYSTEM, at=timezone.now(), tenant=bought.tenant).rows)
        return len(captured)

    queries_of()  # what is read once for a process
    one = queries_of()
    for _copy in range(29):
        somebody = MembershipFactory(tenant=bought.tenant, department=DepartmentFactory(tenant=bought.tenant))
        buy(somebody, plan_on_sale(), 1, at=timezone.now() - timedelta(minutes=1))
    assert queries_of() == one
