"""The page of spend limits: bars, and the forms that set, change and end one."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from policies.models import SpendLimit
from tenants.journal.models import Event
from tests.admin.pages import SPEND_LIMITS, browser_of, listed, opened
from tests.factories import DepartmentFactory, MembershipFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEW = reverse("admin:policies_spendlimit_new")
TYPED = {
    "scope": "tenant:",
    "period": "month",
    "amount": "40",
    "currency": "usd",
    "mode": "hard",
    "counts": ["self_service"],
    "reason": "The budget of 2026",
}


@pytest.fixture
def ana():
    return MembershipFactory()


@pytest.fixture
def browser(ana):
    return browser_of(ana.tenant, "billing_admin")


def only():
    return SpendLimit.objects.get()


def test_a_limit_is_set_shown_with_its_bar_changed_and_ended(ana, browser):
    buy(ana, plan_on_sale(), at=timezone.now())
    assert browser.post(NEW, TYPED).status_code == 302
    assert (only().level, only().amount, only().currency) == ("tenant", 40, "USD")
    page = browser.get(listed(SPEND_LIMITS)).content.decode()
    assert "$40.00" in page
    assert 'value="49"' in page  # 19.98 of 40
    assert "$19.98" in page
    changed = {**TYPED, "amount": "100.50", "mode": "approval", "counts": ["self_service", "central"]}
    assert browser.post(opened(SPEND_LIMITS, only()), changed).status_code == 302
    assert (only().amount, only().mode, only().counts) == (Decimal("100.5"), "approval", ["self_service", "central"])
    end = reverse("admin:policies_spendlimit_end", args=[only().pk])
    assert browser.post(end, {"reason": "No more"}).status_code == 302
    assert not SpendLimit.objects.exists()
    assert [event.type for event in Event.objects.filter(type__startswith="spend_limit").order_by("at")] == [
        "spend_limit.set", "spend_limit.changed", "spend_limit.removed",
    ]  # fmt: skip


def test_the_form_comes_with_the_currency_that_is_bought_in_and_refuses_another(ana, browser):
    assert 'value="USD"' in browser.get(NEW).content.decode()
    page = browser.post(NEW, {**TYPED, "currency": "eur"})
    assert (page.status_code, "Your organisation buys in USD. Use that." in page.content.decode()) == (400, True)
    assert not SpendLimit.objects.exists()


def test_a_person_is_named_by_e_mail_and_a_department_chosen(ana, browser):
    department = DepartmentFactory(tenant=ana.tenant)
    browser.post(NEW, {**TYPED, "scope": "member:", "person": ana.user.email.upper()})
    browser.post(NEW, {**TYPED, "scope": f"department:{department.pk}"})
    assert set(SpendLimit.objects.values_list("member", "department")) == {(ana.pk, None), (None, department.pk)}


def test_people_and_departments_of_others_cannot_be_chosen(browser):
    other = MembershipFactory()
    for typed in (
        {"scope": "member:", "person": other.user.email},
        {"scope": f"member:{other.pk}"},
        {"scope": f"department:{DepartmentFactory(tenant=other.tenant).pk}"},
        {"scope": "member:"},
    ):
        assert browser.post(NEW, {**TYPED, **typed}).status_code == 400
    assert not SpendLimit.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"amount": "-1"}, {"amount": "1.001"}, {"currency": "QQQ"}, {"counts": []}, {"reason": ""}]
)
def test_what_cannot_be_is_said_on_the_form(browser, wrong):
    assert browser.post(NEW, {**TYPED, **wrong}).status_code == 400
    assert not SpendLimit.objects.exists()


def test_who_may_only_read_finds_no_form(ana, browser):
    browser.post(NEW, TYPED)
    reader = browser_of(ana.tenant, "global_reader")
    assert "<textarea" not in reader.get(opened(SPEND_LIMITS, only())).content.decode()
    assert "Add a limit" not in reader.get(listed(SPEND_LIMITS)).content.decode()
    end = reverse("admin:policies_spendlimit_end", args=[only().pk])
    for path in (NEW, opened(SPEND_LIMITS, only()), end):
        assert reader.post(path, TYPED).status_code == 403
    assert reader.get(NEW).status_code == 403
    assert only().amount == 40


def test_another_organisations_limit_is_not_found(ana, browser):
    browser.post(NEW, TYPED)
    other = browser_of(MembershipFactory().tenant)
    end = reverse("admin:policies_spendlimit_end", args=[only().pk])
    assert other.get(opened(SPEND_LIMITS, only())).status_code == 404
    assert other.post(end, {"reason": "Mine"}).status_code == 404
    assert "$40.00" not in other.get(listed(SPEND_LIMITS)).content.decode()
    assert SpendLimit.objects.count() == 1
