"""Doing one thing with several purchases in a real browser: ticked, shown, done, told row by row."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

NARROW = {"viewport": {"width": 390, "height": 844}}


def fits(page):
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide, page.url


def reads(page):
    found = [each["id"] for each in Axe().run(page).response["violations"] if each["impact"] in ("serious", "critical")]
    assert found == [], page.url


@pytest.mark.parametrize(
    ("deed", "look"),
    [("Turn automatic renewal off", {}), ("Turn automatic renewal on", NARROW)],
    ids=["wide", "narrow"],
)
def test_turning_the_renewal_of_what_is_central(visit, picture, deed, look):
    page, name = visit("billing@contoso.example", **look), "narrow" if look else "wide"
    page.goto("/admin/commerce/purchase/?channel=central")
    page.get_by_label("With which").select_option("All that this filter finds")
    page.get_by_label("What to do").select_option(deed)
    picture(page, f"bulk-list-{name}")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
    fits(page)
    reads(page)
    picture(page, f"bulk-preview-{name}")
    page.get_by_label("Reason").fill("A test of many at once")
    page.get_by_role("button", name=deed).click()
    expect(page.get_by_role("heading", name="What became of each")).to_be_visible()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()
    expect(page.get_by_role("row", name="Done").first).to_be_visible()
    fits(page)
    reads(page)
    picture(page, f"bulk-run-{name}")


def test_its_pages_fit_a_telephone(visit, picture):
    page = visit("billing@contoso.example", **NARROW)
    page.goto("/admin/commerce/purchase/")
    page.locator("input[name=row]").first.check()
    page.get_by_label("What to do").select_option("Stop at renewal")
    fits(page)
    page.get_by_role("button", name="Show what it would do").click()
    fits(page)
    reads(page)
    picture(page, "bulk-telephone")
    page.goto("/admin/tenants/run/")
    fits(page)
