"""The list of one's notices, and the page where one chooses."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commerce.models import Notice, NoticeWish
from tests.callers import signed_in
from tests.commerce.notices.walking import walk
from tests.factories import NOON, MembershipFactory, admin_of, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

LIST, SETTINGS = "admin:commerce_notice_changelist", "admin:commerce_notice_settings"


@pytest.fixture
def billing(ana):
    return admin_of(ana.tenant, "billing_admin")


@pytest.fixture
def browser(billing):
    return signed_in(billing.membership)


def text(browser, address=LIST, query=""):
    answer = browser.get(reverse(address) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def bought(ana, plan, many=1):
    for _ in range(many):
        buy(MembershipFactory(tenant=ana.tenant, name="Bea Buyer"), plan, 1)
    walk(NOON)


def test_what_happened_stands_there_with_its_price_until_it_is_read(ana, plan, browser, billing):
    bought(ana, plan)
    shown = text(browser)
    assert "Bea Buyer bought 1 seat of" in shown
    assert "$9.99" in shown
    assert "1 notice is unread." in shown
    notice = Notice.objects.get(user=billing.user)
    browser.post(reverse("admin:commerce_notice_read", args=[notice.pk]))
    assert "Nothing is unread." in text(browser)
    assert "Bea Buyer" not in text(browser, query="?unread=1")
    browser.post(reverse("admin:commerce_notice_unread", args=[notice.pk]))
    assert "Bea Buyer" in text(browser, query="?unread=1")
    browser.post(reverse("admin:commerce_notice_all_read"))
    assert "Nothing is unread." in text(browser)


def test_nobody_finds_or_marks_anothers(ana, plan, browser, billing):
    bought(ana, plan)
    other = signed_in(admin_of(ana.tenant).membership)
    notice = Notice.objects.get(user=billing.user)
    assert "Bea Buyer" not in text(other)
    assert other.post(reverse("admin:commerce_notice_read", args=[notice.pk])).status_code == 404
    notice.refresh_from_db()
    assert notice.read_at is None


def test_who_is_told_no_prices_any_more_finds_none_and_who_may_read_nothing_finds_nothing(ana, plan, browser, billing):
    bought(ana, plan)
    billing.membership.role_grants.update(role="license_admin")
    shown = text(browser)
    assert "Bea Buyer" in shown
    assert "$9.99" not in shown
    billing.membership.role_grants.update(role="user_admin")
    assert "Bea Buyer" not in text(browser)


def test_one_chooses_and_finds_it_again(browser, billing):
    form = browser.get(reverse(SETTINGS)).context["form"]
    said = {name: field.initial for name, field in form.fields.items() if field.initial not in (None, False)}
    said |= {"purchase_mail": "weekly", "over_amount_mail": "at_once", "amount": "500"}
    assert browser.post(reverse(SETTINGS), said).status_code == 302
    rows = {row.topic: (row.mail, row.amount, row.currency) for row in NoticeWish.objects.filter(user=billing.user)}
    assert rows["purchase"] == ("weekly", None, "")
    assert rows["over_amount"][0] == "at_once"
    assert (rows["over_amount"][1], rows["over_amount"][2]) == (500, "USD")
    again = browser.get(reverse(SETTINGS)).context["form"]
    assert again.fields["purchase_mail"].initial == "weekly"


def test_an_amount_that_is_missing_is_said_at_its_field(browser):
    said = {f"{topic}_mail": "off" for topic in ("purchase", "trial", "first_purchase", "renewal", "failed_charge")}
    said |= {"request_mail": "off", "policy_change_mail": "off", "over_amount_mail": "daily"}
    answer = browser.post(reverse(SETTINGS), said)
    assert answer.status_code == 400
    assert answer.context["form"].errors.keys() == {"amount"}
    assert not NoticeWish.objects.exists()


def test_topics_that_somebody_may_not_read_are_not_offered(ana):
    form = signed_in(admin_of(ana.tenant, "user_admin").membership).get(reverse(SETTINGS)).context["form"]
    assert {name.removesuffix("_mail") for name in form.fields if name.endswith("_mail")} == {
        "purchase",
        "first_purchase",
        "renewal",
        "failed_charge",
        "request",
    }


def test_it_costs_the_same_with_one_notice_and_with_thirty(ana, plan, browser):
    counts = []
    for many in (1, 29):
        bought(ana, plan, many)
        text(browser)
        with CaptureQueriesContext(connection) as seen:
            text(browser)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 15


def test_what_it_cannot_be_asked_and_a_page_that_it_has_not_are_told(ana, plan, browser):
    bought(ana, plan)
    answer = browser.get(reverse(LIST) + "?colour=red&unread=1&page=3")
    assert (answer.status_code, "There is no filter “colour”." in answer.text) == (400, True)
    assert 'href="?unread=1">Leave it out</a>' in answer.text
    assert "Bea Buyer" not in answer.text
    for number in ("2", "0", "x"):
        shown = text(browser, query=f"?page={number}&unread=1")
        assert f"There is no page “{number}”" in shown
        assert 'href="?unread=1">First page</a>' in shown
    assert "Bea Buyer" in text(browser, query="?page=1&unread=1")
