"""What is excluded and open, and why a purchase is refused, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# The lists of the admin's framework scroll in two regions of one name.
RULES = {"rules": {"landmark-unique": {"enabled": False}}}
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def effects(visit, **look):
    page = visit("operator@seatwise.example", **look)
    page.goto("/admin/policies/exclusion/new/")
    page.get_by_label("Country").select_option("SE")
    page.get_by_label("Ends renewals").check()
    page.get_by_label("Reason").fill("A sanction.")
    page.get_by_role("button", name="Show what it does").click()
    return page


def taken_back(visit, **look):
    page = visit("operator@seatwise.example", **look)
    page.goto("/admin/policies/exclusion/")
    page.get_by_role("link", name="Education").click()
    page.get_by_role("link", name="Take it back").click()
    return page


def open_markets(visit, **look):
    page = visit("operator@seatwise.example", **look)
    page.goto("/admin/policies/market/open/?on=2020-03-01")
    return page


def explained(visit, **look):
    page = visit("reader@contoso.example", **look)
    page.goto("/admin/policies/selfserviceproduct/explain/")
    page.get_by_label("Work e-mail").fill("dan@contoso.example")
    page.get_by_label("Product").select_option(label="Power BI Pro")
    page.get_by_role("button", name="Explain").click()
    return page


def refused(visit, **look):
    page = visit("ana@lakeside.example", **look)
    page.goto("/buy/power-bi-pro-monthly/")
    page.get_by_text("Why?").click()
    return page


PAGES = {
    "It hits 1 organisation.": effects,
    "What it does now": taken_back,
    "On 1 Mar 2020": open_markets,
    "An admin activates the account.": explained,
    "The operator ends the exclusion of the sector.": refused,
}


@pytest.mark.parametrize("says", PAGES, ids=[reach.__name__ for reach in PAGES.values()])
def test_a_page_is_accessible_and_never_wider_than_the_telephone(visit, picture, says):
    page = PAGES[says](visit, viewport=NARROW)
    expect(page.locator("body")).to_contain_text(says)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, f"{PAGES[says].__name__}-390")
    for size, scheme in ((NARROW, "light"), (WIDE, "light"), (WIDE, "dark")):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="light")
    picture(page, f"{PAGES[says].__name__}-1280")
