"""Seats for many in a real browser, at a desk and on a telephone: chosen, shown, given, told person by person."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_centralising import cancel, looked_at

pytestmark = pytest.mark.browser

PEOPLE = "email\nana@contoso.example\nadmin@contoso.example\nreader@contoso.example\n"


def shown(page, picture, name):
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
    looked_at(page, picture, f"{name}-preview")


def given(page, picture, name, button):
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("heading", name="What became of each")).to_be_visible()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()
    looked_at(page, picture, f"{name}-run")


def chosen(page, text):
    sent = {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("File of work e-mails").set_input_files(sent)


def test_to_the_people_of_a_file_and_to_those_of_what_was_canceled(visit, picture):
    page = visit("admin@contoso.example")
    page.goto("/admin/commerce/purchase/?channel=central&q=premium")
    page.locator("#result_list tbody tr a").first.click()
    page.get_by_role("link", name="From a file, or a whole department").click()
    chosen(page, f"{PEOPLE}nobody@contoso.example\n")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_text("Line 5:")).to_be_visible()
    looked_at(page, picture, "give-seats-wrong")
    chosen(page, f"{PEOPLE}ben@contoso.example\npeople@contoso.example\nlicense@contoso.example\n")
    shown(page, picture, "give-seats")
    expect(page.get_by_role("heading", name="Nothing would change")).to_be_visible()
    expect(page.get_by_text("Has a seat already, and keeps it.")).to_be_visible()
    page.get_by_role("link", name="Choose others").click()
    chosen(page, "ana@contoso.example\nben@contoso.example\n")
    shown(page, picture, "give-two-seats")
    given(page, picture, "give-seats", "Give seats (1)")

    page.goto("/admin/commerce/purchase/?channel=self_service&q=premium")
    page.locator("#result_list tbody tr a").first.click()
    page.goto(page.url.replace("/change/", "/former-people/"))
    expect(page.get_by_text("It still gives access.")).to_be_visible()
    looked_at(page, picture, "former-people-too-early")

    page.goto("/my/subscriptions/")
    page.get_by_role("link", name="Power BI Premium").first.click()
    cancel(page)
    page.goto("/admin/commerce/purchase/?channel=self_service&q=premium")
    page.locator("#result_list tbody tr a").first.click()
    page.get_by_role("link", name="Give central seats").click()
    looked_at(page, picture, "former-people")
    shown(page, picture, "former-people")
    given(page, picture, "former-people", "Give central seats (2)")
