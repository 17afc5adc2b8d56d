"""An organisation's own page, where its admins say who it is on its invoices."""

import pytest
from django.urls import reverse

from tests.admin.pages import ORGANISATIONS, browser_of, listed, opened
from tests.callers import signed_in

pytestmark = pytest.mark.django_db

TYPED = {"legal_name": "Contoso Inc.", "address": "1 Street\r\nSeattle", "tax_number": "98-7654321"}


def kept(tenant):
    tenant.refresh_from_db()
    return {"legal_name": tenant.legal_name, "address": tenant.billing_address, "tax_number": tenant.tax_number}


NOTHING = dict.fromkeys(TYPED, "")


@pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
def test_an_admin_says_who_is_billed_and_reads_it_there(contoso, role):
    browser = browser_of(contoso, role)
    page = opened(ORGANISATIONS, contoso)
    answer = browser.post(page, TYPED, follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert kept(contoso) == TYPED | {"address": "1 Street\nSeattle"}
    for said in (
        "The next invoices say so",
        "<div>Seattle</div><div>United States of America</div>",
        'value="Contoso Inc."',
    ):
        assert said in answer.text, said


def test_the_way_there_stands_in_the_navigation(contoso, operator):
    page = opened(ORGANISATIONS, contoso)
    text = browser_of(contoso, "billing_admin").get(reverse("admin:index")).text
    assert page in text
    assert "Billing details" in text
    text = signed_in(operator).get(reverse("admin:index")).text
    assert "Billing details" not in text
    assert listed(ORGANISATIONS) in text


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"legal_name": "x" * 201}, "at most 200 characters"),
        ({"address": "x" * 501}, "at most 500 characters"),
        ({"address": "\u202eeellA"}, "ordinary characters"),
        ({"legal_name": "NUL \0"}, "Null characters"),
    ],
)
def test_what_cannot_be_right_is_said_and_what_was_typed_stays(contoso, wrong, said):
    answer = browser_of(contoso).post(opened(ORGANISATIONS, contoso), TYPED | wrong)
    assert answer.status_code == 400
    assert said in answer.text
    assert "98-7654321" in answer.text
    assert kept(contoso) == NOTHING


def test_a_wrong_tax_number_is_told_at_its_field(contoso):
    contoso.country = "DE"
    contoso.save()
    answer = browser_of(contoso).post(opened(ORGANISATIONS, contoso), TYPED | {"tax_number": "DE136695977"})
    assert answer.context["form"].errors["tax_number"]
    assert kept(contoso) == NOTHING


def test_a_reader_and_the_operator_change_nothing(contoso, operator):
    for browser in (browser_of(contoso, "global_reader"), signed_in(operator)):
        page = opened(ORGANISATIONS, contoso)
        assert "may change its billing details" in browser.get(page).text
        assert browser.post(page, TYPED).status_code == 403
    assert kept(contoso) == NOTHING


def test_another_organisations_page_is_as_one_that_never_was(contoso, fabrikam):
    browser = browser_of(contoso)
    assert browser.get(opened(ORGANISATIONS, fabrikam)).status_code == 404
    assert browser.post(opened(ORGANISATIONS, fabrikam), TYPED).status_code == 404
    assert kept(fabrikam) == NOTHING
