"""The pages of failed renewals: the steps of the operator and of an organisation, and hard declines."""

import pytest
from django.urls import reverse

from commerce.models import DunningStep, HardDecline
from commerce.operations.renewing import dunning_steps
from tests.admin.pages import DUNNING, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import OperatorFactory, TenantFactory

pytestmark = pytest.mark.django_db

HARD = "commerce_harddecline"
EDIT, RESTORE = "commerce_dunningstep_edit", "commerce_dunningstep_restore"


def page(name):
    return reverse(f"admin:{name}")


def days(tenant=None):
    return [(step.day, step.retry, step.mail) for step in dunning_steps.of(tenant).steps]


@pytest.fixture
def own():
    return TenantFactory()


def test_an_organisation_says_its_own_steps_and_goes_back(own):
    browser = browser_of(own, "billing_admin")
    assert "These are the operator" in browser.get(listed(DUNNING)).text
    form = browser.get(page(EDIT)).context["form"]
    assert form["retries"].value() == "1, 3, 7, 14, 21"
    answer = browser.post(page(EDIT), {"retries": "2 4", "letters": "0,4,9"}, follow=True)
    assert answer.redirect_chain == [(listed(DUNNING), 302)]
    assert days(own) == [(0, False, True), (2, True, False), (4, True, True), (9, False, True)]
    assert "Your organisation has its own steps" in answer.text
    assert "9 days later" in answer.text
    browser.post(page(RESTORE))
    assert days(own) == days()


def test_the_operator_says_what_holds_for_all_others(own):
    browser = signed_in(OperatorFactory())
    browser.post(page(EDIT), {"retries": "10", "letters": "0"})
    assert days(own) == days() == [(0, False, True), (10, True, False)]
    assert browser.post(page(RESTORE)).status_code == 403


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"retries": "1, x"}, "Type days with commas between them"),
        ({"retries": "1, 1"}, "Name each day once"),
        ({"retries": "31"}, "Use days from 0 to 30"),
        ({"retries": ""}, "or say that there is none"),
        ({"retries": "0, 1"}, "Nothing is tried again on day 0"),
    ],
)
def test_what_makes_no_sense_is_said(own, typed, said):
    answer = browser_of(own).post(page(EDIT), typed | {"letters": "0"})
    assert answer.status_code == 400
    assert said in answer.text
    assert not DunningStep.objects.filter(tenant=own).exists()


def test_others_see_none_of_it(own):
    for role in ("license_admin", "user_admin", "global_reader"):
        browser = browser_of(own, role)
        for url in (listed(DUNNING), page(EDIT), listed(HARD)):
            assert browser.get(url).status_code == 403


def test_the_operator_adds_and_removes_codes():
    browser = signed_in(OperatorFactory())
    assert "lost_card" in browser.get(listed(HARD)).text
    browser.post(page(f"{HARD}_new"), {"code": "no_such_issuer"})
    row = HardDecline.objects.get(pk="no_such_issuer")
    assert browser.get(opened(HARD, row)).status_code == 200
    browser.post(opened(HARD, row))
    assert not HardDecline.objects.filter(pk="no_such_issuer").exists()
    assert browser.post(page(f"{HARD}_new"), {"code": "not a code"}).status_code == 400
