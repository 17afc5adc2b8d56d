"""What every buyer's page owes: to a screen reader, to a telephone, to a slow line, to a browser without script."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.ways import BUY, PAGES, review, several_organisations, subscription

pytestmark = pytest.mark.browser

LIGHT_ENOUGH = 150_000


@pytest.mark.parametrize("says", PAGES, ids=[reach.__name__ for reach in PAGES.values()])
def test_a_page_is_accessible_light_and_never_wider_than_the_telephone(visit, says):
    page = PAGES[says](visit, viewport={"width": 390, "height": 844})
    expect(page.locator("body")).to_contain_text(says)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for width, scheme in ((390, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    sizes = weigh(page)
    assert sum(sizes.values()) < LIGHT_ENOUGH, sizes


def weigh(page):
    """What a first visit loads, in bytes as they are before compression."""
    sizes = {}
    page.on("response", lambda response: sizes.update({response.url: len(response.body())}))
    if page.url.startswith("http") and "/assign/" not in page.url:
        page.reload()
        page.wait_for_load_state("networkidle")
    return sizes


def test_targets_are_at_least_24_pixels_high(visit):
    page = subscription(visit, viewport={"width": 390, "height": 844})
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input:not([type=hidden]), nav a, .button')]
            .filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 24)
            .map(e => e.outerHTML)"""
    )
    assert small == []


def test_a_purchase_with_a_bank_step_works_without_script(visit):
    page = visit(java_script_enabled=False)
    page.goto("/buy/power-automate-annual/?quantity=1")
    page.get_by_label("Work e-mail").fill("ana@nordwind.example")
    page.get_by_role("button", name="Continue").click()
    sign_in(page, "ana@nordwind.example")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Update total").click()
    expect(page.get_by_text("1,530.00 × 2 seats")).to_be_visible()
    page.get_by_label("Card").select_option("pm_card_authenticationRequired")
    page.get_by_role("button", name="Pay now").click()
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_text("was not confirmed with your bank").first).to_be_visible()
    page.get_by_label("Card").select_option("pm_card_authenticationRequired")
    page.get_by_role("button", name="Pay now").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Purchase complete")).to_be_visible()
    page.get_by_role("link", name="Give seats to colleagues").click()
    page.get_by_label("Work e-mails").fill("admin@nordwind.example")
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_text("2 of 2 assigned")).to_be_visible()
    page.get_by_role("checkbox").last.check()
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_text("1 of 2 assigned")).to_be_visible()


def test_a_double_click_on_pay_now_buys_once(visit):
    page = review(visit)
    page.goto("/buy/power-bi-premium-annual/?quantity=1")
    page.get_by_role("button", name="Pay now").dblclick()
    expect(page.get_by_role("heading", name="Purchase complete")).to_be_visible()
    page.goto("/my/subscriptions/")
    expect(page.get_by_role("row").filter(has_text="Power BI Premium")).to_have_count(1)


def test_somebody_of_two_organisations_chooses_whom_to_act_for(visit):
    page = several_organisations(visit)
    expect(page.get_by_label("Acting for")).to_have_value("fabrikam")
    page.get_by_label("Acting for").select_option("contoso")
    page.get_by_role("button", name="Switch").click()
    page.goto(BUY)
    expect(page.get_by_role("heading", name="You can't buy this yourself")).to_be_visible()
    expect(page.get_by_text("guest in this organisation").first).to_be_visible()
    page.get_by_label("Acting for").select_option("fabrikam")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_role("button", name="Pay now")).to_be_visible()
