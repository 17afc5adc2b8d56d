"""The page of the API's document runs without a script or style that the content policy would stop."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PATHS = "all => all.map(each => each.dataset.path)"


def test_every_call_is_on_the_page(visit):
    page = visit()
    page.goto("/api/v1/docs/")
    # The first time the document is written, of every call and shape, and then drawn.
    expect(page.locator(".opblock-summary-path").first).to_be_visible(timeout=30_000)
    found, before = set(), -1
    # Of so many calls those are drawn that somebody has scrolled to.
    while before != (before := page.evaluate("window.scrollY")):
        found |= set(page.locator(".opblock-summary-path").evaluate_all(PATHS))
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(200)
    assert {"/api/v1/members/", "/api/v1/checkouts/{id}/pay/", "/api/v1/webhook-endpoints/"} <= found
